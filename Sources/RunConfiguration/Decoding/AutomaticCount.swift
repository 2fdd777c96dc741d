// A whole number, or the word `auto`.

extension RunConfiguration {
    /// A number, or what suits the machine: threads its cores, bytes the connection between its ranks.
    package enum AutomaticCount: Sendable, Equatable {
        case automatic
        case exactly(Int)

        /// The number, where one was given.
        package var given: Int? { if case .exactly(let count) = self { count } else { nil } }
    }
}

extension RunConfiguration.AutomaticCount: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        guard case .scalar(let text, _) = tree.content, text == "auto" || text.first?.isNumber == true || text.first == "-" else {
            return reader.refuse(tree, key, wanted: "auto or a whole number")
        }
        return text == "auto" ? .automatic : Int.read(tree, as: key, &reader).map { .exactly($0) }
    }

    var tree: Tree { given?.tree ?? .plain("auto") }
}

extension Limit where Value == RunConfiguration.AutomaticCount {
    /// For a number that is given.
    static func exactly(_ low: Int, to high: Int) -> Limit {
        let limit = Limit<Int>.from(low, to: high)
        return Limit { value, key in value.given.flatMap { limit.problem($0, key) } }
    }
}
