// Work of which each rank does its share on its own, for minutes perhaps, while a wish to stop may reach any one of them.

/// Brings the wish to stop to all ranks within seconds: they exchange their flags in rounds, one started while they work on and looked
/// at when the next is due, so that nobody waits for a rank that is a batch behind.
///
/// Every rank asks `isStopped` between two pieces of its share and then calls `finish`.
package final class SharedWork {
    private let communicator: any Communicator
    private let stop: StopFlag
    private let interval: UInt64
    /// How many ranks want to stop, and how many have done their share.
    private let counts = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2)
    private var ticket: SumTicket?
    private var roundStart = monotonicNanoseconds()
    private var isAgreed = false
    private var areAllDone = false

    /// - Parameter interval: seconds between two rounds; the same on all ranks.
    package init(_ communicator: any Communicator, _ stop: StopFlag, interval: Double = 1) {
        (self.communicator, self.stop, self.interval) = (communicator, stop, UInt64(interval * 1e9))
    }

    deinit { counts.deallocate() }

    /// Whether this rank leaves the rest of its share.
    package func isStopped() throws -> Bool {
        guard communicator.size > 1 else {
            isAgreed = isAgreed || stop.isRequested
            return isAgreed
        }
        if isAgreed { return true }
        try communicator.progress()
        if monotonicNanoseconds() - roundStart >= interval { try nextRound(isDone: false) }
        return isAgreed
    }

    /// Waits until all ranks are done. Returns whether they were stopped: the same on all of them.
    package func finish() throws -> Bool {
        if communicator.size == 1 { return try isStopped() }
        while !isAgreed && !areAllDone { try nextRound(isDone: true) }
        return isAgreed
    }

    /// Looks at the round before and starts the next, unless that one was the last: so all ranks start equally many.
    private func nextRound(isDone: Bool) throws {
        if let ticket {
            try communicator.wait(ticket)
            self.ticket = nil
            isAgreed = counts[0] > 0
            areAllDone = Int(counts[1]) == communicator.size
            if isAgreed || areAllDone { return }
        }
        (counts[0], counts[1]) = (stop.isRequested ? 1 : 0, isDone ? 1 : 0)
        ticket = try communicator.startSum(counts)
        roundStart = monotonicNanoseconds()
    }
}
