// Regular expressions that users write to find a word in a photograph's path.

/// A regular expression with one named part, looked for anywhere in a path.
package struct PathPattern {
    package let text: String
    private let name: String
    private let expression: Regex<AnyRegexOutput>

    /// - Parameter name: of the part that counts, as `label` in `(?<label>cat|dog)`. Nil for a text that is no regular expression, or
    ///   has no such part.
    package init?(_ text: String, part name: String) {
        guard let expression = try? Regex(text), text.contains("(?<\(name)>") else { return nil }
        (self.text, self.name, self.expression) = (text, name, expression)
    }

    /// What the named part matches; nil where the pattern is not found, or the part is empty.
    package func part(of path: String) -> String? {
        guard let match = try? expression.firstMatch(in: path), let range = match[name]?.range, !range.isEmpty else { return nil }
        return String(path[range])
    }
}
