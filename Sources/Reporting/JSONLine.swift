// One JSON object on one line, its members in the order in which they were given.
import Foundation
import Files

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
        case .text(let text): text.quotedAsJSON
        case .integer(let number): "\(number)"
        case .number(let number): number.isFinite ? "\(number)" : "null"
        case .truth(let truth): "\(truth)"
        case .null: "null"
        case .list(let values): "[\(values.map(\.json).joined(separator: ","))]"
        }
    }
}

extension JSONValue {
    static func optional(_ number: Double?) -> JSONValue { number.map(JSONValue.number) ?? .null }
}

/// The line with its end.
func jsonLine(_ members: [(key: String, value: JSONValue)]) -> [UInt8] {
    Array(("{" + members.map { "\($0.key.quotedAsJSON):\($0.value.json)" }.joined(separator: ",") + "}\n").utf8)
}
