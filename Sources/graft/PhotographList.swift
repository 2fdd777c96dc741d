// The photographs that somebody names: files, folders of them, and lists.
import Foundation
import ImageData

/// Resolves what `graft predict` is given.
enum PhotographList {
    /// The files, in the order given, those of `--list` after them; a folder's in the order of their names. Hidden files are left out.
    /// `@FILE` stands for a list, `-` for one on standard input.
    ///
    /// Throws `UserError` for a list that cannot be read, and where nothing is left.
    static func files(_ names: [String], listed list: String?) throws -> [String] {
        var files = try names.flatMap { name -> [String] in
            if name == "-" { return try listed(name, "") }
            if name.hasPrefix("@"), !FileManager.default.fileExists(atPath: name) {
                return try listed(String(name.dropFirst()), "")
            }
            return below(name)
        }
        if let list { files += try listed(list, "--list: ") }
        guard !files.isEmpty else {
            throw UserError("there are no photographs in \(names.isEmpty ? list ?? "" : names.joined(separator: ", "))")
        }
        return files
    }

    /// The files that a list names, one a line.
    private static func listed(_ list: String, _ setting: String) throws -> [String] {
        let bytes = list == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: list)
        guard let bytes else { throw UserError("\(setting)cannot read \(list), a list of photographs; check the path") }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }.flatMap(below)
    }

    /// A file itself, or all files below a folder.
    private static func below(_ path: String) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else { return [path] }
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let visible = entries.filter { !$0.hasPrefix(".") }.sorted(by: bytewise)
        return visible.flatMap { below(path.hasSuffix("/") ? path + $0 : "\(path)/\($0)") }
    }
}
