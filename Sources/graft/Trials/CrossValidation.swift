// Cross-validation: every training image is held out once in each repetition, and the figures of all trainings say how sure one can be.
import Collectives
import Files
import Foundation
import ImageData
import Reporting
import RunConfiguration
import Tensors
import Training

/// Repeated, stratified and grouped cross-validation of a config on its training images. Every rank does the same; rank 0 tells and writes.
struct CrossValidation {
    let folds: Int
    let repetitions: Int

    /// The parts of the training sides of the first repetition from which the learning curve is drawn.
    private static let curveShares = [0.125, 0.25, 0.5]

    private let configuration: RunConfiguration
    private let printsJSON: Bool
    private let communicator: any Communicator

    /// Throws `UserError` for configs that cannot be cut into folds.
    init(
        _ configuration: RunConfiguration, folds: Int, repetitions: Int, printsJSON: Bool, _ communicator: any Communicator
    ) throws {
        guard configuration.training.phases == nil else {
            throw UserError("training.phases: validate one part of a run at a time, without phases")
        }
        guard configuration.schedule.kind != .plateau else {
            throw UserError("schedule.kind: plateau looks at evaluations, and a fold has one at its end")
        }
        (self.configuration, self.folds, self.repetitions) = (configuration, folds, repetitions)
        (self.printsJSON, self.communicator) = (printsJSON, communicator)
    }

    /// The config of all trainings: the whole training folder, one view of each image, one evaluation at the end.
    static func base(_ configuration: RunConfiguration) -> RunConfiguration {
        var base = configuration
        base.data.augmentation = .none
        (base.data.validation, base.data.validationFraction) = (nil, nil)
        base.training.patience = nil
        base.evaluation.everyEpochs = configuration.training.epochs
        return base
    }

    /// Features of the whole training folder. Throws `UserError` where they cannot be kept.
    static func trials(
        _ base: RunConfiguration, _ communicator: any Communicator, _ environment: [String: String], _ stop: StopFlag,
        check: (Preparation) throws -> Void
    ) throws -> Trials {
        // Each image is looked at many times, whatever one training does.
        var seen = base
        seen.training.epochs = max(2, base.training.epochs)
        seen.training.steps = nil
        let trials = try Trials(seen, communicator, environment, stop, check: check)
        guard trials.features.training != nil else {
            throw UserError(
                "folds share one set of features, and there is none: freeze layers before those that train (network.unfrozen), and let "
                    + "features.cache be memory or disk")
        }
        return trials
    }

    func run(_ environment: [String: String], _ stop: StopFlag) throws {
        let folder = RunFolder(folder: configuration.run.folder, name: "\(configuration.run.name)-folds")
        let opened = try communicator.isRoot ? folder.open(resuming: false) : nil
        try withExtendedLifetime(opened) {
            if communicator.isRoot {
                if let target = opened?.movedTo { say("note: the earlier cross-validation of this name is kept as \(target)") }
                try AtomicFile.write(Array(configuration.yaml().utf8), to: folder.configuration)
                if configuration.data.augmentation != .none { say("note: folds look at photographs without augmentation") }
            }
            let base = Self.base(configuration)
            let trials = try Self.trials(base, communicator, environment, stop) { try check($0) }
            let start = monotonicNanoseconds()
            var records: [FoldRecord] = []
            var curve: [CurvePoint] = []
            for repetition in 0..<repetitions {
                let cut = trials.cut(folds, round: repetition)
                for fold in 0..<folds {
                    let parts = cut.parts(fold)
                    let last = try train(
                        trials, base, parts.training, parts.held, "repetition \(repetition + 1), fold \(fold + 1)")
                    if let last {
                        let record = FoldRecord(repetition: repetition, fold: fold, parts: parts, evaluation: last)
                        records.append(record)
                        if printsJSON { print(try record.jsonLine()) }
                    }
                }
            }
            let first = trials.cut(folds)
            for share in Self.curveShares {
                var found: [Double] = []
                var images = 0
                for fold in 0..<folds {
                    let parts = first.parts(fold)
                    guard let fewer = subset(parts.training, share, trials.preparation.samples) else { continue }
                    images = fewer.count
                    if let last = try train(trials, base, fewer, parts.held, "learning curve") {
                        found.append(last.summary.value(of: measure) ?? 0)
                    }
                }
                if !found.isEmpty, communicator.isRoot { curve.append(CurvePoint(share: share, images: images, values: found)) }
            }
            guard communicator.isRoot else { return }
            let seconds = Double(monotonicNanoseconds() - start) * 1e-9
            try CrossValidationReport(
                name: configuration.run.name, folds: folds, repetitions: repetitions, measure: measure, records: records,
                curve: curve,
                trainingSeconds: seconds, preparationSeconds: trials.preparationSeconds
            ).tell(folder, printsJSON: printsJSON)
        }
    }

    private var measure: EvaluationMeasure {
        configuration.checkpoints.best == .loss ? .accuracy : configuration.checkpoints.best
    }

    /// Throws `UserError` where a class, or what belongs together, is too small to stand on both sides.
    private func check(_ preparation: Preparation) throws {
        let smallest = preparation.samples.classCounts.enumerated().min { ($0.element, $0.offset) < ($1.element, $1.offset) }
        if let smallest, smallest.element < folds {
            throw UserError(
                "--folds \(folds): the class '\(preparation.samples.classes[smallest.offset])' has \(smallest.element) training images; "
                    + "each fold needs one")
        }
        if let groups = preparation.data?.trainingGroups, Set(groups).count < folds {
            throw UserError("--folds \(folds): data.group makes \(Set(groups).count) groups; each fold needs one")
        }
    }

    /// Returns the evaluation of what was held out, on rank 0.
    private func train(
        _ trials: Trials, _ base: RunConfiguration, _ training: [Int], _ held: [Int], _ what: String
    ) throws -> Evaluation? {
        let result = try trials.run(base, training: training, held: held)
        guard result.best != nil else { throw UserError("\(what): training diverged; try a lower optimizer.learning_rate") }
        return result.last
    }

    /// A share of some samples, of each class alike; nil where a class would have none.
    private func subset(_ training: [Int], _ share: Double, _ samples: SampleList) -> [Int]? {
        var random = CounterRandom(seed: UInt64(configuration.run.seed), index: 1, purpose: .folds)
        var kept: [Int] = []
        for members in Dictionary(grouping: training, by: { samples.labels[$0] }).sorted(by: { $0.key < $1.key }).map(\.value) {
            let count = Int((Double(members.count) * share).rounded())
            guard count > 0 else { return nil }
            kept += members.shuffled(using: &random).prefix(count)
        }
        return kept.sorted()
    }
}

/// A point of the learning curve.
struct CurvePoint {
    /// Of the images of a fold's training side.
    let share: Double
    let images: Int
    let values: [Double]
}

/// One training and what it came to on what was held out.
struct FoldRecord {
    let repetition: Int
    let fold: Int
    let parts: (training: [Int], held: [Int])
    let evaluation: Evaluation

    private struct Line: Encodable {
        let kind = "fold"
        let `repeat`: Int
        let fold: Int
        let images: Int
        let trainingImages: Int
        let accuracy: Double
        let balancedAccuracy: Double?
        let macroF1: Double?
        let meanAveragePrecision: Double?
        let loss: Double
    }

    func jsonLine() throws -> String {
        let summary = evaluation.summary
        return try Line(
            repeat: repetition, fold: fold, images: summary.images, trainingImages: parts.training.count,
            accuracy: summary.accuracy, balancedAccuracy: summary.balancedAccuracy, macroF1: summary.macroF1,
            meanAveragePrecision: summary.meanAveragePrecision, loss: summary.loss
        ).jsonLine()
    }
}
