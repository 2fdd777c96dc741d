// One run at a time in a run folder: two jobs of the same name would overwrite each other's checkpoints.
import Foundation

/// A lock on a run folder, held by rank 0 as long as the object lives; a killed process loses it by itself.
package final class RunLock {
    private let descriptor: Int32
    private let path: String

    /// Takes the lock of an existing folder. Throws `TrainingError.folderInUse` when another process holds it.
    package init(folder: String) throws(TrainingError) {
        path = "\(folder)/.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .lastSystemError(path, "create a file in the run's folder") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isHeld = errno == EWOULDBLOCK
            let failure = TrainingError.lastSystemError(path, "lock the run's folder")
            // All properties are set, so deinit runs and closes the descriptor: doing it here would close someone else's a second time.
            guard isHeld else { throw failure }
            throw .folderInUse(path: folder, holder: Self.holder(path))
        }
        ftruncate(descriptor, 0)
        let text = Array("process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n".utf8)
        // Who holds the lock is a courtesy to the reader of a message; the lock itself does not depend on it.
        _ = text.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    deinit {
        // The file stays: removing it would let two processes lock two different files of one name.
        if descriptor >= 0 { close(descriptor) }
    }

    private static func holder(_ path: String) -> String {
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return line.isEmpty ? "another process" : line
    }
}
