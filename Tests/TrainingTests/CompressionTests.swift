// Gradients that travel rounded: nothing is lost in the long run, and a resumed run goes on bit for bit.
import Collectives
import Foundation
import Tensors
import Testing
@testable import Training

@Suite struct CompressionTests {
    @Test(arguments: [2, 3]) func roundedGradientsTrainAsWell(ranks: Int) throws {
        let exact = try Rehearsal(ranks: ranks, epochs: 6).run()
        let rounded = try Rehearsal(ranks: ranks, epochs: 6, compresses: true).run()
        #expect(rounded[0].weights != exact[0].weights, "something was rounded")
        #expect(rounded.allSatisfy { $0.weights == rounded[0].weights })
        let (last, other) = (exact[0].record.losses.suffix(4), rounded[0].record.losses.suffix(4))
        #expect(zip(last, other).allSatisfy { abs($0 - $1) < 2e-3 * $0 }, "\(last) \(other)")
        #expect(rounded[0].record.steps.map(\.images) == exact[0].record.steps.map(\.images), "counts are not rounded")
    }

    /// The mean of many rounded sums of the same values is the exact one, though each is off by up to a 256th.
    @Test func errorFeedbackMakesTheMeanExact() throws {
        let steps = 200
        let means = try ThreadGroup.run(size: 3) { group in
            let values = AlignedBuffer(floatCount: 64 + 16)
            let rest = AlignedBuffer(floatCount: 64)
            let buckets = GradientBuckets(slots: [0..<64], count: 64, bytes: 128, extraCount: 16, separatesExtras: true)
            let synchronizer = GradientSynchronizer(
                buckets: buckets, values: values.floats, communicator: group, overlaps: true, rest: rest.floats)
            var totals = [Double](repeating: 0, count: 64)
            for _ in 0..<steps {
                for index in 0..<64 { values.floats[index] = Self.gradient(index, group.rank) }
                synchronizer.begin(adding: nil)
                try synchronizer.add(completed: 64)
                _ = try synchronizer.finish()
                for index in 0..<64 { totals[index] += Double(values.floats[index]) }
            }
            return totals.map { $0 / Double(steps) }
        }
        for index in 0..<64 {
            let exact = (0..<3).reduce(0.0) { $0 + Double(Self.gradient(index, $1)) }
            #expect(abs(means[0][index] - exact) < 1e-4 * abs(exact), "\(means[0][index]) \(exact)")
        }
        #expect(means[0] == means[1] && means[0] == means[2])
    }

    private static func gradient(_ index: Int, _ rank: Int) -> Float { 1 / Float(3 + index) + 0.01 * Float(rank) }

    /// Stopped within an epoch, where nothing announced the checkpoint.
    @Test func aStoppedRunContinuesBitForBit() throws {
        let folder = try TemporaryFolder()
        let straight = try Rehearsal(ranks: 3, epochs: 3, compresses: true).run()
        let first = try Rehearsal(
            ranks: 3, epochs: 3, compresses: true, folder: folder.path, stopping: (rank: 1, step: 6)
        ).run()
        let name = "\(folder.path)/\(CheckpointFolder.name(ofStep: 6))"
        #expect(FileManager.default.fileExists(atPath: "\(name)/\(Checkpoint.restFile(ofRank: 2))"))
        let second = try Rehearsal(ranks: 3, epochs: 3, compresses: true, folder: folder.path, resumes: true).run()
        #expect(first[0].record.losses + second[0].record.losses == straight[0].record.losses)
        #expect(second[0].weights == straight[0].weights && second[2].weights == straight[0].weights)
        let fewer = try Rehearsal(ranks: 2, epochs: 3, compresses: true, folder: folder.path, resumes: true).run()
        #expect(fewer[0].outcome == .finished)
    }

    @Test(arguments: [64, 100, 4096]) func cutsDoNotChangeABitAmongThreads(bytes: Int) throws {
        let reference = try Rehearsal(ranks: 3).run()
        #expect(try Rehearsal(ranks: 3, bucketBytes: bytes).run()[0].weights == reference[0].weights)
    }

    @Test func extrasTravelAloneWhereGradientsAreRounded() {
        let buckets = GradientBuckets(slots: [0..<100, 112..<200], count: 208, bytes: 256, extraCount: 16, separatesExtras: true)
        #expect(buckets.ranges.last == 208..<224)
        #expect(zip(buckets.ranges, buckets.ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    }

    @Test func bucketsAreAsLargeAsTheConnectionWants() {
        // 1 Gbit/s with half a millisecond, shared memory, and something hopeless.
        #expect(SumCost(latency: 2e-4, bytesPerSecond: 110e6).bucketBytes == 256 << 10)
        #expect(SumCost(latency: 5e-4, bytesPerSecond: 110e6).bucketBytes == 1 << 20)
        #expect(SumCost(latency: 2e-4, bytesPerSecond: 3e9).bucketBytes == 4 << 20)
        #expect(SumCost(latency: 1, bytesPerSecond: 1e9).bucketBytes == 4 << 20)
    }

    @Test func theCostIsTheSameOnAllRanks() throws {
        let costs = try ThreadGroup.run(size: 3) { try SumCost.measure(over: $0) }
        #expect(costs[0] == costs[1] && costs[0] == costs[2] && costs[0].bytesPerSecond > 0)
    }
}
