// One network of the catalogue: how it is built, how its pixels are prepared, and how well its published weights do.
package import Graphs
package import Tensors

/// The architecture families; each has one file, and its own names in other libraries' weight files.
package enum NetworkFamily: String, Sendable, Hashable, CaseIterable {
    case alexNet = "AlexNet"
    case alexNet2012 = "AlexNet (2012)"
    case caffeNet = "CaffeNet"
    case vgg = "VGG"
    case googLeNet = "GoogLeNet"
    case googLeNet2014 = "GoogLeNet (2014)"
    case inceptionV3 = "Inception v3"
    case resNet = "ResNet"
    case regNet = "RegNet"
    case denseNet = "DenseNet"
    case squeezeNet = "SqueezeNet"
    case shuffleNetV2 = "ShuffleNetV2"
    case mobileNetV2 = "MobileNetV2"
    case mobileNetV3 = "MobileNetV3"
    case mnasNet = "MNASNet"
    case efficientNet = "EfficientNet"
    case efficientNetV2 = "EfficientNetV2"
    case efficientNetLite = "EfficientNet-Lite"
    case convNeXt = "ConvNeXt"
}

/// What a user may choose about a network.
package struct BuildOptions: Sendable, Hashable {
    /// Number of classes: the head's outputs.
    package var classes: Int
    /// Side of the square input in pixels; nil means the network's own. Meant for tests.
    package var inputSize: Int?
    /// Whether GoogLeNet's and Inception's auxiliary heads are built, for training from scratch.
    package var auxiliary: Bool
    /// Rate of the dropout before the classifier; nil means the network's own (none in ResNet).
    package var dropout: Float?
    /// Rate of stochastic depth in the last block, 0 in the first, as it grows with depth; nil means the network's own.
    package var stochasticDepth: Float?

    package init(
        classes: Int = 1000, inputSize: Int? = nil, auxiliary: Bool = false, dropout: Float? = nil, stochasticDepth: Float? = nil
    ) {
        self.classes = classes
        self.inputSize = inputSize
        self.auxiliary = auxiliary
        self.dropout = dropout
        self.stochasticDepth = stochasticDepth
    }
}

/// A network by name.
package struct NetworkEntry: Sendable {
    /// The name in configs, as in `resnet50`.
    package let name: String
    package let family: NetworkFamily
    /// What the published weights expect of their input. A weight file of another source may bring another (`WeightMatch`).
    package let preprocessing: Preprocessing
    /// Accuracy of the published weights on ImageNet's validation set, one crop, in percent.
    package let publishedTop1: Double?
    package let publishedTop5: Double?
    /// Who published these figures, for which weights.
    package let publishedBy: String
    /// Whose weights fit; on a tie of names the first wins.
    let sources: [WeightSource]
    private let makeGraph: @Sendable (_ name: String, _ options: BuildOptions, _ inputSize: Int) -> Graph

    init(
        _ name: String, _ family: NetworkFamily, _ preprocessing: Preprocessing, top1: Double?, top5: Double?, by source: String,
        sources: [WeightSource]? = nil,
        makeGraph: @escaping @Sendable (_ name: String, _ options: BuildOptions, _ inputSize: Int) -> Graph
    ) {
        self.name = name
        self.family = family
        self.preprocessing = preprocessing
        publishedTop1 = top1
        publishedTop5 = top5
        publishedBy = source
        self.sources = sources ?? family.sources
        self.makeGraph = makeGraph
    }

    /// Side of the square input, in pixels.
    package var inputSize: Int { preprocessing.crop }

    /// Builds the network.
    package func build(_ options: BuildOptions = BuildOptions()) -> Graph {
        makeGraph(name, options, options.inputSize ?? inputSize)
    }
}
