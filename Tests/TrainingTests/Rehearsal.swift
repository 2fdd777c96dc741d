// Puts a trainer of linear replicas together, on one thread or several, and keeps what its observers saw.
import Collectives
import Foundation
import ImageData
import Optimization
import Synchronization
import Tensors
import Training

/// A run to rehearse.
struct Rehearsal: Sendable {
    var ranks = 1
    var images = 23
    var epochs = 2
    var batchSize = 6
    var accumulation = 1
    var stepLimit: Int?
    var clipNorm: Double?
    var broken: Set<Int> = []
    var unreadableLimit = 1.0
    var poisoned = false
    /// What a pass leaves behind that is no number.
    var spoiled: LinearReplica.Spoiling?
    var overlap = true
    var compresses = false
    var bucketBytes = 64
    var validationImages = 17
    var evaluationRanks = EvaluationRanks.root
    var evaluationEpochs = 1
    /// What happens in the middle of an evaluation, counted from 1.
    var evaluationFault: EvaluationFault?
    var checkpointEpochs = 1
    var checkpointSteps: Int?
    var checkpointMinutes: Double?
    var keeping = 2
    var average: AverageRule?
    var folder: String?
    var resumes = false
    /// Asks a rank to stop when it has made a step.
    var stopping: (rank: Int, step: Int)?
    /// The seed of each rank's replica.
    var replicaSeeds: [UInt64] = []

    /// What one rank was left with.
    struct Outcome: Sendable {
        var outcome: TrainingOutcome
        var progress: TrainingProgress
        var weights: [Float]
        var statistics: [Float]
        var momentum: [Float]
        var delivered: [Int]
        var record: Record.Contents
    }

    func run() throws -> [Outcome] {
        ranks == 1
            ? [try run(SingleProcess())] : try ThreadGroup.run(size: ranks) { try run($0) }
    }

    private func run(_ communicator: any Communicator) throws -> Outcome {
        let replica = LinearReplica(seed: replicaSeeds.isEmpty ? 5 : replicaSeeds[communicator.rank])
        replica.spoiled = spoiled
        let source = StoppingSource(MemorySource(broken: broken, poisoned: poisoned))
        let record = Record()
        let checkpoints = folder.map { CheckpointFolder(path: $0, retention: Retention(keeping: keeping)) }
        let groups = ParameterGroups(weightDecay: 1e-3)
        let parts = Trainer.Parts(
            settings: settings, identity: identity, communicator: communicator, samples: MemorySource.samples(images),
            checkpoints: communicator.isRoot ? checkpoints : nil, observers: communicator.isRoot ? [record] : [],
            stop: source.stop)
        let stage = Stage(
            replica: replica, source: source,
            optimizer: Optimizer(
                kind: .sgd(momentum: 0.9, nesterov: false),
                groups: try groups.resolve(
                    parameters: replica.parameters, of: "linear", slots: replica.slots, count: replica.trained.count),
                count: replica.trained.count),
            schedule: LearningRateSchedule(baseRate: 0.1, warmUpSteps: 2, shape: .cosine(totalSteps: 12, finalRate: 0)),
            bucketBytes: bucketBytes,
            evaluator: validationImages == 0
                ? nil
                : Evaluator(
                    samples: MemorySource.samples(validationImages, split: "validation"),
                    source: FaultySource(evaluationFault, rank: communicator.rank, stop: source.stop), batchSize: 4,
                    ranks: evaluationRanks))
        if let stopping, stopping.rank == communicator.rank { source.stopAfter = stopping.step }
        let trainer = Trainer(parts, stage)
        if resumes {
            let newest = communicator.isRoot ? try checkpoints?.newest() : nil
            try trainer.resume(from: newest?.checkpoint, refused: newest?.refused ?? [])
        }
        let outcome = try trainer.run()
        // The arrays live no longer than their owners.
        return withExtendedLifetime((replica, stage.optimizer)) {
            Outcome(
                outcome: outcome, progress: trainer.progress, weights: Array(replica.trained),
                statistics: Array(replica.statistics),
                momentum: stage.optimizer.states.flatMap { Array($0.values) }, delivered: source.source.delivered,
                record: record.contents)
        }
    }

    private var settings: TrainingSettings {
        var settings = TrainingSettings(
            epochs: epochs, batchSize: batchSize, accumulation: accumulation, stepLimit: stepLimit, labelSmoothing: 0,
            clipNorm: clipNorm, seed: 3, shuffle: true, evaluationEpochs: evaluationEpochs, checkpointEpochs: checkpointEpochs,
            checkpointSteps: checkpointSteps,
            unreadableLimit: unreadableLimit, overlap: overlap)
        (settings.compresses, settings.average) = (compresses, average)
        settings.checkpointMinutes = checkpointMinutes
        return settings
    }

    private var identity: RunIdentity {
        RunIdentity(
            name: "rehearsal", architecture: "linear", classes: ["ant", "bee", "cat"], preprocessing: .imageNet(),
            configDigest: "c", filesDigest: "f\(images)", validationDigest: "v\(validationImages)")
    }
}

/// Something that goes wrong while validation images are read.
enum EvaluationFault: Sendable {
    case missingImage(evaluation: Int)
    case stop(evaluation: Int, rank: Int)
}

/// Validation images, and the fault at the second batch of an evaluation, or at the only one.
final class FaultySource: BatchSource {
    private struct MissingImage: Error {}

    private let source = MemorySource()
    private let fault: EvaluationFault?
    private let rank: Int
    private let stop: StopFlag
    private var evaluation = 0
    private var faultyBatch = 0

    init(_ fault: EvaluationFault?, rank: Int, stop: StopFlag) { (self.fault, self.rank, self.stop) = (fault, rank, stop) }

    func order(_ batches: [[Int]], epoch: Int) {
        evaluation += 1
        faultyBatch = min(2, batches.count)
        source.order(batches, epoch: epoch)
    }

    func next() throws -> Batch {
        faultyBatch -= 1
        guard faultyBatch == 0 else { return source.next() }
        switch fault {
        case .missingImage(evaluation): throw MissingImage()
        case .stop(evaluation, rank): stop.request()
        default: break
        }
        return source.next()
    }
}

/// Raises a stop flag once a number of batches was taken: the update of the last of them is still made.
final class StoppingSource: BatchSource {
    let source: MemorySource
    let stop = StopFlag()
    var stopAfter: Int?
    private var taken = 0

    init(_ source: MemorySource) { self.source = source }

    func order(_ batches: [[Int]], epoch: Int) { source.order(batches, epoch: epoch) }

    func next() -> Batch {
        taken += 1
        if taken == stopAfter { stop.request() }
        return source.next()
    }
}

/// An observer that keeps what it sees.
final class Record: TrainingObserver {
    struct Contents: Sendable {
        var steps: [StepReport] = []
        var evaluations: [EvaluationReport] = []
        var epochs: [EpochReport] = []
        var checkpoints: [CheckpointReport] = []
        var unreadable: [String] = []
        var started: RunFacts?
        var hasStopped = false
        var hasFinished = false

        var losses: [Double] { steps.map(\.loss) }
    }

    private(set) var contents = Contents()

    func observe(_ event: TrainingEvent) {
        switch event {
        case .started(let facts): contents.started = facts
        case .step(let step): contents.steps.append(step)
        case .evaluation(let report): contents.evaluations.append(report)
        case .epoch(let report): contents.epochs.append(report)
        case .checkpoint(let report): contents.checkpoints.append(report)
        case .unreadable(let sample, let split): contents.unreadable.append("\(split) \(sample)")
        case .stopped: contents.hasStopped = true
        case .finished: contents.hasFinished = true
        case .failed: break
        }
    }
}

/// A folder that lasts as long as the test that made it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "graft-training-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
