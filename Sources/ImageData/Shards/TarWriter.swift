// Writes tar archives: POSIX ustar, which every program reads.
import Files

/// An archive in the making.
struct TarWriter: ~Copyable {
    private let file: PendingFile
    /// Bytes so far.
    private(set) var byteCount = 0

    init(path: String) throws(FileError) { file = try PendingFile(path) }

    /// Adds a file: a header of a block, and its bytes. Names are short ASCII.
    mutating func add(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(FileError) {
        precondition(name.utf8.count <= 100, "an entry's name fits into its header")
        var header = [UInt8](repeating: 0, count: TarReader.blockSize)
        func put(_ text: String, at start: Int) { for (index, byte) in text.utf8.enumerated() { header[start + index] = byte } }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(bytes.count.padded(to: 11, radix: 8), at: 124)
        // No time of change: the same photographs give the same archive.
        put("00000000000", at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        put(header.reduce(0) { $0 + Int($1) }.padded(to: 6, radix: 8), at: 148)
        header[154] = 0
        header[155] = 32
        try append(header)
        try file.append(bytes)
        byteCount += bytes.count
        let rest = byteCount % TarReader.blockSize
        if rest > 0 { try append([UInt8](repeating: 0, count: TarReader.blockSize - rest)) }
    }

    /// Ends the archive and gives it its name.
    consuming func finish() throws(FileError) {
        try append([UInt8](repeating: 0, count: 2 * TarReader.blockSize))
        try file.putInPlace()
    }

    private mutating func append(_ bytes: [UInt8]) throws(FileError) {
        try bytes.withBytes { (buffer) throws(FileError) in try file.append(buffer) }
        byteCount += bytes.count
    }
}
