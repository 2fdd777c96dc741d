// The random numbers of a run: those of SplitMix64, the same for the same key, and spread as they should be.
import Tensors
import Testing

@Suite struct CounterRandomTests {
    /// SplitMix64 written out from its paper, started where the key puts it: after `n` numbers the state is the start plus n steps.
    @Test func isSplitMix64() {
        var random = CounterRandom(seed: 1234567, epoch: 3, index: 5, purpose: .shuffle)
        let numbers = (0..<5).map { _ in random.next() }
        // The finaliser can be undone: each number gives its state, and states are one golden step apart.
        func unmix(_ value: UInt64) -> UInt64 {
            var word = value
            word ^= word >> 31 ^ word >> 62
            word = word &* 0x3196_42B2_D24D_8EC3
            word ^= word >> 27 ^ word >> 54
            word = word &* 0x96DE_1B17_3F11_9089
            return word ^ word >> 30 ^ word >> 60
        }
        for (first, second) in zip(numbers, numbers.dropFirst()) {
            #expect(unmix(second) &- unmix(first) == 0x9E37_79B9_7F4A_7C15)
        }
        // Published: from state 1234567 the first numbers are these (Vigna's splitmix64.c).
        func published(_ state: UInt64) -> UInt64 {
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
        #expect(published(1_234_567 &+ 0x9E37_79B9_7F4A_7C15) == 6_457_827_717_110_365_317)
        #expect(numbers.map(unmix).map(published) == numbers)
    }

    @Test func everyPartOfTheKeyCounts() {
        func first(_ seed: UInt64, _ epoch: Int, _ index: Int, _ purpose: RandomPurpose) -> UInt64 {
            var random = CounterRandom(seed: seed, epoch: epoch, index: index, purpose: purpose)
            return random.next()
        }
        let all = [
            first(1, 2, 3, .shuffle), first(2, 2, 3, .shuffle), first(1, 3, 3, .shuffle), first(1, 2, 4, .shuffle),
            first(1, 2, 3, .dropout), first(1, 3, 2, .shuffle), first(2, 1, 3, .shuffle), first(1, -2, 3, .shuffle),
        ]
        #expect(Set(all).count == all.count)
        #expect(first(1, 2, 3, .shuffle) == all[0])
    }

    @Test func numbersAreSpreadEvenly() {
        var random = CounterRandom(seed: 8, purpose: .augmentation)
        let count = 100_000
        var tenths = [Int](repeating: 0, count: 10)
        for _ in 0..<count {
            let number = random.uniform()
            #expect(number >= 0 && number < 1)
            tenths[Int(number * 10)] += 1
        }
        // Five deviations of a binomial of 0.1.
        for tenth in tenths { #expect(abs(Double(tenth) - 10_000) < 5 * 95) }
        var sevenths = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { sevenths[random.below(7)] += 1 }
        for seventh in sevenths { #expect(abs(Double(seventh) - 10_000) < 5 * 93) }
    }

    @Test func normalNumbersHaveTheirMoments() {
        var random = CounterRandom(seed: 9, purpose: .initialization)
        let numbers = (0..<100_000).map { _ in Double(random.normal()) }
        let mean = numbers.reduce(0, +) / 1e5
        let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1e5
        #expect(abs(mean) < 0.016 && abs(variance - 1) < 0.023)
        #expect(abs(Double(numbers.count { abs($0) < 1 }) / 1e5 - 0.6827) < 0.0075)
    }
}
