// Aligned columns of text, for people who read terminals.

/// Rows of cells that are padded to the width of their columns, as they fill a terminal.
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
        let widths = columns.indices.map { column in all.reduce(0) { max($0, $1[column].displayWidth) } }
        let margin = String(repeating: " ", count: indent)
        return all.map { cells in
            let padded = columns.indices.filter { widths[$0] > 0 }.map { column in
                columns[column].alignment == .left
                    ? cells[column].padded(to: widths[column]) : cells[column].paddedBefore(to: widths[column])
            }
            return trimmed(margin + padded.joined(separator: "  "))
        }
    }

    private func trimmed(_ line: String) -> String {
        String(line.prefix((line.lastIndex { $0 != " " }.map { line.distance(from: line.startIndex, to: $0) } ?? -1) + 1))
    }
}
