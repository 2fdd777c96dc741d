// AlexNet: Krizhevsky, Sutskever, Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012; as published, in
// Caffe's names, and as torchvision has it (after Krizhevsky, One Weird Trick, 2014: fewer filters, no groups, no norms).
package import Graphs
import Tensors

/// The AlexNets.
package enum AlexNet {
    /// torchvision's. Layers are numbered as in its two sequences, activations and dropouts included.
    package static func graph(_ name: String, _ options: BuildOptions, inputSize: Int) -> Graph {
        var builder = GraphBuilder()
        builder.convolutionInitialization = .torchDefault
        let rate = options.dropout ?? 0.5
        var x = builder.input(height: inputSize, width: inputSize)
        x = builder.convolution("features.0", x, out: 64, kernel: 11, stride: 4, padding: 2, bias: true)
        x = builder.relu(x, name: "features.1")
        x = builder.maxPool("features.2", x, kernel: 3, stride: 2)
        x = builder.convolution("features.3", x, out: 192, kernel: 5, padding: 2, bias: true)
        x = builder.relu(x, name: "features.4")
        x = builder.maxPool("features.5", x, kernel: 3, stride: 2)
        for (index, channels) in [(6, 384), (8, 256), (10, 256)] {
            x = builder.convolution("features.\(index)", x, out: channels, kernel: 3, padding: 1, bias: true)
            x = builder.relu(x, name: "features.\(index + 1)")
        }
        x = builder.maxPool("features.12", x, kernel: 3, stride: 2)
        x = builder.pooled("avgpool", x, to: 6)
        x = builder.flatten(x)
        for index in [0, 3] {
            x = builder.dropout("classifier.\(index)", x, rate: rate)
            x = builder.linear("classifier.\(index + 1)", x, out: 4096)
            x = builder.relu(x, name: "classifier.\(index + 2)")
        }
        let logits = builder.linear("classifier.6", x, out: options.classes)
        return builder.finish(name: name, logits: logits, head: "classifier.6")
    }

    /// The network of 2012: 227 pixels, groups of two where the two graphics cards did not talk, local response normalisation,
    /// pooling that rounds up. Names, order and starts are those of Caffe's `bvlc_alexnet`.
    package static func graph2012(_ name: String, _ options: BuildOptions, inputSize: Int) -> Graph {
        caffe(name, options, inputSize: inputSize, poolsFirst: false)
    }

    /// Caffe's reference network, `bvlc_reference_caffenet`: as the network of 2012, but pooling stands before response normalisation, and
    /// biases that start above 0 start at 1.
    package static func caffeNet(_ name: String, _ options: BuildOptions, inputSize: Int) -> Graph {
        caffe(name, options, inputSize: inputSize, poolsFirst: true)
    }

    private static func caffe(_ name: String, _ options: BuildOptions, inputSize: Int, poolsFirst: Bool) -> Graph {
        let start: Float = poolsFirst ? 1 : 0.1
        var builder = GraphBuilder()
        var x = builder.input(height: inputSize, width: inputSize)
        x = builder.layer2012(1, x, out: 96, kernel: 11, stride: 4, bias: 0)
        x = builder.normalizedPool2012(1, x, poolsFirst: poolsFirst)
        x = builder.layer2012(2, x, out: 256, kernel: 5, padding: 2, groups: 2, bias: start)
        x = builder.normalizedPool2012(2, x, poolsFirst: poolsFirst)
        x = builder.layer2012(3, x, out: 384, kernel: 3, padding: 1, bias: 0)
        x = builder.layer2012(4, x, out: 384, kernel: 3, padding: 1, groups: 2, bias: start)
        x = builder.layer2012(5, x, out: 256, kernel: 3, padding: 1, groups: 2, bias: start)
        x = builder.maxPool("pool5", x, kernel: 3, stride: 2, roundsUp: true)
        x = builder.flatten(x)
        for index in [6, 7] {
            x = builder.linear(
                "fc\(index)", x, out: 4096, weightStart: .normal(deviation: 0.005), biasStart: .constant(start))
            x = builder.relu(x, name: "relu\(index)")
            x = builder.dropout("drop\(index)", x, rate: options.dropout ?? 0.5)
        }
        let logits = builder.linear(
            "fc8", x, out: options.classes, weightStart: .normal(deviation: 0.01), biasStart: .constant(0))
        return builder.finish(name: name, logits: logits, head: "fc8")
    }

    static let entries = [
        NetworkEntry(
            "alexnet", .alexNet, .imageNet(), top1: 56.522, top5: 79.066, by: "torchvision, IMAGENET1K_V1", makeGraph: graph),
        NetworkEntry(
            "alexnet_2012", .alexNet2012, .imageNet(crop: 227), top1: 57.1, top5: 80.2, by: "Caffe, bvlc_alexnet",
            makeGraph: graph2012),
        NetworkEntry(
            "caffenet", .caffeNet, .caffe(crop: 227), top1: 57.4, top5: 80.4, by: "Caffe, bvlc_reference_caffenet",
            makeGraph: caffeNet),
    ]
}

extension GraphBuilder {
    /// A convolution of the network of 2012 with its ReLU.
    fileprivate mutating func layer2012(
        _ index: Int, _ x: Value, out: Int, kernel: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1, bias: Float
    ) -> Value {
        convolutionInitialization = .normal(deviation: 0.01, bias: bias)
        let y = convolution(
            "conv\(index)", x, out: out, kernel: kernel, stride: stride, padding: padding, groups: groups, bias: true)
        return relu(y, name: "relu\(index)")
    }

    /// Response normalisation and pooling, in one order or the other.
    fileprivate mutating func normalizedPool2012(_ index: Int, _ x: Value, poolsFirst: Bool) -> Value {
        func pool(_ x: Value, _ builder: inout GraphBuilder) -> Value {
            builder.maxPool("pool\(index)", x, kernel: 3, stride: 2, roundsUp: true)
        }
        let y = localResponseNorm("norm\(index)", poolsFirst ? pool(x, &self) : x)
        return poolsFirst ? y : pool(y, &self)
    }

    /// Adaptive average pooling before a classifier, left out where the image already has that size: it would change nothing.
    mutating func pooled(_ name: String, _ x: Value, to side: Int) -> Value {
        x.shape[0] == side && x.shape[1] == side ? x : adaptiveAveragePool(name, x, to: side)
    }
}
