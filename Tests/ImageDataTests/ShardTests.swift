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
}
