// Blocking sums from a queue, run by a thread of their own or by whoever waits.
import CMPI
import Foundation

/// The engine behind `Overlap.thread` and `Overlap.none`.
///
/// One thread at a time runs the oldest sum of the queue. A rank that waits helps: if nobody is summing it runs the next
/// sum itself, which saves two thread switches when a sum is started and waited for at once.
final class QueuedSums: SumEngine, @unchecked Sendable {
    // Sendable because `condition` guards every variable, and the values of a sum belong to the engine until it is complete.
    private let group: MPIGroup
    private let condition = NSCondition()
    /// A ring: sum `n` stands at `n % queue.count`.
    private var queue = [UnsafeMutableBufferPointer<Float>](
        repeating: UnsafeMutableBufferPointer(start: nil, count: 0), count: 64)
    private var startedCount = 0
    private var completeCount = 0
    private var isSumming = false
    private var isStopping = false
    private var failure: (any Error)?

    /// - Parameter ownThread: whether a thread runs the sums, or only those who wait.
    init(group: MPIGroup, ownThread: Bool) {
        self.group = group
        guard ownThread else { return }
        let thread = Thread { self.runUntilStopped() }
        thread.name = "graft sums"
        thread.start()
    }

    func start(_ values: UnsafeMutableBufferPointer<Float>) throws -> Int {
        condition.lock()
        defer { condition.unlock() }
        if let failure { throw failure }
        if startedCount - completeCount == queue.count { growQueue() }
        queue[startedCount % queue.count] = values
        startedCount += 1
        condition.broadcast()
        return startedCount - 1
    }

    func progress() throws {}

    func wait(through order: Int) throws {
        condition.lock()
        defer { condition.unlock() }
        precondition(order < startedCount, "sum \(order) was never started")
        while completeCount <= order {
            if let failure { throw failure }
            if isSumming { condition.wait() } else { runNext() }
        }
    }

    func stop() {
        condition.lock()
        isStopping = true
        condition.broadcast()
        condition.unlock()
    }

    private func runUntilStopped() {
        condition.lock()
        defer { condition.unlock() }
        while !isStopping {
            if completeCount < startedCount && !isSumming && failure == nil { runNext() } else { condition.wait() }
        }
    }

    /// Runs the oldest sum. Called with the lock held; lets go of it meanwhile.
    private func runNext() {
        let values = queue[completeCount % queue.count]
        isSumming = true
        condition.unlock()
        let outcome = Result {
            try group.sum(values.baseAddress, count: values.count, type: graft_mpi_float(), stride: MemoryLayout<Float>.stride)
        }
        condition.lock()
        isSumming = false
        if case .failure(let error) = outcome { failure = error } else { completeCount += 1 }
        condition.broadcast()
    }

    private func growQueue() {
        let pending = (completeCount..<startedCount).map { queue[$0 % queue.count] }
        var larger = queue + queue
        for (offset, values) in pending.enumerated() { larger[(completeCount + offset) % larger.count] = values }
        queue = larger
    }
}
