// Several runs' curves on one page.
import Files

package struct CurvesPage {
    package struct Curves {
        let name: String
        let losses, validationLosses, accuracies: [(x: Double, y: Double)]

        package init(
            name: String, losses: [(x: Double, y: Double)], validationLosses: [(x: Double, y: Double)],
            accuracies: [(x: Double, y: Double)]
        ) {
            (self.name, self.losses, self.validationLosses, self.accuracies) = (name, losses, validationLosses, accuracies)
        }
    }

    private let title: String
    private let notes, columns: [String]
    private let rows: [[String]]
    private let curves: [Curves]

    package init(title: String, notes: [String], columns: [String], rows: [[String]], curves: [Curves]) {
        (self.title, self.notes, self.columns, self.rows, self.curves) = (title, notes, columns, rows, curves)
    }

    /// Throws `FileError` when the disk is full or fails.
    package func write(to path: String) throws { try AtomicFile.write(Array(text.utf8), to: path) }

    private var text: String {
        func plot(_ title: String, isPercent: Bool = false, isMarked: Bool, _ points: (Curves) -> [(x: Double, y: Double)])
            -> String
        {
            let series = curves.map { SVGPlot.Series(name: "\($0.name): \(title)", points: points($0), isMarked: isMarked) }
            return SVGPlot(title: title, horizontal: "step", series: series, isPercent: isPercent).svg
        }
        let head = columns.map { "<th>\(escaped($0))</th>" }.joined()
        let body = rows.map { "<tr>\($0.map { "<td class=\"name\">\(escaped($0))</td>" }.joined())</tr>" }
        let table =
            rows.isEmpty
            ? "<p>The configs say the same.</p>"
            : "<h2>What the configs say differently</h2>\n<div class=\"wide\"><table><tr>\(head)</tr>\n\(body.joined(separator: "\n"))</table></div>"
        return HTMLPage.text(
            title: escaped(title),
            ["<h1>\(escaped(title))</h1>"] + notes.map { "<p>\(escaped($0))</p>" }
                + [
                    plot("accuracy", isPercent: true, isMarked: true, \.accuracies),
                    plot("validation loss", isMarked: true, \.validationLosses), plot("training loss", isMarked: false, \.losses),
                    table,
                ])
    }
}
