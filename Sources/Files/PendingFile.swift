// A file in the making: it has another name until it is whole and on the disk.
import Foundation
import Synchronization

/// A file that is written under a temporary name in its folder, in any order, and then put in its place.
///
/// Until `putInPlace` any old file is as it was; one that goes away before leaves nothing behind.
package final class PendingFile {
    /// The system's call that writes at the descriptor's own place: `(descriptor, bytes, count)`.
    typealias SystemWrite = (Int32, UnsafeRawPointer?, Int) -> Int

    private let path: String
    private let temporary: String
    private var descriptor: Int32
    private let systemWrite: SystemWrite

    // The same process may write the same path twice at once (tests do): the number keeps their temporaries apart.
    private static let serial = Atomic<Int>(0)

    /// Creates the temporary file. Its folder must be there.
    package convenience init(_ path: String) throws(FileError) {
        try self.init(path, systemWrite: { Glibc.write($0, $1, $2) })
    }

    /// The same with the system's `write` replaced, so that tests can fill the disk.
    init(_ path: String, systemWrite: @escaping SystemWrite) throws(FileError) {
        var status = stat()
        // To rename over a device would replace it.
        if stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) {
            throw FileError(path: path, problem: "is not a regular file", advice: "name another file")
        }
        self.path = path
        self.systemWrite = systemWrite
        temporary = "\(path).\(getpid())-\(Self.serial.add(1, ordering: .relaxed).newValue).partial"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw .system(path, "create a file in its folder", errno, advice: "check that the folder exists and can be written")
        }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporary)
        }
    }

    /// Takes room on the disk, so that one that is too full is known before the work.
    package func reserve(byteCount: Int) throws(FileError) {
        let code = posix_fallocate(descriptor, 0, off_t(byteCount))
        // File systems that cannot reserve say so later, when they are full.
        guard code == 0 || code == EOPNOTSUPP || code == EINVAL else {
            throw .system(path, "make room for \(byteCount) bytes", code, advice: Self.advice)
        }
    }

    /// Writes bytes behind those that were appended before.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try check(writeAll(bytes) { start, count, _ in systemWrite(descriptor, start, count) })
    }

    /// Writes bytes at an offset from the file's start.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
        try check(writeAll(bytes) { start, count, done in pwrite(descriptor, start, count, off_t(offset + done)) })
    }

    /// Cuts the file to a size, brings it to the disk and gives it its name. No other call may follow.
    ///
    /// - Parameters:
    ///   - byteCount: nil for all that was written.
    ///   - isLasting: false leaves it to the system when the bytes reach the disk.
    package func putInPlace(byteCount: Int? = nil, isLasting: Bool = true) throws(FileError) {
        if let byteCount, ftruncate(descriptor, off_t(byteCount)) != 0 { try check(errno) }
        guard !isLasting || fsync(descriptor) == 0 else {
            throw .system(path, "bring the file to the disk", errno, advice: "check the disk; nothing was overwritten")
        }
        let written = descriptor
        descriptor = -1
        // Network file systems report a full disk only here.
        let code = close(written) == 0 ? 0 : errno
        guard code == 0, rename(temporary, path) == 0 else {
            let reason = code == 0 ? errno : code
            unlink(temporary)
            throw .system(path, "put the new file in place", reason, advice: "check the disk; nothing was overwritten")
        }
        if isLasting { try Folders.sync(Folders.holding(path)) }
    }

    private func check(_ code: Int32?) throws(FileError) {
        if let code { throw .system(path, "write the file", code, advice: Self.advice) }
    }

    private static let advice = "make room or choose another folder; nothing was overwritten"
}

/// Writes all bytes by as many calls as it takes; `call` gets a piece, its size and what is done already, and returns what the system's
/// write returns. Gives the errno value that ended it early, or nil.
package func writeAll(
    _ bytes: UnsafeRawBufferPointer, _ call: (UnsafeRawPointer?, _ count: Int, _ done: Int) -> Int
) -> Int32? {
    var done = 0
    while done < bytes.count {
        // Linux moves at most 2 GiB a call; less keeps an interrupted call cheap to repeat.
        let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<min(done + 1 << 28, bytes.count)])
        let count = call(piece.baseAddress, piece.count, done)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return count < 0 ? errno : ENOSPC }
        done += count
    }
    return nil
}
