// What an evaluation says class by class: measures of each, and which are taken for which.
import Foundation
import Training

struct ClassTables {
    private let evaluation: Evaluation
    /// A matrix of more classes cannot be read.
    private static let mostInMatrix = 30
    private static let mostMistakes = 300
    /// Short names of few classes stand upright.
    private static let widestMatrix = 8
    /// A shorter table needs no box to search in.
    private static let fewestSearched = 12

    init(_ evaluation: Evaluation) { self.evaluation = evaluation }

    /// Precision, recall and F1, the worst class first.
    var classes: String {
        func cell(_ value: Double?) -> String { value.map(Format.percent) ?? "–" }
        let several = evaluation.hasSeveral
        let metrics = evaluation.classMetrics.filter { $0.f1 != nil }.sorted { ($0.f1 ?? 0) < ($1.f1 ?? 0) }
        let rows = (metrics + evaluation.classMetrics.filter { $0.f1 == nil }).map { metrics -> [String] in
            [isolated(metrics.name), "\(metrics.images)", cell(metrics.precision), cell(metrics.recall), cell(metrics.f1)]
                + (several ? [cell(metrics.averagePrecision), cell(metrics.threshold.map(Double.init))] : [])
        }
        let columns = ["images", "precision", "recall", "F1"] + (several ? ["average precision", "from"] : [])
        return HTMLTable(
            caption: "Measures of each class, the lowest F1 first",
            columns: [.init(title: "class")] + columns.map { .init(title: $0, isNumber: true) }, rows: rows, isSortable: true,
            sorted: 4, search: rows.count >= Self.fewestSearched ? "Find a class" : nil
        ).html
    }

    /// Which classes are taken for which, where images are of one class each.
    var confusion: String { evaluation.classes.count <= Self.mostInMatrix ? matrix : mistakes }

    /// Counts by true class (rows) and predicted class (columns), each shaded by its share of the row.
    private var matrix: String {
        let up = evaluation.classes.count > Self.widestMatrix ? " class=\"up\"" : ""
        let header = evaluation.classes.map { "<th scope=\"col\"\(up)>\(isolated($0))</th>" }.joined()
        let rows = zip(evaluation.classes, evaluation.confusion).enumerated().map { row, line in
            let total = max(1, line.1.reduce(0, +))
            let cells = line.1.enumerated().map { column, count in
                let kind = (row == column ? ["hit"] : []) + (count == 0 ? ["zero"] : [])
                let shade = count == 0 ? "0" : String(format: "%.2f", Double(count) / Double(total))
                return
                    "<td\(kind.isEmpty ? "" : " class=\"\(kind.joined(separator: " "))\"") style=\"--s:\(shade)\">\(count)</td>"
            }
            return "<tr><th scope=\"row\" class=\"name\">\(isolated(line.0))</th>\(cells.joined())</tr>"
        }
        let caption = "Images by their class (rows) and what they are taken for (columns)"
        return HTMLTable.framed(
            caption,
            "<table class=\"heat\"><caption>\(caption)</caption>\n<thead><tr><td></td>\(header)</tr></thead>\n<tbody>\n"
                + rows.joined(separator: "\n") + "\n</tbody></table>")
    }

    /// Of many classes, those that are taken for each other most often.
    private var mistakes: String {
        let mistakes = evaluation.mistakes(most: Self.mostMistakes)
        guard !mistakes.isEmpty else { return "<p>No class is taken for another.</p>" }
        let images = evaluation.classMetrics.map(\.images)
        let rows = mistakes.map { mistake in
            [
                isolated(evaluation.classes[mistake.label]), isolated(evaluation.classes[mistake.predicted]), "\(mistake.count)",
                Format.percent(Double(mistake.count) / Double(max(1, images[mistake.label]))),
            ]
        }
        return HTMLTable(
            caption: "What is taken for what most often, of \(evaluation.classes.count) classes",
            columns: [
                .init(title: "true class"), .init(title: "taken for"), .init(title: "images", isNumber: true),
                .init(title: "share of its class", isNumber: true),
            ], rows: rows, isSortable: true, search: rows.count >= Self.fewestSearched ? "Find a class" : nil
        ).html
    }
}
