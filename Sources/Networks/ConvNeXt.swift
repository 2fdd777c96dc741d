// ConvNeXt: Liu et al., A ConvNet for the 2020s, 2022. Names and details are torchvision's.
import Graphs
import Tensors

/// The ConvNeXts.
package enum ConvNeXt {
    package struct Variant: Sendable {
        /// Blocks of each of the four stages, and their channels.
        let depths: [Int]
        let widths: [Int]
        /// The last block's chance of being left out of a training step; it grows linearly with depth.
        let stochasticDepth: Float
    }

    static func graph(_ name: String, _ variant: Variant, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        builder.convolutionInitialization = .normal(deviation: 0.02, bias: 0)
        let input = builder.input(height: inputSize, width: inputSize)
        var x = builder.convolution("features.0.0", input, out: variant.widths[0], kernel: 4, stride: 4, bias: true)
        x = builder.layerNorm("features.0.1", x)
        let rate = options.stochasticDepth ?? variant.stochasticDepth
        let last = Float(variant.depths.reduce(0, +) - 1)
        var block = 0
        for (stage, depth) in variant.depths.enumerated() {
            if stage > 0 {
                x = builder.layerNorm("features.\(2 * stage).0", x)
                x = builder.convolution(
                    "features.\(2 * stage).1", x, out: variant.widths[stage], kernel: 2, stride: 2, bias: true)
            }
            for index in 0..<depth {
                x = builder.block("features.\(2 * stage + 1).\(index)", x, dropRate: rate * Float(block) / last)
                block += 1
            }
        }
        x = builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = builder.layerNorm("classifier.0", x)
        x = builder.flatten(x)
        if let rate = options.dropout, rate > 0 { x = builder.dropout("dropout", x, rate: rate) }
        let logits = builder.linear(
            "classifier.2", x, out: options.classes, weightStart: .normal(deviation: 0.02), biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "classifier.2")
    }

    static let entries = [
        entry("convnext_tiny", [3, 3, 9, 3], firstWidth: 96, 0.1, resize: 236, 82.520, 96.146),
        entry("convnext_small", [3, 3, 27, 3], firstWidth: 96, 0.4, resize: 230, 83.616, 96.650),
        entry("convnext_base", [3, 3, 27, 3], firstWidth: 128, 0.5, resize: 232, 84.062, 96.870),
        entry("convnext_large", [3, 3, 27, 3], firstWidth: 192, 0.5, resize: 232, 84.414, 96.976),
        timm("convnext_atto", [2, 2, 6, 2], firstWidth: 40, resize: 256, 75.7),
        timm("convnext_femto", [2, 2, 6, 2], firstWidth: 48, resize: 256, 77.5),
        timm("convnext_pico", [2, 2, 6, 2], firstWidth: 64, resize: 256, 79.5),
        timm("convnext_nano", [2, 2, 8, 2], firstWidth: 80, resize: 235, 80.8),
    ]

    /// The small ones, which timm alone has. Its files hold their mixing layers as convolutions.
    static let small: Set = ["convnext_atto", "convnext_femto", "convnext_pico", "convnext_nano"]

    private static func timm(
        _ name: String, _ depths: [Int], firstWidth: Int, resize: Int, _ top1: Double
    ) -> NetworkEntry {
        let variant = Variant(depths: depths, widths: (0..<4).map { firstWidth << $0 }, stochasticDepth: 0)
        return NetworkEntry(
            name, .convNeXt, .imageNet(resize: resize, interpolation: .bicubic), top1: top1, top5: nil, by: "timm",
            sources: [.timm]
        ) { name, options, inputSize in
            graph(name, variant, options, inputSize: inputSize)
        }
    }

    private static func entry(
        _ name: String, _ depths: [Int], firstWidth: Int, _ stochasticDepth: Float, resize: Int, _ top1: Double, _ top5: Double
    ) -> NetworkEntry {
        let variant = Variant(depths: depths, widths: (0..<4).map { firstWidth << $0 }, stochasticDepth: stochasticDepth)
        return NetworkEntry(
            name, .convNeXt, .imageNet(resize: resize), top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1"
        ) { name, options, inputSize in
            graph(name, variant, options, inputSize: inputSize)
        }
    }
}

extension GraphBuilder {
    /// Filter each channel, normalise, mix the channels through a wider layer; scaled and added to the input.
    fileprivate mutating func block(_ name: String, _ x: Value, dropRate: Float) -> Value {
        var y = convolution("\(name).block.0", x, out: x.channels, kernel: 7, padding: 3, groups: x.channels, bias: true)
        y = layerNorm("\(name).block.2", y)
        y = activation(.gelu, pixelLinear("\(name).block.3", y, out: 4 * x.channels), name: "\(name).block.4")
        y = pixelLinear("\(name).block.5", y, out: x.channels)
        y = stochasticDepth("\(name).stochastic_depth", layerScale(name, y, start: 1e-6), rate: dropRate)
        return add("\(name).add", y, x)
    }
}
