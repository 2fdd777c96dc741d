// One JSON object on one line, its members in the order in which they were given.
import Foundation

/// A JSON value of a report line.
enum JSONValue {
    case text(String)
    case integer(Int)
    case number(Double)
    case truth(Bool)
    case null
    case list([JSONValue])

    /// The JSON text. Numbers are the shortest that read back as the same double; what JSON has no number for becomes null.
    var json: String {
        switch self {
        case .text(let text): Self.quoted(text)
        case .integer(let number): "\(number)"
        case .number(let number): number.isFinite ? "\(number)" : "null"
        case .truth(let truth): "\(truth)"
        case .null: "null"
        case .list(let values): "[\(values.map(\.json).joined(separator: ","))]"
        }
    }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension JSONValue {
    static func optional(_ number: Double?) -> JSONValue { number.map(JSONValue.number) ?? .null }
}

/// The line with its end.
func jsonLine(_ members: [(key: String, value: JSONValue)]) -> [UInt8] {
    Array(("{" + members.map { "\(JSONValue.quoted($0.key)):\($0.value.json)" }.joined(separator: ",") + "}\n").utf8)
}
