// What the section `communication` comes to for the ranks that are there.
import Collectives
import Foundation
import RunConfiguration
import Training

/// The way of sums and the size of their messages; the same on all ranks.
struct CommunicationSetup {
    let bucketBytes: Int
    /// What was measured to find the size; nil where nothing had to be.
    let cost: SumCost?

    /// Settles both. Every rank calls it, and no sum is under way.
    /// - Parameters:
    ///   - gradientBytes: all gradients of an update.
    ///   - recorded: the size that the run had when it was interrupted; kept, so that every addition keeps its order.
    init(
        _ settings: RunConfiguration.Communication, gradientBytes: Int, recorded: Int? = nil, _ communicator: any Communicator
    ) throws {
        try Self.choose(settings, communicator)
        switch settings.bucketBytes {
        case .exactly(let bytes): (bucketBytes, cost) = (bytes, nil)
        case .automatic:
            if let recorded {
                (bucketBytes, cost) = (recorded, nil)
            } else if communicator.size == 1 || gradientBytes <= SumCost.worthwhileBytes {
                (bucketBytes, cost) = (Self.unmeasuredBytes, nil)
            } else {
                let cost = try SumCost.measure(over: communicator)
                (bucketBytes, self.cost) = (cost.bucketBytes, cost)
            }
        }
    }

    /// The size where nothing was measured: plans, ranks alone, and few gradients.
    static let unmeasuredBytes = 4 << 20

    /// One line for people; nil where there is nothing to say.
    func summary(_ communicator: any Communicator) -> String? {
        guard communicator.size > 1 else { return nil }
        let way = "gradients are summed by \(communicator.algorithm.rawValue)"
        guard let cost else { return way }
        return way
            + String(
                format: " in buckets of %d kB: a sum takes %.2f ms and its bytes, %.0f MB/s", bucketBytes >> 10,
                cost.latency * 1e3, cost.bytesPerSecond * 1e-6)
    }

    /// Follows `communication.algorithm` and `overlap`; says so where that cannot be.
    private static func choose(_ settings: RunConfiguration.Communication, _ communicator: any Communicator) throws {
        try communicator.use(settings.overlap ? .thread : .none)
        let hosts = try communicator.gather(Array(communicator.hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
        let way: SumAlgorithm =
            switch settings.algorithm {
            case .auto: .preferred(hosts: hosts)
            case .ring: .ring
            case .sharedMemory: .sharedMemory
            case .mpi: .library
            }
        if let refusal = try communicator.use(way), communicator.isRoot { say("note: \(refusal)") }
    }
}
