// `graft bench --suite loader`: how fast photographs become network input, and whether training ever waits for them.
import Collectives
import Execution
import Foundation
import Graphs
import ImageData
import PlanReports
import RunConfiguration
import Tensors
import Training

/// What a bench of the input pipeline found.
struct LoaderBenchResult: Encodable {
    let suite = "loader"
    let architecture: String
    let ranks: Int
    let photographs: Int
    let side: Int
    let decoding: String
    let precision: String
    /// Training views, over all ranks, each with one thread that does nothing else.
    let imagesPerSecond: Double
    /// Training views for each second of processor time: what a core of its own would make.
    let imagesPerSecondPerCore: Double
    /// The same for views as evaluation sees them.
    let evaluationImagesPerSecondPerCore: Double
    /// In the training loop with the config's loader threads.
    let trainingImagesPerSecond: Double
    /// The share of the steps' time that ranks waited for images.
    let dataWaitShare: Double
    let unreadable: Int

    var text: String {
        var table = TextTable([.left(""), .right(""), .left("")])
        func add(_ name: String, _ value: Double, _ decimals: Int, _ unit: String) {
            table.add([name, Readable.fixed(value, decimals), unit])
        }
        add("decode + augment, a core", imagesPerSecondPerCore, 0, "images/s")
        add("decode + evaluation's crop, a core", evaluationImagesPerSecondPerCore, 0, "images/s")
        add("decode + augment, all ranks", imagesPerSecond, 0, "images/s")
        add("training \(architecture), \(precision)", trainingImagesPerSecond, 1, "images/s")
        add("waiting for images", dataWaitShare * 100, 2, "% of a step")
        let head = "\(photographs) photographs to \(side) × \(side), \(decoding) decoding; \(ranks) rank\(ranks == 1 ? "" : "s")"
        return ([head] + table.lines()).joined(separator: "\n")
            + (unreadable > 0 ? "\n\(unreadable) photographs cannot be read" : "")
    }
}

/// Reads a config's photographs, alone and under the training loop.
struct LoaderBench {
    /// Photographs that each rank reads for a figure, at least; small sets are read several times.
    private static let minimumReads = 400
    private static let warmUpSteps = 2
    /// What `--synthetic` writes: photographs of ImageNet's usual size.
    private static let synthetic = (count: 64, width: 500, height: 375)

    private final class Recorder: TrainingObserver {
        var steps: [StepReport] = []
        func observe(_ event: TrainingEvent) {
            if case .step(let report) = event { steps.append(report) }
        }
    }

    /// Measures on `data.train`, or on photographs that it makes; nil but on rank 0. Every rank calls it.
    static func run(
        _ configuration: RunConfiguration, isSynthetic: Bool, steps: Int, _ communicator: any Communicator
    ) throws -> LoaderBenchResult? {
        guard isSynthetic else {
            return try measure(configuration, configuration.data.train, steps: steps, communicator)
        }
        let path = FileManager.default.temporaryDirectory.appending(path: "graft-bench-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try SyntheticPhotographs.write(
            synthetic.count, width: synthetic.width, height: synthetic.height, to: path, seed: UInt64(configuration.run.seed))
        var configuration = configuration
        // These are folders of classes, whatever the config's own photographs are.
        (configuration.data.labels, configuration.data.labelPattern) = (nil, nil)
        (configuration.data.group, configuration.data.exclude) = (nil, nil)
        return try measure(configuration, path, steps: steps, communicator)
    }

    private static func measure(
        _ configuration: RunConfiguration, _ path: String, steps: Int, _ communicator: any Communicator
    ) throws -> LoaderBenchResult? {
        var configuration = configuration
        configuration.data.train = path
        configuration.network.weights = "random"
        configuration.features.cache = .off
        let bench = try BenchRun(configuration, updates: steps + warmUpSteps, communicator)
        guard let folder = bench.preparation.data?.training else { preconditionFailure("the bench reads photographs") }
        var options = bench.preparation.loaderOptions(folder, capacity: bench.program.plan.capacity, .none)
        (options.threads, options.slots) = (0, 1)
        let evaluation = readAll(folder, options)
        options.decoding = configuration.data.trainingDecoding
        options.augmentation = configuration.data.augmentation.pipeline
        try communicator.barrier()
        let training = readAll(folder, options)
        // All ranks' figures, summed: images a second add up, processor seconds are averaged.
        let sums = try communicator.sum([training.wallRate, training.coreRate, evaluation.coreRate])
        let recorder = Recorder()
        try bench.run([recorder])
        guard communicator.isRoot else { return nil }
        let reports = recorder.steps.dropFirst(warmUpSteps)
        let seconds = reports.reduce(0) { $0 + $1.seconds }
        return LoaderBenchResult(
            architecture: bench.network.graph.name, ranks: communicator.size, photographs: folder.samples.count,
            side: options.preprocessing.crop, decoding: options.decoding.rawValue, precision: "\(bench.network.prefixPrecision)",
            imagesPerSecond: sums[0], imagesPerSecondPerCore: sums[1] / Double(communicator.size),
            evaluationImagesPerSecondPerCore: sums[2] / Double(communicator.size),
            trainingImagesPerSecond: Double(reports.reduce(0) { $0 + $1.images }) / seconds,
            dataWaitShare: reports.reduce(0) { $0 + $1.dataShare * $1.seconds } / seconds, unreadable: training.unreadable)
    }

    /// Reads every photograph on this thread, once to warm up what the system caches and then as often as it takes.
    private static func readAll(
        _ folder: ImageFolder, _ options: BatchLoader.Options
    ) -> (wallRate: Double, coreRate: Double, unreadable: Int) {
        let loader = BatchLoader(source: .folder(folder), options: options)
        let samples = Array(folder.samples.indices)
        let batches = stride(from: 0, to: samples.count, by: options.capacity).map {
            Array(samples[$0..<min($0 + options.capacity, samples.count)])
        }
        func pass(_ epoch: Int) {
            loader.begin(epoch: epoch, batches: batches)
            while loader.next() != nil {}
        }
        pass(0)
        let passes = (minimumReads + samples.count - 1) / samples.count
        let (wall, core) = (monotonicNanoseconds(), threadNanoseconds())
        for epoch in 1...passes { pass(epoch) }
        let images = Double(passes * samples.count) * 1e9
        return (
            images / Double(monotonicNanoseconds() - wall), images / Double(threadNanoseconds() - core),
            loader.unreadable.count { !$0.isUsed }
        )
    }

    /// Processor time of this thread.
    private static func threadNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
