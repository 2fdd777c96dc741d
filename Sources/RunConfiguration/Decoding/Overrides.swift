// `--set key.path=value` options, laid over the file's tree before anything is decoded.

enum Overrides {
    /// The mapping whose keys are the user's own, dots included: what follows it in a path is one key.
    private static let freeMapping: KeyName = ["optimizer", "multipliers"]

    /// Puts the value of one option, parsed as YAML, in place of whatever the tree has at its key.
    static func apply(_ option: String, to tree: inout Tree, _ problems: inout [ConfigurationProblem]) {
        let place = ConfigurationPlace.option(option)
        guard let equals = option.firstIndex(of: "="), let key = path(option[..<equals]) else {
            problems.append(ConfigurationProblem(place: place, key: [], message: "write it as --set key.path=value"))
            return
        }
        let text = String(option[option.index(after: equals)...])
        guard let value = YAMLText(text: text, place: { _ in place }).tree(&problems) else { return }
        tree.set(key, to: value, at: place)
    }

    private static func path(_ text: Substring) -> KeyName? {
        let words = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard !words.contains("") else { return nil }
        let rest = words.dropFirst(freeMapping.count)
        return words.starts(with: freeMapping) && !rest.isEmpty ? freeMapping + [KeyName(rest).dotted] : words
    }
}
