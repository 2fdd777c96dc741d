// The communicator of real jobs: one process a rank, joined by MPI.
import CMPI
package import Collectives
import Foundation
import Synchronization

/// A rank of an MPI job. Blocking collectives and started sums use communicators of their own, so they may overlap.
package final class MPICommunicator: Communicator, Sendable {
    package let rank: Int
    package let size: Int
    package let hostName: String
    package let localRank: Int
    package let localSize: Int
    package let heartbeat: Heartbeat
    private let blocking: MPIGroup
    private let started: MPIGroup
    private let sums: Mutex<(engine: RingSums, overlap: Overlap)>
    private let ring: [Int]
    private let allowsThreads: Bool
    private let stallWatch: StallWatch?

    /// Initialises MPI and joins all processes of the job.
    ///
    /// A helper thread moves started sums until `use(_:)` says otherwise, where the library allows a second thread.
    /// - Parameter patience: scales the time after which a stall is reported; tests shorten it.
    /// - Throws: `MPIFailure`.
    package init(patience: Double = 1) throws {
        let hostName = currentHostName()
        let heartbeat = Heartbeat()
        let world = try Self.initialize(hostName: hostName)
        (localRank, localSize) = try Self.placeOnHost(world.group)
        rank = world.group.rank
        size = world.group.size
        self.hostName = hostName
        self.heartbeat = heartbeat
        let blocking = try world.group.duplicate()
        self.blocking = blocking
        started = try world.group.duplicate()
        allowsThreads = world.allowsThreads
        let hosts = try Self.gather(Array(hostName.utf8), in: blocking).map { String(decoding: $0, as: UTF8.self) }
        ring = ringOrder(hosts: hosts)
        let overlap: Overlap = world.allowsThreads ? .thread : .poked
        sums = Mutex((RingSums(group: started, order: ring, overlap: overlap), overlap))
        let pulses = world.allowsThreads && size > 1 ? try world.group.duplicate() : nil
        stallWatch = pulses.map { StallWatch(group: $0, hosts: hosts, heartbeat: heartbeat, patience: patience) }
    }

    package var overlap: Overlap { sums.withLock { $0.overlap } }

    /// Chooses how started sums move; `thread` becomes `poked` where the library allows no second thread.
    package func use(_ overlap: Overlap) throws {
        sums.withLock { sums in
            let overlap = overlap == .thread && !allowsThreads ? .poked : overlap
            guard overlap != sums.overlap else { return }
            sums.engine.stop()
            sums = (RingSums(group: started, order: ring, overlap: overlap), overlap)
        }
    }

    package func startSum(_ values: UnsafeMutableBufferPointer<Float>) throws -> SumTicket {
        SumTicket(order: try engine.start(values))
    }

    package func progress() throws { try engine.progress() }

    package func wait(_ ticket: SumTicket) throws {
        try heartbeat.waiting { try engine.wait(through: ticket.order) }
    }

    package func sum(_ values: UnsafeMutableBufferPointer<Double>) throws {
        try heartbeat.waiting {
            try blocking.sum(
                values.baseAddress, count: values.count, type: graft_mpi_double(), stride: MemoryLayout<Double>.stride)
        }
    }

    package func sum(_ values: UnsafeMutableBufferPointer<Float>) throws {
        try heartbeat.waiting {
            try blocking.sum(values.baseAddress, count: values.count, type: graft_mpi_float(), stride: MemoryLayout<Float>.stride)
        }
    }

    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {
        precondition(0..<size ~= root, "a group of \(size) has no rank \(root)")
        try heartbeat.waiting {
            try forEachPiece(of: bytes.count) { offset, count in
                let start = bytes.baseAddress.map { $0 + offset }
                try blocking.check("MPI_Bcast", MPI_Bcast(start, count, graft_mpi_byte(), Int32(root), blocking.handle))
            }
        }
    }

    package func gather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        try heartbeat.waiting { try Self.gather(bytes, in: blocking) }
    }

    package func barrier() throws {
        try heartbeat.waiting { try blocking.check("MPI_Barrier", MPI_Barrier(blocking.handle)) }
    }

    package func finalize() throws {
        engine.stop()
        try barrier()
        try stallWatch?.stop()
        try started.free()
        try blocking.free()
        try MPIGroup(handle: graft_mpi_comm_world(), rank: rank, size: size, hostName: hostName).check(
            "MPI_Finalize", MPI_Finalize())
    }

    package func abort(status: Int32) -> Never {
        MPI_Abort(graft_mpi_comm_world(), status)
        // MPI_Abort does not return; should it fail to end this process, this does.
        exit(status)
    }

    private var engine: RingSums { sums.withLock { $0.engine } }

    private static func initialize(hostName: String) throws -> (group: MPIGroup, allowsThreads: Bool) {
        let handle = graft_mpi_comm_world()
        guard let handle else { preconditionFailure("MPI_COMM_WORLD is a null address") }
        let unnamed = MPIGroup(handle: handle, rank: 0, size: 1, hostName: hostName)
        var granted: Int32 = 0
        try unnamed.check("MPI_Init_thread", MPI_Init_thread(nil, nil, Int32(MPI_THREAD_MULTIPLE), &granted))
        try unnamed.check("MPI_Comm_set_errhandler", graft_mpi_set_errors_return(handle))
        var rank: Int32 = 0
        var size: Int32 = 0
        try unnamed.check("MPI_Comm_rank", MPI_Comm_rank(handle, &rank))
        try unnamed.check("MPI_Comm_size", MPI_Comm_size(handle, &size))
        let group = MPIGroup(handle: handle, rank: Int(rank), size: Int(size), hostName: hostName)
        return (group, granted >= Int32(MPI_THREAD_MULTIPLE))
    }

    private static func placeOnHost(_ group: MPIGroup) throws -> (rank: Int, size: Int) {
        var local: MPI_Comm? = graft_mpi_comm_null()
        try group.check(
            "MPI_Comm_split_type",
            MPI_Comm_split_type(group.handle, Int32(MPI_COMM_TYPE_SHARED), Int32(group.rank), graft_mpi_info_null(), &local))
        var rank: Int32 = 0
        var size: Int32 = 0
        try group.check("MPI_Comm_rank", MPI_Comm_rank(local, &rank))
        try group.check("MPI_Comm_size", MPI_Comm_size(local, &size))
        try group.check("MPI_Comm_free", MPI_Comm_free(&local))
        return (Int(rank), Int(size))
    }

    private static func gather(_ bytes: [UInt8], in group: MPIGroup) throws -> [[UInt8]] {
        var counts = [Int32](repeating: 0, count: group.size)
        var count = Int32(bytes.count)
        let countType = graft_mpi_int32()
        try group.check("MPI_Allgather", MPI_Allgather(&count, 1, countType, &counts, 1, countType, group.handle))
        let total = counts.reduce(0) { $0 + Int($1) }
        precondition(total <= Int(Int32.max), "ranks gather at most 2 GB at a time, not \(total) bytes")
        var offsets = [Int32](repeating: 0, count: group.size)
        for rank in 1..<max(group.size, 1) { offsets[rank] = offsets[rank - 1] + counts[rank - 1] }
        var all = [UInt8](repeating: 0, count: total)
        try group.check(
            "MPI_Allgatherv",
            MPI_Allgatherv(bytes, count, graft_mpi_byte(), &all, counts, offsets, graft_mpi_byte(), group.handle))
        return zip(offsets, counts).map { Array(all[Int($0)..<Int($0 + $1)]) }
    }
}
