// Pass: one block of memory for all values. Forward and backward share one timeline; values that never live at the same time may share
// bytes.
import Graphs
import Tensors

/// Values that share memory because one takes over another's, with the steps from the first write to the last read.
private struct Tenant {
    var values: [Int]
    var byteCount: Int
    var lifetime: ClosedRange<Int>
}

/// Fills in `lifetime` and `place` of every value; returns the arena's size. `kept` are values that the caller reads after the run.
///
/// Values at the `boundary` are not written over in place: where they are a plan's entry they belong to the caller, and a kernel that
/// adds in place rounds differently from one that does not, so that training from cached features would not be the same training.
func packArena(
    _ values: inout [PlanValue], _ steps: [PlanStep], _ chunks: [PlanChunk], entries: [Int], kept: [Int], boundary: Set<Int> = []
) -> Int {
    measureLifetimes(&values, steps, entries: entries, kept: kept)
    for chunk in chunks { stretchLifetimes(&values, over: chunk) }
    let tenants = joinInPlace(values, steps, chunks, entries: Set(entries), boundary: boundary)
    var placed: [(tenant: Tenant, offset: Int)] = []
    var arenaBytes = 0
    // Largest first, each at the lowest offset that is free during its life (the greedy-by-size heuristic of memory planners).
    for tenant in tenants.sorted(by: { ($0.byteCount, $1.values[0]) > ($1.byteCount, $0.values[0]) }) {
        let offset = lowestFreeOffset(for: tenant, among: placed)
        placed.insert((tenant, offset), at: insertionIndex(for: offset, in: placed))
        arenaBytes = max(arenaBytes, offset + tenant.byteCount)
        for value in tenant.values { values[value].place = .arena(offset) }
    }
    return arenaBytes
}

private func measureLifetimes(_ values: inout [PlanValue], _ steps: [PlanStep], entries: [Int], kept: [Int]) {
    var first: [Int: Int] = [:]
    var last: [Int: Int] = [:]
    for (index, step) in steps.enumerated() {
        for value in step.writes { first[value] = first[value] ?? index }
        for value in step.reads + step.writes { last[value] = index }
    }
    for value in values.indices {
        let start = entries.contains(value) ? 0 : first[value] ?? 0
        let end = kept.contains(value) ? steps.count : last[value] ?? start
        values[value].lifetime = start...max(start, end)
    }
}

/// What a chunk shares with other steps lives while the chunk goes over its images, whichever of its steps needs it.
private func stretchLifetimes(_ values: inout [PlanValue], over chunk: PlanChunk) {
    let steps = chunk.steps.lowerBound...chunk.steps.upperBound - 1
    for index in values.indices where values[index].images != chunk.images && values[index].lifetime.overlaps(steps) {
        let life = values[index].lifetime
        values[index].lifetime = min(life.lowerBound, steps.lowerBound)...max(life.upperBound, steps.upperBound)
    }
}

/// Joins a step's result with an operand that dies in that step, where the step allows it.
///
/// A chunk writes over nothing that it shares with other steps: its last images may be some that it has been over already.
private func joinInPlace(
    _ values: [PlanValue], _ steps: [PlanStep], _ chunks: [PlanChunk], entries: Set<Int>, boundary: Set<Int>
) -> [Tenant] {
    let images = chunks.flatMap { chunk in chunk.steps.map { _ in chunk.images } }
    var tenants: [Tenant?] = values.map { _ in nil }
    var home = Array(values.indices)
    for (index, value) in values.enumerated() where !entries.contains(index) {
        tenants[index] = Tenant(values: [index], byteCount: (value.byteCount + 63) / 64 * 64, lifetime: value.lifetime)
    }
    for (index, step) in steps.enumerated() {
        guard let result = step.writes.first else { continue }
        let operands = step.reads
        let candidate = step.mayOverwrite.first { operand in
            guard !boundary.contains(operand), let tenant = tenants[home[operand]] else { return false }
            return tenant.lifetime.upperBound == index && values[operand].byteCount == values[result].byteCount
                && values[operand].images == images[index]
                && operands.filter { home[$0] == home[operand] }.count == 1
        }
        guard let candidate, var tenant = tenants[home[candidate]], let joining = tenants[home[result]], home[result] == result,
            joining.values == [result]
        else { continue }
        tenant.values.append(result)
        tenant.lifetime = tenant.lifetime.lowerBound...joining.lifetime.upperBound
        tenants[home[candidate]] = tenant
        tenants[result] = nil
        home[result] = home[candidate]
    }
    return tenants.compactMap { $0 }
}

/// `placed` ascends by offset.
private func lowestFreeOffset(for tenant: Tenant, among placed: [(tenant: Tenant, offset: Int)]) -> Int {
    var offset = 0
    for neighbour in placed where neighbour.tenant.lifetime.overlaps(tenant.lifetime) {
        if offset + tenant.byteCount <= neighbour.offset { break }
        offset = max(offset, neighbour.offset + neighbour.tenant.byteCount)
    }
    return offset
}

/// Where a tenant at `offset` belongs in a list that ascends by offset.
private func insertionIndex(for offset: Int, in placed: [(tenant: Tenant, offset: Int)]) -> Int {
    var (low, high) = (0, placed.count)
    while low < high {
        let middle = (low + high) / 2
        if placed[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    return low
}
