// The page of a search: what each value of each key came to, and all trainings.
import Files

/// A search over settings, as a page shows it.
package struct SearchPage {
    /// A value of a key, and the best that any training with it came to.
    package struct Value {
        package let text: String
        /// Between 0 and 1, as bars are long; nil where all trainings with it diverged.
        package let share: Double?
        package let label: String
        package let isBest: Bool

        package init(text: String, share: Double?, label: String, isBest: Bool) {
            (self.text, self.share, self.label, self.isBest) = (text, share, label, isBest)
        }
    }

    package var title: String
    package var summary: String
    /// What bars stand for.
    package var measure: String
    package var keys: [(name: String, values: [Value])]
    /// Of the table of all trainings.
    package var columns: [String]
    package var rows: [[String]]

    package init(
        title: String, summary: String, measure: String, keys: [(name: String, values: [Value])], columns: [String],
        rows: [[String]]
    ) {
        (self.title, self.summary, self.measure) = (title, summary, measure)
        (self.keys, self.columns, self.rows) = (keys, columns, rows)
    }

    /// Throws `FileError` when the disk is full or fails.
    package func write(to path: String) throws { try AtomicFile.write(Array(text.utf8), to: path) }

    private var text: String {
        var sections = ["<h1>\(escaped(title))</h1>", "<p>\(escaped(summary))</p>"]
        for key in keys {
            let bars = key.values.map { value in
                "<tr\(value.isBest ? " class=\"best\"" : "")><td class=\"name\"><bdi>\(escaped(value.text))</bdi></td><td class=\"bar\">"
                    + "<span style=\"width:\(Int(((value.share ?? 0) * 100).rounded()))%\"></span></td><td class=\"n\">\(escaped(value.label))</td></tr>"
            }
            sections.append(
                "<h2>\(escaped(key.name))</h2>\n<table class=\"bars\"><tr><th>value</th><th>best \(escaped(measure))</th><th></th></tr>\n"
                    + bars.joined(separator: "\n") + "</table>")
        }
        let head = columns.enumerated().map { "<th class=\"\($0 < keys.count ? "name" : "n")\">\(escaped($1))</th>" }.joined()
        let body = rows.map { cells in
            "<tr>"
                + cells.enumerated().map { "<td class=\"\($0 < keys.count ? "name" : "n")\">\(escaped($1))</td>" }.joined()
                + "</tr>"
        }
        sections.append(
            "<h2>All trainings</h2>\n<div class=\"wide\"><table><tr>\(head)</tr>\n\(body.joined(separator: "\n"))</table></div>")
        return HTMLPage.text(title: escaped(title), sections)
    }
}
