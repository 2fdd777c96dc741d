// The section `optimizer`.

extension RunConfiguration {
    /// How gradients become updates.
    package struct Optimizer: Sendable, Equatable {
        package var kind = OptimizerKind.sgd
        /// The base rate, before schedule and multipliers.
        package var learningRate = 0.01
        /// SGD's momentum; 0 for none.
        package var momentum = 0.9
        package var nesterov = false
        package var weightDecay = 1e-4
        /// Whether biases and batch-norm parameters decay too.
        package var decayNormsAndBiases = false
        package var beta1 = 0.9
        package var beta2 = 0.999
        package var epsilon = 1e-8
        /// RMSprop's: how much of the average of squares is kept.
        package var alpha = 0.99
        /// LARS's: a tensor's step beside its weights' norm.
        package var trustCoefficient = 0.001
        /// The number of images an update for which `learningRate` is meant; nil where it is meant as it is.
        package var rateFor: Int?
        package var rateScaling = RateScaling.linear
        /// A factor on the rate for each block further from the head; nil for none.
        package var layerDecay: Double?
        package var multipliers = LayerMultipliers()
    }

    /// The update rule.
    package enum OptimizerKind: String, Sendable, CaseIterable {
        case sgd
        case adamw
        case adam
        case rmsprop
        case rmspropTF = "rmsprop_tf"
        case lars
        case lamb
    }

    /// How the rate grows with the images of an update.
    package enum RateScaling: String, Sendable, CaseIterable {
        case linear
        case squareRoot = "square_root"
    }

    /// Factors on the learning rate of layers, as written: where several patterns match a layer, the last one counts.
    package struct LayerMultipliers: Sendable, Equatable, ExpressibleByDictionaryLiteral {
        package struct Entry: Sendable, Equatable {
            /// A dotted layer name or a glob, as in `network.unfrozen`.
            package var pattern: String
            package var factor: Double
        }

        package var entries: [Entry] = []

        package init(dictionaryLiteral elements: (String, Double)...) {
            entries = elements.map { Entry(pattern: $0, factor: $1) }
        }

        init(entries: [Entry]) { self.entries = entries }
    }
}

extension RunConfiguration.OptimizerKind: Choice {}
extension RunConfiguration.RateScaling: Choice {}

extension RunConfiguration.LayerMultipliers: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        guard let written = tree.entries else { return reader.refuse(tree, key, wanted: "a mapping of layers to factors") }
        let entries = written.map { entry in
            Double.read(entry.value, as: key + [entry.key], &reader).map { Entry(pattern: entry.key, factor: $0) }
        }
        return entries.contains(nil) ? nil : Self(entries: entries.compactMap(\.self))
    }

    var tree: Tree {
        Tree(content: .mapping(entries.map { Tree.Entry(key: $0.pattern, place: .program, value: $0.factor.tree) }))
    }

    func findings(at key: KeyName) -> [Finding] {
        entries.flatMap { Limit<Double>.atLeast(0).findings($0.factor, key + [$0.pattern]) }
    }
}

extension RunConfiguration.Optimizer: Section {
    static var keys: [Key<Self>] {
        [
            Key("kind", \.kind),
            Key("learning_rate", \.learningRate, .above(0)),
            Key("momentum", \.momentum, .from(0, below: 1)),
            Key("nesterov", \.nesterov),
            Key("weight_decay", \.weightDecay, .atLeast(0)),
            Key("decay_norms_and_biases", \.decayNormsAndBiases),
            Key("beta1", \.beta1, .from(0, below: 1)),
            Key("beta2", \.beta2, .from(0, below: 1)),
            Key("epsilon", \.epsilon, .above(0)),
            Key("alpha", \.alpha, .from(0, below: 1)),
            Key("trust_coefficient", \.trustCoefficient, .above(0)),
            Key("rate_for", \.rateFor, .from(1, to: Int.mostImages)),
            Key("rate_scaling", \.rateScaling),
            Key("layer_decay", \.layerDecay, .check("above 0 and at most 1") { $0 > 0 && $0 <= 1 }),
            Key("multipliers", \.multipliers),
        ]
    }

    var contradictions: [Finding] {
        guard nesterov else { return [] }
        guard kind == .sgd || kind == .lars else {
            return [Finding(key: ["nesterov"], message: "optimizer.nesterov needs kind: sgd or lars, it is \(kind.rawValue)")]
        }
        return momentum > 0 ? [] : [Finding(key: ["nesterov"], message: "optimizer.nesterov needs a momentum above 0")]
    }
}
