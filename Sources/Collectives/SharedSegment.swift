// A piece of memory that several processes of a host see.
import CProcess
import Foundation

/// Memory shared between processes, all zero at first. It has no name, so nothing is left of it when they end.
package final class SharedSegment: @unchecked Sendable {
    // Sendable because the address never changes; who may write what and when is its users' protocol.
    package let base: UnsafeMutableRawPointer
    package let byteCount: Int
    private let file: Int32

    /// By what other processes find the segment: the owner's process and its descriptor.
    package var address: (process: Int32, descriptor: Int32) { (getpid(), file) }

    /// Makes a segment; nil, with the system's reason, where the memory is not to be had.
    package static func create(byteCount: Int) -> (segment: SharedSegment?, reason: String) {
        adopt(graft_shared_memory_create(byteCount), byteCount)
    }

    /// Joins the segment that another process of this host made.
    package static func open(process: Int32, descriptor: Int32, byteCount: Int) -> (segment: SharedSegment?, reason: String) {
        adopt(graft_shared_memory_open(process, descriptor), byteCount)
    }

    private init(base: UnsafeMutableRawPointer, byteCount: Int, file: Int32) {
        (self.base, self.byteCount, self.file) = (base, byteCount, file)
    }

    deinit {
        munmap(base, byteCount)
        close(file)
    }

    private static func adopt(_ file: Int32, _ byteCount: Int) -> (segment: SharedSegment?, reason: String) {
        guard file >= 0 else { return (nil, String(cString: strerror(-file))) }
        guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), base != MAP_FAILED else {
            let reason = String(cString: strerror(errno))
            close(file)
            return (nil, reason)
        }
        return (SharedSegment(base: base, byteCount: byteCount, file: file), "")
    }
}
