// The one place where MPI's return codes become errors.
import CMPI
import Collectives

/// A call of the MPI library that failed.
package struct MPIFailure: Error, CustomStringConvertible {
    /// The function of the library, such as `MPI_Allreduce`.
    package let call: String
    /// What it returned.
    package let code: Int32
    /// What the library says about that code.
    package let text: String
    package let rank: Int
    package let hostName: String

    package var description: String {
        "\(call) failed on rank \(rank), host \(hostName), with code \(code) (\(text)); see whether all hosts are up and reach each other"
    }
}

/// An MPI communicator of this process, with what an error message needs.
struct MPIGroup: @unchecked Sendable {
    // Sendable because the handle is a constant address and MPI_THREAD_MULTIPLE lets any thread use it; where that is not
    // granted, MPICommunicator uses it from one thread only.
    let handle: MPI_Comm
    let rank: Int
    let size: Int
    let hostName: String

    /// Throws `MPIFailure` if `code`, which `call` returned, is not success.
    func check(_ call: StaticString, _ code: Int32) throws {
        guard code != MPI_SUCCESS else { return }
        var bytes = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING))
        var count: Int32 = 0
        MPI_Error_string(code, &bytes, &count)
        let text = String(decoding: bytes.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw MPIFailure(call: "\(call)", code: code, text: text, rank: rank, hostName: hostName)
    }

    /// The places of those requests that have completed since the last call; with `blocking`, waits until there is one. They stand in
    /// `finished`, which has room for all.
    func completed(
        _ requests: UnsafeMutableBufferPointer<MPI_Request?>, blocking: Bool, into finished: UnsafeMutableBufferPointer<Int32>
    ) throws -> Slice<UnsafeMutableBufferPointer<Int32>> {
        var count: Int32 = 0
        let total = Int32(requests.count)
        if blocking {
            try check("MPI_Waitsome", MPI_Waitsome(total, requests.baseAddress, &count, finished.baseAddress, nil))
        } else {
            try check("MPI_Testsome", MPI_Testsome(total, requests.baseAddress, &count, finished.baseAddress, nil))
        }
        // MPI_UNDEFINED, which is negative, where no request is active.
        return finished.prefix(max(0, Int(count)))
    }

    /// A group of the same ranks whose messages never meet this one's.
    func duplicate() throws -> MPIGroup {
        var copy: MPI_Comm? = graft_mpi_comm_null()
        try check("MPI_Comm_dup", MPI_Comm_dup(handle, &copy))
        guard let copy else { preconditionFailure("MPI_Comm_dup succeeded without a communicator") }
        // A duplicate inherits the error handler; said again because everything here relies on it.
        try check("MPI_Comm_set_errhandler", graft_mpi_set_errors_return(copy))
        return MPIGroup(handle: copy, rank: rank, size: size, hostName: hostName)
    }

    /// The ranks of this group that can share memory with this one, in the group's order.
    func split(sharingMemory: Void) throws -> MPIGroup {
        var part: MPI_Comm? = graft_mpi_comm_null()
        try check(
            "MPI_Comm_split_type",
            MPI_Comm_split_type(handle, Int32(MPI_COMM_TYPE_SHARED), Int32(rank), graft_mpi_info_null(), &part))
        return try joined(part)
    }

    /// The ranks of this group that call with the same colour, in the group's order; nil for those without one. All of them call it.
    func split(colour: Int?) throws -> MPIGroup? {
        var part: MPI_Comm? = graft_mpi_comm_null()
        let key = colour.map { Int32($0) } ?? graft_mpi_undefined()
        try check("MPI_Comm_split", MPI_Comm_split(handle, key, Int32(rank), &part))
        return colour == nil ? nil : try joined(part)
    }

    /// Gives every rank the bytes of all, by rank.
    func gather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var counts = [Int32](repeating: 0, count: size)
        var count = Int32(bytes.count)
        let countType = graft_mpi_int32()
        try check("MPI_Allgather", MPI_Allgather(&count, 1, countType, &counts, 1, countType, handle))
        let total = counts.reduce(0) { $0 + Int($1) }
        precondition(total <= Int(Int32.max), "ranks gather at most 2 GB at a time, not \(total) bytes")
        var offsets = [Int32](repeating: 0, count: size)
        for rank in 1..<max(size, 1) { offsets[rank] = offsets[rank - 1] + counts[rank - 1] }
        var all = [UInt8](repeating: 0, count: total)
        try check(
            "MPI_Allgatherv",
            MPI_Allgatherv(bytes, count, graft_mpi_byte(), &all, counts, offsets, graft_mpi_byte(), handle))
        return zip(offsets, counts).map { Array(all[Int($0)..<Int($0 + $1)]) }
    }

    private func joined(_ part: MPI_Comm?) throws -> MPIGroup {
        guard let part else { preconditionFailure("a communicator was split without a result") }
        try check("MPI_Comm_set_errhandler", graft_mpi_set_errors_return(part))
        var rank: Int32 = 0
        var size: Int32 = 0
        try check("MPI_Comm_rank", MPI_Comm_rank(part, &rank))
        try check("MPI_Comm_size", MPI_Comm_size(part, &size))
        return MPIGroup(handle: part, rank: Int(rank), size: Int(size), hostName: hostName)
    }

    /// Gives the communicator back to the library.
    func free() throws {
        var handle: MPI_Comm? = handle
        try check("MPI_Comm_free", MPI_Comm_free(&handle))
    }

    /// Sums `count` numbers of `type`, each `stride` bytes, over all ranks in place.
    func sum(_ base: UnsafeMutableRawPointer?, count: Int, type: MPI_Datatype, stride: Int) throws {
        try forEachPiece(of: count) { offset, count in
            let start = base.map { $0 + offset * stride }
            try check(
                "MPI_Allreduce", MPI_Allreduce(graft_mpi_in_place(), start, count, type, graft_mpi_sum(), handle))
        }
    }
}

/// Splits `count` elements into pieces that MPI's 32-bit counts can say.
func forEachPiece(of count: Int, _ body: (_ offset: Int, _ count: Int32) throws -> Void) rethrows {
    let most = 1 << 30
    var offset = 0
    while offset < count {
        let piece = min(most, count - offset)
        try body(offset, Int32(piece))
        offset += piece
    }
}
