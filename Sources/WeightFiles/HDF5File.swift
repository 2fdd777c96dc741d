// The part of HDF5 in which Keras keeps weights: groups by symbol table, datasets, attributes of text.
//
// Read here and not through libhdf5, because libhdf5 (1.10) crashes on about one damaged file in 150, and a weight file is input
// from strangers. After the HDF5 File Format Specification, version 3, whose section numbers the comments give.
import Files
import Tensors

/// An HDF5 file, which may lie within another file. Every address is checked against its end, and all steps are counted, so that
/// structures that share bytes cannot make a small file a long read.
struct HDF5File {
    /// One message of an object's header (IV.A.2): what it is and where its body lies.
    struct Message {
        let type: Int
        let body: Range<Int>
    }

    let file: MappedFile
    /// Where the HDF5 file lies within `file`; addresses count from its start.
    let range: Range<Int>
    /// The address of the root group's header.
    private(set) var rootAddress = 0
    /// How many more entries of tables may be read: each takes 8 bytes or more, and none needs to be read more than a few times.
    private var steps: Int
    /// How many more bytes may be unpacked, and how many stored bytes of chunks read.
    var unpackable: Int
    var chunkBytes: Int
    /// The texts of global heaps that were read, by the heap's address and the text's number.
    var heaps: [Int: [UInt32: Range<Int>]] = [:]

    private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

    static func recognizes(_ file: MappedFile, at offset: Int = 0) -> Bool { file.holds(signature, at: offset) }

    /// Reads the superblock (II.A).
    init(_ file: MappedFile, in range: Range<Int>) throws(WeightFileError) {
        self.file = file
        self.range = range
        steps = range.count
        (unpackable, chunkBytes) = (64 * range.count, range.count)
        var cursor = ByteCursor(file, in: range)
        guard Self.recognizes(file, at: try cursor.skip(8, "the HDF5 signature").lowerBound) else {
            throw .damaged(file.path, at: range.lowerBound, "has no HDF5 signature")
        }
        let version = try cursor.integer(UInt8.self, "the superblock")
        guard version <= 1 else { throw newest(cursor.offset - 1) }
        _ = try cursor.skip(4, "the superblock")
        let widths = (try cursor.integer(UInt8.self, "the superblock"), try cursor.integer(UInt8.self, "the superblock"))
        guard widths == (8, 8) else { throw fault("has addresses of another size than 8 bytes", cursor.offset - 2) }
        _ = try cursor.skip(version == 0 ? 9 : 13, "the superblock")
        guard try cursor.integer(UInt64.self, "the base address") == 0 else {
            throw fault("has an HDF5 base address other than 0", cursor.offset - 8)
        }
        _ = try cursor.skip(24 + 8, "the superblock")
        rootAddress = try address(&cursor)
    }

    func fault(_ problem: String, _ offset: Int) -> WeightFileError { .damaged(file.path, at: offset, problem) }

    /// The error for files in the layout of `libver="latest"`.
    func newest(_ offset: Int) -> WeightFileError {
        .unsupported(
            file.path, at: offset, "is written in a layout of HDF5 that Keras does not use",
            "open it with Keras and save it again, or as safetensors")
    }

    /// Counts one entry of a table.
    mutating func step(_ offset: Int) throws(WeightFileError) {
        steps -= 1
        guard steps >= 0 else { throw fault("has tables that overlap each other", offset) }
    }

    /// A cursor at `address`, up to the file's end.
    func cursor(at address: Int) -> ByteCursor { ByteCursor(file, in: range.lowerBound + address..<range.upperBound) }

    /// Reads an address, which must lie within the file.
    func address(_ cursor: inout ByteCursor) throws(WeightFileError) -> Int {
        let place = cursor.offset
        let number = try cursor.integer(UInt64.self, "an address")
        guard let address = Int(exactly: number), address <= range.count else {
            throw fault("points to address \(number), beyond its end", place)
        }
        return address
    }

    /// The messages of the object header at `address` (version 1, IV.A.1.a), those in continuation blocks included.
    mutating func messages(at address: Int) throws(WeightFileError) -> [Message] {
        var cursor = cursor(at: address)
        if file.holds(Array("OHDR".utf8), at: cursor.offset) { throw newest(cursor.offset) }
        guard try cursor.integer(UInt8.self, "an object header") == 1 else {
            throw fault("has no object header where one should be", cursor.offset - 1)
        }
        _ = try cursor.skip(1, "an object header")
        let count = Int(try cursor.integer(UInt16.self, "an object header"))
        _ = try cursor.skip(4, "an object header")
        let length = Int(try cursor.integer(UInt32.self, "an object header"))
        _ = try cursor.skip(4, "an object header")
        var blocks = [try cursor.skip(length, "an object header")]
        var messages: [Message] = []
        // The count bounds the walk, also over blocks that continue each other in a circle.
        while let block = blocks.popLast(), messages.count < count {
            var cursor = ByteCursor(file, in: block)
            while cursor.remaining >= 8, messages.count < count {
                try step(cursor.offset)
                let type = Int(try cursor.integer(UInt16.self, "a message"))
                let size = Int(try cursor.integer(UInt16.self, "a message"))
                _ = try cursor.skip(4, "a message")
                let message = Message(type: type, body: try cursor.skip(size, "a message of an object header"))
                messages.append(message)
                if type == 0x10 {
                    var body = ByteCursor(file, in: message.body)
                    let start = try self.address(&body)
                    let length = try body.length("a continuation")
                    var next = self.cursor(at: start)
                    blocks.append(try next.skip(length, "a continuation of an object header"))
                }
            }
        }
        return messages
    }

    /// The extents of a dataspace message (IV.A.2.b); nil for a null dataspace.
    func extents(_ body: Range<Int>) throws(WeightFileError) -> [Int]? {
        var cursor = ByteCursor(file, in: body)
        let version = try cursor.integer(UInt8.self, "a dataspace")
        let rank = Int(try cursor.integer(UInt8.self, "a dataspace"))
        _ = try cursor.skip(1, "a dataspace")
        let kind = try cursor.integer(UInt8.self, "a dataspace")
        guard version == 1 || version == 2, rank <= StoredTensor.maximumRank else {
            throw fault("has an unknown kind of dataspace", body.lowerBound)
        }
        if version == 1 { _ = try cursor.skip(4, "a dataspace") }
        if version == 2 && kind == 2 { return nil }
        var extents: [Int] = []
        for _ in 0..<rank { extents.append(try cursor.length("an extent")) }
        return extents
    }

    /// The element type of a datatype message (IV.A.2.d); nil for types that Graft does not read.
    func elementType(_ body: Range<Int>) throws(WeightFileError) -> ElementType? {
        var cursor = ByteCursor(file, in: body)
        let kind = try cursor.integer(UInt8.self, "a datatype") & 0xF
        let flags = try cursor.integer(UInt8.self, "a datatype")
        _ = try cursor.skip(2, "a datatype")
        let size = try cursor.integer(UInt32.self, "a datatype")
        let isBigEndian = flags & 0x41 != 0
        switch (kind, size) {
        case (0, 1): return flags & 8 == 0 ? .uint8 : .int8
        case (0, 2) where flags & 8 != 0 && !isBigEndian: return .int16
        case (0, 4) where flags & 8 != 0 && !isBigEndian: return .int32
        case (0, 8) where flags & 8 != 0 && !isBigEndian: return .int64
        case (1, _) where !isBigEndian:
            _ = try cursor.skip(5, "a datatype")
            let exponentBits = try cursor.integer(UInt8.self, "a datatype")
            switch (size, exponentBits) {
            case (2, 5): return .float16
            case (2, 8): return .bfloat16
            case (4, 8): return .float32
            case (8, 11): return .float64
            default: return nil
            }
        // Keras writes bfloat16, which HDF5 does not know, as opaque pairs of bytes.
        case (5, 2): return .bfloat16
        // h5py writes booleans as an enumeration of two int8.
        case (8, 1): return .bool
        default: return nil
        }
    }
}
