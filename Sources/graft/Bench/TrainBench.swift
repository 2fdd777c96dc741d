// `graft bench --suite train`: the real loop over generated images.
import Collectives
import Foundation
import Graphs
import Networks
import Optimization
import RunConfiguration
import Training

/// What a bench of the loop found; medians over steps.
struct TrainBenchResult: Encodable {
    let suite = "train"
    let architecture: String
    let unfrozen: [String]
    let batchNorm: String
    let ranks: Int
    let threads: Int
    let batchSize: Int
    let precision: String
    let imagesPerSecond: Double
    let bestImagesPerSecond: Double
    let stepMilliseconds: Double
    let communicationShare: Double
    /// The share of the sums' time that backward hid, and of a step: what it hid and what it left to wait for. Nil for one rank.
    let communicationHiddenShare: Double?
    let communicationHiddenMilliseconds: Double
    let communicationExposedMilliseconds: Double
    let algorithm: String
    let compression: String
    let bucketBytes: Int
    let peakMemoryBytes: Int
}

/// Runs the loop for some steps and keeps their reports.
struct TrainBench {
    private final class Recorder: TrainingObserver {
        var steps: [StepReport] = []
        func observe(_ event: TrainingEvent) {
            if case .step(let report) = event { steps.append(report) }
        }
    }

    static func run(
        _ configuration: RunConfiguration, classes: Int, steps: Int, _ communicator: any Communicator
    ) throws -> TrainBenchResult? {
        var configuration = configuration
        configuration.training.steps = steps + warmUpSteps
        configuration.training.epochs = 1
        let bench = try BenchReplica(configuration, classes: classes, communicator)
        let samples = SampleList(
            split: "synthetic", classes: (0..<classes).map { "class \($0)" },
            paths: Array(
                repeating: "",
                count: configuration.training.batchSize * configuration.training.accumulation * (steps + warmUpSteps)),
            labels: Array(
                repeating: 0,
                count: configuration.training.batchSize * configuration.training.accumulation * (steps + warmUpSteps)))
        let recorder = Recorder()
        let parts = try parts(configuration, bench, samples, recorder, communicator)
        _ = try Trainer(parts).run()
        guard communicator.isRoot else { return nil }
        let measured = recorder.steps.dropFirst(warmUpSteps)
        let rates = measured.map(\.imagesPerSecond).sorted()
        return TrainBenchResult(
            architecture: bench.network.graph.name, unfrozen: configuration.network.unfrozen,
            batchNorm: configuration.network.batchNorm.rawValue, ranks: communicator.size, threads: bench.placement.threads,
            batchSize: configuration.training.batchSize,
            precision: "\(bench.network.prefixPrecision)/\(bench.network.suffixPrecision)", imagesPerSecond: median(rates),
            bestImagesPerSecond: rates.last ?? 0, stepMilliseconds: 1000 * median(measured.map(\.seconds)),
            communicationShare: median(measured.map(\.communicationShare)),
            communicationHiddenShare: communicator.size > 1 ? median(measured.compactMap(\.hiddenShare)) : nil,
            communicationHiddenMilliseconds: 1000 * median(measured.map(\.hiddenCommunicationSeconds)),
            communicationExposedMilliseconds: 1000 * median(measured.map(\.exposedCommunicationSeconds)),
            algorithm: communicator.algorithm.rawValue, compression: configuration.communication.compression.rawValue,
            bucketBytes: bench.communication.bucketBytes, peakMemoryBytes: peakMemoryBytes())
    }

    /// Steps that are not counted: first touches of memory, packing of frozen weights.
    private static let warmUpSteps = 2

    private static func parts(
        _ configuration: RunConfiguration, _ bench: BenchReplica, _ samples: SampleList, _ recorder: Recorder,
        _ communicator: any Communicator
    ) throws -> Trainer.Parts {
        let groups = try ParameterGroups(weightDecay: configuration.optimizer.weightDecay).resolve(
            parameters: bench.replica.parameters, slots: bench.replica.slots, count: bench.replica.trained.count)
        let optimizer = Optimizer(
            kind: .sgd(momentum: configuration.optimizer.momentum, nesterov: false), groups: groups,
            count: bench.replica.trained.count)
        let identity = RunIdentity(
            name: "bench", architecture: bench.network.graph.name, classes: samples.classes,
            preprocessing: bench.network.entry.preprocessing, configDigest: "", filesDigest: "")
        // A rate of nearly nothing: random weights must not diverge while they are timed.
        let schedule = LearningRateSchedule(baseRate: 1e-6, shape: .constant)
        return Trainer.Parts(
            settings: TrainingSettings(configuration, bucketBytes: bench.communication.bucketBytes), identity: identity,
            replica: bench.replica, communicator: communicator,
            samples: samples, source: bench.source, optimizer: optimizer, schedule: schedule, observers: [recorder])
    }
}

/// The most memory that this process has held, in bytes.
func peakMemoryBytes() -> Int {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss * 1024
}
