// MobileNetV3: Howard et al., Searching for MobileNetV3, 2019. Names and details are torchvision's; timm's
// differ in the norms' epsilon.
import Graphs
import Tensors

/// The two MobileNetV3s.
package enum MobileNetV3 {
    /// One block of the paper's tables 1 and 2.
    struct Block: Sendable {
        let kernel: Int
        let expanded: Int
        let out: Int
        let isGated: Bool
        let activation: Activation
        let stride: Int

        init(_ kernel: Int, _ expanded: Int, _ out: Int, gated: Bool, _ activation: Activation, _ stride: Int) {
            self.kernel = kernel
            self.expanded = expanded
            self.out = out
            isGated = gated
            self.activation = activation
            self.stride = stride
        }
    }

    /// The constants of batch norm.
    struct Norms: Sendable {
        let epsilon, momentum: Float
        static let torchvision = Norms(epsilon: 1e-3, momentum: 0.01)
        static let timm = Norms(epsilon: 1e-5, momentum: 0.1)
    }

    static let large = [
        Block(3, 16, 16, gated: false, .relu, 1),
        Block(3, 64, 24, gated: false, .relu, 2),
        Block(3, 72, 24, gated: false, .relu, 1),
        Block(5, 72, 40, gated: true, .relu, 2),
        Block(5, 120, 40, gated: true, .relu, 1),
        Block(5, 120, 40, gated: true, .relu, 1),
        Block(3, 240, 80, gated: false, .hardSwish, 2),
        Block(3, 200, 80, gated: false, .hardSwish, 1),
        Block(3, 184, 80, gated: false, .hardSwish, 1),
        Block(3, 184, 80, gated: false, .hardSwish, 1),
        Block(3, 480, 112, gated: true, .hardSwish, 1),
        Block(3, 672, 112, gated: true, .hardSwish, 1),
        Block(5, 672, 160, gated: true, .hardSwish, 2),
        Block(5, 960, 160, gated: true, .hardSwish, 1),
        Block(5, 960, 160, gated: true, .hardSwish, 1),
    ]

    static let small = [
        Block(3, 16, 16, gated: true, .relu, 2),
        Block(3, 72, 24, gated: false, .relu, 2),
        Block(3, 88, 24, gated: false, .relu, 1),
        Block(5, 96, 40, gated: true, .hardSwish, 2),
        Block(5, 240, 40, gated: true, .hardSwish, 1),
        Block(5, 240, 40, gated: true, .hardSwish, 1),
        Block(5, 120, 48, gated: true, .hardSwish, 1),
        Block(5, 144, 48, gated: true, .hardSwish, 1),
        Block(5, 288, 96, gated: true, .hardSwish, 2),
        Block(5, 576, 96, gated: true, .hardSwish, 1),
        Block(5, 576, 96, gated: true, .hardSwish, 1),
    ]

    /// - Parameter hidden: width of the classifier's first linear layer.
    static func graph(
        _ name: String, _ blocks: [Block], hidden: Int, _ norms: Norms, _ options: BuildOptions, inputSize: Int
    ) -> Graph {
        var stack = Stack(norms: norms)
        let input = stack.builder.input(height: inputSize, width: inputSize)
        var x = stack.unit("features.0", input, out: 16, kernel: 3, stride: 2, .hardSwish)
        for (index, block) in blocks.enumerated() { x = stack.block("features.\(index + 1)", x, block) }
        x = stack.unit("features.\(blocks.count + 1)", x, out: 6 * x.channels, kernel: 1, .hardSwish)
        var builder = stack.builder
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.flatten(x)
        x = builder.linear("classifier.0", x, out: hidden, weightStart: .normal(deviation: 0.01), biasStart: .constant(0))
        x = builder.activation(.hardSwish, x, name: "classifier.1")
        x = builder.dropout("classifier.2", x, rate: options.dropout ?? 0.2)
        let logits = builder.linear(
            "classifier.3", x, out: options.classes, weightStart: .normal(deviation: 0.01), biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "classifier.3")
    }

    static let entries = [
        torchvision("mobilenet_v3_small", small, hidden: 1024, 67.668, 87.402),
        torchvision("mobilenet_v3_large", large, hidden: 1280, 74.042, 91.340),
        NetworkEntry(
            "mobilenetv3_large_100", .mobileNetV3, .imageNet(interpolation: .bicubic), top1: 75.8, top5: nil, by: "timm",
            sources: [.timm]
        ) { name, options, inputSize in
            graph(name, large, hidden: 1280, .timm, options, inputSize: inputSize)
        },
    ]

    private static func torchvision(
        _ name: String, _ blocks: [Block], hidden: Int, _ top1: Double, _ top5: Double
    ) -> NetworkEntry {
        NetworkEntry(name, .mobileNetV3, .imageNet(), top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1") {
            name, options, inputSize in
            graph(name, blocks, hidden: hidden, .torchvision, options, inputSize: inputSize)
        }
    }
}

/// A MobileNetV3 in the making.
private struct Stack {
    let norms: MobileNetV3.Norms
    var builder = GraphBuilder()

    /// Convolution, batch norm, and an activation unless the block ends here.
    mutating func unit(
        _ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1, groups: Int = 1, _ kind: Activation?
    ) -> Value {
        var y = builder.convolution("\(name).0", x, out: out, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups)
        y = builder.batchNorm("\(name).1", y, epsilon: norms.epsilon, momentum: norms.momentum)
        return kind.map { builder.activation($0, y, name: "\(name).2") } ?? y
    }

    /// One inverted residual: expand, filter each channel, gate, project; added to the input where the sizes agree.
    mutating func block(_ name: String, _ x: Value, _ block: MobileNetV3.Block) -> Value {
        var part = 0
        func next() -> String {
            defer { part += 1 }
            return "\(name).block.\(part)"
        }
        var y = x
        if block.expanded != x.channels { y = unit(next(), y, out: block.expanded, kernel: 1, block.activation) }
        y = unit(
            next(), y, out: block.expanded, kernel: block.kernel, stride: block.stride, groups: block.expanded, block.activation)
        if block.isGated {
            y = builder.squeezeExcitation(
                next(), y, squeezed: roundedToEights(Double(block.expanded / 4)), inner: .relu, outer: .hardSigmoid)
        }
        y = unit(next(), y, out: block.out, kernel: 1, nil)
        return block.stride == 1 && x.channels == block.out ? builder.add("\(name).add", y, x) : y
    }
}
