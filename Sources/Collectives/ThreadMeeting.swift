// Where the ranks of a ThreadGroup meet: the last to arrive does the work for all, in rank order.
import Foundation

/// What one rank brings to a collective. The memory behind the pointers stays valid until the collective is complete.
enum Contribution: @unchecked Sendable {
    // Sendable because a rank leaves its memory alone from its arrival to the completion, and the meeting's lock separates the two.
    case floats(UnsafeMutableBufferPointer<Float>)
    case doubles(UnsafeMutableBufferPointer<Double>)
    case broadcast(UnsafeMutableRawBufferPointer, root: Int)
    case gather([UInt8])
    case barrier

    /// What must be the same on all ranks.
    var shape: String {
        switch self {
        case .floats(let values): "sums \(values.count) floats"
        case .doubles(let values): "sums \(values.count) doubles"
        case .broadcast(let bytes, let root): "broadcasts \(bytes.count) bytes from rank \(root)"
        case .gather: "gathers"
        case .barrier: "waits at a barrier"
        }
    }
}

/// The state that the ranks of one group share.
final class ThreadMeeting: @unchecked Sendable {
    // Sendable because `condition` guards every stored variable.
    private let size: Int
    private let condition = NSCondition()
    private var open: [Int: Meeting] = [:]
    private var failure: CollectiveError?

    private struct Meeting {
        var contributions: [Contribution?]
        var isComplete = false
        var leavers = 0
    }

    init(size: Int) { self.size = size }

    /// Brings a rank's part of collective number `order`; completes the collective if it is the last.
    func arrive(rank: Int, order: Int, with contribution: Contribution) throws {
        condition.lock()
        defer { condition.unlock() }
        if let failure { throw failure }
        var meeting = open[order] ?? Meeting(contributions: Array(repeating: nil, count: size))
        if let (other, present) = meeting.contributions.enumerated().first(where: { $0.element != nil }), let present,
            present.shape != contribution.shape
        {
            let broken = CollectiveError.orderBroken(
                order: order, first: "rank \(other) \(present.shape)", other: "rank \(rank) \(contribution.shape)")
            failure = broken
            condition.broadcast()
            throw broken
        }
        meeting.contributions[rank] = contribution
        let everyone = meeting.contributions.compactMap { $0 }
        if everyone.count == size {
            complete(everyone)
            meeting.isComplete = true
            condition.broadcast()
        }
        open[order] = meeting
    }

    /// Waits until collective number `order` is complete and returns what each rank gathered (empty for other kinds).
    func leave(order: Int) throws -> [[UInt8]] {
        condition.lock()
        defer { condition.unlock() }
        while open[order]?.isComplete == false {
            if let failure { throw failure }
            condition.wait()
        }
        guard var meeting = open[order] else { preconditionFailure("collective \(order) was waited for twice or never started") }
        meeting.leavers += 1
        open[order] = meeting.leavers == size ? nil : meeting
        return meeting.contributions.map { if case .gather(let bytes)? = $0 { bytes } else { [] } }
    }

    /// Makes every present and later call of the other ranks throw, because `rank` failed.
    func fail(rank: Int, reason: String) {
        condition.lock()
        defer { condition.unlock() }
        if failure == nil { failure = .peerFailed(rank: rank, reason: reason) }
        condition.broadcast()
    }

    private func complete(_ contributions: [Contribution]) {
        switch contributions[0] {
        case .floats:
            sumInRankOrder(
                contributions.map {
                    if case .floats(let values) = $0 { values } else { UnsafeMutableBufferPointer(start: nil, count: 0) }
                })
        case .doubles:
            sumInRankOrder(
                contributions.map {
                    if case .doubles(let values) = $0 { values } else { UnsafeMutableBufferPointer(start: nil, count: 0) }
                })
        case .broadcast(let first, let root):
            guard case .broadcast(let source, _) = contributions[root] else { preconditionFailure("rank \(root) does not exist") }
            for case .broadcast(let target, _) in contributions where target.baseAddress != source.baseAddress {
                precondition(target.count == first.count, "shapes were compared at arrival")
                target.copyMemory(from: UnsafeRawBufferPointer(source))
            }
        case .gather, .barrier: break
        }
    }
}

/// Sums element by element, rank 0 first, and gives every rank the result: the same bits whatever the timing.
private func sumInRankOrder<Number: FloatingPoint>(_ parts: [UnsafeMutableBufferPointer<Number>]) {
    for index in parts[0].indices {
        var total = parts[0][index]
        for part in parts.dropFirst() { total += part[index] }
        for part in parts { part[index] = total }
    }
}
