// The bytes of a file, mapped into memory: opening costs nothing, and the ranks of a machine share one copy.
import Foundation

/// A file mapped read-only. Every access is checked against its size.
///
/// The map shows the file as it is: whoever cuts the file short while it is mapped ends the process, as with any mapped file.
package final class MappedFile: @unchecked Sendable {
    // Sendable because the bytes are read-only and the stored properties never change.

    package let path: String
    package let bytes: UnsafeRawBufferPointer
    /// Whether the bytes are the system's to read again; otherwise they are memory of the caller's.
    package let isMapped: Bool

    /// Maps the file at `path`; it must be a regular file that is not empty.
    package init(_ path: String) throws(FileError) {
        var status = stat()
        // Before opening: to open a pipe would wait for a writer that never comes.
        guard stat(path, &status) == 0 else {
            throw .system(path, "read the file", errno, advice: "check the path and its permissions")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileError(path: path, problem: "is not a regular file", advice: "name the file itself")
        }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .system(path, "open the file", errno, advice: "check its permissions")
        }
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0 else {
            throw .system(path, "read the file's size", errno, advice: "check the disk")
        }
        guard status.st_size > 0 else {
            throw FileError(path: path, problem: "is empty", advice: "the file is damaged: fetch or save it again")
        }
        let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .system(path, "map the file into memory", errno, advice: "check the limits on memory")
        }
        self.path = path
        bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
        isMapped = true
    }

    /// Reads from memory that the caller keeps alive and unchanged for as long as this object lives.
    package init(path: String, memory: UnsafeRawBufferPointer) {
        self.path = path
        bytes = memory
        isMapped = false
    }

    deinit {
        if isMapped, let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }

    /// The file's size in bytes.
    package var count: Int { bytes.count }

    /// The bytes in `range`, which must lie within the file.
    package func bytes(in range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "a range of a file must be checked before use")
        return UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Whether the file has exactly `signature` at `offset`.
    package func holds(_ signature: [UInt8], at offset: Int = 0) -> Bool {
        guard offset >= 0, offset <= count, signature.count <= count - offset else { return false }
        return bytes(in: offset..<offset + signature.count).elementsEqual(signature)
    }
}
