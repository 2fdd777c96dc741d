// What a cross-validation came to: a table, lines for scripts, a page, and what the network said about each photograph.
import Foundation
import ImageData
import Reporting
import Tensors
import Training

struct CrossValidationReport {
    let name: String
    let folds: Int
    let repetitions: Int
    let measure: EvaluationMeasure
    let records: [FoldRecord]
    let curve: [CurvePoint]
    let trainingSeconds: Double
    let preparationSeconds: Double

    private struct Interval: Encodable {
        let mean: Double
        let low: Double
        let high: Double
        let deviation: Double

        init(_ mean: ResampledMean) { (self.mean, low, high, deviation) = (mean.mean, mean.low, mean.high, mean.deviation) }
    }

    private struct Summary: Encodable {
        let kind = "summary"
        let accuracy: Interval
        let balancedAccuracy: Interval
        let macroF1: Interval
        /// Only where photographs may be of several classes.
        let meanAveragePrecision: Interval?
        let loss: Interval
        let images: Int
        let folds: Int
        let repeats: Int
        let seconds: Double
    }

    private struct CurveLine: Encodable {
        let kind = "learning_curve"
        let share: Double
        let images: Int
        let accuracy: Interval
    }

    /// The first repetition's evaluations as one: every image once.
    private var pooled: Evaluation {
        let own = records.filter { $0.repetition == 0 }
        let paths = own.flatMap { record in record.parts.held.indices.map { (record.parts.held[$0], record.evaluation.paths[$0]) }
        }
        let order = paths.sorted { $0.0 < $1.0 }
        let predictions = own.flatMap { record in record.evaluation.predictions.map { $0.moved(to: record.parts.held[$0.sample]) }
        }
        return Evaluation(
            classes: own[0].evaluation.classes, predictions: predictions.sorted { $0.sample < $1.sample },
            unreadable: own.flatMap(\.evaluation.unreadable), paths: order.map(\.1), thresholds: own[0].evaluation.thresholds)
    }

    private func mean(_ measure: EvaluationMeasure) -> ResampledMean {
        let range = measure == .loss ? 0...Double.greatestFiniteMagnitude : 0...1
        return ResampledMean(
            records.compactMap { $0.evaluation.summary.value(of: measure) }, heldShare: 1 / Double(folds - 1), within: range)
    }

    private func mean(_ point: CurvePoint) -> ResampledMean {
        ResampledMean(point.values, heldShare: 1 / Double(folds - 1) / point.share)
    }

    private var wholeSide: CurvePoint {
        let own = records.filter { $0.repetition == 0 }
        return CurvePoint(
            share: 1, images: own.map(\.parts.training.count).min() ?? 0,
            values: own.compactMap { $0.evaluation.summary.value(of: measure) })
    }

    /// Prints, and writes predictions.csv and report.html.
    func tell(_ folder: RunFolder, printsJSON: Bool) throws {
        let pooled = pooled
        try PredictionsFile.write(pooled, to: folder.predictions)
        let isOfSeveral = pooled.hasSeveral
        let measures: [EvaluationMeasure] =
            [.accuracy, .balancedAccuracy, .macroF1] + (isOfSeveral ? [.meanAveragePrecision] : []) + [.loss]
        let rows = measures.map { measure in
            let found = mean(measure)
            func words(_ value: Double) -> String { Format.figure(value, measure) }
            return [measure.words, words(found.mean), "\(words(found.low)) to \(words(found.high))", words(found.deviation)]
        }
        let columns = ["measure", "mean", "95 of 100 lie within", "spread"]
        let points = (curve + [wholeSide]).map { point in
            CrossValidationPage.Point(images: point.images, mean: mean(point).mean, low: mean(point).low, high: mean(point).high)
        }
        let times = repetitions == 1 ? "" : ", \(repetitions) times"
        let head =
            "\(pooled.paths.count) images in \(folds) folds\(times): \(records.count) trainings in \(String(format: "%.1f", trainingSeconds)) s "
            + "after \(String(format: "%.1f", preparationSeconds)) s for photographs, weights and features"
        try CrossValidationPage(
            title: "\(name): cross-validation", summary: head, columns: columns, rows: rows, measure: measure.words,
            curve: points,
            evaluation: pooled
        ).write(to: folder.report)
        if printsJSON { return try tellScripts(pooled) }
        print(head)
        print("")
        var table = TextTable(columns.enumerated().map { $0 == 0 ? .left($1) : .right($1) })
        rows.forEach { table.add($0) }
        table.lines().forEach { print($0) }
        print("")
        var curveTable = TextTable([.right("images"), .right(measure.words), .right("95 of 100 lie within")])
        for point in points {
            curveTable.add([
                "\(point.images)", String(format: "%.2f %%", point.mean * 100),
                String(format: "%.2f %% to %.2f %%", point.low * 100, point.high * 100),
            ])
        }
        print("with fewer photographs:")
        curveTable.lines(indent: 2).forEach { print($0) }
        print(advice(points))
        print("\(folder.path): report.html, predictions.csv (what was said of each photograph by a network that had not seen it)")
    }

    /// Whether twice the photographs were still worth something.
    private func advice(_ points: [CrossValidationPage.Point]) -> String {
        guard points.count >= 2 else { return "" }
        let (half, whole) = (points[points.count - 2], points[points.count - 1])
        let gain = String(format: "%.2f", (whole.mean - half.mean) * 100)
        return whole.mean - half.mean > 0.005
            ? "the last doubling brought \(gain) points: more photographs would help"
            : "the last doubling brought \(gain) points: more of the same photographs would hardly help"
    }

    private func tellScripts(_ pooled: Evaluation) throws {
        for point in curve + [wholeSide] {
            print(try CurveLine(share: point.share, images: point.images, accuracy: Interval(mean(point))).jsonLine())
        }
        print(
            try Summary(
                accuracy: Interval(mean(.accuracy)), balancedAccuracy: Interval(mean(.balancedAccuracy)),
                macroF1: Interval(mean(.macroF1)),
                meanAveragePrecision: pooled.hasSeveral ? Interval(mean(.meanAveragePrecision)) : nil,
                loss: Interval(mean(.loss)),
                images: pooled.images, folds: folds, repeats: repetitions, seconds: trainingSeconds
            ).jsonLine())
    }
}
