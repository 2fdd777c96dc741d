// The table of contents of a zip file whose entries are stored as they are, which is how torch and Keras use zip.
import Files

/// The entries of a zip file, checked: each lies within the file, none overlaps another, none occurs twice.
struct ZipDirectory {
    struct Entry {
        let name: String
        /// Where its bytes lie in the file.
        let range: Range<Int>
        let isStored: Bool
    }

    /// In the order of the directory.
    private(set) var entries: [Entry] = []
    private var positions: [String: Int] = [:]
    private let path: String

    private static let localHeader: [UInt8] = [0x50, 0x4B, 3, 4]
    private static let centralHeader: [UInt8] = [0x50, 0x4B, 1, 2]
    private static let endRecord: [UInt8] = [0x50, 0x4B, 5, 6]
    private static let end64Record: [UInt8] = [0x50, 0x4B, 6, 6]
    private static let end64Locator: [UInt8] = [0x50, 0x4B, 6, 7]

    static func recognizes(_ file: MappedFile) -> Bool { file.holds(localHeader) || file.holds(endRecord) }

    init(_ file: MappedFile) throws(WeightFileError) {
        path = file.path
        let (directory, count) = try Self.locate(file)
        var cursor = ByteCursor(file, in: directory)
        var headers: [(start: Int, end: Int, name: String)] = []
        for _ in 0..<count {
            let (entry, start) = try Self.readEntry(&cursor, before: directory.lowerBound)
            guard positions.updateValue(entries.count, forKey: entry.name) == nil else {
                throw .damaged(path, at: cursor.offset, "has the zip entry '\(entry.name)' twice")
            }
            entries.append(entry)
            headers.append((start, entry.range.upperBound, entry.name))
        }
        headers.sort { $0.start < $1.start }
        for (first, second) in zip(headers, headers.dropFirst()) where first.end > second.start {
            throw .damaged(path, at: second.start, "has overlapping zip entries '\(first.name)' and '\(second.name)'")
        }
    }

    subscript(name: String) -> Entry? { positions[name].map { entries[$0] } }

    /// Where the bytes of `entry` lie, when they are stored as they are.
    func stored(_ entry: Entry) throws(WeightFileError) -> Range<Int> {
        guard entry.isStored else {
            throw .unsupported(
                path, at: entry.range.lowerBound, "has the compressed or encrypted zip entry '\(entry.name)'",
                "save it again with the tool that made it: weights are stored uncompressed")
        }
        return entry.range
    }

    /// Finds the directory and the number of its entries by the record at the end of the file.
    private static func locate(_ file: MappedFile) throws(WeightFileError) -> (directory: Range<Int>, count: Int) {
        // The record has 22 bytes and a comment of up to 65535, which must reach to the end of the file.
        let candidates = stride(from: file.count - 22, through: max(0, file.count - 22 - 0xFFFF), by: -1)
        let end = candidates.first { offset in
            guard file.holds(endRecord, at: offset) else { return false }
            return Int(file.bytes[offset + 20]) | Int(file.bytes[offset + 21]) << 8 == file.count - offset - 22
        }
        guard let end else {
            throw .damaged(file.path, at: file.count, "is cut short: the table of contents at the end of the zip file is missing")
        }
        var cursor = ByteCursor(file, in: end..<file.count)
        _ = try cursor.skip(8, "the end of the zip file")
        _ = try cursor.skip(2, "the end of the zip file")
        var count = Int(try cursor.integer(UInt16.self, "a count"))
        var size = Int(try cursor.integer(UInt32.self, "a size"))
        var offset = Int(try cursor.integer(UInt32.self, "an offset"))
        if count == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF, file.holds(end64Locator, at: end - 20) {
            var locator = ByteCursor(file, in: end - 12..<end)
            let start = try locator.length("the place of the zip64 record")
            guard file.holds(end64Record, at: start), start < end - 20 else {
                throw .damaged(file.path, at: end - 20, "has no zip64 record where it should be")
            }
            var record = ByteCursor(file, in: start..<end - 20)
            _ = try record.skip(32, "the zip64 record")
            count = try record.length("a count")
            size = try record.length("a size")
            offset = try record.length("an offset")
        }
        guard offset <= end, size <= end - offset, count <= size / 46 else {
            throw .damaged(file.path, at: end, "has an impossible table of contents of \(count) entries in its zip file")
        }
        return (offset..<offset + size, count)
    }

    /// Reads one entry of the directory and checks it against its local header.
    private static func readEntry(
        _ cursor: inout ByteCursor, before limit: Int
    ) throws(WeightFileError) -> (entry: Entry, start: Int) {
        let (file, place) = (cursor.file, cursor.offset)
        guard file.holds(centralHeader, at: try cursor.skip(4, "the zip directory").lowerBound) else {
            throw .damaged(file.path, at: place, "has no zip directory entry where one should be")
        }
        _ = try cursor.skip(4, "a zip entry")
        let flags = try cursor.integer(UInt16.self, "a zip entry")
        let method = try cursor.integer(UInt16.self, "a zip entry")
        _ = try cursor.skip(8, "a zip entry")
        var sizes = [
            Int(try cursor.integer(UInt32.self, "a size")),  // packed
            Int(try cursor.integer(UInt32.self, "a size")),  // unpacked
        ]
        let nameLength = Int(try cursor.integer(UInt16.self, "a zip entry"))
        let extraLength = Int(try cursor.integer(UInt16.self, "a zip entry"))
        let commentLength = Int(try cursor.integer(UInt16.self, "a zip entry"))
        _ = try cursor.skip(8, "a zip entry")
        var start = Int(try cursor.integer(UInt32.self, "an offset"))
        let nameRange = try cursor.skip(nameLength, "a zip entry's name")
        guard let name = String(validating: file.bytes(in: nameRange), as: UTF8.self) else {
            throw .damaged(file.path, at: nameRange.lowerBound, "has a zip entry's name that is not UTF-8 text")
        }
        let extra = ByteCursor(file, in: try cursor.skip(extraLength, "a zip entry's extra fields"))
        _ = try cursor.skip(commentLength, "a zip entry's comment")
        try widen(&sizes, &start, extra)
        let isStored = method == 0 && flags & 1 == 0
        guard start < limit, file.holds(localHeader, at: start), !isStored || sizes[0] == sizes[1] else {
            throw .damaged(file.path, at: place, "has the zip entry '\(name)' with an impossible place or size")
        }
        var local = ByteCursor(file, in: start..<limit)
        try skipLocalHeader(&local, name, nameRange)
        return (Entry(name: name, range: try local.skip(sizes[0], "the zip entry '\(name)'"), isStored: isStored), start)
    }

    /// Passes over the header before an entry's bytes, which must give the entry the name that the directory gives it.
    private static func skipLocalHeader(
        _ local: inout ByteCursor, _ name: String, _ nameRange: Range<Int>
    ) throws(WeightFileError) {
        let start = local.offset
        _ = try local.skip(26, "a zip entry")
        let nameLength = Int(try local.integer(UInt16.self, "a zip entry"))
        let extraLength = Int(try local.integer(UInt16.self, "a zip entry"))
        let localName = try local.skip(nameLength, "a zip entry's name")
        // Two names for one entry are how archives show different contents to different readers.
        guard local.file.bytes(in: localName).elementsEqual(local.file.bytes(in: nameRange)) else {
            throw .damaged(local.file.path, at: start, "has the zip entry '\(name)' under two names")
        }
        _ = try local.skip(extraLength, "a zip entry's extra fields")
    }

    /// Takes the numbers that do not fit 32 bits from the zip64 extra field.
    private static func widen(_ sizes: inout [Int], _ start: inout Int, _ extra: ByteCursor) throws(WeightFileError) {
        var extra = extra
        while extra.remaining >= 4 {
            let id = try extra.integer(UInt16.self, "an extra field")
            let length = Int(try extra.integer(UInt16.self, "an extra field"))
            let range = try extra.skip(length, "an extra field")
            guard id == 1 else { continue }
            var wide = ByteCursor(extra.file, in: range)
            if sizes[1] == 0xFFFF_FFFF { sizes[1] = try wide.length("a zip64 size") }
            if sizes[0] == 0xFFFF_FFFF { sizes[0] = try wide.length("a zip64 size") }
            if start == 0xFFFF_FFFF { start = try wide.length("a zip64 offset") }
        }
    }
}
