// A section is a struct whose keys are listed once; reading, writing and checking all follow that list.
// A new key is a property with its default and a line in `keys`.

/// A mapping of the config with known keys.
protocol Section: ConfigurationValue {
    /// Every key at its default.
    init()

    /// What keys that are not given are, once these are: every key at its default, unless some decide about others.
    static func start(_ entries: [Tree.Entry]) -> Self

    /// The keys in the order in which they are documented and written.
    static var keys: [Key<Self>] { get }

    /// What cannot hold together: each with the key that had better change, below this section.
    var contradictions: [Finding] { get }
}

extension Section {
    static func start(_ entries: [Tree.Entry]) -> Self { Self() }
    var contradictions: [Finding] { [] }

    static func read(_ tree: Tree, as name: KeyName, _ reader: inout Reader) -> Self? {
        guard let entries = tree.entries else { return reader.refuse(tree, name, wanted: "a mapping of keys to values") }
        var section = start(entries)
        for entry in entries {
            if let key = keys.first(where: { $0.name == entry.key }) {
                key.read(entry.value, name + [key.name], &section, &reader)
            } else {
                reportUnknown(entry, in: name, &reader)
            }
        }
        return section
    }

    var tree: Tree {
        Tree(content: .mapping(Self.keys.map { Tree.Entry(key: $0.name, place: .program, value: $0.write(self)) }))
    }

    func findings(at name: KeyName) -> [Finding] {
        Self.keys.flatMap { $0.findings(self, name + [$0.name]) }
            + contradictions.map { found in
                precondition(Self.keys.contains { $0.name == found.key.first }, "a contradiction names a key of its own section")
                return Finding(key: name + found.key, message: found.message, isContradiction: true)
            }
    }

    private static func reportUnknown(_ entry: Tree.Entry, in section: KeyName, _ reader: inout Reader) {
        let suggestion = nearest(to: entry.key, among: keys.map(\.name))
        let elsewhere = reader.knownKeys.filter { $0.last == entry.key && $0.count == 2 }.map { $0[0] }
        var message = "unknown key '\(entry.key.prefix(60))'"
        if !section.isEmpty { message += " in \(section.dotted)" }
        if let suggestion {
            message += " (did you mean '\(suggestion)'?)"
        } else if !elsewhere.isEmpty {
            message += " (it belongs in \(elsewhere.alternatives))"
        } else {
            message += "; the keys here are \(keys.map(\.name).joined(separator: ", "))"
        }
        // Under the key that was meant, so that it is not reported as missing too.
        reader.problems.append(
            ConfigurationProblem(place: entry.place, key: section + [suggestion ?? entry.key], message: message))
    }
}

/// One key of a section: its name, where its value lives, and what it may be.
struct Key<Owner> {
    let name: String
    let read: (Tree, KeyName, inout Owner, inout Reader) -> Void
    let write: (Owner) -> Tree
    let findings: (Owner, KeyName) -> [Finding]

    /// A key whose value must be within a limit, if one is given.
    init<Value: ConfigurationValue>(_ name: String, _ property: WritableKeyPath<Owner, Value>, _ limit: Limit<Value>? = nil) {
        self.init(name, property) { value, key in limit?.findings(value, key) ?? [] }
    }

    /// A key that may be null, and otherwise must be within a limit.
    init<Value: ConfigurationValue>(_ name: String, _ property: WritableKeyPath<Owner, Value?>, _ limit: Limit<Value>) {
        self.init(name, property) { value, key in value.map { limit.findings($0, key) } ?? [] }
    }

    private init<Value: ConfigurationValue>(
        _ name: String, _ property: WritableKeyPath<Owner, Value>, check: @escaping (Value, KeyName) -> [Finding]
    ) {
        self.name = name
        read = { tree, key, owner, reader in
            if let value = Value.read(tree, as: key, &reader) { owner[keyPath: property] = value }
        }
        write = { owner in owner[keyPath: property].tree }
        findings = { owner, key in
            let value = owner[keyPath: property]
            return check(value, key) + value.findings(at: key)
        }
    }
}
