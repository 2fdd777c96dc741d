// The planner: the passes, one after the other.
import Graphs

/// Turns a request into a plan. A pure function: the same request gives the same plan on every rank.
package enum Planner {
    package static func plan(_ request: PlanRequest) -> Plan {
        let regions =
            request.watched.map { Regions(request.graph, behind: $0) } ?? Regions(request.graph, request.trainability)
        let live = pruneUnreachable(request, regions)
        let folded = foldNorms(request, live)
        let tails = fuseEpilogues(request, regions, live, folded: folded)
        var lowering = Lowering(request, regions, live, tails)
        lowering.lowerForward(folded: folded, tails: tails)
        let sensitivity = request.goesBack ? lowering.lowerBackward() : nil
        var steps = lowering.steps
        chooseKernels(&steps, lowering.values, request)
        let exits = live.exits.map { lowering.value(of: $0) } + (sensitivity.map { [$0] } ?? [])
        let boundary = Set(regions.boundary.compactMap { lowering.valueOfNode[live.standIn[$0]] })
        func finish(_ steps: [PlanStep], _ values: [PlanValue]) -> Plan {
            var values = values
            let (layout, completed) = layOutGradients(steps, request.graph)
            let chunks = chunkImages(&values, steps, request, callers: Set(lowering.entryValues + exits))
            let arenaBytes = packArena(&values, steps, chunks, entries: lowering.entryValues, kept: exits, boundary: boundary)
            return Plan(
                graph: request.graph, trainability: request.trainability, regions: regions, capacity: request.capacity,
                entry: request.entry, exit: request.exit, steps: steps, chunks: chunks, values: values,
                layout: layout, completedGradients: completed, entryValues: lowering.entryValues,
                exitValues: exits, arenaBytes: arenaBytes)
        }
        guard request.exit == .loss, request.again != .nothing else { return finish(steps, lowering.values) }
        return computeAgain(steps, lowering.values, request.again, finish)
    }

    /// The plan with as much given up as is wanted.
    private static func computeAgain(
        _ steps: [PlanStep], _ values: [PlanValue], _ wanted: ComputeAgain, _ finish: ([PlanStep], [PlanValue]) -> Plan
    ) -> Plan {
        let kept = finish(steps, values)
        if case .within(let bytes) = wanted, kept.arenaBytes <= bytes { return kept }
        let parts = ForwardParts(steps, values, wanted)
        func plan(_ count: Int) -> Plan {
            let (steps, values) = parts.givingUp(count)
            return finish(steps, values)
        }
        let all = plan(parts.count)
        guard case .within(let bytes) = wanted, all.arenaBytes <= bytes else {
            return all.arenaBytes < kept.arenaBytes ? all : kept
        }
        // The fewest parts that are enough: more of them never take more memory, or hardly.
        var (tooFew, enough) = (0, (count: parts.count, plan: all))
        while enough.count - tooFew > 1 {
            let middle = (tooFew + enough.count) / 2
            let tried = plan(middle)
            if tried.arenaBytes <= bytes { enough = (middle, tried) } else { tooFew = middle }
        }
        return enough.plan
    }
}
