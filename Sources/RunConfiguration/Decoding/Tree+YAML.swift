// A tree as YAML text that this and any other YAML reader understands alike: whatever another reader might take for a
// number, a truth value or null is quoted.
private import Foundation

extension Tree {
    /// A mapping as lines of YAML, two spaces a level; lists stand on one line.
    func yaml(indentation: String = "") -> String {
        guard case .mapping(let entries) = content else { return indentation + inline + "\n" }
        return entries.map { entry in
            let name = indentation + Self.quotedIfNeeded(entry.key) + ":"
            guard case .mapping(let below) = entry.value.content, !below.isEmpty else { return "\(name) \(entry.value.inline)\n" }
            return name + "\n" + entry.value.yaml(indentation: indentation + "  ")
        }.joined()
    }

    /// On one line, in YAML's flow style.
    var inline: String {
        switch content {
        case .null: "null"
        case .scalar(let text, let quoted): quoted ? Self.quotedIfNeeded(text) : text
        case .list(let items): "[" + items.map(\.inline).joined(separator: ", ") + "]"
        case .mapping(let entries):
            "{" + entries.map { "\(Self.quotedIfNeeded($0.key)): \($0.value.inline)" }.joined(separator: ", ") + "}"
        }
    }

    private static let wordsWithMeaning: Set<String> = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]

    private static func quotedIfNeeded(_ text: String) -> String {
        let isPlain = text.wholeMatch(of: /(\.{0,2}\/)?[A-Za-z][A-Za-z0-9_.\/-]*/) != nil
        return isPlain && !wordsWithMeaning.contains(text.lowercased()) ? text : quoted(text)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case " "..."~", "\u{A1}"..."\u{1FFF}", "\u{3041}"..."\u{D7A3}", "\u{1F000}"..."\u{1FAFF}":
                result.unicodeScalars.append(scalar)
            default: result += String(format: "\\U%08X", scalar.value)
            }
        }
        return result + "\""
    }
}

extension Tree {
    /// Every value that is no mapping, by its dotted key.
    func leaves(below prefix: String) -> [(key: String, value: String)] {
        guard case .mapping(let entries) = content else { return [(prefix, inline)] }
        return entries.flatMap { $0.value.leaves(below: prefix.isEmpty ? $0.key : "\(prefix).\($0.key)") }
    }
}
