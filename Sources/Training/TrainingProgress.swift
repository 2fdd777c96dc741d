// How far a run is: what a checkpoint remembers of the loop besides tensors.
package import Optimization

/// The loop's whole memory between two updates. The same on every rank.
package struct TrainingProgress: Sendable, Equatable, Codable {
    /// Updates made, over all epochs: the number of the last one, counted from 1.
    package var step = 0
    /// Epochs finished.
    package var epoch = 0
    /// Samples of the present epoch that updates have used, unreadable ones included: the position in the epoch's order.
    package var samplesConsumed = 0
    /// Sums over the present epoch so far.
    package var epochSums = EpochSums()
    /// The best evaluation so far, and after which step it was.
    package var best: BestResult?
    /// Evaluations since the best one, in the present stage; nil for none.
    package var evaluationsSinceBest: Int?
    /// Updates that were made before a parameter began to train, by its name; those that train from the first are not in it.
    package var trainedSince: [String: Int]?
    /// What the present stage's schedule has seen of evaluations; nil where it does not look at them.
    package var plateau: PlateauWatch?
    /// How many sets of weights the saved average has taken in; nil for none.
    package var averaged: Int?
    /// True between the end of an epoch and that of its evaluation, which a resumed run makes up for; else nil.
    package var awaitsEvaluation: Bool?

    package init() {}

    /// Epochs finished before the last update was made, which tells the stage that made it; 0 before the first.
    package var epochOfLastStep: Int { samplesConsumed > 0 ? epoch : max(0, epoch - 1) }
}

/// Training loss and accuracy of an epoch, as sums.
package struct EpochSums: Sendable, Equatable, Codable {
    package var loss: Double = 0
    package var correct = 0
    package var images = 0

    package init() {}

    package var meanLoss: Double { images > 0 ? loss / Double(images) : 0 }
    package var accuracy: Double { images > 0 ? Double(correct) / Double(images) : 0 }
}

/// An evaluation that no other was better than.
package struct BestResult: Sendable, Equatable, Codable {
    package var step: Int
    package var summary: EvaluationSummary

    package init(step: Int, summary: EvaluationSummary) {
        self.step = step
        self.summary = summary
    }
}
