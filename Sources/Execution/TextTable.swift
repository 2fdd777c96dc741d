// Aligned columns of text, and numbers with units, for people who read terminals.
internal import Foundation

/// Rows of cells that are padded to the width of their columns. Widths count characters, not bytes: `×` and `→` are one wide.
package struct TextTable {
    package enum Alignment: Sendable { case left, right }

    /// A column's title and the side its cells keep to.
    package struct Column: Sendable {
        package let title: String
        package let alignment: Alignment

        package static func left(_ title: String) -> Column { Column(title: title, alignment: .left) }
        package static func right(_ title: String) -> Column { Column(title: title, alignment: .right) }
    }

    package let columns: [Column]
    package private(set) var rows: [[String]] = []

    package init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row; cells that are missing at its end stay empty.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count <= columns.count, "a row has at most \(columns.count) cells")
        rows.append(cells + Array(repeating: "", count: columns.count - cells.count))
    }

    /// The titles and the rows, without spaces at the ends of lines. Columns without a title and without text vanish.
    package func lines(indent: Int = 0) -> [String] {
        let all = columns.contains { !$0.title.isEmpty } ? [columns.map(\.title)] + rows : rows
        let widths = columns.indices.map { column in all.reduce(0) { max($0, $1[column].count) } }
        let margin = String(repeating: " ", count: indent)
        return all.map { cells in
            let padded = columns.indices.filter { widths[$0] > 0 }.map { column in
                let space = String(repeating: " ", count: widths[column] - cells[column].count)
                return columns[column].alignment == .left ? cells[column] + space : space + cells[column]
            }
            return trimmed(margin + padded.joined(separator: "  "))
        }
    }

    private func trimmed(_ line: String) -> String {
        String(line.prefix((line.lastIndex { $0 != " " }.map { line.distance(from: line.startIndex, to: $0) } ?? -1) + 1))
    }
}

/// Numbers as people read them. All prefixes are powers of 1000.
package enum Readable {
    /// A number with a fixed count of decimals: what columns need.
    package static func fixed(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }

    /// A number with about three significant digits.
    package static func short(_ value: Double) -> String {
        switch abs(value) {
        case 99.95...: fixed(value, 0)
        case 9.995...: fixed(value, 1)
        case 0.9995...: fixed(value, 2)
        case 0: "0"
        default: fixed(value, 3)
        }
    }

    /// As in `12.8 MB`.
    package static func bytes(_ count: Int) -> String { scaled(Double(count), ["B", "kB", "MB", "GB", "TB"]) }

    /// As in `25.6 M`, `512`.
    package static func count(_ count: Int) -> String { scaled(Double(count), ["", "k", "M", "G"]) }

    /// As in `63.7 %`; of nothing, 0 %.
    package static func share(_ part: Int, of whole: Int) -> String {
        whole == 0 ? "0 %" : fixed(100 * Double(part) / Double(whole), 1) + " %"
    }

    private static func scaled(_ value: Double, _ units: [String]) -> String {
        var (value, step) = (value, 0)
        while value >= 999.5, step < units.count - 1 {
            value /= 1000
            step += 1
        }
        let number = step == 0 ? fixed(value, 0) : short(value)
        return units[step].isEmpty ? number : "\(number) \(units[step])"
    }
}
