// ROC and precision–recall curves of an evaluation, each class against the rest.
import Training

struct RankCurves {
    /// One curve, or points of the mean over classes.
    struct Curve {
        let name: String
        let receiverOperating, precisionRecall: [(x: Double, y: Double)]
        let receiverOperatingArea, averagePrecision: Double
    }

    /// The mean over classes of their areas, of those that have positives and negatives.
    let macroArea, macroPrecision: Double?
    /// The second class of two; of several classes their mean; of many, all answers in one ranking.
    let curve: Curve?
    private let isPair: Bool

    /// Points of a mean curve.
    private static let meanPoints = 100

    init(_ evaluation: Evaluation) {
        let count = evaluation.classes.count
        isPair = count == 2 && !evaluation.hasSeveral
        let ranked = Self.ranked(evaluation, isPair ? [1] : Array(0..<count))
        let areas = ranked.compactMap(\.receiverOperatingArea)
        let precisions = ranked.compactMap(\.averagePrecision)
        macroArea = Self.mean(areas)
        macroPrecision = Self.mean(precisions)
        guard let macroArea, let macroPrecision else { curve = nil; return }
        if isPair {
            curve = Curve(
                name: evaluation.classes[1], receiverOperating: ranked[0].receiverOperating,
                precisionRecall: ranked[0].precisionRecall, receiverOperatingArea: macroArea, averagePrecision: macroPrecision)
        } else if evaluation.hasFewClasses {
            let grid = (0...Self.meanPoints).map { Double($0) / Double(Self.meanPoints) }
            let defined = ranked.filter { $0.receiverOperatingArea != nil }
            let (rising, falling) = (defined.map(\.receiverOperating), defined.map(\.precisionRecall))
            curve = Curve(
                name: "mean over classes",
                receiverOperating: [(0, 0)]
                    + grid.map { x -> (x: Double, y: Double) in
                        (x, Self.mean(rising.map { Self.interpolated($0, x) }) ?? 0)
                    },
                precisionRecall: grid.map { x in
                    (x, Self.mean(falling.map { curve in curve.first { $0.x >= x }?.y ?? 0 }) ?? 0)
                },
                receiverOperatingArea: macroArea, averagePrecision: macroPrecision)
        } else {
            let all = Self.pooled(evaluation)
            guard let area = all.receiverOperatingArea, let precision = all.averagePrecision else { curve = nil; return }
            curve = Curve(
                name: "all answers together", receiverOperating: all.receiverOperating, precisionRecall: all.precisionRecall,
                receiverOperatingArea: area, averagePrecision: precision)
        }
    }

    /// Both plots, and the areas in words.
    var html: String {
        guard let curve, let macroArea, let macroPrecision else {
            return "<p>There are no curves where all images are of one class.</p>"
        }
        func figure(_ value: Double) -> String { Format.loss(value) }
        let plots = [
            SVGPlot(
                title: "ROC, area \(figure(curve.receiverOperatingArea))", horizontal: "false positive rate",
                series: [
                    .init(name: "\(curve.name): true positive rate", points: curve.receiverOperating),
                    .init(name: "guessing", points: [(0, 0), (1, 1)], look: .reference),
                ], isSquare: true),
            SVGPlot(
                title: "Precision and recall, average precision \(figure(curve.averagePrecision))", horizontal: "recall",
                series: [.init(name: "\(curve.name): precision", points: curve.precisionRecall)], isSquare: true),
        ]
        let words =
            isPair
            ? "\(isolated(curve.name)) is the positive class; areas as scikit-learn's roc_auc_score and average_precision_score."
            : "Each class against the rest: mean area under the ROC curve \(figure(macroArea)), mean average precision "
                + "\(figure(macroPrecision)) (scikit-learn's roc_auc_score and average_precision_score, macro)."
        return "<div class=\"plots\">\(plots.map(\.html).joined(separator: "\n"))</div>\n<p>\(words)</p>"
    }

    /// Image by image, as scores lie in memory.
    private static func ranked(_ evaluation: Evaluation, _ labels: [Int]) -> [RankedScores] {
        var positives = [[Float]](repeating: [], count: evaluation.classes.count)
        for prediction in evaluation.predictions {
            for label in evaluation.trueClasses(prediction) { positives[label].append(prediction.probabilities[label]) }
        }
        var ranked = labels.map { RankedScores(positives: positives[$0]) }
        for prediction in evaluation.predictions {
            let own = evaluation.trueClasses(prediction)
            prediction.probabilities.withUnsafeBufferPointer { scores in
                for (place, label) in labels.enumerated() where !own.contains(label) {
                    ranked[place].add(negative: scores[label])
                }
            }
        }
        return ranked
    }

    /// Every pair of an image and a class in one ranking (scikit-learn's micro average).
    static func pooled(_ evaluation: Evaluation) -> RankedScores {
        var all = RankedScores(
            positives: evaluation.predictions.flatMap { prediction in
                evaluation.trueClasses(prediction).map { prediction.probabilities[$0] }
            })
        for prediction in evaluation.predictions {
            let own = evaluation.trueClasses(prediction)
            for (label, score) in prediction.probabilities.enumerated() where !own.contains(label) { all.add(negative: score) }
        }
        return all
    }

    private static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// A line's height at x; where it is upright, its upper end.
    private static func interpolated(_ points: [(x: Double, y: Double)], _ x: Double) -> Double {
        guard let next = points.firstIndex(where: { $0.x > x }), next > 0 else { return points.last?.y ?? 0 }
        let (from, to) = (points[next - 1], points[next])
        return from.y + (to.y - from.y) * (x - from.x) / (to.x - from.x)
    }
}
