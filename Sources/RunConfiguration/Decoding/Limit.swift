// What a value may be beyond its type.
import Tensors

/// A requirement on a value, and the words for it.
struct Limit<Value: ConfigurationValue> {
    /// The whole message for a value that breaks the requirement, nil for one that keeps it.
    let problem: (Value, KeyName) -> String?

    func findings(_ value: Value, _ key: KeyName) -> [Finding] {
        problem(value, key).map { [Finding(key: key, message: $0)] } ?? []
    }

    /// `wanted` completes "must be …".
    static func check(_ wanted: String, _ holds: @escaping (Value) -> Bool) -> Limit {
        Limit { value, key in holds(value) ? nil : "\(key.dotted) must be \(wanted), found \(value.tree.inline)" }
    }
}

extension Limit where Value: Comparable {
    static func atLeast(_ bound: Value) -> Limit { check("at least \(bound.tree.inline)") { $0 >= bound } }
    static func above(_ bound: Value) -> Limit { check("above \(bound.tree.inline)") { $0 > bound } }
    static func from(_ low: Value, to high: Value) -> Limit {
        check("from \(low.tree.inline) to \(high.tree.inline)") { $0 >= low && $0 <= high }
    }
    static func from(_ low: Value, below high: Value) -> Limit {
        check("at least \(low.tree.inline) and below \(high.tree.inline)") { $0 >= low && $0 < high }
    }
    static func between(_ low: Value, and high: Value) -> Limit {
        check("between \(low.tree.inline) and \(high.tree.inline), without these") { $0 > low && $0 < high }
    }
}

/// Far beyond what anybody trains, and small enough that products of them stay exact.
extension Int {
    static let (mostEpochs, mostSteps, mostImages) = (1_000_000, 1_000_000_000, 1 << 20)
}

extension Limit where Value == String {
    /// A key without a default: `meaning` says what to write there.
    static func required(_ meaning: String) -> Limit {
        Limit { value, key in value.isEmpty ? "\(key.dotted) is missing: \(meaning)" : nil }
    }

    static var notEmpty: Limit { check("a text that is not empty") { !$0.isEmpty } }

    /// A regular expression with a named part.
    static func pathPattern(part: String) -> Limit {
        check("a regular expression with a part (?<\(part)>…)") { PathPattern($0, part: part) != nil }
    }

    /// A name that can be a folder's.
    static var plainName: Limit {
        check("a plain name: no '/' or control character in it, not '.' or '..', at most 255 bytes") { name in
            !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
                && name.utf8.allSatisfy { $0 >= 32 && $0 != 47 && $0 != 127 }
        }
    }
}

extension Limit where Value == [String] {
    static var noneEmpty: Limit { check("a list of texts that are not empty") { !$0.contains("") } }
}

extension Limit where Value == [Int] {
    static var ascendingFromOne: Limit {
        check("a list of at least one epoch, from 1 on, each larger than the one before") { list in
            (list.first ?? 0) >= 1 && zip(list, list.dropFirst()).allSatisfy { $0 < $1 }
        }
    }
}

extension Limit where Value == ClosedRange<Double> {
    static func within(above low: Double, upTo high: Double) -> Limit {
        check("two numbers above \(low.tree.inline) and up to \(high.tree.inline)") {
            $0.lowerBound > low && $0.upperBound <= high
        }
    }
}
