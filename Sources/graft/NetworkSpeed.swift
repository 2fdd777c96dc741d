// How fast a network is on this machine.
import Execution
import Foundation
import Graphs
import Tensors

/// Measures prediction with weights of zeros: what kernels do does not depend on the values.
struct NetworkSpeed {
    let threads: Int
    /// Images at once.
    let batch: Int
    /// How long each network runs at least, besides the first run.
    let seconds: Double

    /// The median of at least three runs, in images a second. Throws `OneDNNError`.
    func imagesPerSecond(_ graph: Graph) throws -> Double {
        var request = PlanRequest(graph: graph, trainability: .frozen(graph), capacity: batch, exit: .logits)
        request.cacheBytes = PlanRequest.usualCacheBytes
        request.threads = threads
        let plan = Planner.plan(request)
        let store = ParameterStore(graph: graph, trainability: request.trainability, layout: .none)
        let program = try Program(plan, try ProgramResources(store: store, threads: threads, arenaBytes: plan.arenaBytes))
        let images = AlignedBuffer(floatCount: batch * graph.inputShape.count)
        images.floats.update(repeating: 1)
        let input = PassInput(entries: [images.base], count: batch)
        program.forward(input)
        var (runs, start) = ([Double](), ProcessInfo.processInfo.systemUptime)
        let end = start + seconds
        repeat {
            program.forward(input)
            let now = ProcessInfo.processInfo.systemUptime
            runs.append(now - start)
            start = now
        } while start < end || runs.count < 3
        return Double(batch) / runs.sorted()[runs.count / 2]
    }
}
