// The folder of one key of the feature cache: what lies in it, and what can be used of it.
import Files
internal import Foundation
internal import ImageData
internal import Tensors

/// `FOLDER/KEY/`: the shards that runs of one key have written, and `index.json`, which says in words what they are of.
package struct FeatureFolder: Sendable {
    package let path: String
    package let key: FeatureKey
    package let layout: FeatureLayout

    /// - Parameters:
    ///   - root: the folder of all keys.
    ///   - key: everything that the features depend on besides the image.
    package init(root: String, key: FeatureKey, layout: FeatureLayout) {
        path = "\(root)/\(key.digest.hexadecimal(digits: 16))"
        self.key = key
        self.layout = layout
    }

    /// Makes the folder, clears away what a killed run left half-written, and notes what the key stands for.
    ///
    /// Throws `FileError` where the folder cannot be written.
    package func prepare() throws {
        try Folders.make(path)
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: path)) ?? [] where name.hasSuffix(".partial") {
            let attributes = try? manager.attributesOfItem(atPath: "\(path)/\(name)")
            let age = (attributes?[.modificationDate] as? Date).map { -$0.timeIntervalSinceNow } ?? 0
            // A living writer touches its file with every batch.
            if age > 3600 { try? manager.removeItem(atPath: "\(path)/\(name)") }
        }
        let object = Dictionary(key.fields.map { ($0.name, $0.value) }) { $1 }
        let json = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
        let index = "\(path)/index.json"
        if !manager.fileExists(atPath: index) { try AtomicFile.write([UInt8](json), to: index) }
    }

    /// Whether an earlier run of this key has left features here.
    package var exists: Bool { !names.isEmpty }

    /// The names of all shards, in one order on every machine.
    package var names: [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return all.filter { $0.hasSuffix(".features") }.sorted(by: bytewise)
    }

    /// A name that no other shard has: ranks and runs write side by side.
    package func newName(rank: Int) -> String {
        "\(String(UInt64(Date.now.timeIntervalSince1970 * 1000), radix: 36))-\(getpid())-\(rank).features"
    }

    package func open(_ name: String) throws -> FeatureShard {
        try FeatureShard(path: "\(path)/\(name)", key: key.digest, layout: layout)
    }

    package func remove(_ name: String) { unlink("\(path)/\(name)") }

    /// Bytes that the folder's file system has free for this user; nil where it does not say. Asks the nearest folder that exists.
    package static func freeBytes(at path: String) -> Int? {
        var folder = URL(fileURLWithPath: path).standardizedFileURL
        var status = statvfs()
        while statvfs(folder.path, &status) != 0 {
            guard folder.path != "/" else { return nil }
            folder.deleteLastPathComponent()
        }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }
}
