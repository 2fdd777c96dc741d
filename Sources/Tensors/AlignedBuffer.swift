// Memory that kernels run on: aligned to a cache line, zeroed by the kernel when its pages are first touched.
import Foundation

/// A block of memory of fixed size, aligned to 64 bytes (a cache line and an AVX-512 register), initially zero.
///
/// Large blocks come straight from the operating system, so untouched pages cost nothing.
package final class AlignedBuffer: @unchecked Sendable {
    // Sendable because base and byteCount never change; who writes which bytes when is the plan's business.

    /// The alignment of every buffer and of every offset that the planner hands out, in bytes.
    package static let alignment = 64

    package let base: UnsafeMutableRawPointer
    package let byteCount: Int
    private let mappedBytes: Int

    /// Reserves `byteCount` zeroed bytes.
    package init(byteCount: Int) {
        precondition(byteCount >= 0, "a buffer's size must not be negative")
        self.byteCount = byteCount
        let page = 4096
        mappedBytes = max(page, (byteCount + page - 1) / page * page)
        let address = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address, address != MAP_FAILED else {
            Self.endForMemory(byteCount)
        }
        base = address
        // Huge pages save most of the address translation in convolutions over large arenas; a refusal is harmless.
        if byteCount >= 4 << 20 { madvise(address, mappedBytes, 14 /* MADV_HUGEPAGE, a macro Swift cannot import */) }
    }

    deinit { munmap(base, mappedBytes) }

    /// Nothing can go on without the memory that it was planned for: one sentence, and the status of a failure of the system.
    private static func endForMemory(_ byteCount: Int) -> Never {
        let sentence =
            "graft: the system has no \((byteCount + 999_999) / 1_000_000) MB of memory left; lower training.batch_size or "
            + "evaluation.batch_size, or run fewer ranks on this host ('graft plan' tells what a run takes)\n"
        FileHandle.standardError.write(Data(sentence.utf8))
        exit(70)
    }

    /// Reserves room for `count` float32 zeros.
    package convenience init(floatCount: Int) {
        self.init(byteCount: floatCount * MemoryLayout<Float>.stride)
    }

    /// The whole buffer as float32 numbers.
    package var floats: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: base.assumingMemoryBound(to: Float.self), count: byteCount / MemoryLayout<Float>.stride)
    }

    /// The base as an address of float32 numbers.
    package var floatBase: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

    /// The whole buffer as raw bytes.
    package var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base, count: byteCount)
    }
}
