// The α-β model, against sums done by hand.
import Testing
@testable import PlanReports

@Suite struct ScalingModelTests {
    /// A link of 1 GB/s of payload with no latency, and one of 100 MB/s.
    private static let fast = ScalingLink(bitsPerSecond: 8e9 / ScalingLink.payloadShare, latency: 0)
    private static let slow = ScalingLink(bitsPerSecond: 8e8 / ScalingLink.payloadShare, latency: 0)
    private static let work = ScalingWork(
        computeSeconds: 1, buckets: [.init(bytes: 1e8, ready: 0.5), .init(bytes: 1e8, ready: 0.75), .init(bytes: 1e6, ready: 1)],
        imagesPerRank: 32)

    private func isClose(_ first: Double, _ second: Double) -> Bool { abs(first - second) < 1e-9 * max(1, abs(second)) }

    @Test func oneHostNeedNotTalk() {
        let alone = predictScaling(Self.work, hosts: 1, link: Self.slow)
        #expect(alone.stepSeconds == 1 && alone.efficiency == 1 && alone.imagesPerSecond == 32 && alone.exposedSeconds == 0)
    }

    @Test func aFastLinkLeavesTheLastBucket() {
        // Two hosts send each byte once: 0.1 s, 0.1 s, and 1 ms after the end.
        let two = predictScaling(Self.work, hosts: 2, link: Self.fast)
        #expect(isClose(two.exposedSeconds, 1e-3) && isClose(two.communicationSeconds, 0.201))
        #expect(isClose(two.imagesPerSecond, 64 / 1.001))
    }

    @Test func aSlowLinkIsWaitedFor() {
        // 0.5 + 1 + 1 + 0.01 s.
        let two = predictScaling(Self.work, hosts: 2, link: Self.slow)
        #expect(isClose(two.stepSeconds, 2.51) && isClose(two.efficiency, 1 / 2.51))
        // Four hosts send 3/2 of the bytes.
        #expect(isClose(predictScaling(Self.work, hosts: 4, link: Self.slow).stepSeconds, 0.5 + 1.5 * 2.01))
    }

    @Test func latencyPassesForSeveralBucketsAtOnce() {
        let link = ScalingLink(bitsPerSecond: 8e9 / ScalingLink.payloadShare, latency: 1e-3)
        #expect(isClose(predictScaling(Self.work, hosts: 2, link: link).exposedSeconds, 3e-3))
        let one = predictScaling(Self.work, hosts: 2, link: ScalingLink(bitsPerSecond: 8e9, latency: 1), underWay: 1)
        #expect(one.stepSeconds > 6, "each bucket waits for the one before it: three times two messages")
    }

    @Test func ranksOfAHostSumFirst() {
        var work = Self.work
        (work.ranksPerHost, work.localBytesPerSecond) = (2, 1e9)
        let two = predictScaling(work, hosts: 2, link: Self.fast)
        // Inside and between hosts overlap; the last bucket takes 1 ms in each.
        #expect(isClose(two.exposedSeconds, 2e-3) && isClose(two.imagesPerSecond, 128 / 1.002))
    }

    @Test(arguments: [2, 8, 64, 512]) func moreHostsAndSlowerLinksAreNeverMoreEfficient(hosts: Int) {
        let rates = [1e9, 25e9, 100e9].map {
            predictScaling(Self.work, hosts: hosts, link: ScalingLink(bitsPerSecond: $0, latency: 5e-5)).efficiency
        }
        #expect(rates == rates.sorted() && rates[2] <= 1)
        let link = ScalingLink(bitsPerSecond: 25e9, latency: 5e-5)
        #expect(
            predictScaling(Self.work, hosts: 2 * hosts, link: link).efficiency
                <= predictScaling(Self.work, hosts: hosts, link: link).efficiency)
    }

    /// Tables of order statistics (Harter 1961) have these.
    @Test(arguments: [(1, 0.0), (2, 0.56419), (3, 0.84628), (10, 1.53875), (100, 2.50759), (400, 2.96818)])
    func theLargestOfManyIsKnown(count: Int, expected: Double) {
        #expect(abs(RankCosts.expectedMaximum(of: count) - expected) < 1e-4)
    }

    @Test func allWaitForTheSlowestRank() {
        var work = Self.work
        (work.ranksPerHost, work.ranks) = (5, RankCosts(spread: 0.1, startSeconds: 2, startSecondsPerRank: 0.5))
        let two = predictScaling(work, hosts: 2, link: Self.fast)
        #expect(abs(two.stragglerSeconds - 0.153875) < 1e-5 && isClose(two.startSeconds, 7))
        work.ranks = RankCosts()
        let even = predictScaling(work, hosts: 2, link: Self.fast)
        #expect(even.stragglerSeconds == 0 && isClose(even.stepSeconds + two.stragglerSeconds, two.stepSeconds))
        #expect(isClose(even.exposedSeconds, two.exposedSeconds) && two.efficiency < even.efficiency)
        #expect(predictScaling(Self.work, hosts: 1, link: Self.fast).stragglerSeconds == 0)
    }

    /// deploy/README.md has the commands: what the messages alone predict for 512 GPUs, and what Horovod published.
    @Test(arguments: [("VGG-16", 0.806, 0.751, 0.68), ("ResNet-101", 0.996, 0.913, 0.90)])
    func theSlowestRankExplainsPartOfWhatHorovodPublished(network: String, messages: Double, expected: Double, published: Double)
    {
        let costs = RankCosts(spread: RankCosts.assumedSpread)
        let efficiency = 1 / (1 / messages + costs.slowestShare(of: 512))
        #expect(abs(efficiency - expected) < 0.001, "\(network)")
        #expect(abs(efficiency - published) < 0.6 * abs(messages - published), "\(network)")
    }
}
