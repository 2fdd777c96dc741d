// Tells people which rank the others wait for: pulses to the root every few seconds, over a communicator of their own.
import CMPI
import Collectives
import Foundation

/// A thread of each rank that wakes every few seconds, sends its rank's pulse, and on the root reports a stall.
///
/// The root hears all ranks. Rank 1 hears the root, so that a silent root is named too. It only reports: a rank that
/// evaluates or saves for long is not a failure, and ending a job is the user's decision.
final class StallWatch: @unchecked Sendable {
    // Sendable because the thread alone touches the table and the messages until it has ended, and `condition` guards the rest.
    private let group: MPIGroup
    private let heartbeat: Heartbeat
    private let interval: Double
    private let condition = NSCondition()
    private var isStopping = false
    private var hasStopped = false
    private var table: StallTable
    /// Memory of fixed address: MPI reads it until `inFlight` is complete.
    private let outbox = UnsafeMutableBufferPointer<Double>.allocate(capacity: StallWatch.fieldCount)
    private var inFlight: MPI_Request? = graft_mpi_request_null()
    private var sentCount = 0
    private var receivedCounts: [Int]
    private var failure: (any Error)?

    private static let fieldCount = 4

    init(group: MPIGroup, hosts: [String], heartbeat: Heartbeat, patience: Double) {
        self.group = group
        self.heartbeat = heartbeat
        interval = 5 * patience
        receivedCounts = Array(repeating: 0, count: group.size)
        table = StallTable(hosts: hosts, watcher: group.rank, pulseInterval: 5 * patience, patience: patience)
        let thread = Thread { self.run() }
        thread.name = "graft stall watch"
        thread.start()
    }

    deinit { outbox.deallocate() }

    /// Ends the thread and takes delivery of every pulse still under way. Every rank calls it, after a barrier.
    func stop() throws {
        condition.lock()
        isStopping = true
        condition.broadcast()
        while !hasStopped { condition.wait() }
        condition.unlock()
        if let failure { throw failure }
        var counts = [Int32](repeating: 0, count: group.size)
        var sent = Int32(sentCount)
        try group.check("MPI_Allgather", MPI_Allgather(&sent, 1, graft_mpi_int32(), &counts, 1, graft_mpi_int32(), group.handle))
        for sender in 0..<group.size where listener(of: sender) == group.rank {
            while receivedCounts[sender] < Int(counts[sender]) { try receive(from: Int32(sender)) }
        }
        try group.check("MPI_Wait", MPI_Wait(&inFlight, nil))
        try group.free()
    }

    private func run() {
        condition.lock()
        while !isStopping && failure == nil {
            _ = condition.wait(until: Date(timeIntervalSinceNow: interval))
            if isStopping { break }
            condition.unlock()
            do { try beat() } catch { failure = error }
            condition.lock()
        }
        hasStopped = true
        condition.broadcast()
        condition.unlock()
    }

    private func beat() throws {
        let pulse = heartbeat.pulse()
        try send(pulse)
        let now = Double(monotonicNanoseconds()) * 1e-9
        table.note(pulse, of: group.rank, at: now)
        guard group.rank < 2 else { return }
        while let sender = try nextSender() { table.note(try receive(from: sender), of: Int(sender), at: now) }
        if let message = table.report(at: now) { FileHandle.standardError.write(Data("graft: \(message)\n".utf8)) }
    }

    /// Whom a rank tells: the root, and the root tells rank 1.
    private func listener(of rank: Int) -> Int { rank == 0 ? 1 : 0 }

    private func send(_ pulse: Pulse) throws {
        var isFree: Int32 = 0
        try group.check("MPI_Test", MPI_Test(&inFlight, &isFree, nil))
        // The last pulse has not left yet: the listener is stuck, and one more would not help.
        guard isFree != 0 else { return }
        let fields = [Double(pulse.step), Double(pulse.phase.rawValue), pulse.phaseSeconds, pulse.waitSeconds ?? -1]
        _ = outbox.initialize(from: fields)
        let target = Int32(listener(of: group.rank))
        try group.check(
            "MPI_Isend",
            MPI_Isend(outbox.baseAddress, Int32(outbox.count), graft_mpi_double(), target, 0, group.handle, &inFlight))
        sentCount += 1
    }

    private func nextSender() throws -> Int32? {
        var isWaiting: Int32 = 0
        var status = MPI_Status()
        try group.check("MPI_Iprobe", MPI_Iprobe(Int32(MPI_ANY_SOURCE), 0, group.handle, &isWaiting, &status))
        return isWaiting == 0 ? nil : status.MPI_SOURCE
    }

    @discardableResult
    private func receive(from sender: Int32) throws -> Pulse {
        var fields = [Double](repeating: 0, count: Self.fieldCount)
        try group.check("MPI_Recv", MPI_Recv(&fields, Int32(fields.count), graft_mpi_double(), sender, 0, group.handle, nil))
        receivedCounts[Int(sender)] += 1
        return Pulse(
            step: Int(fields[0]), phase: Phase(rawValue: Int(fields[1])) ?? .starting, phaseSeconds: fields[2],
            waitSeconds: fields[3] < 0 ? nil : fields[3])
    }
}
