// MNASNet-B1: Tan et al., MnasNet: Platform-Aware Neural Architecture Search for Mobile, 2019. Names and details are torchvision's.
import Graphs
import Tensors

/// The MNASNets, one base table scaled in width.
package enum MNASNet {
    /// A row of blocks; the first has the stride.
    private struct Stage: Sendable {
        let kernel: Int
        let stride: Int
        let expansion: Int
        let channels: Int
        let depth: Int
    }

    private static let stages = [
        Stage(kernel: 3, stride: 2, expansion: 3, channels: 24, depth: 3),
        Stage(kernel: 5, stride: 2, expansion: 3, channels: 40, depth: 3),
        Stage(kernel: 5, stride: 2, expansion: 6, channels: 80, depth: 3),
        Stage(kernel: 3, stride: 1, expansion: 6, channels: 96, depth: 2),
        Stage(kernel: 5, stride: 2, expansion: 6, channels: 192, depth: 4),
        Stage(kernel: 3, stride: 1, expansion: 6, channels: 320, depth: 1),
    ]

    static func graph(_ name: String, width: Double, _ options: BuildOptions, inputSize: Int) -> Graph {
        func scaled(_ channels: Int) -> Int { roundedToEights(Double(channels) * width) }
        var builder = GraphBuilder()
        let input = builder.input(height: inputSize, width: inputSize)
        var x = builder.unit("layers", 0, input, out: scaled(32), kernel: 3, stride: 2)
        x = builder.unit("layers", 3, x, out: x.channels, kernel: 3, groups: x.channels)
        x = builder.unit("layers", 6, x, out: scaled(16), kernel: 1, isActivated: false)
        for (index, stage) in stages.enumerated() {
            for position in 0..<stage.depth {
                let stride = position == 0 ? stage.stride : 1
                x = builder.block(
                    "layers.\(8 + index).\(position)", x, kernel: stage.kernel, expansion: stage.expansion,
                    out: scaled(stage.channels), stride: stride)
            }
        }
        x = builder.unit("layers", 14, x, out: 1280, kernel: 1)
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.flatten(x)
        x = builder.dropout("classifier.0", x, rate: options.dropout ?? 0.2)
        // torchvision draws from ±√(3 / classes); `HeadStart` says why not here.
        let logits = builder.linear(
            "classifier.1", x, out: options.classes, weightStart: HeadStart.byClasses(options.classes), biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "classifier.1")
    }

    static let entries = [
        entry("mnasnet0_5", width: 0.5, resize: 256, 67.734, 87.490),
        entry("mnasnet0_75", width: 0.75, resize: 232, 71.180, 90.496),
        entry("mnasnet1_0", width: 1, resize: 256, 73.456, 91.510),
        entry("mnasnet1_3", width: 1.3, resize: 232, 76.506, 93.522),
    ]

    private static func entry(_ name: String, width: Double, resize: Int, _ top1: Double, _ top5: Double) -> NetworkEntry {
        NetworkEntry(name, .mnasNet, .imageNet(resize: resize), top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1") {
            name, options, inputSize in
            graph(name, width: width, options, inputSize: inputSize)
        }
    }
}

extension GraphBuilder {
    /// Convolution, batch norm, and ReLU unless the block ends here: members `first` to `first + 2` of a sequence.
    fileprivate mutating func unit(
        _ sequence: String, _ first: Int, _ x: Value, out: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
        isActivated: Bool = true
    ) -> Value {
        var y = convolution(
            "\(sequence).\(first)", x, out: out, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups)
        // TensorFlow's momentum of 0.9997, the other way round.
        y = batchNorm("\(sequence).\(first + 1)", y, momentum: 0.0003)
        return isActivated ? relu(y, name: "\(sequence).\(first + 2)") : y
    }

    fileprivate mutating func block(
        _ name: String, _ x: Value, kernel: Int, expansion: Int, out: Int, stride: Int
    ) -> Value {
        let expanded = x.channels * expansion
        var y = unit("\(name).layers", 0, x, out: expanded, kernel: 1)
        y = unit("\(name).layers", 3, y, out: expanded, kernel: kernel, stride: stride, groups: expanded)
        y = unit("\(name).layers", 6, y, out: out, kernel: 1, isActivated: false)
        return stride == 1 && x.channels == out ? add("\(name).add", y, x) : y
    }
}
