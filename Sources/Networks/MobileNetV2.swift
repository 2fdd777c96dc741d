// MobileNetV2: Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018. Names and details are torchvision's.
package import Graphs
import Tensors

/// MobileNetV2 at its full width.
package enum MobileNetV2 {
    /// One stage: the first block has the stride, every block expands by the same factor.
    private struct Stage: Sendable {
        let expansion: Int
        let channels: Int
        let depth: Int
        let stride: Int
    }

    /// The paper's table 2.
    private static let stages = [
        Stage(expansion: 1, channels: 16, depth: 1, stride: 1),
        Stage(expansion: 6, channels: 24, depth: 2, stride: 2),
        Stage(expansion: 6, channels: 32, depth: 3, stride: 2),
        Stage(expansion: 6, channels: 64, depth: 4, stride: 2),
        Stage(expansion: 6, channels: 96, depth: 3, stride: 1),
        Stage(expansion: 6, channels: 160, depth: 3, stride: 2),
        Stage(expansion: 6, channels: 320, depth: 1, stride: 1),
    ]

    package static func graph(_ name: String, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        let input = builder.input(height: inputSize, width: inputSize)
        var x = builder.unit("features.0", input, out: 32, kernel: 3, stride: 2)
        var index = 1
        for stage in stages {
            for position in 0..<stage.depth {
                x = builder.block(
                    "features.\(index)", x, expansion: stage.expansion, out: stage.channels,
                    stride: position == 0 ? stage.stride : 1)
                index += 1
            }
        }
        x = builder.unit("features.\(index)", x, out: 1280, kernel: 1)
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.flatten(x)
        x = builder.dropout("classifier.0", x, rate: options.dropout ?? 0.2)
        let logits = builder.linear(
            "classifier.1", x, out: options.classes, weightStart: .normal(deviation: 0.01), biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "classifier.1")
    }

    static let entries = [
        NetworkEntry(
            "mobilenet_v2", .mobileNetV2, .imageNet(), top1: 71.878, top5: 90.286, by: "torchvision, IMAGENET1K_V1",
            makeGraph: graph)
    ]
}

extension GraphBuilder {
    /// Convolution, batch norm, ReLU6.
    fileprivate mutating func unit(
        _ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1, groups: Int = 1
    ) -> Value {
        let y = convolution("\(name).0", x, out: out, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups)
        return activation(.relu6, batchNorm("\(name).1", y), name: "\(name).2")
    }

    /// One inverted residual; its last convolution is not followed by a non-linearity.
    fileprivate mutating func block(_ name: String, _ x: Value, expansion: Int, out: Int, stride: Int) -> Value {
        let expanded = x.channels * expansion
        var y = x
        var part = 0
        if expansion > 1 {
            y = unit("\(name).conv.0", y, out: expanded, kernel: 1)
            part = 1
        }
        y = unit("\(name).conv.\(part)", y, out: expanded, kernel: 3, stride: stride, groups: expanded)
        y = convolution("\(name).conv.\(part + 1)", y, out: out, kernel: 1)
        y = batchNorm("\(name).conv.\(part + 2)", y)
        return stride == 1 && x.channels == out ? add("\(name).add", y, x) : y
    }
}
