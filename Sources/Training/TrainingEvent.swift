// What happens in a run, as values: all that observers see.
package import ImageData

/// Something that happened. Rank 0 announces it; observers can change nothing.
package enum TrainingEvent: Sendable {
    case started(RunFacts)
    case step(StepReport)
    /// An image that was left out, named once in a run.
    case unreadable(UnreadableSample, split: String)
    case epoch(EpochReport)
    case evaluation(EvaluationReport)
    case checkpoint(CheckpointReport)
    /// The run was asked to stop and has saved its state.
    case stopped(step: Int)
    case finished(FinishReport)
    /// The run ends with an error, in these words.
    case failed(String)
}

/// Watches a run on rank 0.
package protocol TrainingObserver: AnyObject {
    func observe(_ event: TrainingEvent)
}

/// What a run begins with.
package struct RunFacts: Sendable {
    package var identity: RunIdentity
    package var settings: TrainingSettings
    package var trainingImages: Int
    /// Training images of each class.
    package var trainingCounts: [Int]
    package var validationImages: Int
    package var ranks: Int
    /// Updates of the whole run, from its first step.
    package var totalSteps: Int
    /// Where the run begins; not zero after a resume.
    package var progress: TrainingProgress
    package var trainedParameters: Int
    package var allParameters: Int
    /// Gradient buckets of a step, and bytes that a rank contributes to their sums.
    package var buckets: Int
    package var bytesPerStep: Int
    /// The checkpoint that the run continues, if it does.
    package var resumedFrom: String?
    /// Checkpoints that were refused on the way, each with its reason.
    package var refusedCheckpoints: [String]
}

/// One update.
package struct StepReport: Sendable, Equatable {
    /// Counted from 1 over the whole run.
    package var step: Int
    /// Epochs finished before it.
    package var epoch: Int
    /// The mean loss of the update's images, over all ranks.
    package var loss: Double
    package var learningRate: Double
    /// The norm of the gradients before clipping, where clipping is on.
    package var gradientNorm: Double?
    /// Images of the update over all ranks.
    package var images: Int
    package var imagesPerSecond: Double
    package var seconds: Double
    /// The share of the time that ranks waited for the loader (mean over ranks).
    package var dataShare: Double
    /// Seconds in which gradient sums were under way on rank 0.
    package var communicationSeconds: Double
    /// Of them, those that rank 0 waited for after backward.
    package var exposedCommunicationSeconds: Double

    /// The share of the time that rank 0 waited for gradient sums.
    package var communicationShare: Double { min(1, exposedCommunicationSeconds / max(seconds, .leastNonzeroMagnitude)) }
    /// Seconds of gradient sums that backward hid.
    package var hiddenCommunicationSeconds: Double { max(0, communicationSeconds - exposedCommunicationSeconds) }
    /// The share of the sums' time that backward hid; nil where nothing was summed.
    package var hiddenShare: Double? {
        communicationSeconds > 0 ? hiddenCommunicationSeconds / communicationSeconds : nil
    }
}

/// The training side of an epoch that just ended.
package struct EpochReport: Sendable, Equatable {
    /// Epochs finished, this one included.
    package var epoch: Int
    package var step: Int
    package var loss: Double
    package var accuracy: Double
    package var images: Int
}

package struct EvaluationReport: Sendable {
    package var step: Int
    /// Epochs finished.
    package var epoch: Int
    package var evaluation: Evaluation
    package var summary: EvaluationSummary
    /// Whether it is the best so far.
    package var isBest: Bool
    /// What makes the probabilities more believable; nil where nothing does.
    package var calibration: TemperatureScaling?
    package var seconds: Double
    /// Ranks that had nothing to do meanwhile.
    package var idleRanks = 0
}

package struct CheckpointReport: Sendable, Equatable {
    package var step: Int
    package var epoch: Int
    package var path: String
    package var seconds: Double
}

package struct FinishReport: Sendable, Equatable {
    package var step: Int
    package var epoch: Int
    package var best: BestResult?
    package var seconds: Double
    /// The evaluations in a row that brought nothing better, where that ended the run.
    package var fruitlessEvaluations: Int?
}
