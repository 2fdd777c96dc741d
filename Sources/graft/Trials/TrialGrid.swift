// The settings that are tried: every combination of the values of some keys.
import RunConfiguration

/// Keys with the values to try, and their combinations.
struct TrialGrid {
    /// A key of the config and the values that it takes in turn, as `--set` takes them.
    struct Axis: Equatable {
        let key: String
        let values: [String]

        /// Reads `key.path=value,value,…`; commas within brackets belong to a value. Throws `UserError` for anything else.
        init(_ text: String) throws {
            guard let equals = text.firstIndex(of: "=") else {
                throw UserError("--set-list \(text): write it as key.path=value,value,…")
            }
            key = String(text[..<equals])
            values = Self.parts(text[text.index(after: equals)...])
            guard !key.isEmpty, !values.contains("") else {
                throw UserError("--set-list \(text): write it as key.path=value,value,…")
            }
            guard Set(values).count == values.count else { throw UserError("--set-list \(text): names a value twice") }
        }

        init(key: String, values: [String]) { (self.key, self.values) = (key, values) }

        private static func parts(_ text: Substring) -> [String] {
            var (parts, depth) = ([""], 0)
            for character in text {
                if "[{(".contains(character) { depth += 1 }
                if "]})".contains(character) { depth -= 1 }
                if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
            }
            return parts.map { String($0.trimmingPrefix { $0 == " " }) }
        }
    }

    let axes: [Axis]

    /// What `--set` would be given, for every combination: the last axis varies fastest.
    var combinations: [[String]] {
        axes.reduce([[]]) { combinations, axis in
            combinations.flatMap { settings in axis.values.map { settings + ["\(axis.key)=\($0)"] } }
        }
    }

    /// Rates from a thirtieth to ten times what usually does for a kind of optimizer, about three a decade.
    static func rates(_ kind: RunConfiguration.OptimizerKind) -> Axis {
        let values =
            switch kind {
            case .sgd, .lars: ["0.3", "0.1", "0.03", "0.01", "0.003", "0.001"]
            case .adam, .adamw, .rmsprop, .rmspropTF, .lamb: ["0.03", "0.01", "0.003", "0.001", "0.0003", "0.0001"]
            }
        return Axis(key: "optimizer.learning_rate", values: values)
    }
}
