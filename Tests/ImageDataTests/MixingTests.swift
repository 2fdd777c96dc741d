// MixUp and CutMix: distributions, pixels and targets as in their papers and torchvision, and the same however a batch is shared out.
import Tensors
import Testing

@testable import ImageData

@Suite struct MixingTests {
    /// Images that are their sample's number everywhere; some cannot be read.
    private final class NumberedSource: BatchSource {
        static let side = 4
        private let broken: Set<Int>
        private let targets: Bool
        private var ordered: ArraySlice<[Int]> = []
        private let images = AlignedBuffer(floatCount: 64 * side * side * 3)
        private let rows = AlignedBuffer(floatCount: 64 * 3)
        private let labels = AlignedBuffer(byteCount: 64 * 4)
        private let samples = AlignedBuffer(byteCount: 64 * 8)

        init(broken: Set<Int> = [], targets: Bool = false) { (self.broken, self.targets) = (broken, targets) }

        func order(_ batches: [[Int]], epoch: Int) { ordered = batches[...] }

        func next() -> Batch {
            let asked = ordered.removeFirst()
            let present = asked.filter { !broken.contains($0) }
            let size = Self.side * Self.side * 3
            let (label, sample) = (
                labels.base.assumingMemoryBound(to: Int32.self), samples.base.assumingMemoryBound(to: Int.self)
            )
            for (position, number) in present.enumerated() {
                for pixel in 0..<size { images.floats[position * size + pixel] = Float(number) }
                (label[position], sample[position]) = (Int32(number % 3), number)
                for index in 0..<3 { rows.floats[position * 3 + index] = index <= number % 3 ? 1 : 0 }
            }
            var batch = Batch(
                images: images.base.assumingMemoryBound(to: Float.self), labels: label, samples: sample, count: present.count,
                unreadable: asked.filter(broken.contains).map { UnreadableSample(sample: $0, path: "", reason: "") })
            if targets { batch.targets = UnsafePointer(rows.base.assumingMemoryBound(to: Float.self)) }
            return batch
        }
    }

    private struct Result: Equatable {
        var pixels: [Int: [Float]] = [:]
        var targets: [Int: [Float]] = [:]
        var unreadable: Set<Int> = []
    }

    /// One batch of samples 0..<count, shared out over ranks.
    private func run(
        _ count: Int, ranks: Int, _ mixing: Mixing, broken: Set<Int> = [], distance: Int = 1, epoch: Int = 0,
        targets: Bool = false
    ) throws -> Result {
        var result = Result()
        let size = NumberedSource.side * NumberedSource.side * 3
        for rank in 0..<ranks {
            let source = MixingSource(
                NumberedSource(broken: broken, targets: targets), mixing, side: NumberedSource.side, classes: 3, capacity: 64,
                sampleCount: count, seed: 5)
            let share = PairedShare(
                Array(0..<count), batch: 0..<count, share: Shard.range(of: count, rank: rank, ranks: ranks), distance: distance)
            #expect(share.entries.count <= PairedShare.capacity(share: share.count, distance: distance))
            try source.order([share], epoch: epoch)
            let batch = try source.next()
            for position in 0..<batch.count {
                let sample = batch.samples[position]
                result.pixels[sample] = (0..<size).map { batch.images[position * size + $0] }
                result.targets[sample] = (0..<3).map { batch.targets?[position * 3 + $0] ?? .nan }
            }
            result.unreadable.formUnion(batch.unreadable.map(\.sample))
        }
        return result
    }

    @Test(arguments: [Mixing(mixup: 0.4), Mixing(cutmix: 1), Mixing(mixup: 0.2, cutmix: 1)], [1, 2, 3])
    func aBatchIsMixedAlikeOnAnyNumberOfRanks(_ mixing: Mixing, _ distance: Int) throws {
        for epoch in 0..<4 {
            let whole = try run(11, ranks: 1, mixing, broken: [4], distance: distance, epoch: epoch)
            #expect(whole.pixels.count == 10 && whole.unreadable == [4])
            for ranks in [2, 3, 5] {
                #expect(try run(11, ranks: ranks, mixing, broken: [4], distance: distance, epoch: epoch) == whole)
            }
        }
    }

    @Test func pixelsAndTargetsHaveTheSameShares() throws {
        for epoch in 0..<20 {
            let mixed = try run(8, ranks: 2, Mixing(mixup: 1), epoch: epoch)
            let share = BatchMix(Mixing(mixup: 1), side: 4, seed: 5, epoch: epoch, position: 0).share
            // Samples 0 and 1 are a pair, of classes 0 and 1.
            #expect(mixed.pixels[0]?.allSatisfy { abs($0 - (1 - share)) < 1e-6 } == true)
            #expect(mixed.targets[0] == [share, 1 - share, 0] && mixed.targets[1] == [1 - share, share, 0])
            let cut = try run(8, ranks: 2, Mixing(cutmix: 1), epoch: epoch)
            let foreign = cut.pixels[0]?.count { $0 == 1 } ?? 0
            #expect(cut.pixels[0]?.count { $0 == 0 } == 48 - foreign)
            #expect(abs((cut.targets[0]?[1] ?? 0) - Float(foreign) / 48) < 1e-6)
        }
    }

    @Test func oddOnesAndPartnersThatCannotBeReadStayAsTheyAre() throws {
        let mixed = try run(5, ranks: 1, Mixing(mixup: 1), broken: [1])
        #expect(mixed.pixels[0]?.allSatisfy { $0 == 0 } == true && mixed.targets[0] == [1, 0, 0])
        #expect(mixed.pixels[4]?.allSatisfy { $0 == 4 } == true && mixed.targets[4] == [0, 1, 0])
    }

    /// Photographs of several classes: a target is the mean of both photographs' targets, by their shares.
    @Test func severalLabelsAreMixedToo() throws {
        let mixed = try run(2, ranks: 1, Mixing(mixup: 1), targets: true)
        let share = BatchMix(Mixing(mixup: 1), side: 4, seed: 5, epoch: 0, position: 0).share
        #expect(mixed.targets[0]?[0] == 1 && abs((mixed.targets[0]?[1] ?? 0) - (1 - share)) < 1e-6)
    }

    /// Beta(α, α) has the mean 1/2 and the variance 1 / (4 (2α + 1)).
    @Test(arguments: [0.1, 0.2, 0.5, 1, 2, 8]) func sharesAreBetaDistributed(_ alpha: Double) {
        let shares = (0..<20_000).map {
            Double(BatchMix(Mixing(mixup: alpha), side: 8, seed: 1, epoch: 0, position: $0).share)
        }
        let mean = shares.reduce(0, +) / Double(shares.count)
        let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(shares.count)
        #expect(abs(mean - 0.5) < 0.01 && abs(variance * 4 * (2 * alpha + 1) - 1) < 0.04, "\(mean) \(variance)")
        #expect(shares.allSatisfy { (0...1).contains($0) })
    }

    /// A rectangle's share of the image is one minus its images' share; both kinds come equally often where both are on.
    @Test func rectanglesHaveTheirShare() {
        let mixes = (0..<2000).map { BatchMix(Mixing(mixup: 1, cutmix: 1), side: 32, seed: 1, epoch: 2, position: $0) }
        let cuts = mixes.filter { $0.box != nil }
        #expect((900...1100).contains(cuts.count))
        for mix in cuts {
            guard let box = mix.box else { continue }
            #expect(abs(mix.share - (1 - Float(box.width * box.height) / 1024)) < 1e-6)
            #expect(box.left >= 0 && box.top >= 0 && box.left + box.width <= 32 && box.top + box.height <= 32)
        }
    }

    /// `Fixtures/make_mixing_numbers.py` prints them.
    private static let rectangles: [(Double, Int, Int, Int, Int, Int, Int, Int, Double)] = [
        (0.5, 16, 16, 32, 5, 5, 22, 22, 0.52734375),
        (0.9, 3, 30, 32, 0, 25, 8, 7, 0.9453125),
        (0.1, 31, 0, 32, 16, 0, 16, 15, 0.765625),
        (0.73, 100, 7, 224, 42, 0, 116, 65, 0.8497289540816326),
        (0.02, 112, 112, 224, 2, 2, 220, 220, 0.03539540816326525),
        (0.999, 5, 5, 224, 2, 2, 6, 6, 0.9992825255102041),
    ]

    @Test func rectanglesAreTorchvisions() {
        for (share, column, row, side, left, top, width, height, adjusted) in Self.rectangles {
            let mix = BatchMix(cutting: share, column: column, row: row, side: side)
            #expect(mix.box == PixelRegion(left: left, top: top, width: width, height: height))
            #expect(abs(Double(mix.share) - adjusted) < 1e-6)
        }
    }

    @Test func repeatedEntriesComeInARow() {
        #expect(EpochOrder.repeated([3, 0, 2, 1], times: 1) == [3, 0, 2, 1])
        let entries = EpochOrder.repeated([3, 0, 2, 1], times: 3)
        #expect(entries.map { EpochOrder.sample(of: $0, count: 4) } == [3, 3, 3, 0])
        #expect(Set(entries).count == 4)
    }
}
