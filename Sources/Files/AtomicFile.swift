// Files that are either the old one or the new one, whole, whatever happens in between: full disk, kill, power cut.

/// Writes files from beginning to end, whole or not at all.
package enum AtomicFile {
    /// A file being written; it takes bytes in order.
    package struct Sink: ~Copyable {
        fileprivate let file: PendingFile
        /// Bytes written so far.
        package private(set) var byteCount = 0

        fileprivate init(_ file: PendingFile) { self.file = file }

        /// Appends bytes. Throws with the system's words when the disk is full or fails.
        package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
            try file.append(bytes)
            byteCount += bytes.count
        }

        /// Appends bytes. Throws as the other does.
        package mutating func write(_ bytes: [UInt8]) throws(FileError) {
            try bytes.withBytes { (buffer) throws(FileError) in try write(buffer) }
        }
    }

    /// Writes a file whole. Throws, leaving any old file as it was, when the disk is full or the folder cannot be written.
    ///
    /// - Parameter isLasting: whether the file is to survive a power cut from now on.
    package static func write(_ bytes: [UInt8], to path: String, isLasting: Bool = true) throws(FileError) {
        let file = try PendingFile(path)
        try bytes.withBytes { (buffer) throws(FileError) in try file.append(buffer) }
        try file.putInPlace(isLasting: isLasting)
    }

    /// Writes a file piece by piece: `body` appends to the sink, and when it returns the file is synced and takes `path`'s place.
    ///
    /// Throws what `body` throws and what the system refuses; then the temporary file is removed and any old file is as it was.
    package static func write(to path: String, _ body: (inout Sink) throws(FileError) -> Void) throws(FileError) {
        try write(PendingFile(path), body)
    }

    /// The same with the system's `write` replaced, so that tests can fill the disk.
    static func write(
        to path: String, systemWrite: @escaping PendingFile.SystemWrite, _ body: (inout Sink) throws(FileError) -> Void
    ) throws(FileError) {
        try write(PendingFile(path, systemWrite: systemWrite), body)
    }

    private static func write(_ file: PendingFile, _ body: (inout Sink) throws(FileError) -> Void) throws(FileError) {
        var sink = Sink(file)
        try body(&sink)
        try file.putInPlace()
    }
}

extension [UInt8] {
    /// The bytes where they lie, for calls that throw what files throw.
    package func withBytes<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var failure: Failure?
        withUnsafeBytes { buffer in
            do throws(Failure) { try body(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
