// Files that are either the old one or the new one, whole, whatever happens in between: full disk, kill, power cut.
import Foundation
import Synchronization

/// Writes files to a temporary name in the same folder, brings them to the disk, and renames them into place.
package enum AtomicFile {
    /// A file being written; it takes bytes in order.
    package struct Sink: ~Copyable {
        fileprivate let path: String
        fileprivate let descriptor: Int32
        fileprivate let systemWrite: (Int32, UnsafeRawPointer?, Int) -> Int
        /// Bytes written so far.
        package private(set) var byteCount = 0

        fileprivate init(
            path: String, descriptor: Int32, systemWrite: @escaping (Int32, UnsafeRawPointer?, Int) -> Int
        ) {
            self.path = path
            self.descriptor = descriptor
            self.systemWrite = systemWrite
        }

        /// Appends bytes. Throws with the system's words when the disk is full or fails.
        package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(WeightFileError) {
            var written = 0
            while written < bytes.count {
                // Linux moves at most 2 GiB a call; less keeps an interrupted call cheap to repeat.
                let piece = UnsafeRawBufferPointer(rebasing: bytes[written..<min(written + 1 << 28, bytes.count)])
                let count = systemWrite(descriptor, piece.baseAddress, piece.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    let code = count < 0 ? errno : ENOSPC
                    throw .system(
                        path, "write the file", code, advice: "make room or choose another folder; nothing was overwritten")
                }
                written += count
                byteCount += count
            }
        }

        /// Appends bytes. Throws as the other does.
        package mutating func write(_ bytes: [UInt8]) throws(WeightFileError) {
            var failure: WeightFileError?
            bytes.withUnsafeBytes { buffer in
                do throws(WeightFileError) { try write(buffer) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    private static let serial = Atomic<Int>(0)

    /// Writes a file whole. Throws, leaving any old file as it was, when the disk is full or the folder cannot be written.
    package static func write(_ bytes: [UInt8], to path: String) throws(WeightFileError) {
        try write(to: path) { (sink: inout Sink) throws(WeightFileError) in try sink.write(bytes) }
    }

    /// Writes a file piece by piece: `body` appends to the sink, and when it returns the file is synced and takes `path`'s place.
    ///
    /// Throws what `body` throws and what the system refuses; then the temporary file is removed and any old file is as it was.
    package static func write(
        to path: String, _ body: (inout Sink) throws(WeightFileError) -> Void
    ) throws(WeightFileError) {
        try write(to: path, systemWrite: { Glibc.write($0, $1, $2) }, body)
    }

    /// The same with the system's `write` replaced, so that tests can fill the disk.
    static func write(
        to path: String, systemWrite: @escaping (Int32, UnsafeRawPointer?, Int) -> Int,
        _ body: (inout Sink) throws(WeightFileError) -> Void
    ) throws(WeightFileError) {
        // The same process may write the same path twice at once (tests do): the number keeps their temporaries apart.
        let temporary = "\(path).\(getpid())-\(serial.add(1, ordering: .relaxed).newValue).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw .system(path, "create a file in its folder", errno, advice: "check that the folder exists and can be written")
        }
        do throws(WeightFileError) {
            try fill(temporary, descriptor, path, systemWrite, body)
            guard rename(temporary, path) == 0 else {
                throw .system(path, "put the new file in place", errno, advice: "check the folder; nothing was overwritten")
            }
        } catch {
            unlink(temporary)
            throw error
        }
        try syncFolder(of: path)
    }

    private static func fill(
        _ temporary: String, _ descriptor: Int32, _ path: String, _ systemWrite: @escaping (Int32, UnsafeRawPointer?, Int) -> Int,
        _ body: (inout Sink) throws(WeightFileError) -> Void
    ) throws(WeightFileError) {
        var sink = Sink(path: path, descriptor: descriptor, systemWrite: systemWrite)
        do throws(WeightFileError) {
            try body(&sink)
            guard fsync(descriptor) == 0 else {
                throw .system(path, "bring the file to the disk", errno, advice: "check the disk; nothing was overwritten")
            }
        } catch {
            close(descriptor)
            throw error
        }
        // Network file systems report a full disk only here.
        guard close(descriptor) == 0 else {
            throw .system(path, "finish the file", errno, advice: "check the disk; nothing was overwritten")
        }
    }

    /// Makes the rename itself survive a power cut.
    private static func syncFolder(of path: String) throws(WeightFileError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(path, "open its folder", errno, advice: "check the folder's permissions") }
        defer { close(descriptor) }
        // EINVAL: some file systems cannot sync folders, and need not.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .system(path, "bring its folder to the disk", errno, advice: "check the disk")
        }
    }
}
