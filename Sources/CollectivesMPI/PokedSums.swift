// Non-blocking sums that move while the computing thread calls in.
import CMPI
import Synchronization

/// The engine behind `Overlap.poked`: one `MPI_Iallreduce` a sum.
///
/// Open MPI moves them only inside its own calls, so `progress()` has to be called every few milliseconds. (Releases before
/// 4.1.2 sum wrongly here with `MPI_IN_PLACE` and the ring algorithm, open-mpi/ompi#9385; Debian 12 has 4.1.4.)
final class PokedSums: SumEngine, Sendable {
    private struct State: @unchecked Sendable {
        // Sendable because the mutex around it lets one thread in at a time; requests belong to no thread.
        /// The requests of the sums from `firstOrder` on, oldest first.
        var requests: [MPI_Request?] = []
        var firstOrder = 0

        mutating func forget(_ count: Int) {
            requests.removeFirst(count)
            firstOrder += count
        }
    }

    private let group: MPIGroup
    private let state = Mutex(State())

    init(group: MPIGroup) {
        self.group = group
        state.withLock { $0.requests.reserveCapacity(256) }
    }

    func start(_ values: UnsafeMutableBufferPointer<Float>) throws -> Int {
        precondition(values.count <= Int(Int32.max), "a bucket is far smaller than two thousand million numbers")
        var request: MPI_Request? = graft_mpi_request_null()
        try group.check(
            "MPI_Iallreduce",
            MPI_Iallreduce(
                graft_mpi_in_place(), values.baseAddress, Int32(values.count), graft_mpi_float(), graft_mpi_sum(), group.handle,
                &request))
        let started = UncheckedRequest(handle: request)
        return state.withLock {
            $0.requests.append(started.handle)
            return $0.firstOrder + $0.requests.count - 1
        }
    }

    func progress() throws {
        try state.withLock { state in
            guard !state.requests.isEmpty else { return }
            var isComplete: Int32 = 0
            // One test moves everything that is under way, whichever request it asks about.
            try group.check("MPI_Test", MPI_Test(&state.requests[0], &isComplete, nil))
            if isComplete != 0 { state.forget(1) }
        }
    }

    func wait(through order: Int) throws {
        try state.withLock { state in
            let count = order - state.firstOrder + 1
            precondition(count <= state.requests.count, "sum \(order) was never started")
            guard count > 0 else { return }
            try group.check("MPI_Waitall", MPI_Waitall(Int32(count), &state.requests, nil))
            state.forget(count)
        }
    }

    func stop() {}
}

/// Carries a request into the lock.
private struct UncheckedRequest: @unchecked Sendable {
    // Sendable because it is an opaque address that only MPI looks behind.
    let handle: MPI_Request?
}
