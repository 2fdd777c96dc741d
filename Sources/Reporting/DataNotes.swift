// What there was to train on and to look at, and what could not be read of it.
import Training

struct DataNotes {
    private let facts: RunFacts?
    private let evaluation: Evaluation?
    private let unreadable: [String]
    /// A class with fewer training images is told of.
    private static let few = 20
    private static let mostNamed = 50
    private static let mostUnreadable = 200

    init(_ facts: RunFacts?, _ evaluation: Evaluation?, unreadable: [String]) {
        (self.facts, self.evaluation, self.unreadable) = (facts, evaluation, unreadable)
    }

    var html: String {
        var parts: [String] = []
        if let facts {
            let validation = evaluation?.classMetrics.map(\.images)
            let rows = [
                row("training", facts.trainingImages, facts.trainingCounts),
                row("validation", facts.validationImages, facts.validationImages > 0 ? validation : nil),
            ]
            parts.append(
                HTMLTable(
                    caption: "Images of each split",
                    columns: [.init(title: "split")]
                        + ["images", "classes", "fewest of a class", "most of a class"].map { .init(title: $0, isNumber: true) },
                    rows: rows
                ).html)
            if let words = scarce(facts) { parts.append("<p>\(words)</p>") }
        }
        if unreadable.isEmpty {
            parts.append("<p>Every image that was needed could be read.</p>")
        } else {
            let items = unreadable.prefix(Self.mostUnreadable).map { "<li>\(isolated($0))</li>" }
            let more = unreadable.count - items.count
            parts.append(
                "<h3>Images that could not be read</h3>\n<ul>\(items.joined(separator: "\n"))</ul>"
                    + (more > 0 ? "\n<p>And \(more) more.</p>" : ""))
        }
        return parts.joined(separator: "\n")
    }

    private func row(_ split: String, _ images: Int, _ counts: [Int]?) -> [String] {
        let known = counts.map { counts in
            ["\(counts.count { $0 > 0 })", "\(counts.min() ?? 0)", "\(counts.max() ?? 0)"]
        }
        return [split, "\(images)"] + (known ?? ["–", "–", "–"])
    }

    /// Classes that the network has hardly seen.
    private func scarce(_ facts: RunFacts) -> String? {
        let few = zip(facts.identity.classes, facts.trainingCounts).filter { $0.1 < Self.few }.sorted { $0.1 < $1.1 }
        guard !few.isEmpty else { return nil }
        let names = few.prefix(Self.mostNamed).map { "\(isolated($0.0)) (\($0.1))" }.joined(separator: ", ")
        return "Fewer than \(Self.few) training images: \(names)"
            + (few.count > Self.mostNamed ? " and \(few.count - Self.mostNamed) classes more." : ".")
    }
}
