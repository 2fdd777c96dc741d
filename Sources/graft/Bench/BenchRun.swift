// What benchmarks measure: the training loop of a config, over its own photographs and weights or over generated ones.
import Collectives
import Execution
import Foundation
import Graphs
import ImageData
import Kernels
import Networks
import Optimization
import RunConfiguration
import Training

/// A loop that is ready to run, and the program inside of it.
struct BenchRun {
    /// What batches are made of: `generated`, `photographs`, or `cached features`.
    let input: String
    let network: PlannedNetwork
    let placement: ThreadPlacement
    let communication: CommunicationSetup
    let replica: ProgramReplica
    var parts: Trainer.Parts

    var program: Program { replica.training }

    /// Puts a loop of so many updates together. Every rank calls it.
    /// - Parameters:
    ///   - isSynthetic: random weights and generated batches, for configs whose files are not here.
    ///   - classes: outputs of the head where there are no photographs to tell.
    static func make(
        _ configuration: RunConfiguration, isSynthetic: Bool, classes: Int, updates: Int, _ communicator: any Communicator
    ) throws -> BenchRun {
        var configuration = configuration
        configuration.training.steps = updates
        configuration.training.epochs = isSynthetic ? 1 : updates
        if isSynthetic { return try synthetic(configuration, classes: classes, updates: updates, communicator) }
        guard FileManager.default.fileExists(atPath: configuration.data.train) else {
            throw UserError(
                "data.train: there is no folder \(configuration.data.train); name one with --set data.train=FOLDER, or measure generated input with --synthetic"
            )
        }
        // Only training is measured, and at a rate of nearly nothing: random weights must not diverge meanwhile.
        configuration.data.validation = nil
        configuration.optimizer.learningRate = 1e-6
        configuration.schedule.finalRate = 0
        let experiment = try Experiment(configuration, communicator, environment: ProcessInfo.processInfo.environment)
        guard let run = try experiment.benchRun() else { throw UserError("the bench was asked to stop") }
        return run
    }

    private static func synthetic(
        _ configuration: RunConfiguration, classes: Int, updates: Int, _ communicator: any Communicator
    ) throws -> BenchRun {
        let bench = try BenchReplica(configuration, classes: classes, communicator)
        let images = configuration.training.batchSize * configuration.training.accumulation * updates
        let samples = SampleList(
            split: "synthetic", classes: (0..<classes).map { "class \($0)" }, paths: Array(repeating: "", count: images),
            labels: Array(repeating: 0, count: images))
        let groups = try ParameterGroups(weightDecay: configuration.optimizer.weightDecay).resolve(
            parameters: bench.replica.parameters, of: bench.network.graph.name, slots: bench.replica.slots,
            count: bench.replica.trained.count)
        let optimizer = Optimizer(
            kind: OptimizerKind(configuration.optimizer), groups: groups, count: bench.replica.trained.count)
        let identity = RunIdentity(
            name: "bench", architecture: bench.network.graph.name, classes: samples.classes,
            preprocessing: bench.network.entry.preprocessing, configDigest: "", filesDigest: "")
        let parts = Trainer.Parts(
            settings: TrainingSettings(configuration, bucketBytes: bench.communication.bucketBytes), identity: identity,
            replica: bench.replica, communicator: communicator, samples: samples, source: bench.source, optimizer: optimizer,
            schedule: LearningRateSchedule(baseRate: 1e-6, shape: .constant))
        return BenchRun(
            input: "generated", network: bench.network, placement: bench.placement, communication: bench.communication,
            replica: bench.replica, parts: parts)
    }

    /// This rank's first batch, as a pass takes it.
    func firstInput() throws -> StepInput {
        let count = min(program.plan.capacity, parts.samples.count)
        try parts.source.order([Array(0..<count)], epoch: 0)
        let batch = try parts.source.next()
        let entries = batch.features.isEmpty ? [UnsafeMutableRawPointer(mutating: batch.images)] : batch.features
        var input = StepInput(entries: entries, labels: batch.labels, count: batch.count)
        input.imageWeight = 1 / Float(max(1, batch.count))
        input.sampleIndices = batch.samples
        input.synchronize = { [communicator = parts.communicator] values in try? communicator.sum(values) }
        return input
    }

    /// GFLOP/s that all ranks together could reach in float32, measured on all of them at once. Every rank calls it.
    func peakGigaflops() throws -> Double {
        try parts.communicator.barrier()
        let own = PeakRate.measure(Workers(count: placement.threads)) { Double(monotonicNanoseconds()) * 1e-9 }
        return try parts.communicator.sum([own])[0]
    }
}
