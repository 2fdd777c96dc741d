// EfficientNet: Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019. One base table, scaled in
// width and depth; names and details are torchvision's, or TensorFlow's where its weights need them (padding, epsilon).
package import Graphs
package import Tensors

/// The EfficientNets' table and blocks, the Lite family's included.
package enum EfficientNet {
    /// What distinguishes one EfficientNet from another.
    package struct Variant: Sendable {
        /// Factors on the channels and on the blocks of every stage.
        package let width: Double
        package let depth: Double
        /// Dropout before the classifier.
        package let dropout: Float
        package var activation = Activation.silu
        package var hasSqueezeExcitation = true
        /// TensorFlow's SAME padding, whose odd zero goes right and below, instead of (kernel − 1) / 2 on each side.
        package var padsLikeTensorFlow = false
        /// Stem, head and the depth of the first and the last stage stay as in the base network (Lite).
        package var keepsStemAndHead = false
        /// The stages, and the channels before and after them where no factor scales those.
        var stages = EfficientNet.stages
        var stem: Int?
        var head: Int?
        package var epsilon: Float = 1e-5
        package var momentum: Float = 0.1
    }

    /// One stage of the base network.
    struct Stage {
        let expansion: Int
        let kernel: Int
        let stride: Int
        let channels: Int
        let depth: Int
        /// Expands and filters with one convolution, without a gate (EfficientNetV2).
        var isFused = false
    }

    static let stages = [
        Stage(expansion: 1, kernel: 3, stride: 1, channels: 16, depth: 1),
        Stage(expansion: 6, kernel: 3, stride: 2, channels: 24, depth: 2),
        Stage(expansion: 6, kernel: 5, stride: 2, channels: 40, depth: 2),
        Stage(expansion: 6, kernel: 3, stride: 2, channels: 80, depth: 3),
        Stage(expansion: 6, kernel: 5, stride: 1, channels: 112, depth: 3),
        Stage(expansion: 6, kernel: 5, stride: 2, channels: 192, depth: 4),
        Stage(expansion: 6, kernel: 3, stride: 1, channels: 320, depth: 1),
    ]

    /// The last block's chance of being left out of a training step; it grows linearly with depth (0.2 in every published variant).
    static let stochasticDepthRate: Float = 0.2

    /// Builds a network for square images.
    package static func graph(_ name: String, _ variant: Variant, _ options: BuildOptions, inputSize: Int) -> Graph {
        var stack = Stack(variant: variant)
        let input = stack.builder.input(height: inputSize, width: inputSize)
        var x = stack.unit("features.0", input, out: variant.stemChannels, kernel: 3, stride: 2)
        let stages = variant.stages
        let depths = stages.indices.map(variant.depth(ofStage:))
        let blockCount = depths.reduce(0, +)
        var block = 0
        for (index, stage) in stages.enumerated() {
            for position in 0..<depths[index] {
                x = stack.block(
                    "features.\(index + 1).\(position)", x, stage: stage, stride: position == 0 ? stage.stride : 1,
                    dropRate: (options.stochasticDepth ?? stochasticDepthRate) * Float(block) / Float(blockCount))
                block += 1
            }
        }
        x = stack.unit("features.\(stages.count + 1)", x, out: variant.headChannels, kernel: 1)
        x = stack.builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = stack.builder.flatten(x)
        x = stack.builder.dropout("classifier.0", x, rate: options.dropout ?? variant.dropout)
        let logits = stack.builder.linear(
            "classifier.1", x, out: options.classes, weightStart: HeadStart.byClasses(options.classes), biasStart: .constant(0))
        return stack.builder.finish(name: name, logits: logits, head: "classifier.1")
    }
}

extension EfficientNet.Variant {
    func scaled(_ channels: Int) -> Int { roundedToEights(Double(channels) * width) }

    func depth(ofStage index: Int) -> Int {
        if keepsStemAndHead && (index == 0 || index == stages.count - 1) { return stages[index].depth }
        return Int((Double(stages[index].depth) * depth).rounded(.up))
    }

    var stemChannels: Int { stem ?? (keepsStemAndHead ? 32 : scaled(32)) }
    var headChannels: Int { head ?? (keepsStemAndHead ? 1280 : 4 * scaled(320)) }
}

/// An EfficientNet in the making.
private struct Stack {
    let variant: EfficientNet.Variant
    var builder = GraphBuilder()

    /// Convolution, batch norm, and the activation unless the block ends here.
    mutating func unit(
        _ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1, groups: Int = 1, isActivated: Bool = true
    ) -> Value {
        let window = SlidingWindow.same(
            kernel: kernel, stride: stride, over: x.shape, likeTensorFlow: variant.padsLikeTensorFlow)
        var y = builder.convolution("\(name).0", x, out: out, window: window, groups: groups)
        y = builder.batchNorm("\(name).1", y, epsilon: variant.epsilon, momentum: variant.momentum)
        return isActivated ? builder.activation(variant.activation, y, name: "\(name).\(variant.activation.rawValue)") : y
    }

    /// One inverted residual: expand, filter each channel, gate, project; added to the input where the sizes agree.
    mutating func block(_ name: String, _ x: Value, stage: EfficientNet.Stage, stride: Int, dropRate: Float) -> Value {
        let expanded = x.channels * stage.expansion
        let out = variant.scaled(stage.channels)
        var part = 0
        func next() -> String {
            defer { part += 1 }
            return "\(name).block.\(part)"
        }
        var y = x
        if stage.isFused {
            let first = stage.expansion > 1 ? expanded : out
            y = unit(next(), y, out: first, kernel: stage.kernel, stride: stride)
            if stage.expansion > 1 { y = unit(next(), y, out: out, kernel: 1, isActivated: false) }
        } else {
            if stage.expansion > 1 { y = unit(next(), y, out: expanded, kernel: 1) }
            y = unit(next(), y, out: expanded, kernel: stage.kernel, stride: stride, groups: expanded)
            if variant.hasSqueezeExcitation {
                // A quarter of the block's input, not of the expanded channels.
                y = builder.squeezeExcitation(next(), y, squeezed: max(1, x.channels / 4), inner: variant.activation)
            }
            y = unit(next(), y, out: out, kernel: 1, isActivated: false)
        }
        guard stride == 1, x.channels == out else { return y }
        y = builder.stochasticDepth("\(name).stochastic_depth", y, rate: dropRate)
        return builder.add("\(name).add", y, x)
    }
}
