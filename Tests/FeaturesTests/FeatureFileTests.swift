// Files of the feature cache: what goes in comes out, and what is damaged is refused by name.
import Files
import Foundation
import Tensors
import Testing

@testable import Features

@Suite struct FeatureFileTests {
    private static let layout = FeatureLayout(shapes: [[2, 2, 3], [5]])
    private static let facts: FeatureKey = {
        var key = FeatureKey()
        key.add("network", "small")
        return key
    }()
    private static let key = facts.digest

    private static func values(_ number: Int) -> [[Float]] {
        layout.shapes.map { shape in (0..<shape.count).map { Float(number) + Float($0) / 7 } }
    }

    private static func id(_ number: Int) -> FeatureID {
        FeatureID(content: UInt64(bitPattern: Int64(number)), view: UInt64(abs(number % 2)))
    }

    private func write(_ numbers: [Int], to path: String, layout: FeatureLayout = layout) throws {
        let writer = try FeatureShardWriter(path: path, key: Self.key, layout: layout, recordCount: numbers.count + 1)
        for number in numbers {
            let values = Self.values(number)
            try values[0].withUnsafeBufferPointer { first in
                try values[1].withUnsafeBufferPointer { second in
                    let pointers = [first, second].compactMap(\.baseAddress)
                    try writer.append(pointers, as: Self.id(number))
                }
            }
        }
        try writer.finish()
    }

    private func read(_ store: FeatureStore, _ index: Int) -> [[Float]]? {
        let targets = store.layout.shapes.map { AlignedBuffer(floatCount: 2 * $0.count) }
        guard store.gather(index, into: targets.map(\.base), position: 1) else { return nil }
        return zip(targets, store.layout.shapes).map { Array($0.floats[$1.count..<2 * $1.count]) }
    }

    @Test func recordsComeBackByWhatTheyAreOf() throws {
        let folder = try TemporaryFolder()
        let files = FeatureFolder(root: folder.path, key: Self.facts, layout: Self.layout)
        try files.prepare()
        #expect(!files.exists)
        try write([3, 1, 4], to: "\(files.path)/\(files.newName(rank: 2))")
        #expect(files.exists && files.names.count == 1)
        let shard = try files.open(files.names[0])
        #expect(shard.ids == [3, 1, 4].map(Self.id) && shard.firstDamage(part: 0, of: 1) == nil)
        let store = FeatureStore(layout: Self.layout, sampleCount: 4, views: 1)
        // Two samples of the same contents share a record.
        store.place(shard, at: [Self.id(4): [0, 3], Self.id(3): [1], Self.id(9): [2]])
        #expect(read(store, 0) == Self.values(4) && read(store, 3) == Self.values(4) && read(store, 1) == Self.values(3))
        #expect(read(store, 2) == nil && !store.contains(2))
        #expect(try FileManager.default.contentsOfDirectory(atPath: files.path).sorted().contains("index.json"))
    }

    @Test func bfloat16TakesHalfTheRoomAndRounds() throws {
        let folder = try TemporaryFolder()
        let layout = FeatureLayout(shapes: Self.layout.shapes, type: .bfloat16)
        #expect(layout.recordBytes == 128 && Self.layout.recordBytes == 128)
        #expect(FeatureLayout(shapes: [[2048]], type: .bfloat16).recordBytes == 4096)
        try write([3], to: "\(folder.path)/a.features", layout: layout)
        let store = FeatureStore(layout: layout, sampleCount: 1, views: 1)
        store.place(
            try FeatureShard(path: "\(folder.path)/a.features", key: Self.key, layout: layout), at: [Self.id(3): [0]])
        let rounded = Self.values(3).map { $0.map { float32(fromBFloat16: bfloat16(from: $0)) } }
        #expect(read(store, 0) == rounded)
    }

    @Test func int8TakesAQuarterOfTheRoom() throws {
        let folder = try TemporaryFolder()
        let layout = FeatureLayout(shapes: Self.layout.shapes, type: .int8)
        #expect(FeatureLayout(shapes: [[2048]], type: .int8).recordBytes == 2112)
        // Of the first, numbers are positive; of the second, some are not.
        try write([3, -3], to: "\(folder.path)/a.features", layout: layout)
        let store = FeatureStore(layout: layout, sampleCount: 2, views: 1)
        let shard = try FeatureShard(path: "\(folder.path)/a.features", key: Self.key, layout: layout)
        store.place(shard, at: [Self.id(3): [0], Self.id(-3): [1]])
        for (index, number) in [3, -3].enumerated() {
            for (kept, exact) in zip(try #require(read(store, index)), Self.values(number)) {
                let largest = try #require(exact.map(abs).max())
                let step = largest / (exact.contains { $0 < 0 } ? 127 : 255)
                #expect(zip(kept, exact).allSatisfy { abs($0 - $1) <= step * 0.501 })
                #expect(kept.map(abs).max() == largest || abs(kept.map(abs).max() ?? 0) > largest * 0.999)
            }
        }
    }

    /// What is no number does not become one.
    @Test func int8KeepsWhatIsNoNumber() {
        let layout = FeatureLayout(shapes: [[3]], type: .int8)
        let store = FeatureStore(layout: layout, sampleCount: 1, views: 1)
        store.keep([1, .nan, 2].withUnsafeBufferPointer { [$0.baseAddress].compactMap { $0 } }, as: 0)
        #expect(read(store, 0)?[0].allSatisfy(\.isNaN) == true)
    }

    /// The header, its padding, a record, the table.
    @Test(arguments: [0, 9, 33, 3000, 4095, 4096 + 200, 4096 + 3 * 128 + 5])
    func oneWrongByteIsFound(offset: Int) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/a.features"
        try write([3, 1, 4], to: path)
        var bytes = try #require(FileManager.default.contents(atPath: path))
        bytes[offset] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: path))
        do {
            let shard = try FeatureShard(path: path, key: Self.key, layout: Self.layout)
            #expect((0..<2).compactMap { shard.firstDamage(part: $0, of: 2) } == [1] && offset == 4096 + 200)
        } catch {
            #expect("\(error)".hasPrefix("\(path): is damaged: "))
        }
    }

    @Test func whatIsCutShortOrOfAnotherKeyIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/a.features"
        try write([3, 1, 4], to: path)
        func refusal(_ key: UInt64 = Self.key, _ layout: FeatureLayout = Self.layout) -> String? {
            do { _ = try FeatureShard(path: path, key: key, layout: layout) } catch { return "\(error)" }
            return nil
        }
        #expect(refusal() == nil)
        #expect(refusal(5)?.contains("does not belong to its folder") == true)
        #expect(refusal(Self.key, FeatureLayout(shapes: [[17]]))?.contains("does not belong to its folder") == true)
        let bytes = try #require(FileManager.default.contents(atPath: path))
        for count in [0, 100, 4096, bytes.count - 1] {
            try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
            #expect(refusal() != nil, "\(count) bytes")
        }
    }

    @Test func anUnfinishedFileLeavesNothing() throws {
        let folder = try TemporaryFolder()
        do {
            let writer = try FeatureShardWriter(
                path: "\(folder.path)/a.features", key: Self.key, layout: Self.layout, recordCount: 3)
            _ = writer
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        try write([], to: "\(folder.path)/b.features")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test func aDiskThatIsTooFullIsKnownBeforeTheWork() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: FileError.self) {
            _ = try FeatureShardWriter(
                path: "\(folder.path)/a.features", key: Self.key, layout: Self.layout, recordCount: 1 << 42)
        }
        #expect("\(try #require(error))".contains("a.features: cannot make room for"))
        #expect(error?.fault == .disk)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test func digestsAreRememberedUntilAFileChanges() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("a.jpg", Array("one".utf8))
        let old = Date.now.addingTimeInterval(-100)
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
        var digests = FileDigests()
        let first = digests.digest(of: FilePart(path))
        // Same size and time: taken from memory, though the bytes are others.
        try folder.write("a.jpg", Array("two".utf8))
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
        var remembered = FileDigests()
        remembered.merge(digests.text + "nonsense\n")
        let again = remembered.digest(of: FilePart(path))
        #expect(first != nil && again == first)
        try FileManager.default.setAttributes([.modificationDate: old.addingTimeInterval(1)], ofItemAtPath: path)
        let (changed, missing) = (
            remembered.digest(of: FilePart(path)), remembered.digest(of: FilePart(folder.path + "/missing"))
        )
        #expect(changed != nil && changed != first && missing == nil)
        // A file that has just changed is not remembered.
        let fresh = try folder.write("b c.jpg", Array("three".utf8))
        let third = remembered.digest(of: FilePart(fresh))
        #expect(third != nil && !remembered.text.contains("b c.jpg"))
    }
}
