// One training of a search, as it is told and written.
import Foundation
import Tensors
import Training

/// A combination of settings and what it came to.
struct TrialRecord {
    /// As `--set` takes them.
    let settings: [String]
    /// From 0; later rounds train longer.
    let round: Int
    let epochs: Int
    let result: TrialResult

    init(_ settings: [String], round: Int, epochs: Int, _ result: TrialResult) {
        (self.settings, self.round, self.epochs, self.result) = (settings, round, epochs, result)
    }

    func value(_ measure: EvaluationMeasure) -> Double? { result.best?.value(of: measure) }

    /// The settings' values alone.
    var values: [String] { settings.map { String($0[($0.firstIndex(of: "=").map { $0 } ?? $0.startIndex)...].dropFirst()) } }

    private struct Line: Encodable {
        let kind: String
        let settings: [String: String]
        let round: Int
        let epochs: Int
        let measure: String
        /// Null where the training diverged.
        let value: Double?
        let accuracy: Double?
        let loss: Double?
        let seconds: Double
        var config: String?
    }

    func jsonLine(_ measure: EvaluationMeasure) throws -> String { try line("trial", measure).jsonLine() }

    /// The line that ends a search.
    static func bestLine(_ best: TrialRecord, _ config: String, _ measure: EvaluationMeasure) throws -> String {
        var line = best.line("best", measure)
        line.config = config
        return try line.jsonLine()
    }

    private func line(_ kind: String, _ measure: EvaluationMeasure) -> Line {
        let keys = settings.map { String($0.prefix { $0 != "=" }) }
        return Line(
            kind: kind, settings: Dictionary(zip(keys, values)) { first, _ in first }, round: round, epochs: epochs,
            measure: measure.rawValue, value: value(measure), accuracy: result.best?.accuracy, loss: result.best?.loss,
            seconds: result.seconds)
    }
}
