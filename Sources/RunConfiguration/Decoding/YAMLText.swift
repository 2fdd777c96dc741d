// From YAML text to a tree: the only file that knows Yams.
private import Yams

/// YAML text from a file or an option, and how its lines are named in messages.
struct YAMLText {
    let text: String
    /// The place of a line, counted from 1.
    let place: (Int) -> ConfigurationPlace

    // Far more than any config has; they bound what text that multiplies itself through aliases can cost.
    private static let largestTree = 10_000
    private static let mostAliases = 32
    private static let mostDuplicates = 50
    private static let deepest = 20

    /// The tree, or nil if the text cannot be read; null for text without content. Problems are added to `problems`.
    func tree(_ problems: inout [ConfigurationProblem]) -> Tree? {
        guard aliasCount <= Self.mostAliases else {
            problems.append(problem(1, "more than \(Self.mostAliases) aliases (*name); write the values out"))
            return nil
        }
        var text = text
        for renamed in 0... {
            do {
                guard let node = try Yams.compose(yaml: text) else { return Tree(content: .null, place: place(1)) }
                var size = 0
                return convert(node, depth: 0, size: &size, &problems)
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) where renamed < Self.mostDuplicates {
                // Yams stops at a key given twice. Marking the first of the two lets the rest be read too.
                guard let marked = Self.mark(keys[0], at: context.mark, in: text) else {
                    problems.append(problem(context.mark.line, "the key '\(keys[0])' is given more than once in one mapping"))
                    return nil
                }
                text = marked
            } catch {
                problems.append(syntaxProblem(error))
                return nil
            }
        }
        return nil
    }

    private func problem(_ line: Int, _ message: String) -> ConfigurationProblem {
        ConfigurationProblem(place: place(line), key: [], message: message)
    }

    /// How many `*name` stand where a value or key may; Yams hashes keys, and that must not take for ever.
    private var aliasCount: Int {
        let bytes = Array(text.utf8)
        return bytes.indices.count { index in
            bytes[index] == UInt8(ascii: "*") && (index == 0 || " \t\r\n[{,".utf8.contains(bytes[index - 1]))
                && index + 1 < bytes.count && !" \t\r\n*".utf8.contains(bytes[index + 1])
        }
    }
}

// MARK: - Nodes

extension YAMLText {
    private func convert(_ node: Node, depth: Int, size: inout Int, _ problems: inout [ConfigurationProblem]) -> Tree? {
        let line = node.mark?.line ?? 1
        size += 1
        guard size <= Self.largestTree, depth <= Self.deepest else {
            if size <= Self.largestTree + 1 {
                problems.append(problem(line, "the config is too large or too deeply nested to be one"))
            }
            size = Self.largestTree + 2
            return nil
        }
        if !Self.isUntagged(node) {
            problems.append(problem(line, "tags such as !!int or !name have no meaning in a config; remove them"))
        }
        switch node {
        case .scalar(let scalar):
            return Tree(content: content(scalar), place: place(line))
        case .sequence(let sequence):
            let items = sequence.compactMap { convert($0, depth: depth + 1, size: &size, &problems) }
            return items.count == sequence.count ? Tree(content: .list(items), place: place(line)) : nil
        case .mapping(let mapping):
            var entries: [Tree.Entry] = []
            for (key, value) in mapping {
                guard let name = key.scalar?.string else {
                    problems.append(problem(key.mark?.line ?? line, "a key must be a word, not a list or a mapping"))
                    continue
                }
                guard let value = convert(value, depth: depth + 1, size: &size, &problems) else { return nil }
                entries.append(Tree.Entry(key: name, place: place(key.mark?.line ?? line), value: value))
            }
            return Tree(content: .mapping(Self.withoutDuplicates(entries, &problems)), place: place(line))
        case .alias:
            return nil  // Yams resolves aliases itself unless asked not to.
        }
    }

    /// Yams gives quoted text the tag of text, and nothing the empty one.
    private static func isUntagged(_ node: Node) -> Bool {
        switch node {
        case .scalar(let scalar): ["", Tag.Name.str.rawValue].contains(scalar.tag.rawValue)
        case .sequence(let sequence): sequence.tag.rawValue.isEmpty
        case .mapping(let mapping): mapping.tag.rawValue.isEmpty
        case .alias: true
        }
    }

    private func content(_ scalar: Node.Scalar) -> Tree.Content {
        let quoted = scalar.style != .plain || scalar.tag.rawValue == Tag.Name.str.rawValue
        let isNull = !quoted && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
        return isNull ? .null : .scalar(scalar.string, quoted: quoted)
    }
}

// MARK: - Keys given twice

extension YAMLText {
    // Invisible in messages, and nothing that anybody would write.
    private static let duplicateMark: Character = "⟪"

    /// The text with a mark put before the first letter of the key at `mark`; nil if the key does not stand there as it is.
    private static func mark(_ key: String, at mark: Mark, in text: String) -> String? {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.indices.contains(mark.line - 1) else { return nil }
        var scalars = Array(lines[mark.line - 1].unicodeScalars)
        let start = mark.column - 1
        guard scalars.indices.contains(start) else { return nil }
        let begin = scalars[start] == "\"" || scalars[start] == "'" ? start + 1 : start
        guard scalars[begin...].starts(with: key.unicodeScalars) else { return nil }
        let ordinal = lines.joined().count { $0 == duplicateMark }
        scalars.insert(contentsOf: "\(duplicateMark)\(ordinal)\(duplicateMark)".unicodeScalars, at: begin)
        lines[mark.line - 1] = String(String.UnicodeScalarView(scalars))
        return lines.joined(separator: "\n")
    }

    /// Drops marked entries, with a problem at the later line that has the same key.
    private static func withoutDuplicates(_ entries: [Tree.Entry], _ problems: inout [ConfigurationProblem]) -> [Tree.Entry] {
        entries.filter { entry in
            guard entry.key.first == duplicateMark else { return true }
            let name = String(entry.key.dropFirst().drop { $0 != duplicateMark }.dropFirst())
            let later = entries.last { $0.key == name }?.place ?? entry.place
            var message = "the key '\(name)' is given twice in one mapping"
            if case .line(_, let line) = entry.place, later != entry.place {
                message = "the key '\(name)' was already given on line \(line)"
            }
            problems.append(ConfigurationProblem(place: later, key: [name], message: message))
            return false
        }
    }
}

// MARK: - Syntax errors

extension YAMLText {
    private func syntaxProblem(_ error: any Error) -> ConfigurationProblem {
        switch error {
        case YamlError.scanner(let context, let text, let mark, _), YamlError.parser(let context, let text, let mark, _),
            YamlError.composer(let context, let text, let mark, _):
            let scanned =
                context.map { context in
                    " \(context.text)" + (context.mark.line == mark.line ? "," : " begun on line \(context.mark.line),")
                } ?? ""
            return problem(
                mark.line,
                "not valid YAML at column \(mark.column):\(scanned) \(text)" + (hint(text, mark).map { " (\($0))" } ?? ""))
        case YamlError.reader(let text, let offset, _, _):
            let before = text.isEmpty ? "" : self.text.prefix(offset ?? 0)
            return problem(before.count { $0.isNewline } + 1, "not valid YAML: \(text)")
        default:
            return problem(1, "not valid YAML: \(error)")
        }
    }

    /// What the parser's words probably mean here.
    private func hint(_ message: String, _ mark: Mark) -> String? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let line = lines.indices.contains(mark.line - 1) ? lines[mark.line - 1] : ""
        if line.prefix(while: \.isWhitespace).contains("\t") { return "indent with spaces, not with tabs" }
        if message.contains("alias") || message.contains("expected alphabetic or numeric character") {
            return "a pattern that begins with * must be quoted: \"*\""
        }
        if message.contains("mapping values are not allowed") {
            return "check the indentation and that ':' is followed by a space; a text with ': ' in it must be quoted"
        }
        return nil
    }
}
