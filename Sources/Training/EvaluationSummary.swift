// An evaluation in a few numbers, and which of two is the better one.
package import Tensors

/// Loss and accuracy over a split.
package struct EvaluationSummary: Sendable, Equatable, Codable {
    package var images: Int
    package var loss: Double
    package var accuracy: Double
    /// The mean of the classes' recalls; nil in older checkpoints.
    package var balancedAccuracy: Double?
    /// The mean of the classes' F1 scores; nil in older checkpoints.
    package var macroF1: Double?
    /// The mean over classes of their average precisions; nil where images are of one class each.
    package var meanAveragePrecision: Double?

    package init(
        images: Int, loss: Double, accuracy: Double, balancedAccuracy: Double? = nil, macroF1: Double? = nil,
        meanAveragePrecision: Double? = nil
    ) {
        self.meanAveragePrecision = meanAveragePrecision
        self.images = images
        self.loss = loss
        self.accuracy = accuracy
        self.balancedAccuracy = balancedAccuracy
        self.macroF1 = macroF1
    }

    /// The number that a measure looks at; nil where an older checkpoint lacks it.
    package func value(of measure: EvaluationMeasure) -> Double? {
        switch measure {
        case .accuracy: accuracy
        case .loss: loss
        case .balancedAccuracy: balancedAccuracy
        case .macroF1: macroF1
        case .meanAveragePrecision: meanAveragePrecision
        }
    }

    /// Whether this is the better result: higher by the measure, or the same with a lower loss. One that lacks the measure is worse.
    package func isBetter(than other: EvaluationSummary, by measure: EvaluationMeasure) -> Bool {
        guard let own = value(of: measure) else { return false }
        guard let theirs = other.value(of: measure) else { return true }
        if measure == .loss { return own < theirs }
        return own > theirs || own == theirs && loss < other.loss
    }
}
