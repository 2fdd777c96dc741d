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
            let series = curves.map { SVGPlot.Series(name: $0.name, points: points($0), isMarked: isMarked) }
            return SVGPlot(title: title, horizontal: "step", series: series, isPercent: isPercent).html
        }
        let plots = [
            plot("Accuracy", isPercent: true, isMarked: true, \.accuracies),
            plot("Validation loss", isMarked: true, \.validationLosses), plot("Training loss", isMarked: false, \.losses),
        ]
        let table = HTMLTable(
            caption: "Keys that differ", columns: columns.map { .init(title: $0) }, rows: rows.map { $0.map(isolated) })
        return HTMLPage(
            title: title, lead: notes.map { "<p>\(escaped($0))</p>" }.joined(separator: "\n"),
            sections: [
                .init(title: "Curves", body: "<div class=\"plots\">\(plots.joined(separator: "\n"))</div>"),
                .init(
                    title: "What the configs say differently",
                    body: rows.isEmpty ? "<p>The configs say the same.</p>" : table.html),
            ]
        ).text
    }
}
