// A zip file of stored entries, each beginning at a multiple of 64 bytes, as torch writes it.
import Files

/// Appends entries to a zip file, then its directory. Files of 4 GiB and more are beyond it.
struct ZipWriter: ~Copyable {
    /// Where the data of an entry may begin, as in torch: fit for mapping and for vector loads.
    static let alignment = 64
    /// The most that the 32-bit fields of a zip file can express.
    static let maximumBytes = 0xFFFF_FFFE

    private struct Entry {
        var name: [UInt8]
        var checksum: UInt32
        var byteCount: Int
        var offset: Int
    }

    private var entries: [Entry] = []

    /// Appends the entry `name` with `bytes`.
    mutating func add(
        _ name: String, _ bytes: UnsafeRawBufferPointer, to sink: inout AtomicFile.Sink
    ) throws(FileError) {
        let entry = Entry(name: Array(name.utf8), checksum: CRC32.of(bytes), byteCount: bytes.count, offset: sink.byteCount)
        // The padding is an extra field of torch's own kind, "FB".
        let unpadded = entry.offset + 30 + entry.name.count + 4
        let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
        var header: [UInt8] = [0x50, 0x4B, 3, 4]
        header += Self.common(entry)
        header += Self.bytes(UInt16(padding + 4)) + entry.name
        header += [0x46, 0x42] + Self.bytes(UInt16(padding)) + [UInt8](repeating: 0x5A, count: padding)
        try sink.write(header)
        try sink.write(bytes)
        entries.append(entry)
    }

    /// Appends the entry `name` with the bytes of `array`.
    mutating func add(_ name: String, _ array: [UInt8], to sink: inout AtomicFile.Sink) throws(FileError) {
        try array.withBytes { (bytes) throws(FileError) in try add(name, bytes, to: &sink) }
    }

    /// Appends the directory, after which the file is whole.
    consuming func finish(to sink: inout AtomicFile.Sink) throws(FileError) {
        let start = sink.byteCount
        for entry in entries {
            var header: [UInt8] = [0x50, 0x4B, 1, 2] + Self.bytes(UInt16(20))
            header += Self.common(entry)
            header += [UInt8](repeating: 0, count: 12) + Self.bytes(UInt32(entry.offset)) + entry.name
            try sink.write(header)
        }
        let size = sink.byteCount - start
        precondition(start + size <= Self.maximumBytes && entries.count < 0xFFFF, "a zip file must be smaller than 4 GiB")
        let count = Self.bytes(UInt16(entries.count))
        try sink.write(
            [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + Self.bytes(UInt32(size)) + Self.bytes(UInt32(start)) + [0, 0])
    }

    /// The fields that both headers of an entry have: version, flags, method, date, checksum, sizes, length of the name.
    private static func common(_ entry: Entry) -> [UInt8] {
        // Method 0 is "stored"; the date is the first that zip knows, so that equal weights give equal files.
        [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0] + bytes(entry.checksum) + bytes(UInt32(entry.byteCount))
            + bytes(UInt32(entry.byteCount))
            + bytes(UInt16(entry.name.count))
    }

    private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian, Array.init)
    }
}
