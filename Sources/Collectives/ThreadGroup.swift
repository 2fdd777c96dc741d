// Several ranks as threads of one process: how tests run data-parallel code without a launcher.
import Foundation
import Synchronization

/// One rank of a group whose ranks are threads of this process.
///
/// Sums are formed in rank order, so results repeat bit for bit. A rank that breaks the ordering contract makes every rank
/// throw `CollectiveError.orderBroken`, and a rank that fails makes the others throw `CollectiveError.peerFailed`.
package final class ThreadGroup: Communicator, Sendable {
    package let rank: Int
    package let size: Int
    package let hostName: String
    package let localRank: Int
    package let localSize: Int
    package let heartbeat = Heartbeat()
    private let meeting: ThreadMeeting
    private let calls = OrderCounter()
    private let lastWaited = Atomic<Int>(-1)

    private init(rank: Int, hosts: [String], meeting: ThreadMeeting) {
        self.rank = rank
        self.meeting = meeting
        size = hosts.count
        hostName = hosts[rank]
        localRank = hosts[..<rank].count { $0 == hosts[rank] }
        localSize = hosts.count { $0 == hosts[rank] }
    }

    /// Runs `body` on `size` threads, one a rank, and returns the results by rank.
    ///
    /// - Parameter hosts: pretended host names by rank; by default all ranks are on this host.
    /// - Throws: the error of the rank that failed first, after all threads have ended.
    package static func run<Result: Sendable>(
        size: Int, hosts: [String]? = nil, _ body: @escaping @Sendable (any Communicator) throws -> Result
    ) throws -> [Result] {
        precondition(size > 0 && hosts.map { $0.count == size } != false, "a group has at least one rank, and each rank a host")
        let hosts = hosts ?? Array(repeating: currentHostName(), count: size)
        let meeting = ThreadMeeting(size: size)
        let outcome = Mutex((results: [Result?](repeating: nil, count: size), firstError: (any Error)?.none))
        let everyone = DispatchGroup()
        for rank in 0..<size {
            everyone.enter()
            let thread = Thread {
                do {
                    let result = try body(ThreadGroup(rank: rank, hosts: hosts, meeting: meeting))
                    outcome.withLock { $0.results[rank] = result }
                } catch {
                    outcome.withLock { if $0.firstError == nil { $0.firstError = error } }
                    meeting.fail(rank: rank, reason: "\(error)")
                }
                everyone.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        everyone.wait()
        return try outcome.withLock {
            if let error = $0.firstError { throw error }
            return $0.results.compactMap { $0 }
        }
    }

    package var overlap: Overlap { .none }

    /// Has no effect: the last rank to start a sum completes it.
    package func use(_ overlap: Overlap) throws {}

    package var algorithm: SumAlgorithm { .ring }
    package var sumSeconds: Double { 0 }

    /// Has no effect: these sums take no time of their own.
    package func watchSums(_ watcher: @escaping @Sendable (SumSpan) -> Void) {}

    /// Has no effect: threads share all memory.
    package func use(_ algorithm: SumAlgorithm) throws -> String? { nil }

    /// With `rest`, each rank's values are rounded to bfloat16 once, and summed in float32.
    package func startSum(
        _ values: UnsafeMutableBufferPointer<Float>, keeping rest: UnsafeMutableBufferPointer<Float>?
    ) throws -> SumTicket {
        if let rest { roundToBFloat16(values, keeping: rest) }
        let ticket = SumTicket(order: calls.next())
        try meeting.arrive(rank: rank, order: ticket.order, with: .floats(values))
        return ticket
    }

    package func progress() throws {}

    package func wait(_ ticket: SumTicket) throws {
        let previous = lastWaited.exchange(ticket.order, ordering: .relaxed)
        precondition(previous < ticket.order, "tickets are waited for in the order of their start, each once")
        _ = try heartbeat.waiting { try meeting.leave(order: ticket.order) }
    }

    package func sum(_ values: UnsafeMutableBufferPointer<Double>) throws { try meet(.doubles(values)) }

    package func sum(_ values: UnsafeMutableBufferPointer<Float>) throws { try meet(.floats(values)) }

    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
        precondition(0..<size ~= root, "a group of \(size) has no rank \(root)")
        try meet(.broadcast(bytes, root: root))
    }

    package func gather(_ bytes: [UInt8]) throws -> [[UInt8]] { try meet(.gather(bytes)) }

    package func barrier() throws { try meet(.barrier) }

    package func finalize() throws { try barrier() }

    /// Ends the process, which holds all ranks.
    package func abort(status: Int32) -> Never { exit(status) }

    @discardableResult
    private func meet(_ contribution: Contribution) throws -> [[UInt8]] {
        let order = calls.next()
        try meeting.arrive(rank: rank, order: order, with: contribution)
        return try heartbeat.waiting { try meeting.leave(order: order) }
    }
}

/// Rounds to nearest, ties to even, and keeps the differences.
private func roundToBFloat16(_ values: UnsafeMutableBufferPointer<Float>, keeping rest: UnsafeMutableBufferPointer<Float>) {
    for index in values.indices {
        let bits = values[index].bitPattern
        let rounded = Float(bitPattern: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) & 0xFFFF_0000)
        rest[index] = rounded.isFinite ? values[index] - rounded : 0
        values[index] = rounded
    }
}
