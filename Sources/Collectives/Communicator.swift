// What ranks can do together. Training is written against this protocol and never sees MPI.

/// One rank's end of a group of processes that train together.
///
/// **The ordering contract.** Every rank calls the same collectives, with the same sizes, in the same order: there is no
/// negotiation, so a rank that leaves one out or swaps two leaves the others waiting for ever (`ThreadGroup`, which tests
/// use, notices and throws instead). Two sequences are ordered independently of each other:
///
/// - *started sums*: the calls of `startSum`, waited for in the order in which they were started;
/// - *blocking collectives*: `sum`, `broadcast`, `gather` and `barrier`, which may be called while started sums are under way.
///
/// Sums are the same on every rank bit for bit; between implementations and group sizes they agree to float rounding.
/// Callers use a communicator from one thread at a time. Every method that talks throws when the group is broken; after
/// that nothing but `abort` is of use. A call that returns has left nothing running that touches the caller's memory, except
/// `startSum`.
///
/// An implementation may sum inside a host first and between hosts after, or compress what it sends: nothing here promises
/// by which way or in which pieces values travel.
package protocol Communicator: AnyObject, Sendable {
    /// This rank's number, from 0. Rank 0 is the root: it evaluates, saves and reports.
    var rank: Int { get }
    /// How many ranks there are.
    var size: Int { get }
    /// The name of the host on which this rank runs.
    var hostName: String { get }
    /// This rank's number among the ranks on its host, from 0.
    var localRank: Int { get }
    /// How many ranks run on this rank's host.
    var localSize: Int { get }
    /// Where this rank says what it is doing, for the stall watch.
    var heartbeat: Heartbeat { get }

    /// How started sums move. All results are the same up to float rounding.
    var overlap: Overlap { get }
    /// Chooses how started sums move. Every rank makes the same choice, while no sum is under way.
    func use(_ overlap: Overlap) throws

    /// By which way started sums travel.
    var algorithm: SumAlgorithm { get }
    /// Chooses the way of started sums. Every rank makes the same choice, while no sum is under way.
    ///
    /// Returns nil, or a sentence that says why sums go another way than the chosen one: the same way on every rank.
    @discardableResult func use(_ algorithm: SumAlgorithm) throws -> String?
    /// The seconds so far in which at least one started sum was under way on this rank.
    var sumSeconds: Double { get }

    /// Starts summing `values` over all ranks in place and returns at once.
    ///
    /// The memory stays valid, and untouched by the caller, until the ticket was waited for. Ranks start the same sums in
    /// the same order.
    /// - Parameter rest: memory as long as `values`, or nil. With it, values may travel as bfloat16; what rounding takes away on
    ///   this rank then stands there, 0 where nothing was rounded. The sum and the rests of all ranks together make the exact sum, so
    ///   a caller who adds its rest to its next values loses nothing in the long run. All ranks give one, or none does.
    func startSum(
        _ values: UnsafeMutableBufferPointer<Float>, keeping rest: UnsafeMutableBufferPointer<Float>?
    ) throws -> SumTicket
    /// Gives started sums a chance to move, for implementations that move only while they are called. Cheap: call it
    /// between the steps of a backward pass.
    func progress() throws
    /// Returns when the started sum is complete on this rank. Tickets are waited for in the order of their start.
    func wait(_ ticket: SumTicket) throws

    /// Sums `values` over all ranks in place.
    func sum(_ values: UnsafeMutableBufferPointer<Double>) throws
    /// Sums `values` over all ranks in place.
    func sum(_ values: UnsafeMutableBufferPointer<Float>) throws
    /// Makes `bytes` on every rank what they are on rank `root`.
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws
    /// Gives every rank the bytes of all ranks, by rank. Their counts may differ.
    func gather(_ bytes: [UInt8]) throws -> [[UInt8]]
    /// Returns once every rank has called it.
    func barrier() throws

    /// Shows each started sum when it is complete, until `use` is called, from whatever thread completes it. For traces.
    func watchSums(_ watcher: @escaping @Sendable (SumSpan) -> Void)

    /// Sets how many seconds ranks wait for one that is not heard of, or on a network that carries nothing, until the job is ended; nil
    /// waits for ever. Every rank says the same.
    func endStalls(after seconds: Double?)

    /// Leaves the group in good order: every rank calls it once, as its last collective, when no sum is under way.
    func finalize() throws
    /// Ends all ranks now, so that the launcher's exit status is `status`. Prints nothing itself.
    func abort(status: Int32) -> Never
}

/// When a started sum was under way, by `monotonicNanoseconds`.
package struct SumSpan: Sendable {
    package let bytes: Int
    package let start: UInt64
    package let end: UInt64

    package init(bytes: Int, start: UInt64, end: UInt64) {
        self.bytes = bytes
        self.start = start
        self.end = end
    }
}

/// The name of a started sum: its place in the order of all started sums, from 0.
package struct SumTicket: Sendable, Hashable {
    /// How many sums were started before this one.
    package let order: Int

    package init(order: Int) { self.order = order }
}

extension Communicator {
    /// Starts summing `values` over all ranks in place, in float32.
    package func startSum(_ values: UnsafeMutableBufferPointer<Float>) throws -> SumTicket { try startSum(values, keeping: nil) }

    /// Nothing stands between the ranks of one process.
    package func endStalls(after seconds: Double?) {}

    /// Whether this rank is the one that evaluates, saves and reports.
    package var isRoot: Bool { rank == 0 }

    /// Sums each of a few numbers over all ranks.
    package func sum(_ values: [Double]) throws -> [Double] {
        var totals = values
        try totals.withUnsafeMutableBufferPointer { try sum($0) }
        return totals
    }

    /// Gives every rank the root's bytes, whose count the other ranks need not know.
    package func broadcast(_ bytes: [UInt8], from root: Int = 0) throws -> [UInt8] {
        var count = UInt64(bytes.count)
        try withUnsafeMutableBytes(of: &count) { try broadcast($0, from: root) }
        var copy = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count))
        try copy.withUnsafeMutableBytes { try broadcast($0, from: root) }
        return copy
    }
}
