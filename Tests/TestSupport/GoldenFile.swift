// Reads the JSON files that the fixtures' scripts write.
package import Foundation

/// A decodable description of what PyTorch computes, kept as `PREFIX-NAME.json`.
package protocol GoldenFile: Decodable, Sendable {
    /// What the names of such files begin with.
    static var prefix: String { get }
}

extension GoldenFile {
    /// Reads one file of the folder of fixtures. Throws Foundation's errors for a file that is missing or does not decode.
    package static func load(_ name: String, from folder: URL) throws -> Self {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Self.self, from: Data(contentsOf: folder.appending(path: "\(prefix)-\(name).json")))
    }

    /// The names of all such files in the folder, sorted.
    package static func names(in folder: URL) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasPrefix(prefix + "-") && $0.hasSuffix(".json") }
            .map { String($0.dropFirst(prefix.count + 1).dropLast(5)) }.sorted()
    }
}
