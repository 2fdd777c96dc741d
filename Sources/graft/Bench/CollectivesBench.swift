// `graft bench --suite collectives`: how fast each way sums, by message size.
import Collectives
import Execution
import Foundation
import PlanReports
import Tensors
import Training

/// What every way of summing takes between these ranks.
struct CollectivesBench: Encodable {
    /// One way and one size; medians over repetitions, of the rank that took longest.
    struct Row: Encodable {
        let algorithm: String
        /// `none`, or `bfloat16` where it travels between ranks.
        let compression: String
        let bytes: Int
        let seconds: Double
        /// Bytes of gradients summed in a second.
        let bytesPerSecond: Double
    }

    let suite = "collectives"
    let ranks: Int
    let hosts: Int
    /// What `communication.algorithm: auto` takes here.
    let automatic: String
    /// What `communication.bucket_bytes: auto` measures with it, and takes.
    let cost: SumCost
    let bucketBytes: Int
    private(set) var rows: [Row] = []
    /// Why a way is not among the rows.
    private(set) var notes: [String] = []

    private static let sizes = (0...7).map { 4 << (10 + 2 * $0) }

    /// Measures. Every rank calls it and gets the same figures.
    static func run(repetitions: Int, _ communicator: any Communicator) throws -> CollectivesBench {
        let names = try communicator.gather(Array(communicator.hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
        let automatic = SumAlgorithm.preferred(hosts: names)
        try communicator.use(automatic)
        let cost = try SumCost.measure(over: communicator)
        var bench = CollectivesBench(
            ranks: communicator.size, hosts: Set(names).count, automatic: communicator.algorithm.rawValue, cost: cost,
            bucketBytes: cost.bucketBytes)
        let (values, rest) = (AlignedBuffer(byteCount: sizes.max() ?? 0), AlignedBuffer(byteCount: sizes.max() ?? 0))
        for algorithm in SumAlgorithm.allCases {
            if let refusal = try communicator.use(algorithm) {
                bench.notes.append("\(algorithm.rawValue): \(refusal)")
                continue
            }
            for compresses in algorithm == .library ? [false] : [false, true] {
                for bytes in sizes {
                    let count = bytes / MemoryLayout<Float>.stride
                    let part = UnsafeMutableBufferPointer(rebasing: values.floats[..<count])
                    let kept = compresses ? UnsafeMutableBufferPointer(rebasing: rest.floats[..<count]) : nil
                    let seconds = try (0..<repetitions + 1).map { _ in try time(part, kept, communicator) }
                    bench.add(algorithm, compresses, bytes, median(Array(seconds.dropFirst())))
                }
            }
        }
        return bench
    }

    private init(ranks: Int, hosts: Int, automatic: String, cost: SumCost, bucketBytes: Int) {
        (self.ranks, self.hosts, self.automatic, self.cost, self.bucketBytes) = (ranks, hosts, automatic, cost, bucketBytes)
    }

    private mutating func add(_ algorithm: SumAlgorithm, _ compresses: Bool, _ bytes: Int, _ seconds: Double) {
        rows.append(
            Row(
                algorithm: algorithm.rawValue, compression: compresses ? "bfloat16" : "none", bytes: bytes, seconds: seconds,
                bytesPerSecond: seconds > 0 ? Double(bytes) / seconds : 0))
    }

    /// A table for people.
    var text: String {
        var table = TextTable([.left("algorithm"), .left("compression"), .right("size"), .right("time"), .right("GB/s")])
        for row in rows {
            table.add([
                row.algorithm, row.compression, Readable.bytes(row.bytes), Readable.fixed(row.seconds * 1e3, 3) + " ms",
                Readable.fixed(row.bytesPerSecond * 1e-9, 3),
            ])
        }
        let auto =
            "auto: \(automatic), buckets of \(bucketBytes >> 10) kB (a sum takes \(Readable.fixed(cost.latency * 1e3, 3)) ms and its bytes, "
            + "\(Readable.fixed(cost.bytesPerSecond * 1e-6, 0)) MB/s)"
        return (["sums over \(ranks) ranks on \(hosts) \(hosts == 1 ? "host" : "hosts")"] + table.lines() + notes + [auto])
            .joined(separator: "\n")
    }

    /// One sum from a common start, as long as the slowest rank needs.
    private static func time(
        _ values: UnsafeMutableBufferPointer<Float>, _ rest: UnsafeMutableBufferPointer<Float>?, _ communicator: any Communicator
    ) throws -> Double {
        try communicator.barrier()
        let start = monotonicNanoseconds()
        try communicator.wait(try communicator.startSum(values, keeping: rest))
        let own = Double(monotonicNanoseconds() - start) * 1e-9
        let all = try communicator.gather(Array("\(own)".utf8)).compactMap { Double(String(decoding: $0, as: UTF8.self)) }
        return all.max() ?? own
    }
}
