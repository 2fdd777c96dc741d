// One run at a time in a run folder: two jobs of the same name would overwrite each other's checkpoints.
import Files
import Foundation

/// A lock on a run folder, held by rank 0 as long as the object lives; a killed process loses it by itself.
package final class RunLock: Sendable {
    private let descriptor: Int32
    private let path: String

    /// Takes the lock of an existing folder. Throws `TrainingError.folderInUse` when another process holds it, `FileError`
    /// where the folder cannot be written.
    package init(folder: String) throws {
        path = "\(folder)/.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw FileError.system(
                path, "create a file in the run's folder", errno, advice: "check that the folder can be written")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isHeld = errno == EWOULDBLOCK
            let failure = FileError.system(
                path, "lock the run's folder", errno, advice: "choose a run.folder on a disk that can lock files")
            // All properties are set, so deinit runs and closes the descriptor: doing it here would close someone else's a second time.
            guard isHeld else { throw failure }
            throw TrainingError.folderInUse(path: folder, holder: Self.holder(path))
        }
        ftruncate(descriptor, 0)
        let text = Array("process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n".utf8)
        // Who holds the lock is a courtesy to the reader of a message; the lock itself does not depend on it.
        _ = text.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Throws `TrainingError.folderGone` if the folder was removed or replaced since: what is written there now would be lost.
    package func checkPlace() throws(TrainingError) {
        var (held, present) = (stat(), stat())
        let isThere = fstat(descriptor, &held) == 0 && stat(path, &present) == 0 && held.st_ino == present.st_ino
        guard isThere, held.st_dev == present.st_dev else {
            throw .folderGone(path: String(path.dropLast("/.lock".count)))
        }
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
