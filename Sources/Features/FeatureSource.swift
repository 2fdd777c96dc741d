// The loop's batches from cached features: no decoding, no prefix, only rows gathered by sample index.
package import ImageData
internal import Tensors

/// A `BatchSource` over a filled `FeatureStore`. Epoch e takes view e mod views.
package final class FeatureSource: BatchSource {
    private let store: FeatureStore
    private let samples: SampleList
    private let unreadable: [Int: UnreadableSample]
    private let values: [AlignedBuffer]
    /// Their addresses, as a batch carries them: made once, for a step allocates nothing.
    private let entries: [UnsafeMutableRawPointer]
    private let labels: UnsafeMutablePointer<Int32>
    private let indices: UnsafeMutablePointer<Int>
    /// `[capacity, classes]`; empty where labels say it.
    private let targets: AlignedBuffer
    private let capacity: Int
    private var batches: [[Int]] = []
    private var position = 0
    private var epoch = 0
    private var named: Set<Int> = []

    /// Records at least this large are asked of the disk one batch ahead; for smaller ones asking costs more than it saves.
    private static let prefetchBytes = 64 << 10

    /// - Parameters:
    ///   - unreadable: the images without features, or with those of a damaged file, by sample index, and why.
    ///   - capacity: the largest share of a batch.
    ///   - givesTargets: whether batches bring targets.
    package init(
        _ store: FeatureStore, samples: SampleList, unreadable: [Int: UnreadableSample], capacity: Int,
        givesTargets: Bool = false
    ) {
        precondition(store.sampleCount == samples.count, "the store is of these samples")
        self.store = store
        self.samples = samples
        self.unreadable = unreadable
        self.capacity = capacity
        targets = AlignedBuffer(floatCount: givesTargets ? max(1, capacity) * samples.classes.count : 0)
        values = store.layout.shapes.map { AlignedBuffer(floatCount: max(1, capacity) * $0.count) }
        entries = values.map(\.base)
        labels = .allocate(capacity: max(1, capacity))
        labels.initialize(repeating: 0, count: max(1, capacity))
        indices = .allocate(capacity: max(1, capacity))
        indices.initialize(repeating: 0, count: max(1, capacity))
    }

    deinit {
        labels.deallocate()
        indices.deallocate()
    }

    package func order(_ batches: [[Int]], epoch: Int) {
        precondition(batches.allSatisfy { $0.count <= capacity }, "a share fits into \(capacity) images")
        self.batches = batches
        position = 0
        self.epoch = epoch
        prefetch(0)
    }

    package func next() -> Batch {
        precondition(position < batches.count, "the loop asked for more batches than it ordered")
        defer { position += 1 }
        prefetch(position + 1)
        var count = 0
        var missing: [UnreadableSample] = []
        for entry in batches[position] {
            let (sample, record) = place(of: entry)
            if store.gather(record, into: entries, position: count) {
                labels[count] = Int32(samples.labels[sample])
                if !targets.floats.isEmpty { writeTargets(of: sample, at: count) }
                indices[count] = entry
                count += 1
                if let damaged = unreadable[sample], damaged.isUsed, named.insert(sample).inserted { missing.append(damaged) }
            } else if named.insert(sample).inserted {
                missing.append(unreadable[sample] ?? Self.unknown(sample, samples.paths[sample]))
            }
        }
        var batch = Batch(features: entries, labels: labels, samples: indices, count: count, unreadable: missing)
        if !targets.floats.isEmpty { batch.targets = UnsafePointer(targets.floats.baseAddress) }
        return batch
    }

    private func writeTargets(of sample: Int, at position: Int) {
        let (row, classes) = (targets.floats, samples.classes.count)
        for label in 0..<classes { row[position * classes + label] = 0 }
        let weight = samples.weight(of: sample)
        for label in samples.classes(of: sample) { row[position * classes + label] = weight }
    }

    private func prefetch(_ batch: Int) {
        guard store.layout.recordBytes >= Self.prefetchBytes, batch < batches.count else { return }
        for entry in batches[batch] { store.prefetch(place(of: entry).record) }
    }

    /// The sample of an entry of `EpochOrder`, and where the store has the view of it that is due.
    private func place(of entry: Int) -> (sample: Int, record: Int) {
        let (sample, round) = EpochOrder.parts(of: entry, count: samples.count)
        return (sample, store.index(sample: sample, view: (epoch + round) % store.views))
    }

    private static func unknown(_ sample: Int, _ path: String) -> UnreadableSample {
        UnreadableSample(sample: sample, path: path, reason: "could not be read when the feature cache was filled")
    }
}
