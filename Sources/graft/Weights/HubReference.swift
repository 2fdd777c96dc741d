// A model of the hub by name, and the folders in which it may already be.
import Foundation
import WeightFiles

/// `hf:owner/name`, or `hf:owner/name@revision`.
struct HubReference {
    static let prefix = "hf:"

    let owner: String
    let name: String
    let revision: String

    /// Throws `UserError` for what is no such name.
    init(_ text: String) throws {
        let parts = text.dropFirst(Self.prefix.count).split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let revision = parts.count > 1 ? String(parts[1]) : "main"
        guard path.count == 2, (path + [revision]).allSatisfy(Self.isPlain) else {
            throw UserError("'\(text)' names no model of the hub; write hf:owner/name or hf:owner/name@revision")
        }
        (owner, name, self.revision) = (path[0], path[1], revision)
    }

    /// Letters, digits, `.`, `_` and `-`, and no way out of a folder.
    private static func isPlain(_ part: String) -> Bool {
        part.wholeMatch(of: /[A-Za-z0-9._\-]{1,128}/) != nil && !part.hasPrefix(".")
    }

    var repository: String { "\(owner)/\(name)" }
    /// How the hub's own cache calls its folder.
    private var folderName: String { "models--\(owner)--\(name)" }

    /// Where Graft puts it.
    func ownFolder(_ cache: WeightCache) -> String { "\(cache.folder)/hub/\(folderName)/\(revision)" }

    /// The folder of the hub's own cache that holds this revision, if one does.
    func foreignFolder(_ environment: [String: String]) -> String? {
        func set(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let home = set("HOME") ?? FileManager.default.homeDirectoryForCurrentUser.path
        let hubHome = set("HF_HOME") ?? "\(set("XDG_CACHE_HOME") ?? "\(home)/.cache")/huggingface"
        let model = "\(set("HF_HUB_CACHE") ?? set("HUGGINGFACE_HUB_CACHE") ?? "\(hubHome)/hub")/\(folderName)"
        let stated = FileManager.default.contents(atPath: "\(model)/refs/\(revision)").map { String(decoding: $0, as: UTF8.self) }
        let commit = stated?.trimmingCharacters(in: .whitespacesAndNewlines) ?? revision
        guard Self.isPlain(commit) else { return nil }
        let folder = "\(model)/snapshots/\(commit)"
        return ModelFolder.isComplete(folder) ? folder : nil
    }
}

extension WeightFile {
    /// Opens a file, a folder, or a model of the hub that is on this machine.
    ///
    /// Throws `UserError` for a model that has to be fetched first.
    static func named(_ name: String) throws -> WeightFile {
        guard name.hasPrefix(HubReference.prefix) else { return try open(name) }
        return try open(try HubFetch(try HubReference(name), environment: ProcessInfo.processInfo.environment).stored())
    }
}
