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
        let folder = ImageFolder(
            root: "data/train", classes: ["a", "b", ""], samples: samples, notes: ["a note"], shards: ["x.tar", "y.tar"])
        var packer = ListPacker()
        folder.pack(into: &packer)
        packer.add(7)
        packer.bytes.withUnsafeBytes { bytes in
            var unpacker = ListUnpacker(bytes)
            #expect(ImageFolder(from: &unpacker) == folder && unpacker.number() == 7)
        }
    }
}
