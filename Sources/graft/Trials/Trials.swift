// Short full trainings on features that are computed once: what tuning is made of.
import Collectives
import Foundation
import RunConfiguration
import Tensors
import Training

/// What a training came to.
struct TrialResult {
    /// The best evaluation; nil where the loss became what is no number.
    let best: EvaluationSummary?
    /// Updates until then.
    let step: Int
    let seconds: Double
}

/// Trains configs that share photographs and frozen layers.
final class Trials {
    let preparation: Preparation
    private let base: StageMaker
    private let features: StageFeatures
    /// Seconds that the features took.
    let featureSeconds: Double

    /// Prepares photographs and weights, and computes the features. Every rank calls it.
    init(_ preparation: Preparation) throws {
        self.preparation = preparation
        let start = monotonicNanoseconds()
        var maker = StageMaker(preparation)
        features = try maker.make().features
        base = maker
        featureSeconds = Double(monotonicNanoseconds() - start) * 1e-9
    }

    /// Whether a config's photographs and frozen layers give the same features.
    func sharesFeatures(_ configuration: RunConfiguration) -> Bool {
        func decisive(_ configuration: RunConfiguration) -> RunConfiguration {
            var rest = RunConfiguration()
            (rest.data, rest.features, rest.network) = (configuration.data, configuration.features, configuration.network)
            (rest.evaluation.views, rest.evaluation.batchSize) = (
                configuration.evaluation.views, configuration.evaluation.batchSize
            )
            (rest.run.seed, rest.compute) = (configuration.run.seed, configuration.compute)
            // What follows the boundary may differ, and how often which samples come.
            (rest.network.dropout, rest.network.batchNorm, rest.network.loss) = (nil, .frozen, .crossEntropy)
            (rest.data.sampling, rest.data.shuffle) = (.natural, true)
            return rest
        }
        return decisive(configuration) == decisive(preparation.configuration)
    }

    /// Trains from the beginning to the end. Every rank calls it, and gets the same result.
    ///
    /// Throws `StoppedEarly` if a rank is asked to stop.
    func run(_ configuration: RunConfiguration) throws -> TrialResult {
        let start = monotonicNanoseconds()
        let own = try preparation.varied(configuration)
        var maker = StageMaker(own)
        let isShared = sharesFeatures(configuration)
        if isShared { maker.computePrefix(as: base) }
        let stage = try maker.make(known: isShared ? features : nil).stage
        let trainer = Trainer(try own.trainerParts(tells: false), stage)
        var hasDiverged = false
        do {
            guard try trainer.run() == .finished else { throw StoppedEarly() }
        } catch TrainingError.diverged {
            // On every rank alike.
            hasDiverged = true
        }
        let best = hasDiverged ? nil : trainer.progress.best
        return TrialResult(
            best: best?.summary, step: best?.step ?? trainer.progress.step,
            seconds: Double(monotonicNanoseconds() - start) * 1e-9)
    }
}
