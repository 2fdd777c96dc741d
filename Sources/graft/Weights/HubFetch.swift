// Brings a model of the hub into the cache: the JSON that says what it is, then its weights.
import Collectives
import Files
import Foundation
import Networks
import Training
import WeightFiles

/// Fetches one model.
struct HubFetch {
    let model: HubReference
    let cache: WeightCache
    /// Asked while a file is downloaded; a yes ends it with `StoppedEarly`.
    var isStopped: () -> Bool = { false }
    private let environment: [String: String]
    private let endpoint: String
    private let token: String?
    private let isOffline: Bool

    /// The one place that knows where the hub is.
    private static let usualEndpoint = "https://huggingface.co"

    /// - Parameter environment: of the process; the hub's own variables count as they do for its own tools.
    init(_ model: HubReference, environment: [String: String]) {
        self.model = model
        self.environment = environment
        cache = WeightCache(environment: environment)
        func set(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let chosen = set("HF_ENDPOINT") ?? Self.usualEndpoint
        endpoint = chosen.hasSuffix("/") ? String(chosen.dropLast()) : chosen
        token = set("HF_TOKEN")
        isOffline = ["1", "on", "yes", "true"].contains(set("HF_HUB_OFFLINE")?.lowercased() ?? "")
    }

    private var folder: String { model.ownFolder(cache) }

    /// The folder that holds the model, if one does: Graft's, or the hub's own.
    func found() -> String? { ModelFolder.isComplete(folder) ? folder : model.foreignFolder(environment) }

    /// The folder that holds the model. Throws `UserError` where it has to be fetched first.
    func stored() throws -> String {
        if let found = found() { return found }
        throw UserError(
            "\(folder) does not hold hf:\(model.repository); run 'graft weights fetch hf:\(model.repository)' "
                + "(on each host, or set GRAFT_CACHE to a folder that all hosts share)")
    }

    /// Makes sure that the model is on this machine; returns its folder. With `again`, downloads even if it is.
    ///
    /// Throws `UserError` that says what to do if there is no connection, and for a model that Graft does not have, before its weights
    /// are fetched.
    func run(again: Bool = false) throws -> String {
        if !again, let found = found() { return found }
        guard !isOffline else {
            throw UserError(
                "HF_HUB_OFFLINE is set, and neither \(folder) nor the hub's own cache holds hf:\(model.repository); fetch it where there "
                    + "is a connection")
        }
        try Folders.make(folder, advice: WeightFetch.advice)
        let lock = try FetchLock(folder)
        defer { lock.release() }
        let server = HubServer(endpoint: endpoint, model: model, token: token, isStopped: isStopped)
        if again { for name in ModelFolder.candidates { try remove(name) } }
        var commit: String?
        guard try fetch("config.json", from: server, &commit) else {
            throw UserError("hf:\(model.repository) has no config.json, which would say what network it is; take another model")
        }
        _ = try fetch("preprocessor_config.json", from: server, &commit)
        try checkKind()
        guard let weights = try ModelFolder.candidates.first(where: { try fetch($0, from: server, &commit, isLast: true) }) else {
            throw UserError(
                "hf:\(model.repository) has neither model.safetensors nor pytorch_model.bin; take another model, or another revision"
            )
        }
        let name = commit.map { ", commit \($0.prefix(12))" } ?? ""
        say("\(model.repository): \(weights)\(name)")
        return folder
    }

    /// Fetches one file, if the model has it. An index brings the files that it names before it is put in place.
    private func fetch(
        _ name: String, from server: HubServer, _ commit: inout String?, isLast: Bool = false
    ) throws -> Bool {
        guard let place = try server.place(of: name, commit ?? model.revision) else { return false }
        commit = commit ?? place.commit
        let partial = "\(folder)/\(name).partial"
        say("fetching \(model.repository)/\(name)")
        if !isLast || place.size == nil { try? FileManager.default.removeItem(atPath: partial) }
        let isContinued = FileManager.default.fileExists(atPath: partial)
        try download(place, name, to: partial)
        if let problem = problem(of: partial, place) {
            try? FileManager.default.removeItem(atPath: partial)
            guard isContinued else {
                throw UserError("what \(server.endpoint) gave as \(name) was removed: \(problem); fetch it again")
            }
            say("warning: what was there of the file does not belong to it; downloading anew")
            return try fetch(name, from: server, &commit, isLast: isLast)
        }
        if name.hasSuffix(".index.json") {
            guard let parts = ModelFolder.parts(ofIndexAt: partial) else {
                throw UserError("hf:\(model.repository): \(name) names no files; take another revision")
            }
            for part in parts where !(try fetch(part, from: server, &commit, isLast: true)) {
                throw UserError("hf:\(model.repository) lacks \(part), which its \(name) names; take another revision")
            }
        }
        try Folders.move(partial, to: "\(folder)/\(name)", advice: WeightFetch.advice)
        return true
    }

    private func download(_ place: HubServer.Place, _ name: String, to partial: String) throws {
        var download = CurlDownload(address: place.address, path: partial, isStopped: isStopped)
        (download.token, download.size) = (place.token, place.size)
        do {
            try download.run()
        } catch let failure as CurlDownload.Failure {
            guard failure.fault == .request else { throw WeightFetch.unwritable(partial, failure) }
            throw UserError(
                "cannot fetch \(name) of hf:\(model.repository): \(failure.reason); try again (what came is kept), or put the files into "
                    + "\(folder)")
        }
    }

    /// Why a file is not the one that the hub states; nil if it is.
    private func problem(of path: String, _ place: HubServer.Place) -> String? {
        guard let file = try? MappedFile(path) else { return "it is empty" }
        if let size = place.size, size != file.count { return "it has \(file.count) bytes, not \(size)" }
        guard let digest = place.digest else { return nil }
        let found = SHA256.hexadecimal(of: file.bytes)
        return found == digest ? nil : "its SHA-256 is \(found), not \(digest)"
    }

    /// Throws `UserError` for a model that Graft does not have.
    private func checkKind() throws {
        let text = { (name: String) in
            FileManager.default.contents(atPath: "\(folder)/\(name)").map { String(decoding: $0, as: UTF8.self) }
        }
        guard let hub = text("config.json").flatMap({ HubModel(config: $0, processor: text("preprocessor_config.json")) }) else {
            throw UserError(
                "hf:\(model.repository): its config.json names no network of timm's or transformers'; take another model")
        }
        if let refusal = hub.refusal { throw UserError("hf:\(model.repository) \(refusal)") }
    }

    private func remove(_ name: String) throws {
        let path = "\(folder)/\(name)"
        guard unlink(path) == 0 || errno == ENOENT else {
            throw FileError.system(path, "remove the file", errno, advice: WeightFetch.advice)
        }
    }
}
