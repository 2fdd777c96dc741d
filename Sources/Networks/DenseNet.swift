// DenseNet: Huang et al., Densely Connected Convolutional Networks, 2017. Names and details are torchvision's.
import Graphs
import Tensors

/// The DenseNets: every layer reads what all layers before it in its block have written.
package enum DenseNet {
    package struct Variant: Sendable {
        /// Channels that each layer adds.
        let growth: Int
        /// Layers of each of the four blocks.
        let depths: [Int]
        let stemChannels: Int
    }

    static func graph(_ name: String, _ variant: Variant, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        builder.convolutionInitialization = .kaimingFanIn
        let input = builder.input(height: inputSize, width: inputSize)
        var x = builder.convolution("features.conv0", input, out: variant.stemChannels, kernel: 7, stride: 2, padding: 3)
        x = builder.relu(builder.batchNorm("features.norm0", x), name: "features.relu0")
        x = builder.maxPool("features.pool0", x, kernel: 3, stride: 2, padding: 1)
        for (index, depth) in variant.depths.enumerated() {
            for layer in 1...depth {
                x = builder.layer("features.denseblock\(index + 1).denselayer\(layer)", x, growth: variant.growth)
            }
            if index < variant.depths.count - 1 { x = builder.transition("features.transition\(index + 1)", x) }
        }
        x = builder.relu(builder.batchNorm("features.norm5", x), name: "relu")
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.flatten(x)
        if let rate = options.dropout, rate > 0 { x = builder.dropout("dropout", x, rate: rate) }
        let logits = builder.linear("classifier", x, out: options.classes, biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "classifier")
    }

    static let entries = [
        entry("densenet121", Variant(growth: 32, depths: [6, 12, 24, 16], stemChannels: 64), 74.434, 91.972),
        entry("densenet161", Variant(growth: 48, depths: [6, 12, 36, 24], stemChannels: 96), 77.138, 93.560),
        entry("densenet169", Variant(growth: 32, depths: [6, 12, 32, 32], stemChannels: 64), 75.600, 92.806),
        entry("densenet201", Variant(growth: 32, depths: [6, 12, 48, 32], stemChannels: 64), 76.896, 93.370),
    ]

    private static func entry(_ name: String, _ variant: Variant, _ top1: Double, _ top5: Double) -> NetworkEntry {
        NetworkEntry(name, .denseNet, .imageNet(), top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1") {
            name, options, inputSize in
            graph(name, variant, options, inputSize: inputSize)
        }
    }
}

extension GraphBuilder {
    /// Batch norm and ReLU before each convolution; the result stands behind what came in.
    fileprivate mutating func layer(_ name: String, _ x: Value, growth: Int) -> Value {
        var y = relu(batchNorm("\(name).norm1", x), name: "\(name).relu1")
        y = convolution("\(name).conv1", y, out: 4 * growth, kernel: 1)
        y = relu(batchNorm("\(name).norm2", y), name: "\(name).relu2")
        y = convolution("\(name).conv2", y, out: growth, kernel: 3, padding: 1)
        return concatenate("\(name).concat", [x, y])
    }

    /// Half the channels, half the pixels a side.
    fileprivate mutating func transition(_ name: String, _ x: Value) -> Value {
        var y = relu(batchNorm("\(name).norm", x), name: "\(name).relu")
        y = convolution("\(name).conv", y, out: x.channels / 2, kernel: 1)
        return averagePool("\(name).pool", y, kernel: 2, stride: 2)
    }
}
