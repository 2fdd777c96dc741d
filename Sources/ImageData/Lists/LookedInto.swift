// A folder, or a file that decides what is in a list, as it was when it was read.
internal import Foundation

/// By these a folder is known to hold the same names: adding, removing and renaming changes its times, and restoring one changes the other.
package struct LookedInto: Sendable, Hashable {
    private let path: String
    /// Device, inode, size, and nanoseconds of the last change of contents and of the entry itself.
    private let state: [Int]
    /// When it was looked at.
    private let time: Int

    /// Nil where there is nothing of that name.
    package init?(_ path: String) {
        var now = timespec()
        // The clock by which file systems stamp what changes.
        clock_gettime(CLOCK_REALTIME, &now)
        guard let state = Self.state(of: path) else { return nil }
        (self.path, self.state, time) = (path, state, now.nanoseconds)
    }

    /// What `pack` has written.
    package init(from unpacker: inout ListUnpacker) {
        path = unpacker.text()
        time = unpacker.number()
        state = (0..<5).map { _ in unpacker.number() }
    }

    package func pack(into packer: inout ListPacker) {
        packer.add(path)
        packer.add(time)
        for number in state { packer.add(number) }
    }

    /// Whether it is now as it was then.
    package var isUnchanged: Bool { Self.state(of: path) == state }

    /// Whether it had been left alone for so long when it was looked at.
    package func isSettled(for nanoseconds: Int) -> Bool { max(state[3], state[4]) < time - nanoseconds }

    private static func state(of path: String) -> [Int]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [
            Int(bitPattern: UInt(status.st_dev)), Int(bitPattern: UInt(status.st_ino)), Int(status.st_size),
            status.st_mtim.nanoseconds, status.st_ctim.nanoseconds,
        ]
    }
}

extension timespec {
    fileprivate var nanoseconds: Int { tv_sec * 1_000_000_000 + tv_nsec }
}
