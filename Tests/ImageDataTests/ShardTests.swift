// Every image once an epoch, in the same order for any number of ranks.
import Testing

@testable import ImageData

struct ShardTests {
    @Test func ordersArePermutationsThatDependOnSeedAndEpoch() {
        func order(_ seed: UInt64, _ epoch: Int) -> [Int] {
            EpochOrder.order(count: 101, seed: seed, epoch: epoch, shuffle: true)
        }
        #expect(order(1, 0).sorted() == Array(0..<101))
        #expect(order(1, 0) == order(1, 0))
        #expect(Set([order(1, 0), order(1, 1), order(2, 0), Array(0..<101)]).count == 4)
        #expect(EpochOrder.order(count: 5, seed: 1, epoch: 1, shuffle: false) == [0, 1, 2, 3, 4])
        #expect(EpochOrder.order(count: 0, seed: 1, epoch: 1, shuffle: true).isEmpty)
    }

    @Test(arguments: [0, 1, 2, 5, 64, 67], [1, 2, 3, 4, 7])
    func sharesPartitionEvenly(_ count: Int, _ ranks: Int) {
        let shares = (0..<ranks).map { Shard.range(of: count, rank: $0, ranks: ranks) }
        #expect(shares.flatMap { Array($0) } == Array(0..<count))
        #expect(shares.map(\.count).max()! - shares.map(\.count).min()! <= 1)
        #expect(shares.map(\.count) == shares.map(\.count).sorted(by: >))
    }

    /// Classes come as often as they should, a class's samples in turn, every time in another round; rare ones again and again.
    @Test func drawnEntriesAreBalanced() {
        let labels = (0..<1000).map { $0 < 50 ? 0 : $0 < 900 ? 1 : 3 }
        let entries = EpochOrder.drawn(labels: labels, shares: [1, 1, 1, 1], seed: 3, epoch: 2)
        #expect(entries == EpochOrder.drawn(labels: labels, shares: [1, 1, 1, 1], seed: 3, epoch: 2))
        #expect(entries != EpochOrder.drawn(labels: labels, shares: [1, 1, 1, 1], seed: 3, epoch: 3))
        #expect(Set(entries).count == 1000, "no entry comes twice")
        let samples = entries.map { EpochOrder.sample(of: $0, count: 1000) }
        for label in [0, 1, 3] {
            let own = samples.filter { labels[$0] == label }
            #expect((280...390).contains(own.count), "\(label): \(own.count)")
            let times = Dictionary(grouping: own) { $0 }.values.map(\.count)
            let members = labels.count { $0 == label }
            #expect((times.max() ?? 0) - (times.count < members ? 0 : times.min() ?? 0) <= 1)
        }
        let rare = EpochOrder.drawn(labels: labels, shares: [0, 1, 0, 1], seed: 3, epoch: 2)
        #expect(rare.allSatisfy { labels[EpochOrder.sample(of: $0, count: 1000)] != 0 })
    }
}
