// `graft bench --suite plan` and `--suite kernels`: where the time of one training pass goes, step by step and kernel by kernel.
import Collectives
import Execution
import Foundation
import Graphs
import Kernels
import PlanReports
import RunConfiguration
import Tensors
import Training

/// What every step of one rank's training pass takes.
struct PlanBench: Encodable {
    /// One step's time: the median over passes, or the least of a row of runs.
    struct StepTime: Encodable {
        let name: String
        let region: String
        let phase: String
        let work: String
        let implementation: String
        let milliseconds: Double
        /// 10⁹ floating-point operations of the whole pass; 0 for work that is not counted in them.
        let gigaflops: Double
        /// Of this rank's float32 peak.
        let shareOfPeak: Double
    }

    /// One kind of work in a pass, added up.
    struct Row: Encodable {
        let region: String
        let phase: String
        let work: String
        var steps = 0
        var milliseconds = 0.0
        var gigaflops = 0.0
        /// GFLOP/s; 0 for work that is not counted in FLOPs.
        var rate: Double { milliseconds > 0 ? gigaflops / milliseconds * 1000 : 0 }
    }

    let suite: String
    let architecture: String
    let batchSize: Int
    let threads: Int
    let precision: String
    let instructions: String
    let peakGigaflopsPerSecond: Double
    let totalMilliseconds: Double
    let steps: [StepTime]

    /// Measures rank 0's pass while all ranks do the same. Every rank calls it.
    /// - Parameter alone: each step many times in a row instead of in its place among the others.
    init(
        _ configuration: RunConfiguration, isSynthetic: Bool, classes: Int, repetitions: Int, alone: Bool,
        _ communicator: any Communicator
    ) throws {
        let bench = try BenchRun.make(configuration, isSynthetic: isSynthetic, classes: classes, updates: 1, communicator)
        let peak = try bench.peakGigaflops() / Double(communicator.size)
        let input = try bench.firstInput()
        let (program, plan) = (bench.program, bench.program.plan)
        let clock = { Double(monotonicNanoseconds()) * 1e-6 }
        _ = program.timePlanSteps(input, clock: clock)
        let runs =
            alone
            ? [program.timePlanSteps(input, repetitions: repetitions, clock: clock)]
            : (0..<repetitions).map { _ in program.timePlanSteps(input, clock: clock) }
        steps = plan.steps.indices.map { index in
            let step = plan.steps[index]
            let milliseconds = median(runs.map { $0[index] })
            let gigaflops = 2e-9 * Double(step.multiplyAccumulates * plan.capacity)
            return StepTime(
                name: step.name, region: step.region.rawValue, phase: step.phase.rawValue, work: step.kind,
                implementation: program.implementations[index], milliseconds: milliseconds, gigaflops: gigaflops,
                shareOfPeak: gigaflops / milliseconds * 1000 / peak)
        }
        suite = alone ? "kernels" : "plan"
        architecture = bench.network.graph.name
        batchSize = plan.capacity
        threads = bench.preparation.placement.threads
        precision = bench.network.prefixPrecision.rawValue
        instructions = Instructions.summary
        peakGigaflopsPerSecond = peak
        totalMilliseconds = steps.reduce(0) { $0 + $1.milliseconds }
    }

    /// Sums by region, phase and kind, the most costly first.
    var summary: [Row] {
        var rows: [String: Row] = [:]
        for time in steps {
            let key = "\(time.region) \(time.phase) \(time.work)"
            var row = rows[key] ?? Row(region: time.region, phase: time.phase, work: time.work)
            row.steps += 1
            row.milliseconds += time.milliseconds
            row.gigaflops += time.gigaflops
            rows[key] = row
        }
        return rows.values.sorted { ($0.milliseconds, $1.region) > ($1.milliseconds, $0.region) }
    }

    /// A table for people: sums over kinds of work, or every step.
    func text(all: Bool) -> String {
        func rate(_ gigaflops: Double, _ milliseconds: Double) -> [String] {
            guard gigaflops > 0, milliseconds > 0 else { return ["", ""] }
            let rate = gigaflops / milliseconds * 1000
            return [Readable.fixed(rate, 0), Readable.fixed(100 * rate / peakGigaflopsPerSecond, 0) + " %"]
        }
        var table: TextTable
        if all {
            table = TextTable([
                .left("region"), .left("phase"), .left("step"), .left("work"), .right("ms"), .right("GFLOP/s"), .right("of peak"),
                .left("implementation"),
            ])
            for step in steps {
                table.add(
                    [step.region, step.phase, step.name, step.work, Readable.fixed(step.milliseconds, 3)]
                        + rate(step.gigaflops, step.milliseconds) + [step.implementation])
            }
        } else {
            table = TextTable([
                .left("region"), .left("phase"), .left("work"), .right("steps"), .right("ms"), .right("share"), .right("GFLOP/s"),
                .right("of peak"),
            ])
            for row in summary {
                table.add(
                    [
                        row.region, row.phase, row.work, "\(row.steps)", Readable.fixed(row.milliseconds, 2),
                        Readable.fixed(100 * row.milliseconds / totalMilliseconds, 1) + " %",
                    ] + rate(row.gigaflops, row.milliseconds))
            }
        }
        let total =
            "\(batchSize) images on \(threads) thread\(threads == 1 ? "" : "s"): \(Readable.fixed(totalMilliseconds, 1)) ms; "
            + "float32 peak \(Readable.fixed(peakGigaflopsPerSecond, 0)) GFLOP/s; \(instructions)"
        return (table.lines() + [total]).joined(separator: "\n")
    }
}
