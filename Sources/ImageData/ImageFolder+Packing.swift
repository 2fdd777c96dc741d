// A folder's list as bytes: one rank of a host looks through a folder, the others are handed what it has found.
internal import Foundation

extension ImageFolder {
    /// The list as bytes, for another process of the same program.
    package func pack(into packer: inout ListPacker) {
        packer.add(root)
        for list in [classes, notes, shards] { packer.add(list) }
        packer.add(samples.count)
        for sample in samples {
            packer.add(sample.path)
            packer.add(sample.label)
            packer.add(Int(sample.weight.bitPattern))
            packer.add(sample.labels?.count ?? -1)
            for label in sample.labels ?? [] { packer.add(label) }
            packer.add(sample.place == nil ? 0 : 1)
            if let place = sample.place {
                for number in [Int(place.shard), Int(place.size), place.offset] { packer.add(number) }
            }
        }
    }

    /// What `pack` has written.
    package init(from unpacker: inout ListUnpacker) {
        let root = unpacker.text()
        let lists = (0..<3).map { _ in unpacker.texts() }
        let count = unpacker.number()
        var samples: [ImageSample] = []
        samples.reserveCapacity(count)
        for _ in 0..<count {
            var sample = ImageSample(path: unpacker.text(), label: unpacker.number())
            sample.weight = Float(bitPattern: UInt32(truncatingIfNeeded: unpacker.number()))
            let labels = unpacker.number()
            if labels >= 0 { sample.labels = (0..<labels).map { _ in unpacker.number() } }
            if unpacker.number() == 1 {
                let (shard, size, offset) = (unpacker.number(), unpacker.number(), unpacker.number())
                sample.place = ShardPlace(shard: Int32(shard), size: Int32(size), offset: offset)
            }
            samples.append(sample)
        }
        self.init(root: root, classes: lists[0], samples: samples, notes: lists[1], shards: lists[2])
    }
}

/// Numbers and texts, one behind the other.
package struct ListPacker {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func add(_ number: Int) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }

    package mutating func add(_ text: String) {
        add(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func add(_ texts: [String]) {
        add(texts.count)
        for text in texts { add(text) }
    }
}

/// Reads what a `ListPacker` of the same program has written.
package struct ListUnpacker {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// - Parameter bytes: must live as long as this.
    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package mutating func number() -> Int {
        defer { offset += MemoryLayout<Int>.size }
        return bytes.loadUnaligned(fromByteOffset: offset, as: Int.self)
    }

    package mutating func text() -> String {
        let count = number()
        defer { offset += count }
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]), as: UTF8.self)
    }

    package mutating func texts() -> [String] {
        let count = number()
        return (0..<count).map { _ in text() }
    }
}
