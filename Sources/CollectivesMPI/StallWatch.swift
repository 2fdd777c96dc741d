// Tells people which rank the others wait for, and ends a job that waits for a rank that is gone: pulses between the root and the other
// ranks every few seconds, over a communicator of their own.
import CMPI
import Collectives
import Foundation

/// A thread of each rank that wakes every few seconds, sends its rank's pulse, and looks at those that it hears.
///
/// The root hears all ranks and reports a stall; all hear the root, and rank 1 reports a silent one. A rank that is heard of is waited
/// for, whatever it does; one that is not, or a network that carries nothing, ends the job after a time that the user sets.
final class StallWatch: @unchecked Sendable {
    // Sendable because the thread alone touches the table and the messages until it has ended, and `condition` guards the rest.
    private let group: MPIGroup
    private let heartbeat: Heartbeat
    private let usualInterval: Double
    private let condition = NSCondition()
    private var isStopping = false
    private var hasStopped = false
    private var wantedEnd: Double?? = .none
    private var interval: Double
    private var table: StallTable
    private var outboxes: [Outbox]
    private var receivedCounts: [Int]
    private var failure: (any Error)?

    /// A pulse on its way to one rank. Its memory has a fixed address: MPI reads it until `inFlight` is complete.
    private struct Outbox {
        let target: Int
        let fields = UnsafeMutableBufferPointer<Double>.allocate(capacity: StallWatch.fieldCount)
        var inFlight: MPI_Request? = graft_mpi_request_null()
        var sentCount: Int32 = 0
    }

    private static let fieldCount = 4

    init(group: MPIGroup, hosts: [String], heartbeat: Heartbeat, patience: Double) {
        self.group = group
        self.heartbeat = heartbeat
        usualInterval = 5 * patience
        interval = usualInterval
        outboxes = (group.rank == 0 ? Array(1..<group.size) : [0]).map { Outbox(target: $0) }
        receivedCounts = Array(repeating: 0, count: group.size)
        table = StallTable(hosts: hosts, watcher: group.rank, pulseInterval: usualInterval, patience: patience)
        let thread = Thread { self.run() }
        thread.name = "graft stall watch"
        thread.start()
    }

    deinit { for outbox in outboxes { outbox.fields.deallocate() } }

    /// Ends the job once ranks have waited so long for one that is not heard of; nil never does.
    func end(after seconds: Double?) {
        condition.lock()
        wantedEnd = .some(seconds)
        condition.broadcast()
        condition.unlock()
    }

    /// Ends the thread and takes delivery of every pulse still under way. Every rank calls it, after a barrier.
    func stop() throws {
        condition.lock()
        isStopping = true
        condition.broadcast()
        while !hasStopped { condition.wait() }
        condition.unlock()
        if let failure { throw failure }
        var sent = [Int32](repeating: 0, count: group.size)
        for outbox in outboxes { sent[outbox.target] = outbox.sentCount }
        var counts = [Int32](repeating: 0, count: group.size)
        try group.check("MPI_Alltoall", MPI_Alltoall(&sent, 1, graft_mpi_int32(), &counts, 1, graft_mpi_int32(), group.handle))
        for sender in 0..<group.size {
            while receivedCounts[sender] < Int(counts[sender]) { try receive(from: Int32(sender)) }
        }
        for index in outboxes.indices { try group.check("MPI_Wait", MPI_Wait(&outboxes[index].inFlight, nil)) }
        try group.free()
    }

    private func run() {
        condition.lock()
        while !isStopping && failure == nil {
            if case .none = wantedEnd { _ = condition.wait(until: Date(timeIntervalSinceNow: interval)) }
            if isStopping { break }
            if let wanted = wantedEnd { follow(wanted) }
            condition.unlock()
            do { try beat() } catch { failure = error }
            condition.lock()
        }
        hasStopped = true
        condition.broadcast()
        condition.unlock()
    }

    /// A short time wants quicker pulses: a rank is silent when four are missing.
    private func follow(_ endSeconds: Double?) {
        table.endSeconds = endSeconds
        interval = min(usualInterval, (endSeconds ?? .infinity) / 8)
        table.expectPulses(every: interval)
        wantedEnd = .none
    }

    private func beat() throws {
        let pulse = heartbeat.pulse()
        for index in outboxes.indices { try send(pulse, by: index) }
        let now = Double(monotonicNanoseconds()) * 1e-9
        table.note(pulse, of: group.rank, at: now)
        while let sender = try nextSender() { table.note(try receive(from: sender), of: Int(sender), at: now) }
        if let reason = table.hopeless(at: now) { endJob(reason) }
        guard group.rank < 2 else { return }
        if let message = table.report(at: now) { FileHandle.standardError.write(Data("graft: \(message)\n".utf8)) }
    }

    /// The main thread waits inside of MPI: the job ends from here, and this process at the latest when MPI cannot end it either.
    private func endJob(_ reason: String) -> Never {
        let advice =
            "checkpoints saved before are whole: start again with --resume (communication.patience sets how long to wait)"
        GivingUp.announce("\(reason); \(advice)")
        let last = Thread {
            sleep(5)
            _exit(GivingUp.status)
        }
        last.start()
        MPI_Abort(graft_mpi_comm_world(), GivingUp.status)
        _exit(GivingUp.status)
    }

    private func send(_ pulse: Pulse, by index: Int) throws {
        var isFree: Int32 = 0
        try group.check("MPI_Test", MPI_Test(&outboxes[index].inFlight, &isFree, nil))
        // The last pulse has not left yet: the listener is stuck, and one more would not help.
        guard isFree != 0 else { return }
        let outbox = outboxes[index]
        _ = outbox.fields.initialize(
            from: [Double(pulse.step), Double(pulse.phase.rawValue), pulse.phaseSeconds, pulse.waitSeconds ?? -1])
        try group.check(
            "MPI_Isend",
            MPI_Isend(
                outbox.fields.baseAddress, Int32(Self.fieldCount), graft_mpi_double(), Int32(outbox.target), 0, group.handle,
                &outboxes[index].inFlight))
        outboxes[index].sentCount += 1
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
