// The planner: the passes, one after the other.
import Graphs

/// Turns a request into a plan. A pure function: the same request gives the same plan on every rank.
package enum Planner {
    package static func plan(_ request: PlanRequest) -> Plan {
        let regions = Regions(request.graph, request.trainability)
        let live = pruneUnreachable(request, regions)
        let folded = foldNorms(request, live)
        let tails = fuseEpilogues(request, regions, live, folded: folded)
        var lowering = Lowering(request, regions, live, tails)
        lowering.lowerForward(folded: folded, tails: tails)
        if request.exit == .loss { lowering.lowerBackward() }
        var (steps, values) = (lowering.steps, lowering.values)
        chooseKernels(&steps, values, request)
        let (layout, completed) = layOutGradients(steps, request.graph)
        let exits = live.exits.map { lowering.value(of: $0) }
        let boundary = Set(regions.boundary.compactMap { lowering.valueOfNode[live.standIn[$0]] })
        let chunks = chunkImages(&values, steps, request, callers: Set(lowering.entryValues + exits))
        let arenaBytes = packArena(&values, steps, chunks, entries: lowering.entryValues, kept: exits, boundary: boundary)
        return Plan(
            graph: request.graph, trainability: request.trainability, regions: regions, capacity: request.capacity,
            entry: request.entry, exit: request.exit, steps: steps, chunks: chunks, values: values,
            layout: layout, completedGradients: completed, entryValues: lowering.entryValues,
            exitValues: exits, arenaBytes: arenaBytes)
    }
}
