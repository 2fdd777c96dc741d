// Walks over a part of a weight file; nothing is read that was not checked to be there.
import Files

/// A reading position in a mapped file, which never leaves the part it was made for.
struct ByteCursor {
    let file: MappedFile
    /// The position, in bytes from the file's start.
    private(set) var offset: Int
    /// Where the part ends.
    let end: Int

    init(_ file: MappedFile, in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= file.count, "a cursor must stay within its file")
        self.file = file
        offset = range.lowerBound
        end = range.upperBound
    }

    init(_ file: MappedFile) { self.init(file, in: 0..<file.count) }

    var remaining: Int { end - offset }

    /// Passes over `count` bytes that hold `what` and returns where they lie.
    mutating func skip(_ count: Int, _ what: @autoclosure () -> String) throws(WeightFileError) -> Range<Int> {
        guard count >= 0, count <= remaining else {
            throw .damaged(file.path, at: offset, "ends within \(what()), which needs \(count) bytes where \(remaining) are left")
        }
        let start = offset
        offset += count
        return start..<offset
    }

    /// Reads one little-endian integer.
    mutating func integer<Number: FixedWidthInteger>(
        _ type: Number.Type, _ what: @autoclosure () -> String
    ) throws(WeightFileError) -> Number {
        let range = try skip(MemoryLayout<Number>.size, what())
        return Number(littleEndian: file.bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: Number.self))
    }

    /// Reads a 64-bit length or count, which must fit a signed integer.
    mutating func length(_ what: @autoclosure () -> String) throws(WeightFileError) -> Int {
        let start = offset
        let number = try integer(UInt64.self, what())
        guard let length = Int(exactly: number) else {
            throw .damaged(file.path, at: start, "states an impossible size of \(number) for \(what())")
        }
        return length
    }

    /// Reads `count` bytes of UTF-8.
    mutating func text(_ count: Int, _ what: @autoclosure () -> String) throws(WeightFileError) -> String {
        let range = try skip(count, what())
        guard let text = String(validating: file.bytes(in: range), as: UTF8.self) else {
            throw .damaged(file.path, at: range.lowerBound, "has \(what()) that is not UTF-8 text")
        }
        return text
    }

    /// Reads up to the next line feed, which is passed over; a line of more than 1024 bytes is refused.
    mutating func line(_ what: @autoclosure () -> String) throws(WeightFileError) -> String {
        guard let feed = file.bytes(in: offset..<min(end, offset + 1024)).firstIndex(of: 0x0A) else {
            throw .damaged(file.path, at: offset, "has no end to \(what())")
        }
        let text = try text(feed, what())
        offset += 1
        return text
    }
}
