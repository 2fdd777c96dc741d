// The group of one: what `graft train` uses when nothing launched it.
import Foundation

/// A communicator whose only rank is this process. Every collective is complete at once.
package final class SingleProcess: Communicator, Sendable {
    package let hostName: String
    package let heartbeat = Heartbeat()
    private let started = OrderCounter()

    package init(hostName: String = currentHostName()) { self.hostName = hostName }

    package var rank: Int { 0 }
    package var size: Int { 1 }
    package var localRank: Int { 0 }
    package var localSize: Int { 1 }

    package var overlap: Overlap { .none }

    package var algorithm: SumAlgorithm { .ring }
    package var sumSeconds: Double { 0 }
    package func watchSums(_ watcher: @escaping @Sendable (SumSpan) -> Void) {}

    package func use(_ overlap: Overlap) throws {}
    package func use(_ algorithm: SumAlgorithm) throws -> String? { nil }
    package func startSum(
        _ values: UnsafeMutableBufferPointer<Float>, keeping rest: UnsafeMutableBufferPointer<Float>?
    ) throws -> SumTicket {
        rest?.update(repeating: 0)
        return SumTicket(order: started.next())
    }
    package func progress() throws {}
    package func wait(_ ticket: SumTicket) throws {}
    package func sum(_ values: UnsafeMutableBufferPointer<Double>) throws {}
    package func sum(_ values: UnsafeMutableBufferPointer<Float>) throws {}
    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
        precondition(root == 0, "a group of one has no rank \(root)")
    }
    package func gather(_ bytes: [UInt8]) throws -> [[UInt8]] { [bytes] }
    package func barrier() throws {}
    package func finalize() throws {}
    package func abort(status: Int32) -> Never { exit(status) }
}
