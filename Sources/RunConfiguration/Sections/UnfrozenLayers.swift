// The key `network.unfrozen`: layers by name, or so many blocks from the end.

extension RunConfiguration {
    /// What trains besides the head.
    package enum UnfrozenLayers: Sendable, Equatable, ExpressibleByArrayLiteral {
        /// Dotted layer names or globs; `["*"]` is everything.
        case named([String])
        /// The last so many blocks before the head.
        case last(Int)

        package init(arrayLiteral elements: String...) { self = .named(elements) }
    }
}

extension RunConfiguration.UnfrozenLayers: ConfigurationValue {
    /// `{last: N}`.
    private struct Last: Section {
        var last = 1
        static var keys: [Key<Self>] { [Key("last", \.last, .from(1, to: 10_000))] }
    }

    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        guard case .mapping(let entries) = tree.content else { return [String].read(tree, as: key, &reader).map(Self.named) }
        guard !entries.isEmpty else { return reader.refuse(tree, key, wanted: "a list of layers, or {last: N}") }
        return Last.read(tree, as: key, &reader).map { .last($0.last) }
    }

    var tree: Tree {
        switch self {
        case .named(let names): names.tree
        case .last(let count): Last(last: count).tree
        }
    }

    func findings(at key: KeyName) -> [Finding] {
        switch self {
        case .named(let names): Limit<[String]>.noneEmpty.findings(names, key)
        case .last(let count): Last(last: count).findings(at: key)
        }
    }
}
