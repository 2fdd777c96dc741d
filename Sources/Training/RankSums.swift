// Sums over all images of a pass that one batch norm needs before it goes on.
package import Collectives
internal import Execution

/// Adds up over ranks, each of which runs its images at once.
package final class RankSums: ImageSums {
    private let communicator: any Communicator
    private var failure: (any Error)?

    package init(_ communicator: any Communicator) { self.communicator = communicator }

    package func add(_ sums: UnsafeMutableBufferPointer<Double>) {}

    package func total(_ sums: UnsafeMutableBufferPointer<Double>) {
        do { try communicator.sum(sums) } catch { failure = failure ?? error }
    }

    /// Throws what went wrong within a pass.
    package func check() throws { if let failure { throw failure } }
}
