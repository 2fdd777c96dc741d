// The bytes of a weight file, mapped into memory: opening costs nothing, and frozen weights are shared by the ranks of a machine.
import Foundation

/// A file mapped read-only. Every access is checked against its size.
///
/// The map shows the file as it is: whoever cuts the file short while it is mapped ends the process, as with any mapped file.
final class MappedFile: @unchecked Sendable {
    // Sendable because the bytes are read-only and the stored properties never change.

    let path: String
    let bytes: UnsafeRawBufferPointer
    /// Whether the bytes are the system's to read again; otherwise they are memory of the caller's.
    let isMapped: Bool

    /// Maps the file at `path`; it must be a regular file.
    init(_ path: String) throws(WeightFileError) {
        var status = stat()
        // Before opening: to open a pipe would wait for a writer that never comes.
        guard stat(path, &status) == 0 else {
            throw .system(path, "read the file", errno, advice: "check the path and its permissions")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unsupported(path, "is not a regular file", "name the weight file itself")
        }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .system(path, "open the file", errno, advice: "check its permissions")
        }
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0 else {
            throw .system(path, "read the file's size", errno, advice: "check the disk")
        }
        guard status.st_size > 0 else { throw .damaged(path, at: nil, "is empty") }
        let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .system(path, "map the file into memory", errno, advice: "check the limits on memory")
        }
        self.path = path
        bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
        isMapped = true
    }

    /// Reads from memory that the caller keeps alive and unchanged for as long as this object lives.
    init(path: String, memory: UnsafeRawBufferPointer) {
        self.path = path
        bytes = memory
        isMapped = false
    }

    deinit {
        if isMapped, let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }

    /// The file's size in bytes.
    var count: Int { bytes.count }

    /// The bytes in `range`, which must lie within the file.
    func bytes(in range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "a range of a weight file must be checked before use")
        return UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Whether the file has exactly `signature` at `offset`.
    func holds(_ signature: [UInt8], at offset: Int = 0) -> Bool {
        guard offset >= 0, offset <= count, signature.count <= count - offset else { return false }
        return bytes(in: offset..<offset + signature.count).elementsEqual(signature)
    }
}
