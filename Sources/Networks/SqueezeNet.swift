// SqueezeNet: Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, 2016. Names and details
// are torchvision's.
import Graphs
import Tensors

/// The two SqueezeNets. Their head is a convolution, whose scores are averaged over the image.
package enum SqueezeNet {
    enum Layer: Sendable {
        case pool
        /// Channels of the squeezing convolution, and of each of the two that expand.
        case fire(Int, Int)
    }

    struct Variant: Sendable {
        let stemChannels, stemKernel: Int
        let layers: [Layer]
    }

    static func graph(_ name: String, _ variant: Variant, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        builder.convolutionInitialization = .kaimingFanIn
        let input = builder.input(height: inputSize, width: inputSize)
        var x = builder.convolution(
            "features.0", input, out: variant.stemChannels, kernel: variant.stemKernel, stride: 2, bias: true)
        x = builder.relu(x, name: "features.1")
        for (index, layer) in ([.pool] + variant.layers).enumerated() {
            let name = "features.\(index + 2)"
            switch layer {
            case .pool: x = builder.maxPool(name, x, kernel: 3, stride: 2, roundsUp: true)
            case .fire(let squeezed, let expanded): x = builder.fire(name, x, squeezed, expanded)
            }
        }
        x = builder.dropout("classifier.0", x, rate: options.dropout ?? 0.5)
        builder.convolutionInitialization = .normal(deviation: 0.01, bias: 0)
        x = builder.relu(
            builder.convolution("classifier.1", x, out: options.classes, kernel: 1, bias: true), name: "classifier.2")
        let logits = builder.flatten(builder.adaptiveAveragePool("classifier.3", x, to: 1))
        return builder.finish(name: name, logits: logits, head: "classifier.1")
    }

    static let entries = [
        entry(
            "squeezenet1_0",
            Variant(
                stemChannels: 96, stemKernel: 7,
                layers: [
                    .fire(16, 64), .fire(16, 64), .fire(32, 128), .pool, .fire(32, 128), .fire(48, 192), .fire(48, 192),
                    .fire(64, 256), .pool, .fire(64, 256),
                ]), 58.092, 80.420),
        entry(
            "squeezenet1_1",
            Variant(
                stemChannels: 64, stemKernel: 3,
                layers: [
                    .fire(16, 64), .fire(16, 64), .pool, .fire(32, 128), .fire(32, 128), .pool, .fire(48, 192),
                    .fire(48, 192), .fire(64, 256), .fire(64, 256),
                ]), 58.178, 80.624),
    ]

    private static func entry(_ name: String, _ variant: Variant, _ top1: Double, _ top5: Double) -> NetworkEntry {
        NetworkEntry(name, .squeezeNet, .imageNet(), top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1") {
            name, options, inputSize in
            graph(name, variant, options, inputSize: inputSize)
        }
    }
}

extension GraphBuilder {
    /// Few channels, of which two convolutions of two sizes make many, side by side.
    fileprivate mutating func fire(_ name: String, _ x: Value, _ squeezed: Int, _ expanded: Int) -> Value {
        let y = relu(convolution("\(name).squeeze", x, out: squeezed, kernel: 1, bias: true), name: "\(name).squeeze_activation")
        let small = relu(
            convolution("\(name).expand1x1", y, out: expanded, kernel: 1, bias: true), name: "\(name).expand1x1_activation")
        let large = relu(
            convolution("\(name).expand3x3", y, out: expanded, kernel: 3, padding: 1, bias: true),
            name: "\(name).expand3x3_activation")
        return concatenate("\(name).concat", [small, large])
    }
}
