// A file of the feature cache, mapped for reading. Little-endian throughout:
//
//     0     header, 4096 bytes: FeatureShardHeader
//     4096  records, each recordBytes long (a multiple of 64): the boundary's values of one view of one image
//     …     table, 24 bytes a record: what the record is of (two 64-bit digests), and the XXH64 of its bytes
import Files
internal import ImageData
internal import Tensors

/// What a record of the feature cache is of. Two files of the same bytes share it.
package struct FeatureID: Sendable, Hashable {
    /// XXH64 of the image file.
    package let content: UInt64
    /// XXH64 of the view's number and its key; 0 for the view that evaluation sees.
    package let view: UInt64

    package init(content: UInt64, view: UInt64) {
        self.content = content
        self.view = view
    }
}

/// The first page of a shard: magic, version, element type, key, counts, the table's place and XXH64, shapes, and its own XXH64 at the end.
struct FeatureShardHeader: Equatable {
    static let byteCount = 4096
    static let entryBytes = 24
    private static let magic: [UInt8] = Array("GRAFTFC1".utf8)

    var key: UInt64
    var layout: FeatureLayout
    var recordCount: Int
    var tableChecksum: UInt64

    /// By their number in a header.
    private static let types: [ElementType] = [.float32, .bfloat16, .int8]

    var tableOffset: Int { Self.byteCount + recordCount * layout.recordBytes }
    var fileBytes: Int { tableOffset + recordCount * Self.entryBytes }

    func bytes() -> [UInt8] {
        var bytes = Self.magic
        func append(_ word: UInt64) { withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) } }
        append(key)
        append(UInt64(Self.types.firstIndex(of: layout.type) ?? 0))
        append(UInt64(recordCount))
        append(UInt64(layout.recordBytes))
        append(tableChecksum)
        append(UInt64(layout.shapes.count))
        for shape in layout.shapes {
            append(UInt64(shape.rank))
            for extent in shape.extents { append(UInt64(extent)) }
        }
        precondition(bytes.count <= Self.byteCount - 8, "the shapes of a boundary fit into a page")
        bytes.append(contentsOf: [UInt8](repeating: 0, count: Self.byteCount - 8 - bytes.count))
        append(Self.checksum(bytes))
        return bytes
    }

    /// Nil for bytes that are no whole header of this version.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount, bytes.prefix(8).elementsEqual(Self.magic) else { return nil }
        func word(_ index: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        }
        let last = Self.byteCount / 8 - 1
        guard word(last) == Self.checksum(Array(bytes.prefix(8 * last))) else { return nil }
        var shapes: [TensorShape] = []
        var place = 7
        for _ in 0..<word(6) {
            guard place < last, word(place) <= 8, place + Int(word(place)) < last else { return nil }
            let extents = (0..<Int(word(place))).map { word(place + 1 + $0) }
            guard extents.allSatisfy({ (1..<1 << 24).contains($0) }) else { return nil }
            shapes.append(TensorShape(extents.map { Int($0) }))
            place += 1 + Int(word(place))
        }
        guard word(2) < Self.types.count else { return nil }
        layout = FeatureLayout(shapes: shapes, type: Self.types[Int(word(2))])
        guard word(4) == UInt64(layout.recordBytes), word(3) < 1 << 40 else { return nil }
        (key, recordCount, tableChecksum) = (word(1), Int(word(3)), word(5))
    }

    init(key: UInt64, layout: FeatureLayout, recordCount: Int, tableChecksum: UInt64) {
        self.key = key
        self.layout = layout
        self.recordCount = recordCount
        self.tableChecksum = tableChecksum
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt64 {
        var checksum = Checksum()
        bytes.withUnsafeBytes { checksum.update($0) }
        return checksum.value
    }
}

/// An opened shard. Its header and table are checked when it is opened, its records when `firstDamage` is asked.
package final class FeatureShard {
    package let path: String
    /// What each record is of, in file order.
    package let ids: [FeatureID]
    private let layout: FeatureLayout
    private let checksums: [UInt64]
    private let file: MappedFile

    /// Throws `FileError` or `ImageError` for a file that cannot be read, is damaged, cut short, or of another key, layout or version.
    package init(path: String, key: UInt64, layout: FeatureLayout) throws {
        self.path = path
        self.layout = layout
        file = try MappedFile(path)
        let bytes = file.bytes
        guard let header = FeatureShardHeader(bytes) else {
            throw ImageError(path: path, reason: .damaged("its header is no header of a feature cache"))
        }
        guard header.key == key, header.layout == layout else {
            throw ImageError(path: path, reason: .damaged("its header does not belong to its folder"))
        }
        guard header.fileBytes == bytes.count else {
            throw ImageError(path: path, reason: .truncated("\(bytes.count) bytes instead of \(header.fileBytes)"))
        }
        let table = UnsafeRawBufferPointer(rebasing: bytes[header.tableOffset...])
        var checksum = Checksum()
        checksum.update(table)
        guard checksum.value == header.tableChecksum else {
            throw ImageError(path: path, reason: .damaged("the checksum of its table does not fit"))
        }
        func word(_ index: Int) -> UInt64 {
            UInt64(littleEndian: table.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        }
        ids = (0..<header.recordCount).map { FeatureID(content: word(3 * $0), view: word(3 * $0 + 1)) }
        checksums = (0..<header.recordCount).map { word(3 * $0 + 2) }
    }

    /// The bytes of a record, in the place where the file is mapped.
    func record(_ number: Int) -> UnsafeRawBufferPointer {
        let start = FeatureShardHeader.byteCount + number * layout.recordBytes
        return file.bytes(in: start..<start + layout.recordBytes)
    }

    /// The first damaged record of part `part` of `parts`, which together cover the file; nil if all are as they were written.
    package func firstDamage(part: Int, of parts: Int) -> Int? {
        Shard.range(of: ids.count, rank: part, ranks: parts).first { number in
            var checksum = Checksum()
            checksum.update(record(number))
            return checksum.value != checksums[number]
        }
    }
}

extension FeatureStore {
    /// Lets the records of a shard stand for the images that they are of; those that are there already stay. `places` says where
    /// each kind of record belongs.
    package func place(_ shard: FeatureShard, at places: [FeatureID: [Int]]) {
        var isUsed = false
        for (number, id) in shard.ids.enumerated() {
            for index in places[id] ?? [] where !contains(index) {
                guard let base = shard.record(number).baseAddress else { continue }
                place(base, as: index)
                isUsed = true
            }
        }
        if isUsed { keepAlive(shard) }
    }
}
