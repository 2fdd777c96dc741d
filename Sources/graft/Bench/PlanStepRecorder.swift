// Where the time of training passes goes: sums over the steps of the plan, and spans for a trace.
import Collectives
import Execution
import Foundation
import Graphs
import ImageData
import PlanReports
import Reporting
import Synchronization
import Training

/// Watches a rank's program, loader and sums. Steps are counted once the passes to warm up are over.
final class PlanStepRecorder: Sendable {
    private struct State {
        var passes = 0
        var begin: UInt64 = 0
        /// Nanoseconds of each step, over all counted passes.
        var nanoseconds: [UInt64]
        var spans: [TraceSpan] = []
        var reading: [Int: UInt64] = [:]
    }

    private let state: Mutex<State>
    private let names: [(name: String, category: String)]
    private let warmUpPasses: Int
    private let keepsSpans: Bool

    init(_ plan: Plan, warmUpPasses: Int, keepsSpans: Bool) {
        names = plan.steps.map { ($0.name, "\($0.region.rawValue) \($0.phase.rawValue), \($0.kind)") }
        state = Mutex(State(nanoseconds: Array(repeating: 0, count: plan.steps.count)))
        self.warmUpPasses = warmUpPasses
        self.keepsSpans = keepsSpans
    }

    /// Begins to watch a run.
    func watch(_ run: BenchRun) {
        run.program.watch = { [self] moment, step in note(moment, step) }
        guard keepsSpans else { return }
        run.communicator.watchSums { [self] sum in
            add(TraceSpan(track: .sums, name: "sum of \(sum.bytes / 1000) kB", category: "sum", start: sum.start, end: sum.end))
        }
        (run.prepared.stage.source as? LoaderSource)?.watch { [self] moment in note(moment) }
    }

    /// Milliseconds of each step in a pass, on average.
    var milliseconds: [Double] {
        state.withLock { state in
            let passes = max(1, state.passes - warmUpPasses)
            return state.nanoseconds.map { Double($0) * 1e-6 / Double(passes) }
        }
    }

    var spans: [TraceSpan] { state.withLock { $0.spans } }

    private func note(_ moment: PlanStepMoment, _ step: Int) {
        let now = monotonicNanoseconds()
        state.withLock { state in
            switch moment {
            case .begins: state.begin = now
            case .ends:
                // The last step of a training pass is in no chunk: it ends once.
                defer { if step == names.count - 1 { state.passes += 1 } }
                guard state.passes >= warmUpPasses else { return }
                state.nanoseconds[step] += now - state.begin
                guard keepsSpans else { return }
                state.spans.append(
                    TraceSpan(
                        track: .compute, name: names[step].name, category: names[step].category, start: state.begin, end: now))
            }
        }
    }

    private func note(_ moment: ReadMoment) {
        let now = monotonicNanoseconds()
        state.withLock { state in
            switch moment {
            case .begins(_, let thread): state.reading[thread] = now
            case .ends(let sample, let thread):
                guard state.passes >= warmUpPasses, let begin = state.reading[thread] else { return }
                state.spans.append(
                    TraceSpan(track: .loader(thread), name: "image \(sample)", category: "loader", start: begin, end: now))
            }
        }
    }

    private func add(_ span: TraceSpan) {
        state.withLock { if $0.passes >= warmUpPasses { $0.spans.append(span) } }
    }
}
