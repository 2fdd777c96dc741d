// Sums inside a host in memory that its ranks share, and between hosts on rings of one rank a host.
import CVectorLoops
import Collectives
import Foundation

/// Moves sums through shared memory.
///
/// Each rank copies a piece of its values into its place. The first `carriers` ranks of each host add up a slice of it each, in the
/// order of the host's ranks, and take their slice around a ring of the ranks of the same number on all hosts; then everyone copies the
/// result. So each byte crosses a host's link once each way, and inside a host no message is sent. Every number is summed by one
/// rank, hence the same bits everywhere.
final class SharedMemoryPipeline: SumPipeline {
    private enum Stage { case gathering, travelling, returning }

    private struct Piece {
        var base: UnsafeMutablePointer<Float>
        var rest: UnsafeMutablePointer<Float>?
        var count: Int
        /// Which sum it belongs to.
        var order: Int
        /// Pieces launched up to this one.
        var number: Int
        var stage: Stage
    }

    private let area: SharedArea
    private let place: HostPlace
    /// The ring between hosts of this rank's slices; nil with one host, and for ranks that carry none.
    private let between: RingPipeline?
    private var slots = [Piece?](repeating: nil, count: SharedArea.slotCount)
    private var launchedCount = 0
    /// The next piece that goes on the ring between hosts: all of them take one order.
    private var nextTravel = 1
    private(set) var openSlots = 0

    init(area: SharedArea, place: HostPlace, between: RingPipeline?) {
        (self.area, self.place, self.between) = (area, place, between)
    }

    var pieceCount: Int { SharedArea.pieceCount }
    var isAlone: Bool { false }
    var hasRoom: Bool { slots[launchedCount % slots.count] == nil }

    func launch(_ base: UnsafeMutablePointer<Float>, rest: UnsafeMutablePointer<Float>?, count: Int, order: Int) throws {
        precondition(hasRoom, "a piece was launched without room")
        let slot = launchedCount % slots.count
        launchedCount += 1
        openSlots += 1
        rest?.update(repeating: 0, count: count)
        area.values(of: place.rank, slot: slot).update(from: base, count: count)
        area.raise(.arrived, of: place.rank, slot: slot, number: launchedCount)
        slots[slot] = Piece(
            base: base, rest: rest, count: count, order: order, number: launchedCount,
            stage: place.isCarrier ? .gathering : .returning)
    }

    func advance(blocking: Bool, complete: (_ order: Int) -> Void) throws {
        var looks = 0
        while true {
            var hasMoved = try moveBetweenHosts()
            for slot in slots.indices where slots[slot] != nil {
                if try move(slot, complete: complete) { hasMoved = true }
            }
            if hasMoved || !blocking { return }
            looks += 1
            Self.pause(looks)
        }
    }

    func close() throws { try between?.close() }

    /// Takes what has arrived from other hosts.
    private func moveBetweenHosts() throws -> Bool {
        guard let between, between.openSlots > 0 else { return false }
        var hasMoved = false
        try between.advance(blocking: false) { slot in
            hasMoved = true
            finish(slot)
        }
        return hasMoved
    }

    /// Takes a slot as far as it goes; true if it went anywhere.
    private func move(_ slot: Int, complete: (_ order: Int) -> Void) throws -> Bool {
        let gathered = try gather(slot)
        guard let piece = slots[slot], piece.stage == .returning,
            area.isRaised(.done, byFirst: place.carriers, slot: slot, number: piece.number)
        else { return gathered }
        piece.base.update(from: area.result(slot: slot), count: piece.count)
        area.raise(.left, of: place.rank, slot: slot, number: piece.number)
        slots[slot] = nil
        openSlots -= 1
        complete(piece.order)
        return true
    }

    /// Adds this rank's slice once everyone's values are there and the result of the slot's last piece was taken by all.
    private func gather(_ slot: Int) throws -> Bool {
        guard let piece = slots[slot], piece.stage == .gathering,
            between == nil || piece.number == nextTravel && between?.hasRoom == true,
            area.isRaised(.arrived, byFirst: place.size, slot: slot, number: piece.number),
            area.isRaised(.left, byFirst: place.size, slot: slot, number: piece.number - slots.count)
        else { return false }
        let slice = place.rank * piece.count / place.carriers..<(place.rank + 1) * piece.count / place.carriers
        let target = area.result(slot: slot) + slice.lowerBound
        target.update(from: area.values(of: 0, slot: slot) + slice.lowerBound, count: slice.count)
        for rank in 1..<max(place.size, 1) {
            graft_accumulate(area.values(of: rank, slot: slot) + slice.lowerBound, target, slice.count)
        }
        guard let between else {
            finish(slot)
            return true
        }
        slots[slot]?.stage = .travelling
        nextTravel += 1
        try between.launch(target, rest: piece.rest.map { $0 + slice.lowerBound }, count: slice.count, order: slot)
        return true
    }

    /// Says that this rank's slice is the sum over all hosts.
    private func finish(_ slot: Int) {
        guard let number = slots[slot]?.number else { return }
        slots[slot]?.stage = .returning
        area.raise(.done, of: place.rank, slot: slot, number: number)
    }

    /// Lets others run: ranks may share a core. The first looks follow each other closely, later ones rarely.
    private static func pause(_ looks: Int) {
        if looks < 500 {
            sched_yield()
        } else {
            var nap = timespec(tv_sec: 0, tv_nsec: 30_000)
            nanosleep(&nap, nil)
        }
    }
}
