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
    /// What rounding took from this rank's gradients in earlier steps; nil where nothing is rounded.
    private let rest: UnsafeMutableBufferPointer<Float>?
    /// Gradients of this update's earlier passes, added to each bucket before its sum starts.
    private var earlier: UnsafePointer<Float>?
    private var tickets: [SumTicket] = []
    private var startedCount = 0
    private var sumSecondsAtBegin = 0.0

    /// What the sums of a step took, in seconds.
    package struct Times: Sendable, Equatable {
        /// In which sums were under way.
        package var total: Double
        /// Of them, those in which backward was over and this rank waited.
        package var exposed: Double
    }

    /// - Parameters:
    ///   - values: the gradients and the extras behind them, as `buckets` covers them.
    ///   - overlaps: whether sums start during backward, or one after the other at its end.
    ///   - rest: zeros, as many as gradients; with it gradients may be rounded on the way, and it keeps what that takes away until
    ///     it is added to the next step's. The buckets then part the extras from the gradients.
    package init(
        buckets: GradientBuckets, values: UnsafeMutableBufferPointer<Float>, communicator: any Communicator, overlaps: Bool,
        rest: UnsafeMutableBufferPointer<Float>? = nil
    ) {
        precondition(
            rest == nil || buckets.ranges.contains { $0.lowerBound == buckets.count }, "extras must not be rounded on the way")
        precondition(buckets.ranges.last?.upperBound == values.count, "the buckets must cover the gradients and the extras")
        self.buckets = buckets
        self.values = values
        self.communicator = communicator
        self.overlaps = overlaps
        self.rest = rest
        tickets.reserveCapacity(buckets.ranges.count)
    }

    /// Prepares for the last pass of an update; `earlier` holds the sums of its earlier passes, if there were any.
    package func begin(adding earlier: UnsafePointer<Float>?) {
        self.earlier = earlier
        tickets.removeAll(keepingCapacity: true)
        startedCount = 0
        sumSecondsAtBegin = communicator.sumSeconds
    }

    /// Hears that gradients `0..<completed` are final, starts the buckets that they fill, and lets started ones move.
    package func add(completed: Int) throws {
        guard overlaps else { return }
        let startedBefore = startedCount
        while startedCount < buckets.ranges.count - 1, buckets.ranges[startedCount].upperBound <= completed { try start() }
        if startedBefore == startedCount, startedCount > 0 { try communicator.progress() }
    }

    /// Starts what is left and waits for all sums.
    package func finish() throws -> Times {
        let start = monotonicNanoseconds()
        while startedCount < buckets.ranges.count {
            try self.start()
            // Without overlap each sum ends before the next begins, as the comparison wants it.
            if !overlaps { try communicator.wait(tickets.removeLast()) }
        }
        for ticket in tickets { try communicator.wait(ticket) }
        let exposed = Double(monotonicNanoseconds() - start) * 1e-9
        return Times(total: max(exposed, communicator.sumSeconds - sumSecondsAtBegin), exposed: exposed)
    }

    private func start() throws {
        let range = buckets.ranges[startedCount]
        if let earlier {
            for index in range.lowerBound..<min(range.upperBound, buckets.count) { values[index] += earlier[index] }
        }
        let bucket = UnsafeMutableBufferPointer(rebasing: values[range])
        if let rest, range.upperBound <= buckets.count {
            let kept = UnsafeMutableBufferPointer(rebasing: rest[range])
            for index in bucket.indices { bucket[index] += kept[index] }
            tickets.append(try communicator.startSum(bucket, keeping: kept))
        } else {
            tickets.append(try communicator.startSum(bucket))
        }
        startedCount += 1
    }
}
