// `graft train --log`: each rank's own account of a run, for when one of many is not like the others.
import Collectives
import Files
import Foundation
import Synchronization

/// Writes `log/rank-NNNN.log` in the run's folder: what the rank said, how long each part of each step took it, and how it ended; every line
/// with its time (UTC) and at once, so that a killed rank's is whole.
final class RankLog: Sendable {
    private static let current = Mutex<RankLog?>(nil)

    /// Writes down what a rank says, where it keeps a log.
    static func note(_ line: String) { current.withLock { $0 }?.append(line) }

    private let descriptor: Int32
    private let work = Mutex(Work())

    /// The parts of the step under way, in the order in which they began.
    private struct Work {
        var step = 0
        var phase = Phase.starting
        var since = monotonicNanoseconds()
        var spent: [(phase: Phase, seconds: Double)] = []

        mutating func enter(_ phase: Phase) {
            let now = monotonicNanoseconds()
            let seconds = Double(now - since) * 1e-9
            if let known = spent.firstIndex(where: { $0.phase == self.phase }) {
                spent[known].seconds += seconds
            } else {
                spent.append((self.phase, seconds))
            }
            (self.phase, since) = (phase, now)
        }

        var line: String {
            let parts = spent.map { "\($0.phase) \(String(format: "%.4f", $0.seconds)) s" }
            let what = spent.contains { $0.phase == .caching } ? "\(step) images" : "step \(step)"
            return "\(what): " + parts.joined(separator: ", ")
        }
    }

    /// Opens the log and keeps it until the process ends; a resumed run goes on in the same file. Throws `FileError`.
    static func begin(in folder: RunFolder, _ communicator: any Communicator) throws {
        let log = try RankLog(folder: "\(folder.path)/log", rank: communicator.rank)
        current.withLock { $0 = log }
        note("rank \(communicator.rank) of \(communicator.size) on \(communicator.hostName), process \(getpid())")
        communicator.heartbeat.tell { log.enter($0, step: $1) }
    }

    /// Writes down the last step and in which words the rank ends.
    static func end(_ words: String) {
        current.withLock { $0 }?.enter(.finishing, step: .max)
        note(words)
    }

    private init(folder: String, rank: Int) throws {
        try Folders.make(folder, advice: "check that the run's folder can be written from this host")
        let path = "\(folder)/rank-\(String(format: "%04d", rank)).log"
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError.system(path, "write the log", errno, advice: "leave --log out") }
    }

    deinit { close(descriptor) }

    private func enter(_ phase: Phase, step: Int) {
        let line: String? = work.withLock { work in
            work.enter(phase)
            guard step != work.step else { return nil }
            defer { (work.step, work.spent) = (step, []) }
            return work.line
        }
        if let line { append(line) }
    }

    /// A line that the disk has no room for is lost: the run is worth more than its log.
    private func append(_ line: String) {
        let time = Date().formatted(Self.time)
        let bytes = Array("\(time) \(line)\n".utf8)
        _ = write(descriptor, bytes, bytes.count)
    }

    private static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
