// predictions.csv: what the network said about each image of the last evaluation.
import Files
package import Training
import Foundation

/// Writes the predictions of every evaluation over those of the one before.
package final class PredictionsFile: TrainingObserver {
    private let path: String

    package init(path: String) { self.path = path }

    package func observe(_ event: TrainingEvent) {
        guard case .evaluation(let report) = event else { return }
        do {
            try Self.write(report.evaluation, to: path)
        } catch {
            FileHandle.standardError.write(Data("warning: \(error)\n".utf8))
        }
    }

    /// Writes the table whole or not at all: a header, then a line for each image, quoted as RFC 4180 has it, lines ended by LF.
    ///
    /// Throws `FileError` when the disk is full or fails.
    package static func write(_ evaluation: Evaluation, to path: String) throws {
        try AtomicFile.write(Array(table(evaluation).utf8), to: path)
    }

    static func table(_ evaluation: Evaluation) -> String {
        guard evaluation.hasFewClasses else { return shortTable(evaluation) }
        let header = ["path", "true_class", "predicted_class"] + evaluation.classes.map { "probability_\($0)" }
        let rows = evaluation.predictions.map { prediction in
            start(evaluation, prediction) + prediction.probabilities.map { "\($0)" }
        }
        return ([header] + rows).map { $0.map(\.quotedAsCSV).joined(separator: ",") + "\n" }.joined()
    }

    /// Where classes are many: the five likeliest of each image, each with its probability.
    private static func shortTable(_ evaluation: Evaluation) -> String {
        let places = 1...5
        let header = ["path", "true_class", "predicted_class"] + places.flatMap { ["class_\($0)", "probability_\($0)"] }
        let rows = evaluation.predictions.map { prediction in
            let order = prediction.probabilities.indices.sorted {
                (prediction.probabilities[$1], $0) < (prediction.probabilities[$0], $1)
            }
            return start(evaluation, prediction)
                + order.prefix(places.count).flatMap { [evaluation.classes[$0], "\(prediction.probabilities[$0])"] }
        }
        return ([header] + rows).map { $0.map(\.quotedAsCSV).joined(separator: ",") + "\n" }.joined()
    }

    private static func start(_ evaluation: Evaluation, _ prediction: SamplePrediction) -> [String] {
        [
            evaluation.paths[prediction.sample], evaluation.names(evaluation.trueClasses(prediction)),
            evaluation.names(evaluation.predictedClasses(prediction)),
        ]
    }
}
