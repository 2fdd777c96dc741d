// Sums gradients over ranks bucket by bucket while backward still runs.
package import Collectives

/// Starts each bucket's sum when backward has completed it; `finish` waits for all.
///
/// The last bucket carries the step's extras, which are known only after backward: `finish` starts it. All ranks cut the same
/// buckets and complete them in the same order, so they start the same sums in the same order.
package final class GradientSynchronizer {
    private let buckets: GradientBuckets
    private let values: UnsafeMutableBufferPointer<Float>
    private let communicator: any Communicator
    private let overlaps: Bool
    /// Gradients of this update's earlier passes, added to each bucket before its sum starts.
    private var earlier: UnsafePointer<Float>?
    private var tickets: [SumTicket] = []
    private var startedCount = 0

    /// - Parameters:
    ///   - values: the gradients and the extras behind them, as `buckets` covers them.
    ///   - overlaps: whether sums start during backward, or one after the other at its end.
    package init(
        buckets: GradientBuckets, values: UnsafeMutableBufferPointer<Float>, communicator: any Communicator, overlaps: Bool
    ) {
        precondition(buckets.ranges.last?.upperBound == values.count, "the buckets must cover the gradients and the extras")
        self.buckets = buckets
        self.values = values
        self.communicator = communicator
        self.overlaps = overlaps
        tickets.reserveCapacity(buckets.ranges.count)
    }

    /// Prepares for the last pass of an update; `earlier` holds the sums of its earlier passes, if there were any.
    package func begin(adding earlier: UnsafePointer<Float>?) {
        self.earlier = earlier
        tickets.removeAll(keepingCapacity: true)
        startedCount = 0
    }

    /// Hears that gradients `0..<completed` are final, starts the buckets that they fill, and lets started ones move.
    package func add(completed: Int) throws {
        guard overlaps else { return }
        let startedBefore = startedCount
        while startedCount < buckets.ranges.count - 1, buckets.ranges[startedCount].upperBound <= completed { try start() }
        if startedBefore == startedCount, startedCount > 0 { try communicator.progress() }
    }

    /// Starts what is left and waits for all sums. Returns the seconds that this took: communication that backward did not hide.
    package func finish() throws -> Double {
        let start = monotonicNanoseconds()
        while startedCount < buckets.ranges.count {
            try self.start()
            // Without overlap each sum ends before the next begins, as the comparison wants it.
            if !overlaps { try communicator.wait(tickets.removeLast()) }
        }
        for ticket in tickets { try communicator.wait(ticket) }
        return Double(monotonicNanoseconds() - start) * 1e-9
    }

    private func start() throws {
        let range = buckets.ranges[startedCount]
        if let earlier {
            for index in range.lowerBound..<min(range.upperBound, buckets.count) { values[index] += earlier[index] }
        }
        tickets.append(try communicator.startSum(UnsafeMutableBufferPointer(rebasing: values[range])))
        startedCount += 1
    }
}
