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

    /// As many entries as there are samples, in which classes come as often as `shares` says: a pure function of (seed, epoch) too. The class
    /// of each entry is drawn; within a class samples come in turn, in an order of the epoch's own.
    ///
    /// An entry is `sample + round · count`, where `round` counts how often the epoch has used up the class's samples before.
    ///
    /// - Parameters:
    ///   - labels: of each sample, below `shares.count`.
    ///   - shares: of each class, not negative; a class without samples is not drawn.
    package static func drawn(labels: [Int], shares: [Double], seed: UInt64, epoch: Int) -> [Int] {
        let count = labels.count
        var members = shares.map { _ in [Int]() }
        for sample in order(count: count, seed: seed, epoch: epoch, shuffle: true) { members[labels[sample]].append(sample) }
        var total = 0.0
        let ends = zip(shares, members).map { share, samples in
            total += samples.isEmpty ? 0 : share
            return total
        }
        guard total > 0 else { return order(count: count, seed: seed, epoch: epoch, shuffle: true) }
        var used = shares.map { _ in 0 }
        var random = CounterRandom(seed: seed, epoch: epoch, purpose: .sampling)
        return (0..<count).map { _ in
            let place = Double(random.next() >> 11) * 0x1p-53 * total
            let label = ends.firstIndex { place < $0 } ?? ends.count - 1
            let samples = members[label]
            defer { used[label] += 1 }
            return samples[used[label] % samples.count] + used[label] / samples.count * count
        }
    }

    /// As many entries, of which each comes `times` times in a row, in other rounds: the first ones of an order, augmented in several ways
    /// (Hoffer et al., "Augment your batch", 2019).
    package static func repeated(_ order: [Int], times: Int) -> [Int] {
        guard times > 1 else { return order }
        let count = order.count
        return order.indices.map { position in
            let (sample, round) = parts(of: order[position / times], count: count)
            return sample + (round * times + position % times) * count
        }
    }

    /// The sample of an entry.
    package static func sample(of entry: Int, count: Int) -> Int { parts(of: entry, count: count).sample }

    /// An entry's sample, of `count`, and its round.
    package static func parts(of entry: Int, count: Int) -> (sample: Int, round: Int) {
        let (round, sample) = entry.quotientAndRemainder(dividingBy: count)
        return (sample, round)
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
