// The pure parts: bucket cuts, epoch plans, parameter groups, the numbers that travel with the last bucket.
import Graphs
import Networks
import Optimization
import Testing
@testable import Training

@Suite struct BucketTests {
    @Test(arguments: [64, 4096, 40_000, 4 << 20], [[100], [3, 2000, 2000, 5], [9408, 4, 64, 100_000, 1]])
    func bucketsCoverTheGradientsAndTheExtras(bytes: Int, counts: [Int]) {
        var start = 0
        let slots = counts.map { count in
            defer { start += (count + 15) / 16 * 16 }
            return start..<start + count
        }
        let buckets = GradientBuckets(slots: slots, count: start, bytes: bytes, extraCount: 16)
        #expect(buckets.ranges.first?.lowerBound == 0 && buckets.ranges.last?.upperBound == start + 16)
        #expect(zip(buckets.ranges, buckets.ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        let wanted = max(16, bytes / 4)
        #expect(buckets.ranges.dropLast().allSatisfy { !$0.isEmpty && $0.count <= max(2 * wanted, wanted + 32) })
    }

    @Test func theFirstBucketIsSmallAndALargeSlotIsCut() {
        let slots = [0..<2048, 2048..<6144, 6144..<8192, 8192..<16384, 16384..<82_000]
        let buckets = GradientBuckets(slots: slots, count: 82_000, bytes: 32768, extraCount: 16)
        #expect(buckets.ranges.prefix(3) == [0..<2048, 2048..<9216, 9216..<16384])
        #expect(buckets.ranges.count { $0.lowerBound >= 16384 } == 8)
    }

    @Test func anEpochPlanUsesEverySampleOnce() {
        let plan = EpochPlan(sampleCount: 23, consumed: 6, batchSize: 4, accumulation: 2)
        #expect(plan.updates.map(\.passes) == [[6..<10, 10..<14], [14..<18, 18..<22], [22..<23]])
        #expect(EpochPlan.updateCount(sampleCount: 23, batchSize: 4, accumulation: 2) == 3)
        #expect((0..<4).map { EpochPlan.share(of: 10..<13, rank: $0, size: 4).count } == [1, 1, 1, 0])
        #expect(EpochPlan.shareCapacity(batchSize: 6, size: 4) == 2)
    }

    @Test func namesAndRolesDecideTheGroups() throws {
        let replica = LinearReplica()
        let groups = try ParameterGroups(multipliers: [.init("fc", 0.1), .init("*.bias", 2)], weightDecay: 0.5).resolve(
            parameters: replica.parameters, of: "linear", slots: replica.slots, count: 32)
        #expect(
            groups == [
                ParameterGroup(range: 0..<16, multiplier: 2, weightDecay: 0),
                ParameterGroup(range: 16..<32, multiplier: 0.1, weightDecay: 0.5),
            ])
        let all = try ParameterGroups(weightDecay: 0.5, decaysNormsAndBiases: true).resolve(
            parameters: replica.parameters, of: "linear", slots: replica.slots, count: 32)
        #expect(all.map(\.weightDecay) == [0.5, 0.5])
        let error = LayerPatternError(
            setting: "optimizer.multipliers", pattern: "fx", network: "linear", nearest: ["fc", "body", "fc.bias"])
        #expect(throws: error) {
            try ParameterGroups(multipliers: [.init("fx", 1)]).resolve(
                parameters: replica.parameters, of: "linear", slots: replica.slots, count: 32)
        }
    }

    /// Multipliers of every parameter of a network.
    private func factors(_ multipliers: [(String, Double)], _ network: String) throws -> [String: Double] {
        let graph = try NetworkCatalog.entry(named: network).build()
        let slots = graph.parameters.indices.map { ParameterSlot(parameter: $0, range: 16 * $0..<16 * $0 + 16) }
        let groups = try ParameterGroups(multipliers: multipliers.map { .init($0.0, $0.1) }).resolve(
            parameters: graph.parameters, of: network, slots: slots, count: 16 * slots.count)
        return Dictionary(uniqueKeysWithValues: zip(graph.parameters.map(\.name), groups.map(\.multiplier)))
    }

    @Test func theLastMultiplierThatMatchesCounts() throws {
        let narrowFirst = try factors([("layer4.1", 0.1), ("layer4", 0.5)], "resnet18")
        #expect(narrowFirst["layer4.1.conv1.weight"] == 0.5 && narrowFirst["layer4.0.conv1.weight"] == 0.5)
        let narrowLast = try factors([("layer4", 0.5), ("layer4.1", 0.1)], "resnet18")
        #expect(narrowLast["layer4.1.conv1.weight"] == 0.1 && narrowLast["layer4.0.conv1.weight"] == 0.5)
        #expect(try factors([("fc", 3), ("*", 2)], "resnet18").values.allSatisfy { $0 == 2 })
    }

    @Test func multipliersNameWhatUnfrozenNames() throws {
        let factors = try factors([("inception_3a", 0.1)], "googlenet_2014")
        #expect(factors["inception_3a/1x1.weight"] == 0.1 && factors["inception_3b/1x1.weight"] == 1)
    }

    @Test func theExtrasCarryTheSums() {
        var sums = StepSums()
        sums.saveRequests = 1
        (sums.loss, sums.correct, sums.images, sums.unreadable, sums.stopRequests) = (41.123456789012, 60, 64, 1, 2)
        let extras = UnsafeMutableBufferPointer<Float>.allocate(capacity: 16)
        defer { extras.deallocate() }
        sums.write(to: extras)
        let read = StepSums(extras)
        #expect(read.correct == 60 && read.images == 64 && read.unreadable == 1 && read.stopRequests == 2)
        #expect(read.saveRequests == 1)
        #expect(abs(read.loss - sums.loss) < 1e-12)
        sums.loss = .infinity
        sums.write(to: extras)
        #expect(StepSums(extras).loss == .infinity)
    }
}
