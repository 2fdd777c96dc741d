// What benchmarks measure: the training loop of a config, over its own photographs and weights or over generated ones.
import Collectives
import Execution
import Foundation
import ImageData
import Kernels
import Optimization
import RunConfiguration
import Training

/// A loop that is ready to run, and the stage inside of it.
struct BenchRun {
    let preparation: Preparation
    let prepared: PreparedStage
    private let parts: Trainer.Parts

    var network: PlannedNetwork { prepared.network }
    var program: Program { prepared.replica.training }
    var communicator: any Communicator { preparation.communicator }

    /// Puts a loop of so many updates together. Every rank calls it.
    /// - Parameters:
    ///   - isSynthetic: random weights and generated batches, for configs whose files are not here.
    ///   - classes: outputs of the head where there are no photographs to tell.
    static func make(
        _ configuration: RunConfiguration, isSynthetic: Bool, classes: Int, updates: Int, _ communicator: any Communicator
    ) throws -> BenchRun {
        var configuration = configuration
        let isNamed = configuration.data.labels != nil || ShardNames.areMeant(by: configuration.data.train)
        guard isSynthetic || isNamed || FileManager.default.fileExists(atPath: configuration.data.train) else {
            throw UserError(
                "data.train: there is no folder \(configuration.data.train); name one with --set data.train=FOLDER, or measure generated input with --synthetic"
            )
        }
        if isSynthetic { configuration.network.weights = "random" }
        let images = configuration.training.batchSize * configuration.training.accumulation * updates
        let generated = SampleList(
            split: "synthetic", classes: (0..<classes).map { "class \($0)" }, paths: Array(repeating: "", count: images),
            labels: Array(repeating: 0, count: images))
        return try BenchRun(configuration, updates: updates, generated: isSynthetic ? generated : nil, communicator)
    }

    /// Only training is measured, and at a rate of nearly nothing: random weights must not diverge meanwhile.
    init(
        _ configuration: RunConfiguration, updates: Int, generated: SampleList? = nil, _ communicator: any Communicator
    ) throws {
        var configuration = configuration.phases[0]
        configuration.training.steps = updates
        configuration.training.epochs = updates
        configuration.evaluation.everyEpochs = updates
        configuration.data.validation = nil
        configuration.optimizer.learningRate = 1e-6
        configuration.schedule.finalRate = 0
        preparation = try Preparation(
            configuration, communicator, environment: ProcessInfo.processInfo.environment, generated: generated)
        var maker = StageMaker(preparation)
        prepared = try maker.make()
        parts = try preparation.trainerParts()
    }

    /// Trains, seen by observers.
    func run(_ observers: [any TrainingObserver]) throws {
        var parts = parts
        parts.observers = observers
        _ = try Trainer(parts, prepared.stage).run()
    }

    /// This rank's first batch, as a pass takes it.
    func firstInput() throws -> PassInput {
        let source = prepared.stage.source
        try source.order([Array(0..<min(program.plan.capacity, preparation.samples.count))], epoch: 0)
        let batch = try source.next()
        let entries = batch.features.isEmpty ? [UnsafeMutableRawPointer(mutating: batch.images)] : batch.features
        var input = PassInput(entries: entries, labels: batch.labels, count: batch.count)
        input.imageWeight = 1 / Float(max(1, batch.count))
        input.sampleIndices = batch.samples
        input.imageSums = RankSums(communicator)
        return input
    }

    /// GFLOP/s that all ranks together could reach in float32, measured on all of them at once. Every rank calls it.
    func peakGigaflops() throws -> Double {
        try communicator.barrier()
        let own = PeakRate.measure(Workers(count: preparation.placement.threads)) { Double(monotonicNanoseconds()) * 1e-9 }
        return try communicator.sum([own])[0]
    }
}
