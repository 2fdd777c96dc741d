// `graft bench --suite plan`: where the time of one training pass goes, step by step.
import Collectives
import Execution
import Foundation
import Graphs
import Kernels
import RunConfiguration
import Tensors
import Training

/// One kind of work in a pass, added up.
struct PlanBenchRow: Encodable {
    let region: String
    let phase: String
    let work: String
    var steps = 0
    var milliseconds = 0.0
    var gigaflops = 0.0

    /// GFLOP/s; 0 for work that is not counted in FLOPs.
    var rate: Double { milliseconds > 0 ? gigaflops / milliseconds * 1000 : 0 }
}

/// Times every step of the plan.
struct PlanBench {
    /// One step's median time.
    struct StepTime: Encodable {
        let name: String
        let region: String
        let phase: String
        let work: String
        let implementation: String
        let milliseconds: Double
        let gigaflops: Double
    }

    static func run(
        _ configuration: RunConfiguration, classes: Int, repetitions: Int, _ communicator: any Communicator
    ) throws -> [StepTime] {
        let bench = try BenchReplica(configuration, classes: classes, communicator)
        bench.source.order([Array(0..<bench.plan.capacity)], epoch: 0)
        let batch = bench.source.next()
        var input = StepInput(
            entries: [UnsafeMutableRawPointer(mutating: batch.images)], labels: batch.labels, count: batch.count)
        input.imageWeight = 1 / Float(batch.count)
        input.sampleIndices = batch.samples
        let clock = { Double(monotonicNanoseconds()) * 1e-6 }
        _ = bench.program.timeSteps(input, clock: clock)
        let runs = (0..<repetitions).map { _ in bench.program.timeSteps(input, clock: clock) }
        return bench.plan.steps.indices.map { index in
            let step = bench.plan.steps[index]
            return StepTime(
                name: step.name, region: step.region.rawValue, phase: step.phase.rawValue, work: step.action.kind,
                implementation: bench.program.implementations[index], milliseconds: median(runs.map { $0[index] }),
                gigaflops: 2e-9 * Double(step.multiplyAccumulates * bench.plan.capacity))
        }
    }

    /// Sums by region, phase and kind, the most costly first.
    static func summary(_ times: [StepTime]) -> [PlanBenchRow] {
        var rows: [String: PlanBenchRow] = [:]
        for time in times {
            var row =
                rows["\(time.region) \(time.phase) \(time.work)"]
                ?? PlanBenchRow(region: time.region, phase: time.phase, work: time.work)
            row.steps += 1
            row.milliseconds += time.milliseconds
            row.gigaflops += time.gigaflops
            rows["\(time.region) \(time.phase) \(time.work)"] = row
        }
        return rows.values.sorted { $0.milliseconds > $1.milliseconds }
    }
}

extension Action {
    /// The kind of work, for sums over steps.
    var kind: String {
        switch self {
        case .convolution(let step, _, _, _, _), .convolutionBackwardData(let step, _, _, _),
            .convolutionBackwardWeights(let step, _, _, _):
            let shape = step.groups == 1 ? "" : step.groups == step.source[2] ? "depthwise " : "grouped "
            let part =
                switch self {
                case .convolutionBackwardData: " data gradient"
                case .convolutionBackwardWeights: " weight gradient"
                default: ""
                }
            return "\(shape)\(step.window.height)×\(step.window.width) convolution\(part)"
        case .norm: return "batch norm"
        case .normBackward: return "batch norm gradient"
        case .linear: return "linear"
        case .linearBackwardData, .linearBackwardWeights: return "linear gradient"
        case .pool, .adaptiveAverage: return "pooling"
        case .poolBackward, .adaptiveAverageBackward: return "pooling gradient"
        case .activation: return "activation"
        case .add: return "add"
        case .combineGradients: return "gradient sums and masks"
        case .gate, .gateBackward: return "gate"
        case .concatenate, .slice, .transpose, .convert: return "copies"
        case .dropout: return "dropout"
        case .responseNorm, .responseNormBackward: return "local response norm"
        case .loss: return "loss"
        }
    }
}
