// The page of a cross-validation: figures with their intervals, the learning curve, and the tables of an evaluation.
import Files
package import Training

package struct CrossValidationPage {
    /// The learning curve at so many training images.
    package struct Point {
        package let images: Int
        package let mean, low, high: Double

        package init(images: Int, mean: Double, low: Double, high: Double) {
            (self.images, self.mean, self.low, self.high) = (images, mean, low, high)
        }
    }

    private let title, summary, measure: String
    private let columns: [String]
    private let rows: [[String]]
    private let curve: [Point]
    private let evaluation: Evaluation

    package init(
        title: String, summary: String, columns: [String], rows: [[String]], measure: String, curve: [Point],
        evaluation: Evaluation
    ) {
        (self.title, self.summary, self.columns, self.rows) = (title, summary, columns, rows)
        (self.measure, self.curve, self.evaluation) = (measure, curve, evaluation)
    }

    /// Throws `FileError` when the disk is full or fails.
    package func write(to path: String) throws { try AtomicFile.write(Array(text.utf8), to: path) }

    private var text: String {
        let table = HTMLTable(
            caption: "Means over all trainings", columns: columns.enumerated().map { .init(title: $1, isNumber: $0 > 0) },
            rows: rows.map { $0.map(isolated) })
        let plot = SVGPlot(
            title: "Learning curve", horizontal: "training images",
            series: [
                .init(name: "mean \(measure)", points: curve.map { (Double($0.images), $0.mean) }, isMarked: true),
                .init(name: "95 of 100 above", points: curve.map { (Double($0.images), $0.low) }, look: .dashed),
            ], isPercent: true)
        let tables = ClassTables(evaluation)
        let note = "<p>Every photograph as the network saw it that had not been trained on it.</p>\n"
        var sections = [
            HTMLPage.Section(title: "Results", body: table.html),
            .init(title: "Learning curve", body: "<div class=\"plots\">\(plot.html)</div>"),
            .init(title: "Classes", body: note + tables.classes),
        ]
        if !evaluation.hasSeveral { sections.append(.init(title: "Confusion", body: tables.confusion)) }
        sections.append(.init(title: "Worst mistakes", body: WorstMistakes(evaluation).html))
        return HTMLPage(title: title, lead: "<p>\(escaped(summary))</p>", sections: sections).text
    }
}
