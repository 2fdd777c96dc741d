// Names of shards: `shards/train-{000..099}.tar`, `shards/{a,b}.tar`, `shards/*.tar`.
internal import Files
internal import Foundation

/// A text that stands for one or more archives.
package enum ShardNames {
    /// Whether a path of the config means archives, not a folder.
    package static func areMeant(by path: String) -> Bool {
        let name = path.lowercased()
        return [".tar", ".tar.gz", ".tgz"].contains { name.hasSuffix($0) }
    }

    /// The archives, sorted. Throws `ShardError` where the text cannot be read, or `*` matches nothing.
    package static func expand(_ text: String) throws(ShardError) -> [String] {
        var names: [String] = []
        for name in try braces(text) {
            guard name.contains("*") || name.contains("?") else {
                names.append(name)
                continue
            }
            var found = glob_t()
            defer { globfree(&found) }
            guard glob(name, 0, nil, &found) == 0 else {
                throw ShardError(path: name, problem: "no archive has a name like this")
            }
            for index in 0..<Int(found.gl_pathc) { if let path = found.gl_pathv[index] { names.append(String(cString: path)) } }
        }
        let sorted = Set(names).sorted(by: bytewise)
        guard sorted.count == names.count else { throw ShardError(path: text, problem: "names an archive twice") }
        return sorted
    }

    private static let mostNames = 1_000_000

    private static func braces(_ text: String) throws(ShardError) -> [String] {
        guard let open = text.firstIndex(of: "{") else { return [text] }
        guard let close = text[open...].firstIndex(of: "}") else {
            throw ShardError(path: text, problem: "has a { without its }")
        }
        let (before, inside) = (text[..<open], text[text.index(after: open)..<close])
        let rest = try braces(String(text[text.index(after: close)...]))
        let choices =
            try range(String(inside), of: text) ?? inside.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard choices.count * rest.count <= mostNames else {
            throw ShardError(path: text, problem: "stands for too many archives")
        }
        return choices.flatMap { choice in rest.map { before + choice + $0 } }
    }

    /// `000..099`: whole numbers, with as many digits as the first.
    private static func range(_ inside: String, of text: String) throws(ShardError) -> [String]? {
        let ends = inside.components(separatedBy: "..")
        guard ends.count == 2 else { return nil }
        guard let first = Int(ends[0]), let last = Int(ends[1]), first >= 0, last >= first, last - first < mostNames else {
            throw ShardError(path: text, problem: "{\(inside)} is no range of numbers, such as {000..099}")
        }
        return (first...last).map { $0.padded(to: ends[0].count) }
    }
}
