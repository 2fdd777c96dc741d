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
    let blocking: MPIGroup
    private let sums: Mutex<Sums>
    private let allowsThreads: Bool
    private let stallWatch: StallWatch?

    /// The engine of started sums, and every way that was set up so far.
    private struct Sums {
        var engine: StartedSums
        var overlap: Overlap
        var algorithm: SumAlgorithm
        var pipelines: [SumAlgorithm: any SumPipeline]
    }

    /// Initialises MPI and joins all processes of the job.
    ///
    /// A helper thread moves started sums until `use(_:)` says otherwise, where the library allows a second thread.
    /// - Parameter patience: scales the time after which a stall is reported; tests shorten it.
    /// - Throws: `MPIFailure`.
    package init(patience: Double = 1) throws {
        let hostName = currentHostName()
        let heartbeat = Heartbeat()
        let world = try Self.initialize(hostName: hostName)
        let local = try world.group.split(sharingMemory: ())
        (localRank, localSize) = (local.rank, local.size)
        try local.free()
        rank = world.group.rank
        size = world.group.size
        self.hostName = hostName
        self.heartbeat = heartbeat
        let blocking = try world.group.duplicate()
        self.blocking = blocking
        allowsThreads = world.allowsThreads
        let hosts = try blocking.gather(Array(hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
        let overlap: Overlap = world.allowsThreads ? .thread : .poked
        let ring = RingPipeline(group: try world.group.duplicate(), order: ringOrder(hosts: hosts))
        sums = Mutex(
            Sums(
                engine: StartedSums(pipeline: ring, overlap: overlap), overlap: overlap, algorithm: .ring,
                pipelines: [.ring: ring]))
        let pulses = world.allowsThreads && size > 1 ? try world.group.duplicate() : nil
        stallWatch = pulses.map { StallWatch(group: $0, hosts: hosts, heartbeat: heartbeat, patience: patience) }
    }

    package var overlap: Overlap { sums.withLock { $0.overlap } }

    /// Chooses how started sums move; `thread` becomes `poked` where the library allows no second thread.
    package func use(_ overlap: Overlap) throws {
        try sums.withLock { sums in
            let overlap = overlap == .thread && !allowsThreads ? .poked : overlap
            guard overlap != sums.overlap else { return }
            try restart(&sums, overlap, sums.algorithm)
        }
    }

    package var algorithm: SumAlgorithm { sums.withLock { $0.algorithm } }

    package func use(_ algorithm: SumAlgorithm) throws -> String? {
        try sums.withLock { sums in
            guard algorithm != sums.algorithm else { return nil }
            if let refusal = try setUp(algorithm, &sums.pipelines) {
                try restart(&sums, sums.overlap, .ring)
                return "\(refusal), so sums travel around the ring"
            }
            try restart(&sums, sums.overlap, algorithm)
            return nil
        }
    }

    /// Makes the pipeline of an algorithm if it is not there yet; says why that cannot be.
    private func setUp(_ algorithm: SumAlgorithm, _ pipelines: inout [SumAlgorithm: any SumPipeline]) throws -> String? {
        guard pipelines[algorithm] == nil else { return nil }
        switch algorithm {
        case .ring: return nil
        case .library: pipelines[algorithm] = LibraryPipeline(group: try blocking.duplicate())
        case .sharedMemory:
            let (pipeline, refusal) = try SharedMemoryPipeline.make(in: blocking)
            pipelines[algorithm] = pipeline
            return refusal
        }
        return nil
    }

    private func restart(_ sums: inout Sums, _ overlap: Overlap, _ algorithm: SumAlgorithm) throws {
        guard let pipeline = sums.pipelines[algorithm] else { preconditionFailure("every algorithm in use was set up") }
        sums.engine.stop()
        sums.engine = StartedSums(pipeline: pipeline, overlap: overlap)
        (sums.overlap, sums.algorithm) = (overlap, algorithm)
    }

    package var sumSeconds: Double { engine.busySeconds }

    package func watchSums(_ watcher: @escaping @Sendable (SumSpan) -> Void) { engine.watch(watcher) }

    package func startSum(
        _ values: UnsafeMutableBufferPointer<Float>, keeping rest: UnsafeMutableBufferPointer<Float>?
    ) throws -> SumTicket {
        SumTicket(order: try engine.start(values, rest: rest))
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
        try heartbeat.waiting { try blocking.gather(bytes) }
    }

    package func barrier() throws {
        try heartbeat.waiting { try blocking.check("MPI_Barrier", MPI_Barrier(blocking.handle)) }
    }

    package func endStalls(after seconds: Double?) { stallWatch?.end(after: seconds) }

    package func finalize() throws {
        engine.stop()
        try barrier()
        try stallWatch?.stop()
        for algorithm in SumAlgorithm.allCases { try sums.withLock { try $0.pipelines[algorithm]?.close() } }
        try blocking.free()
        try MPIGroup(handle: graft_mpi_comm_world(), rank: rank, size: size, hostName: hostName).check(
            "MPI_Finalize", MPI_Finalize())
    }

    package func abort(status: Int32) -> Never {
        MPI_Abort(graft_mpi_comm_world(), status)
        // MPI_Abort does not return; should it fail to end this process, this does.
        exit(status)
    }

    private var engine: StartedSums { sums.withLock { $0.engine } }

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
}
