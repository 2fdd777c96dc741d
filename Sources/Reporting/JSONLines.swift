// metrics.jsonl: one JSON object a line for everything that happens in a run, for scripts and plots.
import Foundation
import ImageData
internal import Tensors
package import Training

/// Writes events as JSON lines. Every object has `event` and `step`.
///
/// A run that starts anew begins the file anew. A resumed run first drops the lines of what it will do again (later steps than the
/// checkpoint's, evaluations of later epochs, a line that a kill cut short), so that no step stands there twice.
package final class JSONLines: TrainingObserver {
    private let file: ReportFile
    private var step = 0

    /// - Parameter path: usually `metrics.jsonl` in the run's folder, which must exist.
    package init(path: String) { file = ReportFile(path: path) }

    package func observe(_ event: TrainingEvent) {
        switch event {
        case .started(let facts): start(facts)
        case .step(let report): write(report)
        case .unreadable(let sample, let split):
            write(
                sample.isUsed ? "damaged" : "unreadable", ("split", .text(split)), ("path", .text(sample.path)),
                ("reason", .text(sample.reason)))
        case .epoch(let report):
            write(
                "epoch", ("epoch", .integer(report.epoch)), ("loss", .number(report.loss)),
                ("accuracy", .number(report.accuracy)),
                ("images", .integer(report.images)))
        case .evaluation(let report): write(report)
        case .checkpoint(let report):
            write(
                "checkpoint", ("epoch", .integer(report.epoch)), ("path", .text(report.path)),
                ("seconds", .number(report.seconds)))
        case .stopped: write("stopped")
        case .failed(let words): write("failed", ("error", .text(words)))
        case .finished(let report):
            write(
                "finished", ("epoch", .integer(report.epoch)), ("best_step", report.best.map { .integer($0.step) } ?? .null),
                ("best_accuracy", .optional(report.best?.summary.accuracy)), ("seconds", .number(report.seconds)))
        }
    }

    private func start(_ facts: RunFacts) {
        step = facts.progress.step
        let kept = step == 0 ? [] : file.lines.filter { Self.isPast($0, facts.progress) }
        file.begin(with: kept.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] })
        write(
            "started", ("run", .text(facts.identity.name)), ("architecture", .text(facts.identity.architecture)),
            ("classes", .list(facts.identity.classes.map(JSONValue.text))), ("ranks", .integer(facts.ranks)),
            ("batch_size", .integer(facts.settings.batchSize)), ("total_steps", .integer(facts.totalSteps)),
            ("training_images", .integer(facts.trainingImages)), ("validation_images", .integer(facts.validationImages)),
            ("instructions", facts.identity.instructions.map { .text($0.rawValue) } ?? .null),
            ("trained_parameters", .integer(facts.trainedParameters)), ("bytes_per_step", .integer(facts.bytesPerStep)),
            ("resumed_from", facts.resumedFrom.map(JSONValue.text) ?? .null))
    }

    /// Whether a line tells of something that the checkpoint already holds.
    private static func isPast(_ line: Substring, _ progress: TrainingProgress) -> Bool {
        guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
            let step = (object["step"] as? NSNumber)?.intValue
        else { return false }
        let isEpochEnd = ["evaluation", "epoch"].contains(object["event"] as? String)
        let epoch = (object["epoch"] as? NSNumber)?.intValue ?? 0
        return step <= progress.step && (!isEpochEnd || step < progress.step || epoch <= progress.epoch)
    }

    private func write(_ report: StepReport) {
        step = report.step
        var members: [(key: String, value: JSONValue)] = [
            ("epoch", .integer(report.epoch)), ("loss", .number(report.loss)), ("learning_rate", .number(report.learningRate)),
            ("images_per_second", .number(report.imagesPerSecond)), ("images", .integer(report.images)),
            ("seconds", .number(report.seconds)), ("data_share", .number(report.dataShare)),
            ("communication_share", .number(report.communicationShare)),
            ("communication_hidden_seconds", .number(report.hiddenCommunicationSeconds)),
            ("communication_exposed_seconds", .number(report.exposedCommunicationSeconds)),
        ]
        if let norm = report.gradientNorm { members.append(("gradient_norm", .number(norm))) }
        write("step", members)
    }

    private func write(_ report: EvaluationReport) {
        let evaluation = report.evaluation
        var members: [(key: String, value: JSONValue)] = [
            ("epoch", .integer(report.epoch)), ("loss", .number(report.summary.loss)),
            ("accuracy", .number(report.summary.accuracy)), ("images", .integer(report.summary.images)),
            ("balanced_accuracy", .optional(report.summary.balancedAccuracy)), ("macro_f1", .optional(report.summary.macroF1)),
            ("best", .truth(report.isBest)), ("seconds", .number(report.seconds)),
        ]
        if let calibration = report.calibration {
            members.append(("temperature", .number(calibration.temperature)))
            members.append(("calibration_error", .number(calibration.errorBefore)))
            members.append(("calibrated_error", .number(calibration.errorAfter)))
        }
        if evaluation.hasFewClasses {
            let metrics = evaluation.classMetrics
            members.append(("precision", .list(metrics.map { .optional($0.precision) })))
            members.append(("recall", .list(metrics.map { .optional($0.recall) })))
            if evaluation.hasSeveral {
                members.append(("average_precision", .list(metrics.map { .optional($0.averagePrecision) })))
                members.append(("threshold", .list(metrics.map { .optional($0.threshold.map(Double.init)) })))
                members.append(("f1", .list(metrics.map { .optional($0.f1) })))
            }
        }
        if evaluation.hasSeveral {
            members.append(("mean_average_precision", .optional(report.summary.meanAveragePrecision)))
        } else if evaluation.hasFewClasses {
            members.append(("confusion", .list(evaluation.confusion.map { .list($0.map(JSONValue.integer)) })))
        } else {
            // A line of bounded length: [true, predicted, images] of what is taken for what most often.
            let mistakes = evaluation.mistakes(most: Self.mostMistakes)
            members.append(
                ("mistakes", .list(mistakes.map { .list([$0.label, $0.predicted, $0.count].map(JSONValue.integer)) })))
        }
        write("evaluation", members)
    }

    private static let mostMistakes = 1000

    private func write(_ event: String, _ members: (key: String, value: JSONValue)...) { write(event, members) }

    private func write(_ event: String, _ members: [(key: String, value: JSONValue)]) {
        file.append(jsonLine([("event", .text(event)), ("step", .integer(step))] + members))
    }
}
