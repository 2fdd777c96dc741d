// `graft bench --suite train`: the real loop, without evaluation and checkpoints.
import Collectives
import Execution
import Files
import Foundation
import Graphs
import Kernels
import PlanReports
import Reporting
import RunConfiguration
import Tensors
import Training

/// What a bench of the loop found; medians over steps.
struct TrainBenchResult: Encodable {
    /// A region's part of a pass on rank 0.
    struct RegionTime: Encodable {
        let region: String
        let phase: String
        let milliseconds: Double
        let gigaflopsPerSecond: Double
        let shareOfPeak: Double
    }

    let suite = "train"
    let architecture: String
    /// What batches are made of.
    let input: String
    let unfrozen: [String]
    let batchNorm: String
    let ranks: Int
    let threads: Int
    let batchSize: Int
    /// The type that frozen layers compute in; where none is frozen, that of the trained ones.
    let precision: String
    let trainedPrecision: String
    let instructions: String
    let imagesPerSecond: Double
    let bestImagesPerSecond: Double
    let stepMilliseconds: Double
    /// Over all ranks.
    let gigaflopsPerSecond: Double
    /// Of all ranks in float32, measured before the run.
    let peakGigaflopsPerSecond: Double
    let shareOfPeak: Double
    let regions: [RegionTime]
    let dataWaitShare: Double
    let communicationShare: Double
    /// The share of the sums' time that backward hid, and of a step: what it hid and what it left to wait for. Nil for one rank.
    let communicationHiddenShare: Double?
    let communicationHiddenMilliseconds: Double
    let communicationExposedMilliseconds: Double
    let algorithm: String
    let compression: String
    let bucketBytes: Int
    /// Of rank 0.
    let peakMemoryBytes: Int
    /// From the start of rank 0's process to the end of its first step, the measurement of the peak left out.
    let firstStepSeconds: Double
}

/// Runs the loop for some steps and keeps their reports.
struct TrainBench {
    private final class Recorder: TrainingObserver {
        var steps: [StepReport] = []
        var firstStepEnd: Date?
        func observe(_ event: TrainingEvent) {
            guard case .step(let report) = event else { return }
            firstStepEnd = firstStepEnd ?? Date()
            steps.append(report)
        }
    }

    /// Steps that are not counted: first touches of memory, packing of frozen weights.
    private static let warmUpSteps = 2

    /// Measures; nil but on rank 0. Every rank calls it.
    /// - Parameter trace: where a timeline of all ranks' counted steps goes.
    static func run(
        _ configuration: RunConfiguration, isSynthetic: Bool, classes: Int, steps: Int, trace: String?,
        _ communicator: any Communicator
    ) throws -> TrainBenchResult? {
        let bench = try BenchRun.make(
            configuration, isSynthetic: isSynthetic, classes: classes, updates: steps + warmUpSteps, communicator)
        let peakStart = Date()
        let peak = try bench.peakGigaflops()
        let peakSeconds = Date().timeIntervalSince(peakStart)
        let recorder = Recorder()
        let watch = PlanStepRecorder(
            bench.program.plan, warmUpPasses: warmUpSteps * configuration.training.accumulation, keepsSpans: trace != nil)
        watch.watch(bench)
        // The barrier lets clocks of different hosts be laid over each other.
        try communicator.barrier()
        let origin = monotonicNanoseconds()
        try bench.run([recorder])
        if let trace { try write(watch.spans, to: trace, origin: origin, communicator) }
        guard communicator.isRoot else { return nil }
        let start = (recorder.firstStepEnd ?? Date()).timeIntervalSince(processStart()) - peakSeconds
        return result(
            configuration, bench, Array(recorder.steps.dropFirst(warmUpSteps)), watch.milliseconds, peak: peak,
            firstStepSeconds: start)
    }

    private static func result(
        _ configuration: RunConfiguration, _ bench: BenchRun, _ measured: [StepReport], _ milliseconds: [Double], peak: Double,
        firstStepSeconds: Double
    ) -> TrainBenchResult {
        let (plan, communicator) = (bench.program.plan, bench.communicator)
        let rates = measured.map(\.imagesPerSecond).sorted()
        let perImage = 2e-9 * Double(plan.steps.reduce(0) { $0 + $1.multiplyAccumulates })
        let hasPrefix = plan.steps.contains { $0.region == .prefix && $0.multiplyAccumulates > 0 }
        return TrainBenchResult(
            architecture: bench.network.graph.name, input: bench.prepared.input, unfrozen: bench.network.unfrozen,
            batchNorm: configuration.network.batchNorm.rawValue, ranks: communicator.size,
            threads: bench.preparation.placement.threads,
            batchSize: configuration.training.batchSize,
            precision: (hasPrefix ? bench.network.prefixPrecision : bench.network.suffixPrecision).rawValue,
            trainedPrecision: bench.network.suffixPrecision.rawValue, instructions: Instructions.summary,
            imagesPerSecond: median(rates),
            bestImagesPerSecond: rates.last ?? 0, stepMilliseconds: 1000 * median(measured.map(\.seconds)),
            gigaflopsPerSecond: perImage * median(rates), peakGigaflopsPerSecond: peak,
            shareOfPeak: perImage * median(rates) / peak,
            regions: regions(plan, milliseconds, peak: peak / Double(communicator.size)),
            dataWaitShare: median(measured.map(\.dataShare)), communicationShare: median(measured.map(\.communicationShare)),
            communicationHiddenShare: communicator.size > 1 ? median(measured.compactMap(\.hiddenShare)) : nil,
            communicationHiddenMilliseconds: 1000 * median(measured.map(\.hiddenCommunicationSeconds)),
            communicationExposedMilliseconds: 1000 * median(measured.map(\.exposedCommunicationSeconds)),
            algorithm: communicator.algorithm.rawValue, compression: configuration.communication.compression.rawValue,
            bucketBytes: bench.prepared.communication.bucketBytes, peakMemoryBytes: peakMemoryBytes(),
            firstStepSeconds: firstStepSeconds)
    }

    private static func regions(_ plan: Plan, _ milliseconds: [Double], peak: Double) -> [TrainBenchResult.RegionTime] {
        PlanStep.Phase.allCases.flatMap { phase in Region.allCases.map { ($0, phase) } }.compactMap { region, phase in
            let steps = plan.steps.indices.filter { plan.steps[$0].region == region && plan.steps[$0].phase == phase }
            guard !steps.isEmpty else { return nil }
            let time = steps.reduce(0) { $0 + milliseconds[$1] }
            let work = 2e-9 * Double(steps.reduce(0) { $0 + plan.steps[$1].multiplyAccumulates } * plan.capacity)
            let rate = time > 0 ? work / time * 1000 : 0
            return TrainBenchResult.RegionTime(
                region: region.rawValue, phase: phase.rawValue, milliseconds: time, gigaflopsPerSecond: rate,
                shareOfPeak: rate / peak)
        }
    }

    /// Rank 0 writes what all ranks recorded.
    private static func write(
        _ spans: [TraceSpan], to path: String, origin: UInt64, _ communicator: any Communicator
    ) throws {
        let own = RankTrace(rank: communicator.rank, host: communicator.hostName, origin: origin, spans: spans)
        let all = try communicator.gather([UInt8](try JSONEncoder().encode(own)))
        guard communicator.isRoot else { return }
        let traces = try all.map { try JSONDecoder().decode(RankTrace.self, from: Data($0)) }
        try AtomicFile.write([UInt8](try ChromeTrace.json(traces)), to: path)
    }
}

extension TrainBenchResult {
    /// A table for people.
    var text: String {
        func percent(_ share: Double) -> String { Readable.fixed(100 * share, 1) + " %" }
        var facts = TextTable([.left(""), .right(""), .left("")])
        facts.add([
            "images a second", Readable.fixed(imagesPerSecond, 1),
            "best \(Readable.fixed(bestImagesPerSecond, 1)); \(batchSize) images a step over \(ranks) × \(threads) threads",
        ])
        facts.add(["step", Readable.fixed(stepMilliseconds, 1) + " ms", "\(architecture), \(input), \(types)"])
        facts.add([
            "GFLOP/s", Readable.fixed(gigaflopsPerSecond, 0),
            "\(percent(shareOfPeak)) of the float32 peak, \(Readable.fixed(peakGigaflopsPerSecond, 0))",
        ])
        facts.add(["waiting for data", percent(dataWaitShare)])
        if let communicationHiddenShare {
            facts.add([
                "waiting for sums", percent(communicationShare),
                "by \(algorithm); \(percent(communicationHiddenShare)) of their time hidden behind backward",
            ])
        }
        facts.add(["instructions", "", instructions])
        facts.add(["memory", Readable.bytes(peakMemoryBytes), "rank 0 at its peak"])
        facts.add(["first step", Readable.fixed(firstStepSeconds, 2) + " s", "after rank 0's process began"])
        var table = TextTable([.left("region"), .right("ms"), .right("GFLOP/s"), .right("of peak")])
        for region in regions {
            table.add([
                "\(region.region) \(region.phase)", Readable.fixed(region.milliseconds, 1),
                Readable.fixed(region.gigaflopsPerSecond, 0), percent(region.shareOfPeak),
            ])
        }
        return (facts.lines() + ["", "A pass of rank 0:"] + table.lines(indent: 2)).joined(separator: "\n")
    }

    private var types: String { precision == trainedPrecision ? precision : "\(precision), trained layers \(trainedPrecision)" }
}

/// The most memory that this process has held, in bytes.
func peakMemoryBytes() -> Int {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss * 1024
}

/// When this process began, to a hundredth of a second.
func processStart() -> Date {
    // Field 22 of proc_pid_stat(5): ticks after the system's start; fields are counted behind the name, which may hold anything.
    let text = (try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8)) ?? ""
    let fields = text.suffix(from: text.lastIndex(of: ")") ?? text.startIndex).split(separator: " ")
    guard fields.count > 20, let ticks = Double(fields[20]) else { return Date() }
    var now = timespec()
    clock_gettime(CLOCK_BOOTTIME, &now)
    let age = Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9 - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    return Date(timeIntervalSinceNow: -age)
}
