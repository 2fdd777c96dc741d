// Brings torchvision's published weights into the cache.
import Collectives
import Files
import Foundation
import Networks
import RunConfiguration
import Tensors
import WeightFiles

/// Fetches published weights: downloads, checks, puts in place.
struct WeightFetch {
    let weights: PublishedWeights
    let cache: WeightCache
    /// The folder of all files on the server, without a slash at its end.
    let base: String
    /// What the file's SHA-256 must begin with.
    let digest: String
    /// Asked while a file is downloaded; a yes ends it with `StoppedEarly`.
    var isStopped: () -> Bool = { false }

    /// The environment variable that replaces torchvision's address: for mirrors, and for tests.
    static let baseVariable = "GRAFT_WEIGHTS_URL"

    /// - Parameter digest: what the file's SHA-256 must begin with; nil for the digits in its name.
    init(_ weights: PublishedWeights, base: String? = nil, digest: String? = nil, environment: [String: String]) {
        self.weights = weights
        self.digest = digest?.lowercased() ?? weights.digestPrefix
        cache = WeightCache(environment: environment)
        let chosen = base ?? environment[Self.baseVariable] ?? PublishedWeights.address
        self.base = chosen.hasSuffix("/") ? String(chosen.dropLast()) : chosen
    }

    private var address: String { "\(base)/\(weights.file)" }
    private var path: String { cache.path(of: weights) }

    /// Makes sure that the cache holds the weights; returns the file. With `again`, downloads even if it is there.
    ///
    /// Throws `UserError` that says what to download where, if there is no connection, and for a file that is not the network's.
    func run(again: Bool = false) throws -> WeightFile {
        if !again, cache.holds(weights) { return try WeightFile.open(path) }
        let isContinued = try download()
        if isContinued, !isIntact {
            say("warning: what was there of the file does not belong to it; downloading anew")
            try removePartial()
            _ = try download()
        }
        try check()
        try Folders.move(partial, to: path, advice: Self.advice)
        return try WeightFile.open(path)
    }

    private var isIntact: Bool { (try? WeightFile.open(partial))?.sha256.hasPrefix(digest) == true }

    private var partial: String { "\(path).partial" }

    /// Completes the partial file; returns whether an earlier attempt had begun it.
    private func download() throws -> Bool {
        try Folders.make(cache.folder, advice: Self.advice)
        let lock = try FetchLock(cache.folder)
        defer { lock.release() }
        let isBegun = FileManager.default.fileExists(atPath: partial)
        say("fetching \(address)")
        do {
            try CurlDownload(address: address, path: partial, isStopped: isStopped).run()
        } catch let failure as CurlDownload.Failure {
            guard failure.fault == .request else { throw Self.unwritable(partial, failure) }
            throw UserError(
                "cannot fetch \(address): \(failure.reason); download that address where there is a connection, put the file into "
                    + "\(cache.folder) (GRAFT_CACHE chooses another folder), or give a file of your own as network.weights")
        }
        return isBegun
    }

    /// What is said where a download has no room.
    static func unwritable(_ partial: String, _ failure: CurlDownload.Failure) -> FileError {
        FileError(
            path: partial, problem: "cannot be written: \(failure.reason)",
            advice: "make room, or set GRAFT_CACHE to a folder on another disk; a new attempt continues", fault: failure.fault)
    }

    private func refused(_ action: String) -> FileError { .system(path, action, errno, advice: Self.advice) }

    static let advice = "set GRAFT_CACHE to a folder that can be written"

    private func removePartial() throws {
        guard unlink(partial) == 0 else { throw refused("remove \(partial)") }
    }

    /// Whether the file is one of weights, is the published one, and is for the network. Removes one that is not.
    private func check() throws {
        let file: WeightFile
        do {
            file = try WeightFile.open(partial)
        } catch {
            try removePartial()
            throw UserError("what \(address) gave is not a weight file and was removed: it \(error.problem)")
        }
        let entry = try NetworkCatalog.entry(named: weights.network)
        let match = try NameTable.match(file.tensors.mapValues(\.shape), to: entry.build(), of: entry)
        do {
            try match.validate(for: entry.name)
        } catch {
            try removePartial()
            throw UserError("what \(address) gave was removed: \(error)")
        }
        let found = file.sha256
        guard found.hasPrefix(digest) else {
            try removePartial()
            throw UserError(
                "what \(address) gave was removed: its tensors fit \(entry.name), but its SHA-256 is \(found), not \(digest)…; "
                    + "fetch it again, or give --sha256 if you know that file to be right")
        }
    }
}

/// Keeps a second process from writing into the files of a folder; it goes with this process, however that ends.
struct FetchLock {
    private let descriptor: Int32

    /// Throws `UserError` where another process holds it.
    init(_ folder: String) throws {
        descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError.system(folder, "read the folder", errno, advice: WeightFetch.advice) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw UserError("another process is fetching weights into \(folder); try again once it is done")
        }
    }

    func release() { close(descriptor) }
}

/// The weight file of a config, opened; nil for random weights. Published weights that are not in the cache are fetched by rank 0;
/// every rank calls this.
///
/// Throws `StoppedEarly` if a rank is asked to stop meanwhile, `UserError` where a rank's host cannot see the file afterwards.
func weightFile(
    of network: RunConfiguration.Network, _ communicator: any Communicator, environment: [String: String], stop: StopFlag
) throws -> WeightFile? {
    switch network.weightsOrigin {
    case .random: return nil
    case .file(let path): return try WeightFile.open(path)
    case .hub(let name):
        var fetch = HubFetch(try HubReference(name), environment: environment)
        fetch.isStopped = { stop.isRequested }
        if communicator.isRoot { do { _ = try fetch.run() } catch is StoppedEarly {} }
        try stop.check(communicator)
        return try WeightFile.open(try fetch.stored())
    case .torchvision:
        let weights = try PublishedWeights.required(for: network.architecture)
        var fetch = WeightFetch(weights, environment: environment)
        fetch.isStopped = { stop.isRequested }
        if communicator.isRoot { do { _ = try fetch.run() } catch is StoppedEarly {} }
        try stop.check(communicator)
        guard fetch.cache.holds(weights) else {
            throw UserError(
                "\(fetch.cache.path(of: weights)) is not on this host; set GRAFT_CACHE to a folder that all hosts share, or run "
                    + "'graft weights fetch \(network.architecture)' on each")
        }
        return try WeightFile.open(fetch.cache.path(of: weights))
    }
}
