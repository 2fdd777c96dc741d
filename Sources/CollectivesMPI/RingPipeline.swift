// Sums as many small ring all-reduces under way at once, over plain non-blocking messages.
import CMPI

/// Moves sums around the ring of ranks, piece by piece. Used by one thread at a time.
///
/// A sum is cut into pieces, a piece into one chunk a rank. In `size - 1` steps each rank adds the chunk that its left
/// neighbour sends and passes the next one to the right, until each rank owns one finished chunk; in `size - 1` more steps the
/// finished chunks travel round. Every chunk is summed on one path and copied from there, so all ranks hold the same bits, and
/// 2 (size - 1) / size of the bytes leave each rank, the least there can be (Patarasuk and Yuan, 2009). Several pieces under
/// way keep the link busy while one waits for its neighbour.
final class RingPipeline {
    /// How many pieces are under way at most: with 256 kB a chunk, 4 MB on the wire or in socket buffers.
    static let slotCount = 16
    /// The most numbers that one message carries.
    static let chunkCount = 64 << 10

    private struct Slot {
        var base: UnsafeMutablePointer<Float>
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
        requests.deallocate()
        finished.deallocate()
    }

    /// The most numbers in one piece.
    var pieceCount: Int { Self.chunkCount * group.size }
    var isAlone: Bool { group.size == 1 }
    var hasRoom: Bool { openSlots < Self.slotCount }

    /// Sends the next piece of sum `order` on its way; there must be room.
    func launch(_ base: UnsafeMutablePointer<Float>, count: Int, order: Int) throws {
        guard let index = slots.firstIndex(where: { $0 == nil }) else { preconditionFailure("a piece was launched without room") }
        slots[index] = Slot(base: base, count: count, order: order, tag: nextTag)
        // Far more tags than slots, far fewer than MPI's 32,767; all ranks launch in one order, so tags agree.
        nextTag = (nextTag + 1) % 4096
        openSlots += 1
        try post(index)
    }

    /// Moves every piece as far as it goes, calling `complete` with the sum of each piece that is done.
    /// - Parameter blocking: whether to wait until at least one message has arrived or left.
    func advance(blocking: Bool, complete: (_ order: Int) -> Void) throws {
        var count: Int32 = 0
        let total = Int32(requests.count)
        if blocking {
            try group.check("MPI_Waitsome", MPI_Waitsome(total, requests.baseAddress, &count, finished.baseAddress, nil))
        } else {
            try group.check("MPI_Testsome", MPI_Testsome(total, requests.baseAddress, &count, finished.baseAddress, nil))
        }
        guard count > 0 else { return }
        for request in finished.prefix(Int(count)) {
            let index = Int(request) / 2
            slots[index]?.openRequests -= 1
            guard let slot = slots[index], slot.openRequests == 0 else { continue }
            if try step(index) { complete(slot.order) }
        }
    }

    /// Ends a slot's step and begins its next; true if that was the last.
    private func step(_ index: Int) throws -> Bool {
        guard let slot = slots[index] else { return false }
        if slot.step < group.size - 1 {
            let chunk = chunk(of: slot, number: place - slot.step - 1)
            let received = scratch.baseAddress.map { $0 + index * Self.chunkCount }
            if let received { add(received, to: slot.base + chunk.lowerBound, count: chunk.count) }
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
        guard let slot = slots[index], let requests = requests.baseAddress, let scratch = scratch.baseAddress else { return }
        let last = group.size - 1
        let adds = slot.step < last
        let incoming = chunk(of: slot, number: adds ? place - slot.step - 1 : place - (slot.step - last))
        let outgoing = chunk(of: slot, number: adds ? place - slot.step : place + 1 - (slot.step - last))
        let target = adds ? scratch + index * Self.chunkCount : slot.base + incoming.lowerBound
        slots[index]?.openRequests = 2
        try group.check(
            "MPI_Irecv",
            MPI_Irecv(target, Int32(incoming.count), graft_mpi_float(), left, slot.tag, group.handle, requests + 2 * index))
        try group.check(
            "MPI_Isend",
            MPI_Isend(
                slot.base + outgoing.lowerBound, Int32(outgoing.count), graft_mpi_float(), right, slot.tag, group.handle,
                requests + 2 * index + 1))
    }

    /// Chunk `number`, counted around the ring, of a slot's piece.
    private func chunk(of slot: Slot, number: Int) -> Range<Int> {
        let number = (number + 2 * group.size) % group.size
        return number * slot.count / group.size..<(number + 1) * slot.count / group.size
    }

    private func add(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int) {
        for index in 0..<count { target[index] += source[index] }
    }
}
