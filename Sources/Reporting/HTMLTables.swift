// The report's tables: metrics by class, confusion counts, and the images that the network got most wrong.
import Files
import Foundation
import Training

enum HTMLTables {
    private static let confusionLimit = 30
    private static let worstCount = 12
    /// Larger photographs are named, not shown: the page should stay mailable.
    private static let imageBytesLimit = 1 << 20

    static func classes(_ evaluation: Evaluation) -> String {
        func cell(_ value: Double?) -> String { "<td class=\"n\">\(value.map(Format.percent) ?? "–")</td>" }
        let several = evaluation.hasSeveral
        let rows = evaluation.classMetrics.map {
            "<tr><td class=\"name\">\(name($0.name))</td><td class=\"n\">\($0.images)</td>\(cell($0.precision))\(cell($0.recall))"
                + (several ? "\(cell($0.f1))\(cell($0.averagePrecision))\(cell($0.threshold.map(Double.init)))" : "") + "</tr>"
        }
        let columns = ["images", "precision", "recall"] + (several ? ["F1", "average precision", "from"] : [])
        let head = columns.map { "<th class=\"n\">\($0)</th>" }.joined()
        return
            "<h2>Classes</h2>\n<div class=\"wide\"><table><tr><th>class</th>\(head)</tr>\n"
            + rows.joined(separator: "\n") + "</table></div>"
    }

    /// A name that may be long, and may run from right to left, which must not turn the figures beside it around.
    private static func name(_ text: String) -> String { "<bdi>\(escaped(text))</bdi>" }

    /// Counts by true class (rows) and predicted class (columns), each shaded by its share of the row.
    static func confusion(_ evaluation: Evaluation) -> String {
        guard evaluation.classes.count <= confusionLimit else { return mistakes(evaluation) }
        let header = evaluation.classes.map { "<th class=\"n name\">\(name($0))</th>" }.joined()
        let rows = zip(evaluation.classes, evaluation.confusion).map { label, counts in
            let total = max(1, counts.reduce(0, +))
            let cells = counts.map {
                let shade = String(format: "%.2f", 0.6 * Double($0) / Double(total))
                return "<td class=\"n\" style=\"background:rgba(37,99,235,\(shade))\">\($0)</td>"
            }
            return "<tr><th class=\"name\">\(name(label))</th>\(cells.joined())</tr>"
        }
        return
            "<h2>Confusion</h2>\n<p>Rows: true class; columns: predicted class.</p>\n<div class=\"wide\"><table><tr><th></th>\(header)"
            + "</tr>\n" + rows.joined(separator: "\n") + "</table></div>"
    }

    /// Of many classes, those that are taken for each other most often.
    private static func mistakes(_ evaluation: Evaluation) -> String {
        let rows = evaluation.mistakes(most: confusionLimit).map {
            "<tr><td class=\"name\">\(name(evaluation.classes[$0.label]))</td><td class=\"name\">\(name(evaluation.classes[$0.predicted]))</td>"
                + "<td class=\"n\">\($0.count)</td></tr>"
        }
        let head = "<h2>Confusion</h2>\n<p>Of \(evaluation.classes.count) classes, what is taken for what most often.</p>\n"
        guard !rows.isEmpty else { return head + "<p>Nothing is.</p>" }
        return head + "<div class=\"wide\"><table><tr><th>true class</th><th>taken for</th><th class=\"n\">images</th></tr>\n"
            + rows.joined(separator: "\n") + "</table></div>"
    }

    static func worst(_ evaluation: Evaluation) -> String {
        let wrong = evaluation.predictions.filter { !evaluation.isRight($0) }.sorted { $0.loss > $1.loss }.prefix(worstCount)
        guard !wrong.isEmpty else { return "<h2>Worst predictions</h2>\n<p>None is wrong.</p>" }
        let figures = wrong.map { prediction in
            let path = evaluation.paths[prediction.sample]
            let own = list(evaluation, evaluation.trueClasses(prediction))
            let taken = list(evaluation, evaluation.predictedClasses(prediction))
            return
                "<figure>\(image(evaluation.archived[prediction.sample] ?? FilePart(path)))<figcaption>\(escaped(path))<br>is \(own), taken for \(taken) "
                + "(\(Format.percent(Double(prediction.probabilities[prediction.predicted]))))</figcaption></figure>"
        }
        return "<h2>Worst predictions</h2>\n<div class=\"worst\">\(figures.joined(separator: "\n"))</div>"
    }

    private static func list(_ evaluation: Evaluation, _ labels: [Int]) -> String {
        labels.isEmpty ? "nothing" : labels.map { name(evaluation.classes[$0]) }.joined(separator: ", ")
    }

    private static func image(_ file: FilePart) -> String {
        guard let bytes = file.contents(atMost: imageBytesLimit), let type = mediaType(bytes) else { return "" }
        return "<img alt=\"\" src=\"data:\(type);base64,\(Data(bytes).base64EncodedString())\">"
    }

    private static func mediaType(_ bytes: [UInt8]) -> String? {
        let start = bytes.prefix(12)
        if start.starts(with: [0xFF, 0xD8]) { return "image/jpeg" }
        if start.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return "image/png" }
        return start.starts(with: Array("RIFF".utf8)) && start.suffix(4) == Array("WEBP".utf8)[...] ? "image/webp" : nil
    }
}
