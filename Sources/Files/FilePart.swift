// A file, or a stretch of one: what is inside an archive is read where it lies.
import Foundation

/// Bytes on disk that stand for a file.
package struct FilePart: Sendable, Hashable {
    /// What messages call it; for a whole file its path.
    package let name: String
    /// The file that holds it.
    package let path: String
    /// Where in the file; nil for all of it.
    package let range: Range<Int>?

    /// A whole file.
    package init(_ path: String) { (name, self.path, range) = (path, path, nil) }

    package init(name: String, path: String, range: Range<Int>) { (self.name, self.path, self.range) = (name, path, range) }

    /// Size, and when the file that holds it was changed last, in nanoseconds; nil where it cannot be looked at.
    package var state: (size: Int, changed: Int)? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let changed = Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec)
        return (range?.count ?? Int(status.st_size), changed)
    }

    /// Why a part could not be read.
    package enum Failure: Error {
        /// In the system's words.
        case system(String)
        case tooLarge(bytes: Int)
        case outOfMemory
    }

    /// Reads it into the memory that `room` gives for so many bytes. Returns how many there were: fewer than asked for where a file was cut
    /// short since.
    ///
    /// - Parameter cold: whether the system first forgets what it has of the file, as far as it does, so that the storage is measured.
    package func read(
        atMost limit: Int, cold: Bool = false, into room: (Int) -> UnsafeMutableRawPointer?
    ) throws(Failure) -> UnsafeRawBufferPointer {
        func refused() -> Failure { .system(String(cString: strerror(errno))) }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // without waiting for the writer of a pipe
        guard descriptor >= 0 else { throw refused() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw refused() }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .system("it is not a file") }
        let size = range?.count ?? Int(status.st_size)
        guard size <= limit else { throw .tooLarge(bytes: size) }
        guard let target = room(size) else { throw .outOfMemory }
        let start = range?.lowerBound ?? 0
        if cold { posix_fadvise(descriptor, off_t(start), off_t(size), POSIX_FADV_DONTNEED) }
        var done = 0
        while done < size {
            let count = pread(descriptor, target + done, size - done, off_t(start + done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw refused() }
            if count == 0 { break }
            done += count
        }
        return UnsafeRawBufferPointer(start: target, count: done)
    }

    /// Its bytes; nil where it cannot be read or has more than so many.
    package func contents(atMost limit: Int) -> [UInt8]? {
        guard let size = state?.size, size <= limit else { return nil }
        var wasRead = false
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { room, count in
            let found = try? read(atMost: size) { _ in room.baseAddress.map { UnsafeMutableRawPointer($0) } }
            (wasRead, count) = (found != nil, found?.count ?? 0)
        }
        return wasRead ? bytes : nil
    }

    /// The XXH64 of its bytes; nil where it cannot be read.
    package var checksum: UInt64? {
        var reader = ChecksumReader()
        return reader.checksum(of: self)
    }
}

/// Reads files piece by piece, and keeps the last one open: of an archive there may be a million parts.
package struct ChecksumReader: ~Copyable {
    private var path = ""
    private var descriptor: Int32 = -1
    // Not cleared, and small enough to come from the heap.
    private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    package init() {}

    deinit {
        if descriptor >= 0 { close(descriptor) }
        piece.deallocate()
    }

    /// The XXH64 of a part's bytes; nil where it cannot be read.
    package mutating func checksum(of part: FilePart) -> UInt64? {
        if part.path != path || descriptor < 0 {
            if descriptor >= 0 { close(descriptor) }
            (path, descriptor) = (part.path, open(part.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))
        }
        guard descriptor >= 0 else { return nil }
        var checksum = Checksum()
        var (offset, left) = (part.range?.lowerBound ?? 0, part.range?.count ?? .max)
        while left > 0 {
            let count = pread(descriptor, piece.baseAddress, min(left, piece.count), off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            checksum.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            (offset, left) = (offset + count, left - count)
        }
        return checksum.value
    }
}
