// MobileNetV2: Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018. Names are torchvision's; details are
// torchvision's or, for the networks that Google published and transformers has, TensorFlow's.
import Graphs
import Tensors

/// MobileNetV2s by name.
enum MobileNetV2 {
    /// What tells one from another.
    struct Variant: Sendable {
        /// A factor on all channels.
        var width = 1.0
        /// TensorFlow adds the odd pixel below and to the right.
        var padsLikeTensorFlow = false
        var epsilon: Float = 1e-5
        /// Of new statistics in the running ones. TensorFlow's are kept by 0.997; transformers gives that number to torch as the weight
        /// of the new ones, which would leave the last batch's alone.
        var momentum: Float = 0.1
    }

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

    static func graph(_ name: String, _ variant: Variant, _ options: BuildOptions, inputSize: Int) -> Graph {
        var stack = Stack(variant: variant)
        func scaled(_ channels: Int) -> Int { roundedToEights((Double(channels) * variant.width).rounded()) }
        var x = stack.unit(
            "features.0", stack.builder.input(height: inputSize, width: inputSize), out: scaled(32), kernel: 3, stride: 2)
        var index = 1
        for stage in stages {
            for position in 0..<stage.depth {
                x = stack.block(
                    "features.\(index)", x, expansion: stage.expansion, out: scaled(stage.channels),
                    stride: position == 0 ? stage.stride : 1)
                index += 1
            }
        }
        // The features stay as many where all else is narrower.
        x = stack.unit("features.\(index)", x, out: variant.width < 1 ? 1280 : scaled(1280), kernel: 1)
        var builder = stack.builder
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.flatten(x)
        x = builder.dropout("classifier.0", x, rate: options.dropout ?? 0.2)
        let logits = builder.linear(
            "classifier.1", x, out: options.classes, weightStart: .normal(deviation: 0.01), biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "classifier.1")
    }

    static let entries =
        [
            NetworkEntry(
                "mobilenet_v2", .mobileNetV2, .imageNet(), top1: 71.878, top5: 90.286, by: "torchvision, IMAGENET1K_V1",
                sources: [.torchvision, .timm]
            ) { graph($0, Variant(), $1, inputSize: $2) }
        ] + google.map(tensorFlow)

    /// What Google published on the hub, `google/mobilenet_v2_1.4_224` and its sisters, by tensorflow/models' table.
    private static let google: [(name: String, width: Double, crop: Int, top1: Double, top5: Double)] = [
        ("tf_mobilenet_v2_0_35", 0.35, 96, 45.5, 70.4), ("tf_mobilenet_v2_0_75", 0.75, 160, 66.4, 87.3),
        ("tf_mobilenet_v2_1_0", 1.0, 224, 71.8, 91.0), ("tf_mobilenet_v2_1_4", 1.4, 224, 75.0, 92.5),
    ]

    /// The name here of TensorFlow's network of this width, if there is one.
    static func tensorFlowName(width: Double) -> String? { google.first { $0.width == width }?.name }

    /// The width of a network of this name; nil where it is none of TensorFlow's.
    static func tensorFlowWidth(of name: String) -> Double? { google.first { $0.name == name }?.width }

    private static func tensorFlow(_ name: String, _ width: Double, crop: Int, _ top1: Double, _ top5: Double) -> NetworkEntry {
        let variant = Variant(width: width, padsLikeTensorFlow: true, epsilon: 1e-3, momentum: 0.003)
        return NetworkEntry(
            name, .mobileNetV2, .imageNet(resize: crop + 32, crop: crop).withInceptionRange(), top1: top1, top5: top5,
            by: "tensorflow/models", sources: [.torchvision, .transformers]
        ) { graph($0, variant, $1, inputSize: $2) }
    }
}

/// A MobileNetV2 in the making.
private struct Stack {
    let variant: MobileNetV2.Variant
    var builder = GraphBuilder()

    /// Convolution, batch norm, ReLU6.
    mutating func unit(_ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1, groups: Int = 1) -> Value {
        let window = SlidingWindow.same(
            kernel: kernel, stride: stride, over: x.shape, likeTensorFlow: variant.padsLikeTensorFlow)
        let y = builder.convolution("\(name).0", x, out: out, window: window, groups: groups)
        return builder.activation(.relu6, norm("\(name).1", y), name: "\(name).2")
    }

    /// One inverted residual; its last convolution is not followed by a non-linearity.
    mutating func block(_ name: String, _ x: Value, expansion: Int, out: Int, stride: Int) -> Value {
        let expanded = x.channels * expansion
        var y = x
        var part = 0
        if expansion > 1 {
            y = unit("\(name).conv.0", y, out: expanded, kernel: 1)
            part = 1
        }
        y = unit("\(name).conv.\(part)", y, out: expanded, kernel: 3, stride: stride, groups: expanded)
        y = builder.convolution("\(name).conv.\(part + 1)", y, out: out, kernel: 1)
        y = norm("\(name).conv.\(part + 2)", y)
        return stride == 1 && x.channels == out ? builder.add("\(name).add", y, x) : y
    }

    private mutating func norm(_ name: String, _ x: Value) -> Value {
        builder.batchNorm(name, x, epsilon: variant.epsilon, momentum: variant.momentum)
    }
}
