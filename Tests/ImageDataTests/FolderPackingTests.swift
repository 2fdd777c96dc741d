// A folder's list, handed on as bytes, is the same list.
import Testing

@testable import ImageData

@Suite struct FolderPackingTests {
    @Test func nothingIsLost() {
        var samples = [
            ImageSample(path: "a/ö 1.jpg", label: 0), ImageSample(path: "", label: 1, labels: [1, 2]),
            ImageSample(path: "b/2.jpg", label: 0, labels: []),
            ImageSample(path: "c", label: 2, place: ShardPlace(shard: 3, size: 99, offset: 1 << 40)),
        ]
        samples[1].weight = 0.25
        var folder = ImageFolder(
            root: "data/train", classes: ["a", "b", ""], samples: samples, notes: ["a note"], shards: ["x.tar", "y.tar"])
        folder.foreignKinds = [ShardPlace(shard: 3, size: 99, offset: 1 << 40): "a JPEG XL image"]
        func pack(into target: UnsafeMutableRawPointer?) -> Int {
            var packer = ListPacker(into: target)
            folder.pack(into: &packer)
            packer.add(7)
            return packer.count
        }
        let memory = Memory(byteCount: pack(into: nil))
        #expect(pack(into: memory.bytes.baseAddress) == memory.bytes.count)
        for owner in [nil, memory] {
            var unpacker = ListUnpacker(UnsafeRawBufferPointer(memory.bytes), owner: owner)
            var taken = ImageFolder(from: &unpacker)
            #expect(taken == folder && unpacker.number() == 7)
            // What lies in memory of others is copied before it is changed.
            taken.samples.append(samples[0])
            #expect(taken.samples.count == 5 && taken.samples[4] == samples[0] && taken.samples.prefix(4).elementsEqual(samples))
        }
    }

    @Test func samplesArePickedAndSorted() {
        var samples = ImageSamples([
            ImageSample(path: "b", label: 0), ImageSample(path: "a b", label: 1, labels: [1, 2]),
            ImageSample(path: "a", label: 2, place: ShardPlace(shard: 0, size: 1, offset: 2)), ImageSample(path: "", label: 3),
        ])
        let whole = Array(samples)
        samples.sortByPath()
        #expect(Array(samples) == [3, 2, 1, 0].map { whole[$0] })
        #expect(samples.picked([2, 0]).elementsEqual([whole[1], whole[3]]) && samples.isOfSeveral && !samples.isWeighed)
        #expect(samples.counts(ofClasses: 4) == [1, 1, 2, 1])
    }

    /// Sorting by eight bytes at a time gives the order of whole texts, equal ones in theirs.
    @Test func textsAreSortedByTheirBytes() {
        var random = SystemRandomNumberGenerator()
        for letters in ["ab", "a\u{0}b", "aé🦊"] {
            let texts = PackedTexts(
                (0..<3000).map { _ in
                    String(repeating: "x", count: Int.random(in: 0...2, using: &random) * 8)
                        + String(
                            (0..<Int.random(in: 0...20, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a" }
                        )
                })
            let expected = texts.indices.sorted { first, second in
                let (left, right) = (Array(texts[first].utf8), Array(texts[second].utf8))
                return left == right ? first < second : left.lexicographicallyPrecedes(right)
            }
            #expect(texts.sortedIndices().map(Int.init) == expected)
        }
    }

    /// Bytes that columns may stay in.
    private final class Memory {
        let bytes: UnsafeMutableRawBufferPointer

        init(byteCount: Int) { bytes = .allocate(byteCount: byteCount, alignment: 16) }

        deinit { bytes.deallocate() }
    }
}
