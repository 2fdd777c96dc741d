// Who sees which image when. One order for all ranks, cut into global batches, each batch cut into shares: nothing depends on the
// number of ranks but the cuts, and every image comes exactly once an epoch.
internal import Tensors

/// The order in which an epoch visits the samples.
package enum EpochOrder {
    /// A permutation of `0..<count` that is a pure function of (seed, epoch), or file order.
    package static func order(count: Int, seed: UInt64, epoch: Int, shuffle: Bool) -> [Int] {
        var order = Array(0..<count)
        guard shuffle, count > 1 else { return order }
        var random = CounterRandom(seed: seed, epoch: epoch, purpose: .shuffle)
        for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, random.below(last + 1)) }
        return order
    }
}

/// Splitting sequences into contiguous shares.
package enum Shard {
    /// The share of `rank` in `count` things: shares are contiguous, in rank order, and differ by at most one; the first ranks
    /// have the larger ones. With fewer things than ranks the last ranks' shares are empty.
    package static func range(of count: Int, rank: Int, ranks: Int) -> Range<Int> {
        precondition(ranks > 0 && (0..<ranks).contains(rank), "a rank lies within the number of ranks")
        let (size, larger) = count.quotientAndRemainder(dividingBy: ranks)
        let start = rank * size + min(rank, larger)
        return start..<start + size + (rank < larger ? 1 : 0)
    }
}
