// Tables that a screen reader can walk through, and that the page's script sorts and searches.

struct HTMLTable {
    struct Column {
        let title: String
        /// Set to the right, and sorted as numbers are.
        var isNumber = false
    }

    let caption: String
    let columns: [Column]
    /// HTML of cells; the first names its row.
    let rows: [[String]]
    var isSortable = false
    /// The column by which rows stand in rising order already.
    var sorted: Int?
    /// What is asked for in the box above the table that searches its names; nil for no box.
    var search: String?

    var html: String {
        let head = columns.enumerated().map { index, column in
            "<th scope=\"col\" class=\"\(kind(column))\"\(index == sorted ? " aria-sort=\"ascending\"" : "")>\(escaped(column.title))</th>"
        }
        let body = rows.map { cells in
            let texts = zip(columns, cells).enumerated().map { index, cell in
                index == 0
                    ? "<th scope=\"row\" class=\"\(kind(cell.0))\">\(cell.1)</th>"
                    : "<td class=\"\(kind(cell.0))\">\(cell.1)</td>"
            }
            return "<tr>\(texts.joined())</tr>"
        }
        let marks = (isSortable ? " data-sort" : "") + (search.map { " data-find=\"\(escaped($0))\"" } ?? "")
        return Self.framed(
            caption,
            "<table\(marks)><caption>\(escaped(caption))</caption>\n<thead><tr>\(head.joined())</tr></thead>\n<tbody>\n"
                + body.joined(separator: "\n") + "\n</tbody></table>")
    }

    /// A frame in which a table that is too large for the page is scrolled, by keys too.
    static func framed(_ caption: String, _ table: String) -> String {
        "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"\(escaped(caption))\">\(table)</div>"
    }

    private func kind(_ column: Column) -> String { column.isNumber ? "n" : "name" }
}
