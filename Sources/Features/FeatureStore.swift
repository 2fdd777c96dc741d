// The features of a split's images, wherever they lie: in memory that this rank filled or received, or in mapped files.
internal import Foundation
internal import Tensors

/// One record for each image and view. Filled first, read after; for one thread at a time.
package final class FeatureStore {
    package let layout: FeatureLayout
    package let sampleCount: Int
    /// Deterministic views of each image.
    package let views: Int
    private var records: [UnsafeRawPointer?]
    /// What keeps the records alive.
    private var owners: [AnyObject] = []
    private var chunk: (memory: AlignedBuffer, used: Int)?

    /// Records of memory that are reserved at once: untouched pages cost nothing.
    private static let chunkBytes = 64 << 20

    package init(layout: FeatureLayout, sampleCount: Int, views: Int) {
        precondition(sampleCount >= 0 && views >= 1, "every image has at least one view")
        self.layout = layout
        self.sampleCount = sampleCount
        self.views = views
        records = Array(repeating: nil, count: sampleCount * views)
    }

    /// The number of records that a whole store has.
    package var recordCount: Int { records.count }

    /// A record's place: the records of a view stand together.
    package func index(sample: Int, view: Int) -> Int { view * sampleCount + sample }

    package func sample(of index: Int) -> Int { index % sampleCount }
    package func view(of index: Int) -> Int { index / sampleCount }

    /// Whether a record is there. Those of images that cannot be read never are.
    package func contains(_ index: Int) -> Bool { records[index] != nil }

    /// A record's bytes, `layout.recordBytes` of them.
    package func record(_ index: Int) -> UnsafeRawPointer? { records[index] }

    /// Keeps an image's values, `[…]` float32 each, in memory.
    package func keep(_ values: [UnsafePointer<Float>], as index: Int) {
        let record = room()
        layout.encode(values, into: record)
        records[index] = UnsafeRawPointer(record)
    }

    /// Keeps a copy of another rank's record.
    package func keep(copyOf record: UnsafeRawPointer, as index: Int) {
        let own = room()
        own.copyMemory(from: record, byteCount: layout.recordBytes)
        records[index] = UnsafeRawPointer(own)
    }

    /// Lets a record stand where it is; `owner` keeps it there.
    func place(_ record: UnsafeRawPointer, as index: Int) { records[index] = record }

    /// The records of some of the samples, where they are.
    package func subset(_ samples: [Int]) -> FeatureStore {
        let part = FeatureStore(layout: layout, sampleCount: samples.count, views: views)
        for view in 0..<views {
            for (position, sample) in samples.enumerated() {
                part.records[part.index(sample: position, view: view)] = records[index(sample: sample, view: view)]
            }
        }
        part.owners = [self]
        return part
    }

    func keepAlive(_ owner: AnyObject) { owners.append(owner) }

    /// Copies a record's values, widened to float32, to image `position` of arrays of its values; false if it is not there.
    package func gather(_ index: Int, into values: [UnsafeMutableRawPointer], position: Int) -> Bool {
        guard let record = records[index] else { return false }
        layout.decode(record, into: values, position: position)
        return true
    }

    /// Asks the system to read a record of a mapped file that is not in memory yet.
    package func prefetch(_ index: Int) {
        guard let record = records[index] else { return }
        let page = 4096
        let start = UInt(bitPattern: record) / UInt(page) * UInt(page)
        let end = UInt(bitPattern: record) + UInt(layout.recordBytes)
        madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_WILLNEED)
    }

    private func room() -> UnsafeMutableRawPointer {
        let bytes = layout.recordBytes
        if chunk == nil || chunk.map({ $0.used + bytes > $0.memory.byteCount }) == true {
            let memory = AlignedBuffer(byteCount: max(bytes, Self.chunkBytes / bytes * bytes))
            owners.append(memory)
            chunk = (memory, 0)
        }
        guard let (memory, used) = chunk else { preconditionFailure("a chunk was just made") }
        chunk = (memory, used + bytes)
        return memory.base + used
    }
}
