// Short full trainings on features that are computed once: what tuning, cross-validation and the search for wrong labels are made of.
import Collectives
import Features
import Foundation
import ImageData
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
    /// The last evaluation, on rank 0.
    let last: Evaluation?
}

/// Trains configs that share photographs and frozen layers.
final class Trials {
    let preparation: Preparation
    private let base: StageMaker
    let features: StageFeatures
    /// Seconds that photographs, weights and features took.
    let preparationSeconds: Double

    /// Prepares photographs and weights, and computes the features. Every rank calls it.
    ///
    /// - Parameter check: refuses photographs, before anything is computed.
    init(
        _ configuration: RunConfiguration, _ communicator: any Communicator, _ environment: [String: String], _ stop: StopFlag,
        check: (Preparation) throws -> Void = { _ in }
    ) throws {
        let start = monotonicNanoseconds()
        preparation = try Preparation(configuration, communicator, environment: environment, stop: stop)
        try check(preparation)
        var maker = StageMaker(preparation)
        features = try maker.make().features
        base = maker
        preparationSeconds = Double(monotonicNanoseconds() - start) * 1e-9
    }

    /// The training images cut into folds, groups kept together.
    func cut(_ count: Int, round: Int = 0) -> Folds {
        Folds(
            count, labels: Array(preparation.samples.labels), groups: preparation.data?.trainingGroups,
            seed: UInt64(preparation.configuration.run.seed), round: round)
    }

    /// Whether a config's photographs and frozen layers give the same features.
    private func sharesFeatures(_ configuration: RunConfiguration) -> Bool {
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
        guard sharesFeatures(configuration) else { return try run(try preparation.varied(configuration), known: nil) }
        let validation = preparation.data?.validation?.sampleList(split: "validation")
        return try run(
            try preparation.varied(configuration),
            known: KnownFeatures(training: preparation.samples, validation: validation, features: features))
    }

    /// Trains on some of the training images and evaluates on others of them, by the features of all. Every rank calls it.
    func run(_ configuration: RunConfiguration, training: [Int], held: [Int]) throws -> TrialResult {
        guard let all = features.training else { preconditionFailure("parts of the training images need their features") }
        let (own, others) = (
            preparation.samples.subset(training, split: "train"), preparation.samples.subset(held, split: "held-out")
        )
        var part = features
        (part.training, part.validation) = (all.subset(training), all.subset(held))
        return try run(
            try preparation.varied(configuration, subset: (own, others)),
            known: KnownFeatures(training: own, validation: others, features: part))
    }

    private func run(_ own: Preparation, known: KnownFeatures?) throws -> TrialResult {
        let start = monotonicNanoseconds()
        var maker = StageMaker(own)
        if known != nil { maker.computePrefix(as: base) }
        let stage = try maker.make(known: known).stage
        var parts = try own.trainerParts(tells: false)
        let watch = LastEvaluation()
        parts.observers = [watch]
        let trainer = Trainer(parts, stage)
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
            seconds: Double(monotonicNanoseconds() - start) * 1e-9, last: hasDiverged ? nil : watch.evaluation)
    }

    private final class LastEvaluation: TrainingObserver {
        private(set) var evaluation: Evaluation?

        func observe(_ event: TrainingEvent) {
            if case .evaluation(let report) = event { evaluation = report.evaluation }
        }
    }
}
