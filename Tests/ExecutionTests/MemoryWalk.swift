// Walks through a plan as a program would, keeping book of which value each byte of the arena holds.
import Execution
import PlanReports

/// What a walk finds wrong; nothing in a good plan.
struct MemoryWalk {
    private(set) var problems: [String] = []
    private let plan: Plan
    /// The bytes of each value; nil for entries, which lie elsewhere.
    private let bytes: [Range<Int>?]
    /// Values whose bytes are as they were written, ascending by place: they never overlap.
    private var intact: [(value: Int, bytes: Range<Int>)] = []

    init(_ plan: Plan) {
        self.plan = plan
        bytes = plan.values.map { value in
            guard case .arena(let offset) = value.place else { return nil }
            return offset..<offset + value.byteCount
        }
        for chunk in plan.chunks {
            // What a chunk finds when it starts again tells whether it has left its operands alone.
            for _ in 0..<(chunk.images < plan.capacity ? 2 : 1) { for number in chunk.steps { walk(number) } }
        }
        for value in plan.exitValues where !isIntact(value) { problems.append("the exit \(name(value)) is not there") }
    }

    private mutating func walk(_ number: Int) {
        let step = plan.steps[number]
        for value in step.reads where !isIntact(value) {
            problems.append("step \(number) (\(step.name), \(step.words)) reads \(name(value)), which is not there")
        }
        checkOverlaps(step, number)
        for value in step.writes { write(value, number) }
    }

    /// A step may write over an operand only where it says so and the sizes are equal, and over nothing else that it touches.
    private mutating func checkOverlaps(_ step: PlanStep, _ number: Int) {
        let (reads, writes) = (step.reads, step.writes)
        for (index, written) in writes.enumerated() {
            for other in writes[(index + 1)...] where overlap(written, other) {
                problems.append("step \(number) writes \(name(written)) and \(name(other)) into the same bytes")
            }
            for operand in reads where overlap(written, operand) {
                let isIntended =
                    index == 0 && step.mayOverwrite.contains(operand) && bytes[written] == bytes[operand]
                    && reads.filter { $0 == operand }.count == 1
                if !isIntended { problems.append("step \(number) (\(step.words)) writes over its operand \(name(operand))") }
            }
        }
    }

    private mutating func write(_ value: Int, _ number: Int) {
        guard let range = bytes[value] else { return problems.append("step \(number) writes the entry \(name(value))") }
        if range.upperBound > plan.arenaBytes || range.lowerBound % 64 != 0 {
            problems.append("\(name(value)) does not lie within the arena, or not on a cache line")
        }
        let first = firstIndex(endingAfter: range.lowerBound)
        let last = intact[first...].firstIndex { $0.bytes.lowerBound >= range.upperBound } ?? intact.count
        intact.replaceSubrange(first..<last, with: [(value, range)])
    }

    private func isIntact(_ value: Int) -> Bool {
        guard let range = bytes[value] else { return plan.entryValues.contains(value) }
        let index = firstIndex(endingAfter: range.lowerBound)
        return index < intact.count && intact[index].value == value
    }

    private func firstIndex(endingAfter offset: Int) -> Int {
        var (low, high) = (0, intact.count)
        while low < high {
            let middle = (low + high) / 2
            if intact[middle].bytes.upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func overlap(_ first: Int, _ second: Int) -> Bool {
        guard let first = bytes[first], let second = bytes[second] else { return false }
        return first.overlaps(second)
    }

    private func name(_ value: Int) -> String { "'\(plan.values[value].name)'" }
}
