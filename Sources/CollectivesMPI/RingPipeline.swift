// Sums as many small ring all-reduces under way at once, over plain non-blocking messages.
import CMPI
import CVectorLoops

/// Moves sums around the ring of ranks, piece by piece. Used by one thread at a time.
///
/// A sum is cut into pieces, a piece into one chunk a rank. In `size - 1` steps each rank adds the chunk that its left
/// neighbour sends and passes the next one to the right, until each rank owns one finished chunk; in `size - 1` more steps the
/// finished chunks travel round. Every chunk is summed on one path and copied from there, so all ranks hold the same bits, and
/// 2 (size - 1) / size of the bytes leave each rank, the least there can be (Patarasuk and Yuan, 2009). Several pieces under
/// way keep the link busy while one waits for its neighbour.
///
/// A piece with a rest travels as bfloat16. Who sends a chunk that is not finished, or finishes it, rounds it and keeps what that takes
/// away; each rank does so once for every number, so all rests together are exactly what the sum lacks.
final class RingPipeline: SumPipeline {
    /// How many pieces are under way at most: with 256 kB a chunk, 4 MB on the wire or in socket buffers.
    static let slotCount = 16
    /// The most numbers that one message carries.
    static let chunkCount = 64 << 10

    private struct Slot {
        var base: UnsafeMutablePointer<Float>
        /// Where what rounding takes away is kept; nil for a piece that travels in float32.
        var rest: UnsafeMutablePointer<Float>?
        var count: Int
        /// Which sum the piece belongs to.
        var order: Int
        var tag: Int32
        /// 0 ..< size - 1 adds, the rest copies.
        var step = 0
        var openRequests = 0
    }

    private let group: MPIGroup
    /// This rank's place on the ring, and the ranks beside it.
    private let place: Int
    private let left: Int32
    private let right: Int32
    private var slots = [Slot?](repeating: nil, count: RingPipeline.slotCount)
    /// Received chunks wait here to be added, one place a slot.
    private let scratch = UnsafeMutableBufferPointer<Float>.allocate(capacity: RingPipeline.slotCount * RingPipeline.chunkCount)
    /// Rounded chunks on their way in and out, one place of each a slot; made with the first piece that needs them.
    private var rounded: UnsafeMutableBufferPointer<UInt16>?
    /// A slot's receive and send, side by side; MPI keeps writing here while they are under way.
    private let requests = UnsafeMutableBufferPointer<MPI_Request?>.allocate(capacity: 2 * RingPipeline.slotCount)
    private let finished = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 2 * RingPipeline.slotCount)
    private var nextTag: Int32 = 0
    private(set) var openSlots = 0

    /// - Parameter order: the ranks around the ring.
    init(group: MPIGroup, order: [Int]) {
        self.group = group
        guard let place = order.firstIndex(of: group.rank) else { preconditionFailure("every rank has a place on the ring") }
        self.place = place
        left = Int32(order[(place + group.size - 1) % group.size])
        right = Int32(order[(place + 1) % group.size])
        requests.initialize(repeating: graft_mpi_request_null())
        finished.initialize(repeating: 0)
    }

    deinit {
        scratch.deallocate()
        rounded?.deallocate()
        requests.deallocate()
        finished.deallocate()
    }

    /// The most numbers in one piece.
    var pieceCount: Int { Self.chunkCount * group.size }
    var isAlone: Bool { group.size == 1 }
    var hasRoom: Bool { openSlots < Self.slotCount }

    func close() throws { try group.free() }

    func launch(_ base: UnsafeMutablePointer<Float>, rest: UnsafeMutablePointer<Float>?, count: Int, order: Int) throws {
        guard let index = slots.firstIndex(where: { $0 == nil }) else { preconditionFailure("a piece was launched without room") }
        if rest != nil, rounded == nil { rounded = .allocate(capacity: 2 * Self.slotCount * Self.chunkCount) }
        slots[index] = Slot(base: base, rest: rest, count: count, order: order, tag: nextTag)
        // Far more tags than slots, far fewer than MPI's 32,767; all ranks launch in one order, so tags agree.
        nextTag = (nextTag + 1) % 4096
        openSlots += 1
        try post(index)
    }

    func advance(blocking: Bool, complete: (_ order: Int) -> Void) throws {
        for request in try group.completed(requests, blocking: blocking, into: finished) {
            let index = Int(request) / 2
            slots[index]?.openRequests -= 1
            guard let slot = slots[index], slot.openRequests == 0 else { continue }
            if try step(index) { complete(slot.order) }
        }
    }

    /// Ends a slot's step and begins its next; true if that was the last.
    private func step(_ index: Int) throws -> Bool {
        guard let slot = slots[index], let scratch = scratch.baseAddress else { return false }
        let chunk = incoming(slot)
        let target = slot.base + chunk.lowerBound
        if slot.rest != nil, let received = place(ofRounded: index) {
            if slot.step < group.size - 1 {
                graft_bfloat16_accumulate(received, target, chunk.count)
            } else {
                graft_from_bfloat16(received, target, chunk.count)
            }
        } else if slot.step < group.size - 1 {
            graft_accumulate(scratch + index * Self.chunkCount, target, chunk.count)
        }
        guard slot.step + 1 < 2 * (group.size - 1) else {
            slots[index] = nil
            openSlots -= 1
            return true
        }
        slots[index]?.step += 1
        try post(index)
        return false
    }

    /// Starts the two messages of a slot's step.
    private func post(_ index: Int) throws {
        guard let slot = slots[index], let scratch = scratch.baseAddress else { return }
        slots[index]?.openRequests = 2
        let (incoming, outgoing) = (incoming(slot), outgoing(slot))
        if let rest = slot.rest, let received = place(ofRounded: index) {
            let sent = received + Self.slotCount * Self.chunkCount
            round(slot, outgoing, into: sent, keeping: rest)
            return try exchange(
                index, received, sent, bytesIn: 2 * incoming.count, bytesOut: 2 * outgoing.count, tag: slot.tag)
        }
        let target = slot.step < group.size - 1 ? scratch + index * Self.chunkCount : slot.base + incoming.lowerBound
        try exchange(
            index, target, slot.base + outgoing.lowerBound, bytesIn: 4 * incoming.count, bytesOut: 4 * outgoing.count,
            tag: slot.tag)
    }

    /// Chunks that are still being summed are rounded as they leave, as is the one that this rank has just finished: everybody, this
    /// rank too, goes on with the rounded numbers. Later chunks were rounded by whoever finished them.
    private func round(
        _ slot: Slot, _ chunk: Range<Int>, into sent: UnsafeMutablePointer<UInt16>, keeping rest: UnsafeMutablePointer<Float>
    ) {
        let values = slot.base + chunk.lowerBound
        guard slot.step < group.size else { return graft_to_bfloat16(values, sent, chunk.count) }
        graft_bfloat16_split(values, sent, rest + chunk.lowerBound, chunk.count)
        if slot.step == group.size - 1 { graft_from_bfloat16(sent, values, chunk.count) }
    }

    private func exchange(
        _ index: Int, _ received: UnsafeMutableRawPointer, _ sent: UnsafeMutableRawPointer, bytesIn: Int, bytesOut: Int,
        tag: Int32
    ) throws {
        guard let requests = requests.baseAddress else { return }
        try group.check(
            "MPI_Irecv",
            MPI_Irecv(received, Int32(bytesIn), graft_mpi_byte(), left, tag, group.handle, requests + 2 * index))
        try group.check(
            "MPI_Isend",
            MPI_Isend(sent, Int32(bytesOut), graft_mpi_byte(), right, tag, group.handle, requests + 2 * index + 1))
    }

    private func place(ofRounded index: Int) -> UnsafeMutablePointer<UInt16>? {
        rounded?.baseAddress.map { $0 + index * Self.chunkCount }
    }

    /// What arrives in a slot's step.
    private func incoming(_ slot: Slot) -> Range<Int> {
        let last = group.size - 1
        return chunk(of: slot, number: slot.step < last ? place - slot.step - 1 : place - (slot.step - last))
    }

    /// What leaves in a slot's step.
    private func outgoing(_ slot: Slot) -> Range<Int> {
        let last = group.size - 1
        return chunk(of: slot, number: slot.step < last ? place - slot.step : place + 1 - (slot.step - last))
    }

    /// Chunk `number`, counted around the ring, of a slot's piece.
    private func chunk(of slot: Slot, number: Int) -> Range<Int> {
        let number = (number + 2 * group.size) % group.size
        return number * slot.count / group.size..<(number + 1) * slot.count / group.size
    }
}
