// Residual networks: He et al., Deep Residual Learning for Image Recognition, 2015; wider: Zagoruyko and Komodakis, Wide Residual
// Networks, 2016; grouped: Xie et al., Aggregated Residual Transformations for Deep Neural Networks (ResNeXt), 2017. Names, strides and epsilons are those of
// torchvision (v1.5), of the paper (v1) and of Keras.
import Tensors
package import Graphs

/// The residual networks' table and blocks.
package enum ResNet {
    /// What distinguishes one residual network from another.
    package struct Variant: Sendable {
        /// Blocks of each of the four stages.
        package let depths: [Int]
        /// Three convolutions a block (1×1, 3×3, 1×1 to four times the width) instead of two 3×3.
        package let isBottleneck: Bool
        /// A bottleneck's stride sits on its first 1×1 (the paper, Keras: v1) instead of on its 3×3 (torchvision: v1.5).
        package var stridesFirst = false
        /// Keras's networks have biases in their convolutions, though batch norm follows.
        package var hasBiases = false
        /// Groups of a bottleneck's 3×3, and the channels of each where the block's width is 64 (ResNeXt, wide networks).
        package var groups = 1
        package var groupWidth = 64
        /// Three 3×3 convolutions instead of the first 7×7, and shortcuts that average before their convolution (ResNet-D).
        package var isDeep = false
        /// A gate of each block's channels before the sum.
        package var hasSqueezeExcitation = false
        package var epsilon: Float = 1e-5
        package var momentum: Float = 0.1

        static let resnet26 = Variant(depths: [2, 2, 2, 2], isBottleneck: true)
        static let resnet18 = Variant(depths: [2, 2, 2, 2], isBottleneck: false)
        static let resnet34 = Variant(depths: [3, 4, 6, 3], isBottleneck: false)
        static let resnet50 = Variant(depths: [3, 4, 6, 3], isBottleneck: true)
        static let resnet101 = Variant(depths: [3, 4, 23, 3], isBottleneck: true)
        static let resnet152 = Variant(depths: [3, 8, 36, 3], isBottleneck: true)

        /// So many groups of so many channels.
        func grouped(_ groups: Int, of width: Int) -> Variant { changed { ($0.groups, $0.groupWidth) = (groups, width) } }

        /// ResNet-D of He et al., Bag of Tricks for Image Classification with Convolutional Neural Networks, 2019.
        var deep: Variant { changed { $0.isDeep = true } }

        /// Hu et al., Squeeze-and-Excitation Networks, 2018.
        var gated: Variant { changed { $0.hasSqueezeExcitation = true } }

        /// As in the paper: the stride on the first 1×1 of a block.
        var v1: Variant { changed { $0.stridesFirst = true } }

        /// As in Keras's applications: v1 with convolution biases, epsilon 1.001e-5, and momentum 0.99 the other way round.
        var keras: Variant { v1.changed { ($0.hasBiases, $0.epsilon, $0.momentum) = (true, 1.001e-5, 0.01) } }

        private func changed(_ change: (inout Variant) -> Void) -> Variant {
            var variant = self
            change(&variant)
            return variant
        }
    }

    /// Builds a network for square images.
    package static func graph(_ name: String, _ variant: Variant, _ options: BuildOptions, inputSize: Int) -> Graph {
        var stack = Stack(variant: variant)
        let input = stack.builder.input(height: inputSize, width: inputSize)
        var x =
            variant.isDeep
            ? stack.deepStem(input)
            : stack.normalizedConvolution("conv1", "bn1", input, out: 64, kernel: 7, stride: 2, padding: 3)
        x = stack.builder.relu(x, name: "relu")
        x = stack.builder.maxPool("maxpool", x, kernel: 3, stride: 2, padding: 1)
        for (stage, depth) in variant.depths.enumerated() {
            for index in 0..<depth {
                let stride = stage > 0 && index == 0 ? 2 : 1
                x = stack.block("layer\(stage + 1).\(index)", x, width: 64 << stage, stride: stride)
            }
        }
        x = stack.builder.adaptiveAveragePool("avgpool", x, to: 1)
        x = stack.builder.flatten(x)
        if let rate = options.dropout, rate > 0 { x = stack.builder.dropout("dropout", x, rate: rate) }
        let logits = stack.builder.linear("fc", x, out: options.classes)
        return stack.builder.finish(name: name, logits: logits, head: "fc")
    }
}

/// A residual network in the making.
private struct Stack {
    let variant: ResNet.Variant
    var builder = GraphBuilder()

    mutating func normalizedConvolution(
        _ name: String, _ norm: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1
    ) -> Value {
        let y = builder.convolution(
            name, x, out: out, kernel: kernel, stride: stride, padding: padding, groups: groups, bias: variant.hasBiases)
        return builder.batchNorm(norm, y, epsilon: variant.epsilon, momentum: variant.momentum)
    }

    /// One residual block; its branch is added to the input, which a 1×1 convolution brings to the new size where it changes.
    mutating func block(_ name: String, _ x: Value, width: Int, stride: Int) -> Value {
        let out = variant.isBottleneck ? 4 * width : width
        var branch =
            variant.isBottleneck
            ? bottleneck(name, x, width: width, out: out, stride: stride) : basic(name, x, width: width, stride: stride)
        if variant.hasSqueezeExcitation {
            branch = builder.squeezeExcitation(
                "\(name).se", branch, squeezed: roundedToEights(Double(out) / 16), inner: .relu)
        }
        let shortcut = stride != 1 || x.channels != out ? shortcut("\(name).downsample", x, out: out, stride: stride) : x
        return builder.relu(builder.add("\(name).add", branch, shortcut), name: "\(name).relu")
    }

    private mutating func shortcut(_ name: String, _ x: Value, out: Int, stride: Int) -> Value {
        guard variant.isDeep else {
            return normalizedConvolution("\(name).0", "\(name).1", x, out: out, kernel: 1, stride: stride)
        }
        let mean =
            stride == 1
            ? x : builder.averagePool("\(name).0", x, kernel: 2, stride: stride, roundsUp: true, countsPadding: false)
        return normalizedConvolution("\(name).1", "\(name).2", mean, out: out, kernel: 1)
    }

    /// Three small convolutions that see as far as one of 7×7.
    mutating func deepStem(_ x: Value) -> Value {
        var y = normalizedConvolution("conv1.0", "conv1.1", x, out: 32, kernel: 3, stride: 2, padding: 1)
        y = builder.relu(y, name: "conv1.2")
        y = normalizedConvolution("conv1.3", "conv1.4", y, out: 32, kernel: 3, padding: 1)
        y = builder.relu(y, name: "conv1.5")
        return normalizedConvolution("conv1.6", "bn1", y, out: 64, kernel: 3, padding: 1)
    }

    private mutating func basic(_ name: String, _ x: Value, width: Int, stride: Int) -> Value {
        var y = normalizedConvolution("\(name).conv1", "\(name).bn1", x, out: width, kernel: 3, stride: stride, padding: 1)
        y = builder.relu(y)
        return normalizedConvolution("\(name).conv2", "\(name).bn2", y, out: width, kernel: 3, padding: 1)
    }

    private mutating func bottleneck(_ name: String, _ x: Value, width: Int, out: Int, stride: Int) -> Value {
        let inner = width * variant.groupWidth / 64 * variant.groups
        let (first, second) = variant.stridesFirst ? (stride, 1) : (1, stride)
        var y = normalizedConvolution("\(name).conv1", "\(name).bn1", x, out: inner, kernel: 1, stride: first)
        y = builder.relu(y)
        y = normalizedConvolution(
            "\(name).conv2", "\(name).bn2", y, out: inner, kernel: 3, stride: second, padding: 1, groups: variant.groups)
        y = builder.relu(y)
        return normalizedConvolution("\(name).conv3", "\(name).bn3", y, out: out, kernel: 1)
    }
}
