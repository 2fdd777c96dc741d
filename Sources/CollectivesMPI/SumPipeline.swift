// What the ways of summing have in common.

/// Moves pieces of sums between ranks. Used by one thread at a time; all ranks launch the same pieces in the same order.
protocol SumPipeline: AnyObject {
    /// The most numbers in one piece.
    var pieceCount: Int { get }
    /// Whether there is nobody to sum with.
    var isAlone: Bool { get }
    /// Whether a piece may be launched now.
    var hasRoom: Bool { get }
    /// Pieces under way.
    var openSlots: Int { get }

    /// Sends the next piece of sum `order` on its way; there must be room.
    /// - Parameter rest: where what rounding takes away is kept; nil to sum in float32.
    func launch(_ base: UnsafeMutablePointer<Float>, rest: UnsafeMutablePointer<Float>?, count: Int, order: Int) throws

    /// Moves every piece as far as it goes, calling `complete` with the sum of each piece that is done.
    /// - Parameter blocking: whether to wait until something has moved; only with pieces under way.
    func advance(blocking: Bool, complete: (_ order: Int) -> Void) throws

    /// Gives back what the library lent. Every rank calls it, with nothing under way.
    func close() throws
}
