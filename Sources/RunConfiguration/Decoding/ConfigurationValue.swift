// How one value is read from a tree and written back. Numbers and truth values are read by rules of our own: YAML 1.1's
// would take 1e-4 for text, yes for true and 010 for eight.

/// Something that can stand behind a key.
protocol ConfigurationValue: Equatable, Sendable {
    /// The value, or nil after the reader has been told what is wrong.
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self?

    /// The value as it would be written; its places mean nothing.
    var tree: Tree { get }

    /// What is wrong with the value although each part of it was readable.
    func findings(at key: KeyName) -> [Finding]
}

extension ConfigurationValue {
    func findings(at key: KeyName) -> [Finding] { [] }
}

/// A problem found in values rather than in text; its place is looked up later.
struct Finding {
    var key: KeyName
    var message: String
    /// Whether it is about several keys together, so that it may follow from another problem in the same section.
    var isContradiction = false
}

/// Collects problems while a tree is read.
struct Reader {
    /// The path of every key that exists, for suggestions.
    let knownKeys: [KeyName]
    var problems: [ConfigurationProblem] = []

    mutating func report(_ tree: Tree, _ key: KeyName, _ message: String) {
        problems.append(ConfigurationProblem(place: tree.place, key: key, message: message))
    }

    /// Reports that `tree` is not what the key wants: `wanted` completes "must be …".
    mutating func refuse<Value>(_ tree: Tree, _ key: KeyName, wanted: String, hint: String? = nil) -> Value? {
        report(tree, key, "\(key.dotted) must be \(wanted), found \(tree.found)" + (hint.map { " (\($0))" } ?? ""))
        return nil
    }
}

extension String: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> String? {
        guard case .scalar(let text, _) = tree.content else { return reader.refuse(tree, key, wanted: "text") }
        return text
    }

    var tree: Tree { Tree(content: .scalar(self, quoted: true)) }
}

extension Bool: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Bool? {
        guard case .scalar(let text, quoted: false) = tree.content, let value = Bool(text) else {
            return reader.refuse(tree, key, wanted: "true or false")
        }
        return value
    }

    var tree: Tree { .plain(description) }
}

extension Int: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Int? {
        guard case .scalar(let text, let quoted) = tree.content, text.wholeMatch(of: /[+-]?[0-9]+/) != nil else {
            return reader.refuse(tree, key, wanted: "a whole number")
        }
        if quoted { return reader.refuse(tree, key, wanted: "a whole number", hint: "remove the quotes") }
        return Int(text) ?? reader.refuse(tree, key, wanted: "a whole number below 2^63")
    }

    var tree: Tree { .plain(description) }
}

extension Double: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Double? {
        guard case .scalar(let text, let quoted) = tree.content,
            text.wholeMatch(of: /[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?/) != nil
        else { return reader.refuse(tree, key, wanted: "a number") }
        if quoted { return reader.refuse(tree, key, wanted: "a number", hint: "remove the quotes") }
        guard let value = Double(text), value.isFinite else { return reader.refuse(tree, key, wanted: "a finite number") }
        return value
    }

    var tree: Tree {
        if self == rounded(), abs(self) < 1e15 { return .plain(String(Int(self))) }
        // Other YAML readers take an exponent without a point for text.
        return .plain(description.contains(".") ? description : description.replacing("e", with: ".0e"))
    }
}

extension Optional: ConfigurationValue where Wrapped: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Wrapped?? {
        if case .null = tree.content { return .some(nil) }
        return Wrapped.read(tree, as: key, &reader).map { .some($0) }
    }

    var tree: Tree { self?.tree ?? Tree(content: .null) }

    func findings(at key: KeyName) -> [Finding] { self?.findings(at: key) ?? [] }
}

extension Array: ConfigurationValue where Element: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> [Element]? {
        guard case .list(let items) = tree.content else {
            var hint: String?
            if case .scalar = tree.content { hint = "write [\(tree.inline)]" }
            return reader.refuse(tree, key, wanted: "a list", hint: hint)
        }
        let values = items.map { Element.read($0, as: key, &reader) }
        return values.contains(nil) ? nil : values.compactMap(\.self)
    }

    var tree: Tree { Tree(content: .list(map(\.tree))) }

    func findings(at key: KeyName) -> [Finding] { flatMap { $0.findings(at: key) } }
}

extension ClosedRange: ConfigurationValue where Bound == Double {
    /// Two numbers, the smaller first: `[0.35, 1]`.
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> ClosedRange<Double>? {
        guard case .list(let items) = tree.content, items.count == 2 else {
            return reader.refuse(tree, key, wanted: "a list of two numbers, the smaller first")
        }
        guard let low = Double.read(items[0], as: key, &reader), let high = Double.read(items[1], as: key, &reader) else {
            return nil
        }
        if low > high {
            reader.report(tree, key, "\(key.dotted) must be a list of two numbers, the smaller first, found \(tree.inline)")
            return nil
        }
        return low...high
    }

    var tree: Tree { [lowerBound, upperBound].tree }
}

/// One of a few words.
protocol Choice: ConfigurationValue, CaseIterable, RawRepresentable where RawValue == String {}

extension Choice {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        let words = allCases.map(\.rawValue)
        guard case .scalar(let text, _) = tree.content else { return reader.refuse(tree, key, wanted: words.alternatives) }
        return Self(rawValue: text)
            ?? reader.refuse(
                tree, key, wanted: words.alternatives, hint: nearest(to: text, among: words).map { "did you mean '\($0)'?" })
    }

    var tree: Tree { .plain(rawValue) }
}

extension [String] {
    /// `a, b or c`.
    var alternatives: String {
        count < 2 ? joined() : dropLast().joined(separator: ", ") + " or " + self[count - 1]
    }
}
