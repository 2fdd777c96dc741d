// How large the messages of gradients should be: a rule over what the connection between the ranks measures.
package import Collectives
internal import Tensors

/// What sums over these ranks cost: a fixed part each, and a part for every byte.
package struct SumCost: Sendable, Equatable, Codable {
    /// Of one sum, in seconds.
    package var latency: Double
    /// Of long sums, one after the other.
    package var bytesPerSecond: Double

    package init(latency: Double, bytesPerSecond: Double) {
        (self.latency, self.bytesPerSecond) = (latency, bytesPerSecond)
    }

    /// The size of buckets: the smallest of `candidates` whose fixed cost is at most a tenth of its time, else the largest.
    ///
    /// Smaller buckets start earlier and leave less to wait for after backward; larger ones cost less in all. The candidates are a
    /// factor of four apart, so that the noise of a measurement seldom changes the choice.
    package var bucketBytes: Int {
        let wanted = 9 * latency * bytesPerSecond
        return Self.candidates.first { Double($0) >= wanted } ?? Self.candidates[Self.candidates.count - 1]
    }

    package static let candidates = [256 << 10, 1 << 20, 4 << 20]
    /// Where there are fewer bytes of gradients than this, they go in one message and nothing needs to be measured.
    package static let worthwhileBytes = 1 << 20

    /// Measures it. Every rank calls it and gets rank 0's figures. Takes the time of 12 MB of sums.
    package static func measure(over communicator: any Communicator) throws -> SumCost {
        let (small, large) = (AlignedBuffer(byteCount: 4 << 10), AlignedBuffer(byteCount: 4 << 20))
        let latency = try least(of: 9) { try time(1, small.floats, communicator) }
        let long = try least(of: 3) { try time(4, large.floats, communicator) }
        var cost = SumCost(latency: latency, bytesPerSecond: Double(large.byteCount) / max(long - latency, 1e-9))
        try withUnsafeMutableBytes(of: &cost) { try communicator.broadcast($0, from: 0) }
        return cost
    }

    /// The seconds of summing `values` in so many parts, all under way at once.
    private static func time(
        _ parts: Int, _ values: UnsafeMutableBufferPointer<Float>, _ communicator: any Communicator
    ) throws -> Double {
        try communicator.barrier()
        let start = monotonicNanoseconds()
        let tickets = try (0..<parts).map {
            try communicator.startSum(
                UnsafeMutableBufferPointer(rebasing: values[values.count * $0 / parts..<values.count * ($0 + 1) / parts]))
        }
        for ticket in tickets { try communicator.wait(ticket) }
        return Double(monotonicNanoseconds() - start) * 1e-9
    }

    /// Whatever else the machine does only makes a sum longer.
    private static func least(of count: Int, _ measure: () throws -> Double) throws -> Double {
        try (0..<count).reduce(.infinity) { least, _ in min(least, try measure()) }
    }
}
