// VGG: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014. Names as torchvision's.
package import Graphs
import Tensors

/// The eight VGG networks.
package enum VGG {
    /// Convolutions of each of the five blocks; all are 3×3, and a 2×2 max pooling ends each block.
    private static let depths: [Int: [Int]] = [
        11: [1, 1, 2, 2, 2], 13: [2, 2, 2, 2, 2], 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4],
    ]
    private static let channels = [64, 128, 256, 512, 512]

    /// Builds a network of 11, 13, 16 or 19 layers. They are numbered as in torchvision's sequences, activations included.
    package static func graph(_ name: String, layers: Int, hasNorms: Bool, _ options: BuildOptions, inputSize: Int) -> Graph {
        precondition(depths[layers] != nil, "there is no VGG of \(layers) layers")
        var builder = GraphBuilder()
        var index = 0
        func next() -> String {
            defer { index += 1 }
            return "features.\(index)"
        }
        var x = builder.input(height: inputSize, width: inputSize)
        for (depth, out) in zip(depths[layers] ?? [], channels) {
            for _ in 0..<depth {
                x = builder.convolution(next(), x, out: out, kernel: 3, padding: 1, bias: true)
                if hasNorms { x = builder.batchNorm(next(), x) }
                x = builder.relu(x, name: next())
            }
            x = builder.maxPool(next(), x, kernel: 2, stride: 2)
        }
        x = builder.pooled("avgpool", x, to: 7)
        x = builder.flatten(x)
        let start = Initialization.normal(deviation: 0.01)
        for index in [0, 3] {
            x = builder.linear("classifier.\(index)", x, out: 4096, weightStart: start, biasStart: .constant(0))
            x = builder.relu(x, name: "classifier.\(index + 1)")
            x = builder.dropout("classifier.\(index + 2)", x, rate: options.dropout ?? 0.5)
        }
        let logits = builder.linear("classifier.6", x, out: options.classes, weightStart: start, biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "classifier.6")
    }

    static let entries = [
        entry(11, hasNorms: false, 69.020, 88.628), entry(13, hasNorms: false, 69.928, 89.246),
        entry(16, hasNorms: false, 71.592, 90.382), entry(19, hasNorms: false, 72.376, 90.876),
        entry(11, hasNorms: true, 70.370, 89.810), entry(13, hasNorms: true, 71.586, 90.374),
        entry(16, hasNorms: true, 73.360, 91.516), entry(19, hasNorms: true, 74.218, 91.842),
    ]

    private static func entry(_ layers: Int, hasNorms: Bool, _ top1: Double, _ top5: Double) -> NetworkEntry {
        NetworkEntry(
            "vgg\(layers)\(hasNorms ? "_bn" : "")", .vgg, .imageNet(), top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1"
        ) { name, options, inputSize in
            graph(name, layers: layers, hasNorms: hasNorms, options, inputSize: inputSize)
        }
    }
}
