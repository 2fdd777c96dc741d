// Several runs beside each other: what their configs say differently, what they came to, and whether that is more than chance.
import Foundation
import ImageData
import Reporting
import RunConfiguration
import Tensors
import Training

struct RunComparison {
    private let runs: [RunRecord]
    /// Each key that differs, with what each run says.
    private let differences: [(key: String, values: [String])]
    /// The first run against each other one; nil where they share no photographs.
    private let pairs: [PairedComparison?]

    init(_ runs: [RunRecord]) throws {
        self.runs = runs
        var keys: [String] = []
        var values: [String: [Int: String]] = [:]
        for (number, run) in runs.enumerated().dropFirst() {
            guard let own = run.configuration, let first = runs[0].configuration else { continue }
            for change in own.changes(since: first) {
                guard let colon = change.range(of: ": "), let arrow = change.range(of: " → ") else { continue }
                let key = String(change[..<colon.lowerBound])
                guard key != "run.name" else { continue }
                if values[key] == nil { keys.append(key) }
                values[key, default: [:]][0] = String(change[colon.upperBound..<arrow.lowerBound])
                values[key, default: [:]][number] = String(change[arrow.upperBound...])
            }
        }
        differences = keys.map { key in
            (key, runs.indices.map { values[key]?[$0] ?? values[key]?[0] ?? "" })
        }
        let first = try Self.hits(runs[0])
        pairs = try runs.dropFirst().map { run in
            let own = try Self.hits(run)
            let shared = first.keys.filter { own[$0] != nil }.sorted(by: bytewise)
            return shared.isEmpty ? nil : PairedComparison(shared.map { (first[$0] ?? false, own[$0] ?? false) })
        }
    }

    /// For each photograph of a run's last evaluation whether it was told right.
    private static func hits(_ run: RunRecord) throws -> [String: Bool] {
        let path = RunFolder(path: run.path).predictions
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        func column(_ name: String) throws -> [LabelTable.Row] {
            try LabelTable(path: path, columns: .init(file: "path", label: .one(name), separator: "|")).rows
        }
        return Dictionary(
            zip(try column("true_class"), try column("predicted_class")).map { ($0.file, Set($0.labels) == Set($1.labels)) }
        ) { first, _ in first }
    }

    private static func percent(_ value: Double?) -> String { value.map { String(format: "%.2f %%", $0 * 100) } ?? "–" }

    private func sentence(_ number: Int) -> String {
        let (first, other) = (runs[0].name, runs[number + 1].name)
        guard let pair = pairs[number] else { return "\(first) and \(other) were evaluated on no common photograph" }
        let verdict =
            pair.isLargerThanChance
            ? "more than chance explains" : "no more than chance explains"
        return String(
            format:
                "%@ against %@ on %d photographs: %+.2f points (95 of 100: %+.2f to %+.2f); %d only %@ tells, %d only %@; p = %.3g, %@",
            other, first, pair.images, pair.difference * 100, pair.low * 100, pair.high * 100, pair.onlySecond, other,
            pair.onlyFirst,
            first, pair.chance, verdict)
    }

    func lines() -> [String] {
        var results = TextTable([
            .left("run"), .left("state"), .right("best accuracy"), .right("loss"), .right("at step"), .right("time"),
        ])
        for run in runs {
            results.add([
                run.name, run.state.rawValue, Self.percent(run.best?.accuracy),
                run.best.map { String(format: "%.4f", $0.loss) } ?? "–",
                run.best.map { "\($0.step)" } ?? "–", Format.duration(run.seconds),
            ])
        }
        var table = TextTable([.left("key")] + runs.map { .left($0.name) })
        for difference in differences { table.add([difference.key] + difference.values.map { String($0.prefix(40)) }) }
        return results.lines() + [""] + (differences.isEmpty ? ["the configs say the same"] : table.lines()) + [""]
            + pairs.indices.map(sentence)
    }

    private struct KeyLine: Encodable {
        let kind = "difference"
        let key: String
        let values: [String]
    }

    private struct PairLine: Encodable {
        let kind = "comparison"
        let first: String
        let second: String
        let images: Int
        let accuracyDifference: Double
        let low: Double
        let high: Double
        let onlyFirstRight: Int
        let onlySecondRight: Int
        let pValue: Double
        let largerThanChance: Bool
    }

    func jsonLines() throws -> [String] {
        try differences.map { try KeyLine(key: $0.key, values: $0.values).jsonLine() }
            + pairs.enumerated().compactMap { number, pair in
                try pair.map {
                    try PairLine(
                        first: runs[0].path, second: runs[number + 1].path, images: $0.images, accuracyDifference: $0.difference,
                        low: $0.low, high: $0.high, onlyFirstRight: $0.onlyFirst, onlySecondRight: $0.onlySecond,
                        pValue: $0.chance,
                        largerThanChance: $0.isLargerThanChance
                    ).jsonLine()
                }
            }
    }

    var page: CurvesPage {
        CurvesPage(
            title: runs.map(\.name).joined(separator: ", "), notes: pairs.indices.map(sentence),
            columns: ["key"] + runs.map(\.name), rows: differences.map { [$0.key] + $0.values },
            curves: runs.map { run in
                CurvesPage.Curves(
                    name: run.name, losses: run.losses.map { (Double($0.step), $0.loss) },
                    validationLosses: run.evaluations.map { (Double($0.step), $0.loss) },
                    accuracies: run.evaluations.map { (Double($0.step), $0.accuracy) })
            })
    }
}
