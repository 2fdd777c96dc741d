// The section `network`.
package import Tensors

extension RunConfiguration {
    /// The network, where its weights come from and what of it is trained.
    package struct Network: Sendable, Equatable {
        /// A name from `graft networks`.
        package var architecture = ""
        /// A weight file or a folder of one, `hf:owner/name`, `torchvision` for its published weights, or `random`.
        package var weights = ""
        /// Dotted layer names or globs that start at random, whether the weight file has them or not.
        package var fresh: [String] = []
        /// What is trained besides the head.
        package var unfrozen: UnfrozenLayers = []
        /// What batch norm in trained layers does; in frozen layers it is always fixed.
        package var batchNorm = NormMode.frozen
        /// The dropout probability before the head; nil for the architecture's own.
        package var dropout: Double?
        /// The chance that the last block is left out of a training step; nil for the architecture's own.
        package var stochasticDepth: Double?
        /// The type in which frozen layers before the first trained one compute.
        package var precision = PrefixPrecision.float32
        /// Whether GoogLeNet's auxiliary heads are built and trained.
        package var auxiliary = false
        /// Whether each photograph is of one class, or of any number.
        package var loss = LossKind.crossEntropy
        /// What of the preparation of pixels is not to be as the weights expect; nil for nothing.
        package var preprocessing: PreprocessingOverride?

        /// Where the weights come from.
        package var weightsOrigin: WeightsOrigin {
            switch weights {
            case "random": .random
            case "torchvision": .torchvision
            case let name where name.hasPrefix("hf:"): .hub(name)
            default: .file(weights)
            }
        }
    }

    /// The type in which frozen layers before the first trained one compute.
    package enum PrefixPrecision: String, Sendable, CaseIterable {
        case float32
        /// Half the memory traffic and twice the arithmetic, with 8 bits of precision.
        case bfloat16
        /// Bytes, with ranges measured on training images: a quarter of the traffic and four times the arithmetic.
        case int8
        /// The quickest that the processors of all ranks have natively and that stays close to float32 on the sample.
        case auto
    }

    /// Where a network's weights come from.
    package enum WeightsOrigin: Sendable, Equatable {
        case random
        /// What torchvision publishes, from the cache.
        case torchvision
        /// A model of the hub, as `hf:owner/name` or `hf:owner/name@revision`.
        case hub(String)
        /// A weight file, or a folder in the hub's layout.
        case file(String)
    }
}

extension NormMode: Choice {}
extension RunConfiguration.PrefixPrecision: Choice {}
extension LossKind: Choice {}

extension RunConfiguration.Network: Section {
    static var keys: [Key<Self>] {
        [
            Key("architecture", \.architecture, .required("the name of a network; 'graft networks' lists them")),
            Key("weights", \.weights, .required("a weight file, 'torchvision' for its published weights, or 'random'")),
            Key("fresh", \.fresh, .noneEmpty),
            Key("unfrozen", \.unfrozen),
            Key("batch_norm", \.batchNorm),
            Key("dropout", \.dropout, .from(0, below: 1)),
            Key("stochastic_depth", \.stochasticDepth, .from(0, below: 1)),
            Key("precision", \.precision),
            Key("auxiliary", \.auxiliary),
            Key("loss", \.loss),
            Key("preprocessing", \.preprocessing),
        ]
    }
}
