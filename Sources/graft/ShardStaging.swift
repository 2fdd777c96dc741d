// `data.stage`: shards are copied to a disk of the host before training, by one rank of each host.
import Collectives
import Files
import Foundation
import ImageData
import PlanReports

/// Copies of a run's shards on a disk of this host.
///
/// They lie in `FOLDER/graft-stage-DIGEST`, a digest of the shards' paths, sizes and times, so that whoever reads the same shards
/// finds them. A copy gets its shard's time when it is on the disk: one without it is not whole, and is copied anew.
struct ShardStaging {
    private struct Shard {
        let source: String
        let copy: String
        let size: Int
        let changed: timespec

        /// Whether the copy is there, and is of the shard as it is now.
        var isCopied: Bool {
            var status = stat()
            return stat(copy, &status) == 0 && Int(status.st_size) == size && status.st_mtim.tv_sec == changed.tv_sec
                && status.st_mtim.tv_nsec == changed.tv_nsec
        }
    }

    /// The folder that the config names, with what stands for the environment's variables.
    private let folder: String
    private let place: String
    private let shards: [Shard]

    /// - Parameter sources: the shards that are read. Throws `UserError` for one that is gone.
    init(of sources: [String], in folder: String) throws {
        self.folder = folder
        var checksum = Checksum()
        var found: [(source: String, status: stat)] = []
        for source in sources {
            var status = stat()
            guard stat(source, &status) == 0 else {
                throw UserError("data.stage: \(source) cannot be read: \(String(cString: strerror(errno)))")
            }
            checksum.update(URL(fileURLWithPath: source).standardizedFileURL.path)
            for number in [Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec] { checksum.update(number) }
            found.append((source, status))
        }
        let place = "\(folder)/graft-stage-\(checksum.hexadecimal)"
        self.place = place
        shards = found.enumerated().map { number, shard in
            Shard(
                source: shard.source, copy: "\(place)/\(number)-\((shard.source as NSString).lastPathComponent)",
                size: Int(shard.status.st_size), changed: shard.status.st_mtim)
        }
    }

    /// Where each shard's copy is.
    var copies: [String: String] { Dictionary(shards.map { ($0.source, $0.copy) }) { first, _ in first } }

    /// Brings the copies to the host that are not there. Every rank calls it, and one of each host copies.
    ///
    /// Throws `UserError` where there is no room, `StoppedEarly` if a rank is asked to stop meanwhile.
    func copy(_ communicator: any Communicator, _ stop: StopFlag) throws {
        let work = SharedWork(communicator, stop)
        if communicator.localRank == 0 { try copyMissing(tells: communicator.isRoot) { try work.isStopped() } }
        if try work.finish() { throw StoppedEarly() }
    }

    private func copyMissing(tells: Bool, isStopped: () throws -> Bool) throws {
        try Folders.make(place, advice: "name a folder in data.stage that can be written")
        // Whoever comes second waits, and finds the copies there.
        let lock = open("\(place)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard lock >= 0 else {
            throw FileError.system(place, "create a file in it", errno, advice: "name a folder in data.stage that can be written")
        }
        defer { close(lock) }
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw FileError.system(
                    place, "lock it", errno, advice: "name a folder in data.stage on a disk that can lock files")
            }
            if try isStopped() { return }
            usleep(100_000)
        }
        let missing = shards.filter { !$0.isCopied }
        guard !missing.isEmpty else { return }
        let byteCount = missing.reduce(0) { $0 + $1.size }
        try checkRoom(byteCount)
        if tells { say("copying \(missing.count) of \(shards.count) shards, \(Readable.bytes(byteCount)), to \(place)") }
        let progress = WorkProgress("copied", "MB of shards")
        var done = 0
        for shard in missing {
            try copy(shard) { count in
                done += count
                if tells { progress.tell(done >> 20, of: byteCount >> 20) }
                return try isStopped()
            }
            if try isStopped() { return }
        }
    }

    private func checkRoom(_ byteCount: Int) throws {
        var status = statvfs()
        guard statvfs(place, &status) == 0 else { return }
        let free = Int(status.f_bavail) * Int(status.f_frsize)
        guard byteCount > free else { return }
        throw UserError(
            "data.stage: the shards take \(Readable.bytes(byteCount)) in \(folder), which has \(Readable.bytes(free)) free: make room (a "
                + "graft-stage- folder of other data may go), name another folder, or remove data.stage to read shards where they are"
        )
    }

    private static let pieceBytes = 8 << 20

    /// - Parameter isStopped: hears how many bytes more are copied, and says whether the rest is left.
    private func copy(_ shard: Shard, isStopped: (Int) throws -> Bool) throws {
        let source = try OpenFile(shard.source)
        let file = try PendingFile(shard.copy)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 4096)
        defer { piece.deallocate() }
        var offset = 0
        while offset < shard.size {
            let count = pread(source.number, piece.baseAddress, min(piece.count, shard.size - offset), off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw UserError("data.stage: \(shard.source) cannot be read to its end; start again") }
            try file.append(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            offset += count
            if try isStopped(count) { return }
        }
        try file.putInPlace()
        // Last: by its time a copy is known to be whole.
        let times = [shard.changed, shard.changed]
        guard utimensat(AT_FDCWD, shard.copy, times, 0) == 0 else {
            throw FileError.system(shard.copy, "set its time", errno, advice: "name another folder in data.stage")
        }
    }

    /// A text in which `$NAME` and `${NAME}` are replaced by the environment's variables. Throws `UserError` for one that is not set.
    static func expand(_ text: String, _ environment: [String: String]) throws -> String {
        try text.replacing(/\$(?:\{(?<inside>[A-Za-z_][A-Za-z0-9_]*)\}|(?<bare>[A-Za-z_][A-Za-z0-9_]*))/) { match in
            let name = String(match.output.inside ?? match.output.bare ?? "")
            guard let value = environment[name], !value.isEmpty else {
                throw UserError(
                    "data.stage: the variable \(name) is not set on \(ProcessInfo.processInfo.hostName); set it, or name a folder"
                )
            }
            return value
        }
    }
}

/// A file that is open for reading as long as this lives.
private struct OpenFile: ~Copyable {
    let number: Int32

    init(_ path: String) throws {
        number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw UserError("data.stage: \(path) cannot be read: \(String(cString: strerror(errno)))") }
    }

    deinit { close(number) }
}
