// The config as written: scalars, lists and mappings with their places, before anything is known about the keys.
// Overrides are merged here, and a resolved config is written from here.

/// A key as its path from the root, such as `["optimizer", "learning_rate"]`.
typealias KeyName = [String]

extension KeyName {
    /// As people write it: `optimizer.learning_rate`.
    var dotted: String { joined(separator: ".") }
}

/// One value of the config and where it was written.
struct Tree {
    enum Content {
        /// Nothing, `null` or `~`.
        case null
        /// A word, number or text exactly as written, without its quotes.
        case scalar(String, quoted: Bool)
        case list([Tree])
        case mapping([Entry])
    }

    struct Entry {
        var key: String
        var place: ConfigurationPlace
        var value: Tree
    }

    var content: Content
    var place: ConfigurationPlace = .program

    /// An unquoted scalar.
    static func plain(_ text: String) -> Tree { Tree(content: .scalar(text, quoted: false)) }

    /// The entries of a mapping; none for null, since a section whose lines are all commented out is an empty one.
    var entries: [Entry]? {
        switch content {
        case .mapping(let entries): entries
        case .null: []
        case .scalar, .list: nil
        }
    }

    /// How a message names what was found here.
    var found: String {
        switch content {
        case .null: "nothing"
        case .scalar(let text, let quoted): quoted ? "the text \"\(text.prefix(60))\"" : "'\(text.prefix(60))'"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The place of a key, or of the innermost mapping around where it is missing.
    func place(of key: KeyName) -> ConfigurationPlace {
        guard let first = key.first, let entry = entries?.last(where: { $0.key == first }) else { return place }
        var value = entry.value
        value.place = entry.place
        return value.place(of: KeyName(key.dropFirst()))
    }

    /// Whether anything is written at a key.
    func contains(_ key: KeyName) -> Bool {
        guard let first = key.first else { return true }
        return entries?.last { $0.key == first }?.value.contains(KeyName(key.dropFirst())) ?? false
    }

    /// Puts a value at a key, making the mappings on the way to it.
    mutating func set(_ key: KeyName, to value: Tree, at place: ConfigurationPlace) {
        guard let first = key.first else {
            self = value
            return
        }
        var entries = entries ?? []
        let index = entries.lastIndex { $0.key == first }
        var below = index.map { entries[$0].value } ?? Tree(content: .null, place: place)
        below.set(KeyName(key.dropFirst()), to: value, at: place)
        if let index {
            entries[index].value = below
            if key.count == 1 { entries[index].place = place }
        } else {
            entries.append(Entry(key: first, place: place, value: below))
        }
        content = .mapping(entries)
    }

    /// The path of every value that is not itself a mapping of keys.
    var leaves: [KeyName] {
        guard case .mapping(let entries) = content, !entries.isEmpty else { return [[]] }
        return entries.flatMap { entry in entry.value.leaves.map { [entry.key] + $0 } }
    }
}
