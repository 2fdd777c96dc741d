// Pass: activations that backward needs are given up after forward and computed again when it comes to them, part by part.
//
// Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016). What is kept is what one part hands to the next; the rest of a part
// lives twice, but never at the same time as another part's. Steps are repeated as they were, with the batch statistics that they took: the
// same numbers, bit for bit.
import Graphs

/// How much of what trains is computed again in backward.
package enum ComputeAgain: Sendable, Hashable {
    case nothing
    /// Whatever makes the arena smallest: nearly one more forward pass of what trains.
    case everything
    /// What trains is cut into at most so many parts.
    case parts(Int)
    /// No more than makes the arena take so many bytes, the cheapest parts first; everything where that is not enough.
    case within(arenaBytes: Int)
}

/// What trains, cut into parts.
struct ForwardParts {
    /// A part's steps, as a range of `row`, and what giving it up saves.
    private struct Part {
        let range: Range<Int>
        let bytes: Int
        let multiplyAccumulates: Int
    }

    /// A value that forward leaves for backward, by positions in `row`.
    private struct Kept {
        let value: Int
        let written: Int
        /// Where the last forward step is that needs it.
        let lastRead: Int
        let bytes: Int
    }

    private let steps: [PlanStep]
    private let values: [PlanValue]
    /// Forward steps of what trains, as indices of steps; the loss and what comes behind it are none.
    private let row: [Int]
    private let kept: [Kept]
    /// Those that can be given up, the most bytes for the least work first.
    private var parts: [Part] = []

    var count: Int { parts.count }

    /// Cuts as `wanted` says.
    init(_ steps: [PlanStep], _ values: [PlanValue], _ wanted: ComputeAgain) {
        self.steps = steps
        self.values = values
        row = steps.indices.filter { index in
            if case .loss = steps[index].operation { return false }
            return steps[index].region == .suffix && steps[index].phase == .forward
        }
        kept = Self.kept(steps, values, row)
        guard !kept.isEmpty else { return }
        let most: Int? = if case .parts(let count) = wanted { max(1, count) } else { nil }
        parts = cuts(most: most).compactMap { range in
            // Backward begins with the last part: giving it up would save nothing.
            guard range.upperBound < row.count else { return nil }
            let bytes = dropped(with: range).reduce(0) { $0 + $1.bytes }
            let work = range.reduce(0) { $0 + steps[row[$1]].multiplyAccumulates }
            return bytes > 0 ? Part(range: range, bytes: bytes, multiplyAccumulates: work) : nil
        }
        parts.sort { first, second in
            let (one, other) = (
                Double(first.bytes) * Double(second.multiplyAccumulates + 1),
                Double(second.bytes) * Double(first.multiplyAccumulates + 1)
            )
            return one != other ? one > other : first.range.lowerBound < second.range.lowerBound
        }
    }

    /// What need not be kept where a part is computed again: no other part's forward steps read it.
    private func dropped(with range: Range<Int>) -> [Kept] {
        kept.filter { range.contains($0.written) && $0.lastRead < range.upperBound }
    }

    private static func kept(_ steps: [PlanStep], _ values: [PlanValue], _ row: [Int]) -> [Kept] {
        let positions = Dictionary(uniqueKeysWithValues: row.enumerated().map { ($1, $0) })
        var (written, lastRead) = ([Int: Int](), [Int: Int]())
        var isNeeded: Set<Int> = []
        for (index, step) in steps.enumerated() {
            if let position = positions[index] {
                for value in step.writes { (written[value], lastRead[value]) = (position, position) }
                for value in step.reads { lastRead[value] = position }
            } else if step.phase == .forward {
                // The loss, or a frozen branch: it needs the value where it stands.
                for value in step.reads { lastRead[value] = row.count }
            } else {
                isNeeded.formUnion(step.reads)
            }
        }
        return written.filter { isNeeded.contains($0.key) }.map { value, position in
            Kept(value: value, written: position, lastRead: lastRead[value] ?? row.count, bytes: values[value].byteCount)
        }.sorted { ($0.written, $0.value) < ($1.written, $1.value) }
    }

    /// Where to cut: for many limits on what lives within one part the cheapest cuts are found, and of all these the ones with which what
    /// is handed on and the largest part take least together.
    private func cuts(most: Int?) -> [Range<Int>] {
        let inside = bytesInside()
        let limits = Set(inside.joined()).sorted()
        let tried = (0..<Self.triedLimits).map { limits[$0 * (limits.count - 1) / (Self.triedLimits - 1)] }
        let acrossCuts = bytesAcross()
        var best: (bytes: Int, ranges: [Range<Int>])?
        for limit in Set(tried).sorted() {
            guard let ranges = cheapestCuts(inside, acrossCuts, limit: limit), ranges.count <= most ?? .max else { continue }
            let handedOn = ranges.dropLast().reduce(0) { $0 + acrossCuts[$1.upperBound] }
            let largest = ranges.map { inside[$0.lowerBound][$0.upperBound - $0.lowerBound] }.max() ?? 0
            if handedOn + largest < best?.bytes ?? .max { best = (handedOn + largest, ranges) }
        }
        return best?.ranges ?? [0..<row.count]
    }

    private static let triedLimits = 64

    /// By first step and length, the bytes of values that no other part needs in forward.
    private func bytesInside() -> [[Int]] {
        var ending = row.map { _ in [Kept]() }
        for value in kept where value.lastRead < row.count { ending[value.lastRead].append(value) }
        return row.indices.map { start in
            var (sum, sums) = (0, [0])
            for end in start..<row.count {
                for value in ending[end] where value.written >= start { sum += value.bytes }
                sums.append(sum)
            }
            return sums
        }
    }

    /// The bytes of values that a cut before each step hands on.
    private func bytesAcross() -> [Int] {
        var sums = [Int](repeating: 0, count: row.count + 1)
        for value in kept where value.lastRead > value.written {
            for cut in value.written + 1...min(value.lastRead, row.count) { sums[cut] += value.bytes }
        }
        return sums
    }

    /// The cuts that hand on the least, with at most `limit` bytes inside any part; nil where one step has more.
    private func cheapestCuts(_ inside: [[Int]], _ across: [Int], limit: Int) -> [Range<Int>]? {
        var cost: [Int?] = [0] + row.map { _ in nil }
        var previous = [Int](repeating: 0, count: row.count + 1)
        for end in 1...row.count {
            for start in 0..<end {
                guard inside[start][end - start] <= limit, let before = cost[start] else { continue }
                let sum = before + (end < row.count ? across[end] : 0)
                if sum < cost[end] ?? .max { (cost[end], previous[end]) = (sum, start) }
            }
        }
        guard cost[row.count] != nil else { return nil }
        var (ranges, end) = ([Range<Int>](), row.count)
        while end > 0 {
            ranges.append(previous[end]..<end)
            end = previous[end]
        }
        return ranges.reversed()
    }

    /// The steps and values with the first `count` parts given up and computed again.
    func givingUp(_ count: Int) -> (steps: [PlanStep], values: [PlanValue]) {
        var values = values
        /// By the backward step that they come before.
        var repeated: [Int: [PlanStep]] = [:]
        var copies: [Int: Int] = [:]
        // Later parts are needed first.
        for part in parts.prefix(count).sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
            let dropped = Set(dropped(with: part.range).map(\.value))
            let handedOn = Set(kept.filter { $0.lastRead >= part.range.upperBound }.map(\.value))
            var needed = dropped
            let again = part.range.reversed().map { row[$0] }.filter { index in
                guard !needed.isDisjoint(with: steps[index].writes) else { return false }
                needed.formUnion(steps[index].reads.filter { !handedOn.contains($0) })
                return true
            }
            for index in again {
                for value in steps[index].writes {
                    copies[value] = values.count
                    values.append(values[value].copied(as: "\(values[value].name)·again"))
                }
            }
            let place = steps.indices.first { steps[$0].phase == .backward && !dropped.isDisjoint(with: steps[$0].reads) }
            guard let place else { continue }
            let inPart = Set(again.flatMap { steps[$0].writes })
            repeated[place, default: []] += again.reversed().map { index in
                steps[index].repeated(
                    reads: steps[index].reads.map { inPart.contains($0) ? copies[$0] ?? $0 : $0 },
                    writes: steps[index].writes.map { copies[$0] ?? $0 })
            }
            // What is handed on is still there: backward reads it where it stands.
            for value in inPart.subtracting(dropped) { copies[value] = nil }
        }
        var result: [PlanStep] = []
        for (index, step) in steps.enumerated() {
            result += repeated[index] ?? []
            result.append(step.phase == .backward ? step.reading { copies[$0] ?? $0 } : step)
        }
        return (result, values)
    }
}
