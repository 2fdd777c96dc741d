// The folder that holds a run's checkpoints. Whatever interrupts a save, the checkpoints before it stay as they were.
package import Files
import Foundation

/// `checkpoints/` of a run: a folder `step-00000019` for each checkpoint, and `index.json`, which names the last and the best.
///
/// A checkpoint is written into a hidden folder beside, synced, and renamed. Used by one process at a time (`RunLock`).
package struct CheckpointFolder: Sendable {
    package let path: String
    private let retention: Retention
    /// The run's lock, which notices that the run's folder was removed; nil where there is none.
    package var lock: RunLock?

    private struct Index: Codable {
        var last: String?
        var best: String?
        /// XXH64 of both names, so that a changed one is noticed.
        var checksum: String?

        var ownChecksum: String {
            var checksum = Checksum()
            for name in [last, best] { checksum.update(name ?? "") }
            return checksum.hexadecimal
        }
    }

    /// - Parameter path: made by the first save, if it is not there.
    package init(path: String, retention: Retention) {
        self.path = path
        self.retention = retention
    }

    /// The name of the checkpoint after an update.
    package static func name(ofStep step: Int) -> String {
        "step-" + step.padded(to: 8)
    }

    /// Steps of all checkpoints, damaged ones included, ascending.
    package var steps: [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted()
    }

    /// The newest whole checkpoint, and why newer ones were refused.
    ///
    /// Throws `TrainingError.noCheckpoint` when there is none.
    /// - Parameter isMeant: which ones to look at; those that are passed over are not named.
    package func newest(
        where isMeant: (CheckpointState) -> Bool = { _ in true }
    ) throws(TrainingError) -> (checkpoint: Checkpoint, refused: [String]) {
        var refused: [String] = []
        for step in steps.reversed() {
            do throws(TrainingError) {
                let checkpoint = try Checkpoint.open(folder(ofStep: step))
                if isMeant(checkpoint.state) { return (checkpoint, refused) }
            } catch {
                refused.append("\(error)")
            }
        }
        throw .noCheckpoint(folder: path, refused: refused)
    }

    /// The checkpoint of the best evaluation, if there was one; else the newest whole one.
    ///
    /// Throws when it is damaged: another one would silently be worse.
    package func best() throws(TrainingError) -> Checkpoint {
        let index = FileManager.default.contents(atPath: "\(path)/index.json").flatMap {
            try? JSONDecoder().decode(Index.self, from: $0)
        }
        // One that is damaged says nothing: the checkpoints' own states do.
        if let index, index.checksum == index.ownChecksum, let name = index.best { return try Checkpoint.open("\(path)/\(name)") }
        let newest = try newest().checkpoint
        guard let step = newest.state.progress.best?.step, steps.contains(step) else { return newest }
        return try Checkpoint.open(folder(ofStep: step))
    }

    /// Removes what an interrupted save left behind, and puts back what an interrupted replacement had set aside.
    package func recover() throws(FileError) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            if name.hasPrefix(".step-"), name.hasSuffix(Self.asideSuffix) {
                let original = "\(path)/\(name.dropFirst().dropLast(Self.asideSuffix.count))"
                if !FileManager.default.fileExists(atPath: original) { try Folders.move("\(path)/\(name)", to: original) }
            }
            if name.hasPrefix(".step-") { try? FileManager.default.removeItem(atPath: "\(path)/\(name)") }
        }
    }

    /// Saves a checkpoint and removes expired ones. `write` fills the folder that it is given.
    ///
    /// Throws what `write` throws, what the system refuses, and `TrainingError.folderGone`; then no checkpoint was touched. Returns the checkpoint's path.
    package func save(step: Int, best: Int?, _ write: (String) throws -> Void) throws -> String {
        try lock?.checkPlace()
        let target = folder(ofStep: step)
        let temporary = "\(path)/.\(Self.name(ofStep: step)).partial"
        try? FileManager.default.removeItem(atPath: temporary)
        do {
            try Folders.make(temporary)
            try write(temporary)
            try Folders.sync(temporary)
        } catch {
            try? FileManager.default.removeItem(atPath: temporary)
            // Where the folder has gone meanwhile, that is the reason.
            try lock?.checkPlace()
            throw error
        }
        try replace(target, by: temporary, step: step)
        try Folders.sync(path)
        try writeIndex(last: step, best: best)
        removeExpired(best: best, saved: step)
        return target
    }

    /// Changes what the checkpoint of a step says of the run, and removes those that have expired since.
    ///
    /// - Parameter change: may write files into the checkpoint's folder, which it is given.
    package func add(to step: Int, best: Int?, _ change: (inout CheckpointState, _ folder: String) throws -> Void) throws {
        let path = folder(ofStep: step)
        var state = try Checkpoint.readState(path)
        try change(&state, path)
        try AtomicFile.write(try state.sealed(), to: "\(path)/\(Checkpoint.stateFile)")
        try writeIndex(last: step, best: best)
        removeExpired(best: best, saved: step)
    }

    /// Gives the checkpoints after `step`, which a resume from there has refused, names by which nothing takes them for checkpoints:
    /// `step-00000033.refused`. So they are kept for whoever wants to look, and what the run saves from now on is the newest.
    ///
    /// Returns the new names by the old ones' order, newest first, as `newest` lists its refusals.
    package func setAside(after step: Int) throws(FileError) -> [String] {
        var names: [String] = []
        for later in steps.reversed() where later > step {
            let name = Self.name(ofStep: later) + Self.refusedSuffix
            let free = ([name] + (2...9999).map { "\(name)-\($0)" }).first {
                !FileManager.default.fileExists(atPath: "\(path)/\($0)")
            }
            try Folders.move(folder(ofStep: later), to: "\(path)/\(free ?? name)")
            names.append(free ?? name)
        }
        return names
    }

    private static let refusedSuffix = ".refused"
    private static let asideSuffix = ".aside"

    private func folder(ofStep step: Int) -> String { "\(path)/\(Self.name(ofStep: step))" }

    /// Puts the new folder in place. The same step may have been saved before: in mid-epoch, and now at the epoch's end.
    private func replace(_ target: String, by temporary: String, step: Int) throws(FileError) {
        let aside = "\(path)/.\(Self.name(ofStep: step))\(Self.asideSuffix)"
        if FileManager.default.fileExists(atPath: target) { try Folders.move(target, to: aside) }
        try Folders.move(temporary, to: target)
        try? FileManager.default.removeItem(atPath: aside)
    }

    private func writeIndex(last: Int, best: Int?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let known = steps
        var index = Index(
            last: Self.name(ofStep: last), best: best.flatMap { known.contains($0) ? Self.name(ofStep: $0) : nil })
        index.checksum = index.ownChecksum
        try AtomicFile.write([UInt8](try encoder.encode(index)) + [UInt8(ascii: "\n")], to: "\(path)/index.json")
    }

    /// A checkpoint that cannot be removed costs room, not correctness: the run goes on.
    private func removeExpired(best: Int?, saved: Int) {
        for step in retention.expired(existing: steps, best: best, saved: saved) { try? remove(step) }
    }

    /// Renames first, so that a half-removed checkpoint is never mistaken for a damaged one.
    private func remove(_ step: Int) throws(FileError) {
        let going = "\(path)/.\(Self.name(ofStep: step)).expired"
        try Folders.move(folder(ofStep: step), to: going)
        try? FileManager.default.removeItem(atPath: going)
    }
}
