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
        let head = columns.enumerated().map { "<th\($0 == 0 ? "" : " class=\"n\"")>\(escaped($1))</th>" }.joined()
        let body = rows.map { row in
            "<tr>" + row.enumerated().map { "<td\($0 == 0 ? "" : " class=\"n\"")>\(escaped($1))</td>" }.joined() + "</tr>"
        }
        var sections = [
            "<h1>\(escaped(title))</h1>", "<p>\(escaped(summary))</p>",
            "<div class=\"wide\"><table><tr>\(head)</tr>\n\(body.joined(separator: "\n"))</table></div>",
            "<h2>Learning curve</h2>",
            SVGPlot(
                title: "Learning curve", horizontal: "training images",
                series: [
                    .init(name: "mean \(measure)", points: curve.map { (Double($0.images), $0.mean) }, isMarked: true),
                    .init(name: "95 of 100 above", points: curve.map { (Double($0.images), $0.low) }),
                ], isPercent: true
            ).svg,
            "<p>Below, every photograph as the network saw it that had not been trained on it.</p>",
            HTMLTables.classes(evaluation),
        ]
        if !evaluation.hasSeveral { sections.append(HTMLTables.confusion(evaluation)) }
        sections.append(HTMLTables.worst(evaluation))
        return HTMLPage.text(title: escaped(title), sections)
    }
}
