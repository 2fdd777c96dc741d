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
        var sections = keys.map { HTMLPage.Section(title: $0.name, body: bars($0.values)) }
        let table = HTMLTable(
            caption: "All trainings",
            columns: columns.enumerated().map { .init(title: $1, isNumber: $0 >= keys.count) },
            rows: rows.map { $0.map(isolated) },
            isSortable: true)
        sections.append(.init(title: "All trainings", body: table.html))
        return HTMLPage(title: title, lead: "<p>\(escaped(summary))</p>", sections: sections).text
    }

    private func bars(_ values: [Value]) -> String {
        let rows = values.map { value in
            "<tr\(value.isBest ? " class=\"best\"" : "")><th scope=\"row\" class=\"name\">\(isolated(value.text))</th><td class=\"share\">"
                + "<span style=\"width:\(Int(((value.share ?? 0) * 100).rounded()))%\"></span></td><td class=\"n\">\(escaped(value.label))</td></tr>"
        }
        return
            "<table class=\"bars\"><caption>Best \(escaped(measure)) by value</caption><tbody>\n\(rows.joined(separator: "\n"))\n"
            + "</tbody></table>"
    }
}
