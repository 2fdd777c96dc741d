// The entries of a tar archive, found without reading what is in them.
internal import Foundation

/// What is wrong with an archive.
package struct ShardError: Error, Hashable, CustomStringConvertible {
    package let path: String
    package let problem: String

    package var description: String { "\(path): \(problem)" }
}

/// A file in an archive.
struct TarEntry {
    let name: String
    let offset: Int
    let size: Int
}

/// Reads a tar archive from its first header to its end: POSIX ustar, with pax and GNU headers for long names and large sizes.
final class TarReader {
    private let path: String
    private let descriptor: Int32
    /// Of the whole archive, in bytes.
    let size: Int
    /// Of its last change, in nanoseconds.
    let changed: Int
    private var position = 0
    private var block = [UInt8](repeating: 0, count: TarReader.blockSize)

    static let blockSize = 512
    /// The most bytes that a name or another small text may take.
    private static let textLimit = 1 << 20

    init(path: String) throws(ShardError) {
        self.path = path
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ShardError(
                path: path, problem: "there is no such archive; data.train and data.validation name tar files that are there")
        }
        let opened = Foundation.open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { throw ShardError(path: path, problem: "cannot be read: \(String(cString: strerror(errno)))") }
        descriptor = opened
        size = Int(status.st_size)
        changed = Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec)
        guard size >= Self.blockSize else { throw fail("is no tar archive: it has \(size) bytes") }
    }

    deinit { close(descriptor) }

    /// The next regular file; nil at the archive's end. Throws `ShardError` where the archive is damaged or cut short.
    func next() throws(ShardError) -> TarEntry? {
        var (longName, longSize) = (String?.none, Int?.none)
        while position + Self.blockSize <= size {
            let start = position
            try read(at: start, count: Self.blockSize)
            if block.allSatisfy({ $0 == 0 }) { return nil }
            try check(start)
            let stated = try number(124, 12, start)
            let kind = block[156]
            // A pax header's size counts for what the entry itself holds.
            let bytes =
                [UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K")].contains(kind)
                ? stated : longSize ?? stated
            let content = start + Self.blockSize
            guard bytes >= 0, bytes <= size - content else {
                throw fail("is cut short: the entry at byte \(start) has \(bytes) bytes, and \(max(0, size - content)) are left")
            }
            let name = longName ?? ownName()
            position = content + (bytes + Self.blockSize - 1) / Self.blockSize * Self.blockSize
            switch kind {
            case UInt8(ascii: "x"): (longName, longSize) = try extended(content, bytes, longName, longSize)
            case UInt8(ascii: "L"): longName = String(decoding: try text(content, bytes).prefix { $0 != 0 }, as: UTF8.self)
            case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): return TarEntry(name: name, offset: content, size: bytes)
            case UInt8(ascii: "g"), UInt8(ascii: "K"): break
            // Folders, links, devices.
            default: (longName, longSize) = (nil, nil)
            }
        }
        // Writers that were cut off leave no end mark; whole entries are whole.
        return nil
    }

    /// The bytes of a small file.
    func text(of entry: TarEntry) throws(ShardError) -> [UInt8] { try text(entry.offset, entry.size) }

    private func text(_ offset: Int, _ count: Int) throws(ShardError) -> [UInt8] {
        guard count <= Self.textLimit else {
            throw fail("the entry before byte \(offset) should be a short text and has \(count) bytes")
        }
        return try bytes(offset, count)
    }

    /// Bytes of the archive, which must lie within it.
    func bytes(_ offset: Int, _ count: Int) throws(ShardError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try read(into: &bytes, at: offset, count: count)
        return bytes
    }

    private func read(at offset: Int, count: Int) throws(ShardError) { try read(into: &block, at: offset, count: count) }

    private func read(into bytes: inout [UInt8], at offset: Int, count: Int) throws(ShardError) {
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw fail("cannot be read at byte \(offset + done): \(String(cString: strerror(errno)))") }
            done += got
        }
    }

    /// The header's checksum: the sum of its bytes with the checksum's own taken for spaces.
    private func check(_ start: Int) throws(ShardError) {
        let sum = block.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 32 : Int(block[$1])) }
        guard (try? number(148, 8, start)) == sum else {
            if start == 0, block.starts(with: [0x1F, 0x8B]) {
                throw fail("is compressed (gzip); unpack it: photographs do not get smaller")
            }
            throw fail(start == 0 ? "is no tar archive" : "is damaged: at byte \(start) there is no header of an entry")
        }
    }

    /// An octal number, or a binary one as GNU writes large ones.
    private func number(_ start: Int, _ count: Int, _ header: Int) throws(ShardError) -> Int {
        let field = block[start..<start + count]
        if let first = field.first, first & 0x80 != 0 {
            var value = Int(first & 0x7F)
            for byte in field.dropFirst() {
                guard value < 1 << 54 else { throw fail("is damaged: the header at byte \(header) holds an impossible number") }
                value = value << 8 | Int(byte)
            }
            return value
        }
        let digits = field.filter { $0 != 0 && $0 != 32 }
        guard let value = digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8), value >= 0 else {
            throw fail("is damaged: the header at byte \(header) holds no number where one should be")
        }
        return value
    }

    private func ownName() -> String {
        func field(_ range: Range<Int>) -> String { String(decoding: block[range].prefix { $0 != 0 }, as: UTF8.self) }
        let isPOSIX = block[257..<263].elementsEqual(Array("ustar".utf8) + [0])
        let prefix = isPOSIX ? field(345..<500) : ""
        return prefix.isEmpty ? field(0..<100) : "\(prefix)/\(field(0..<100))"
    }

    /// The name and the size that a pax header gives the entry after it: records `length key=value`.
    private func extended(
        _ offset: Int, _ count: Int, _ name: String?, _ size: Int?
    ) throws(ShardError) -> (name: String?, size: Int?) {
        var (name, size) = (name, size)
        var rest = try text(offset, count)[...]
        while let space = rest.firstIndex(of: 32) {
            guard let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex + 1,
                length <= rest.count
            else {
                throw fail("is damaged: the pax header at byte \(offset) cannot be read")
            }
            let record = String(decoding: rest[(space + 1)..<rest.startIndex + length].dropLast(), as: UTF8.self)
            if record.hasPrefix("path=") { name = String(record.dropFirst(5)) }
            if record.hasPrefix("size=") { size = Int(record.dropFirst(5)) }
            rest = rest.dropFirst(length)
        }
        return (name, size)
    }

    private func fail(_ problem: String) -> ShardError { ShardError(path: path, problem: problem) }
}
