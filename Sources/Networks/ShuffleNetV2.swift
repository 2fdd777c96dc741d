// ShuffleNetV2: Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, 2018. Names and details are torchvision's.
import Graphs
import Tensors

/// The ShuffleNetV2s: blocks of two branches, whose channels are shuffled where they meet.
package enum ShuffleNetV2 {
    private static let depths = [4, 8, 4]
    private static let stemChannels = 24

    /// - Parameter widths: channels of the three stages, and of the last convolution.
    static func graph(_ name: String, _ widths: [Int], _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        let input = builder.input(height: inputSize, width: inputSize)
        var x = builder.unit("conv1", 0, input, out: stemChannels, kernel: 3, stride: 2)
        x = builder.maxPool("maxpool", x, kernel: 3, stride: 2, padding: 1)
        for (stage, depth) in depths.enumerated() {
            for index in 0..<depth { x = builder.block("stage\(stage + 2).\(index)", x, out: widths[stage], halves: index == 0) }
        }
        x = builder.unit("conv5", 0, x, out: widths[3], kernel: 1)
        x = builder.flatten(builder.adaptiveAveragePool("avgpool", x, to: 1))
        if let rate = options.dropout, rate > 0 { x = builder.dropout("dropout", x, rate: rate) }
        let logits = builder.linear("fc", x, out: options.classes)
        return builder.finish(name: name, logits: logits, head: "fc")
    }

    static let entries = [
        entry("shufflenet_v2_x0_5", [48, 96, 192, 1024], 60.552, 81.746),
        entry("shufflenet_v2_x1_0", [116, 232, 464, 1024], 69.362, 88.316),
        entry("shufflenet_v2_x1_5", [176, 352, 704, 1024], 72.996, 91.086, resize: 232),
        entry("shufflenet_v2_x2_0", [244, 488, 976, 2048], 76.230, 93.006, resize: 232),
    ]

    private static func entry(
        _ name: String, _ widths: [Int], _ top1: Double, _ top5: Double, resize: Int = 256
    ) -> NetworkEntry {
        NetworkEntry(
            name, .shuffleNetV2, .imageNet(resize: resize), top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1"
        ) { name, options, inputSize in
            graph(name, widths, options, inputSize: inputSize)
        }
    }
}

extension GraphBuilder {
    /// Convolution and batch norm as members `first` and `first + 1` of a sequence, and ReLU as the one after them.
    fileprivate mutating func unit(
        _ name: String, _ first: Int, _ x: Value, out: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
        isActivated: Bool = true
    ) -> Value {
        let y = convolution(
            "\(name).\(first)", x, out: out, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups)
        let normal = batchNorm("\(name).\(first + 1)", y)
        return isActivated ? relu(normal, name: "\(name).\(first + 2)") : normal
    }

    /// One half of the channels passes by, or goes through a branch of its own where the block halves the image.
    fileprivate mutating func block(_ name: String, _ x: Value, out: Int, halves: Bool) -> Value {
        let (half, stride) = (out / 2, halves ? 2 : 1)
        var (first, second) = (x, x)
        if halves {
            first = unit("\(name).branch1", 0, x, out: x.channels, kernel: 3, stride: 2, groups: x.channels, isActivated: false)
            first = unit("\(name).branch1", 2, first, out: half, kernel: 1)
        } else {
            first = channelSlice("\(name).first", x, first: 0, count: half)
            second = channelSlice("\(name).second", x, first: half, count: half)
        }
        second = unit("\(name).branch2", 0, second, out: half, kernel: 1)
        second = unit("\(name).branch2", 3, second, out: half, kernel: 3, stride: stride, groups: half, isActivated: false)
        second = unit("\(name).branch2", 5, second, out: half, kernel: 1)
        return channelShuffle("\(name).shuffle", concatenate("\(name).concat", [first, second]), groups: 2)
    }
}
