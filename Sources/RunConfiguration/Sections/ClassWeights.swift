// The key `training.class_weights`: a word, or a weight for each class.

extension RunConfiguration {
    /// What images of each class weigh in the loss.
    package enum ClassWeights: Sendable, Equatable {
        /// All alike.
        case none
        /// Each class as a whole alike: images / (classes · images of the class), as scikit-learn balances.
        case balanced
        /// By the effective number of images, (1 − βⁿ) / (1 − β) with β = 0.999 (Cui et al., "Class-Balanced Loss", 2019).
        case effective
        /// As given; classes that are not named weigh 1.
        case given([LayerMultipliers.Entry])
    }
}

extension RunConfiguration.ClassWeights: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        switch tree.content {
        case .scalar("none", _): RunConfiguration.ClassWeights.none
        case .scalar("balanced", _): .balanced
        case .scalar("effective", _): .effective
        case .mapping: RunConfiguration.LayerMultipliers.read(tree, as: key, &reader).map { .given($0.entries) }
        default: reader.refuse(tree, key, wanted: "none, balanced, effective or a mapping of classes to weights")
        }
    }

    var tree: Tree {
        switch self {
        case .none: .plain("none")
        case .balanced: .plain("balanced")
        case .effective: .plain("effective")
        case .given(let entries): RunConfiguration.LayerMultipliers(entries: entries).tree
        }
    }

    func findings(at key: KeyName) -> [Finding] {
        guard case .given(let entries) = self else { return [] }
        return RunConfiguration.LayerMultipliers(entries: entries).findings(at: key)
    }
}
