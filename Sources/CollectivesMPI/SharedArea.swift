// The memory in which the ranks of one host meet: places for values, and flags that say how far each rank is.
import Collectives
import Synchronization

/// Slots for pieces of sums. Each slot has a place for every rank's values and one for the result, and flags of every rank that hold
/// the number of the last piece (from 1) with which the rank has come so far.
struct SharedArea {
    /// How far a rank is with a piece.
    enum Flag: Int, CaseIterable {
        /// Its values are in their place.
        case arrived
        /// Its slice of the result is complete.
        case done
        /// It has taken the result.
        case left
    }

    static let slotCount = 8
    /// Numbers of one place: with 256 kB, what is under way fits into a core's cache.
    static let pieceCount = 64 << 10
    /// Each flag has a cache line of its own.
    private static let flagBytes = 64

    private let segment: SharedSegment
    private let ranks: Int

    init(segment: SharedSegment, ranks: Int) {
        precondition(segment.byteCount >= Self.byteCount(ranks: ranks), "the segment has room for its ranks")
        (self.segment, self.ranks) = (segment, ranks)
    }

    /// The memory that an area for so many ranks takes.
    static func byteCount(ranks: Int) -> Int { flagsByteCount(ranks) + slotCount * (ranks + 1) * pieceCount * 4 }

    /// Where rank `rank` puts its values of a piece in slot `slot`.
    func values(of rank: Int, slot: Int) -> UnsafeMutablePointer<Float> { place(rank, slot) }

    /// Where the result of slot `slot` grows.
    func result(slot: Int) -> UnsafeMutablePointer<Float> { place(ranks, slot) }

    /// Says that `rank` has come so far with piece `number`; what it wrote before can be read by whoever sees this.
    func raise(_ flag: Flag, of rank: Int, slot: Int, number: Int) {
        pointer(flag, rank, slot).pointee.store(number, ordering: .releasing)
    }

    /// Whether the first `count` ranks have come so far with piece `number`.
    func isRaised(_ flag: Flag, byFirst count: Int, slot: Int, number: Int) -> Bool {
        (0..<count).allSatisfy { pointer(flag, $0, slot).pointee.load(ordering: .acquiring) >= number }
    }

    private static func flagsByteCount(_ ranks: Int) -> Int { Flag.allCases.count * slotCount * ranks * flagBytes }

    private func place(_ index: Int, _ slot: Int) -> UnsafeMutablePointer<Float> {
        let offset = Self.flagsByteCount(ranks) + (slot * (ranks + 1) + index) * Self.pieceCount * 4
        return (segment.base + offset).assumingMemoryBound(to: Float.self)
    }

    private func pointer(_ flag: Flag, _ rank: Int, _ slot: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        let index = (flag.rawValue * Self.slotCount + slot) * ranks + rank
        return (segment.base + index * Self.flagBytes).assumingMemoryBound(to: Atomic<Int>.self)
    }
}
