// What a person sees of a run: one line that is redrawn on a terminal, plain lines now and then elsewhere.
import Foundation
import ImageData
internal import Tensors
package import Training

/// Prints a run's progress.
package final class ConsoleProgress: TrainingObserver {
    private let terminal: Terminal
    private var line: LiveLine
    private let now: () -> Double
    private let results: String?
    private var facts: RunFacts?
    private var latest: StepReport?
    private var lastEvaluation: Evaluation?
    private var lastPrint = -Double.infinity
    /// Moving averages over steps, so that the line does not flicker.
    private var rate = MovingAverage()
    private var dataShare = MovingAverage()
    private var communicationShare = MovingAverage()
    private var stepSeconds = MovingAverage()
    /// Of training since the last evaluation.
    private var trainedSeconds = 0.0
    private var hasToldOfIdleRanks = false
    /// Of the whole run.
    private var hiddenSeconds = 0.0
    private var exposedSeconds = 0.0

    /// Seconds between two redraws, and between two plain lines.
    private static let redrawInterval = 0.1
    private static let plainInterval = 10.0
    /// Where evaluation takes more than this share of the training before it, and more seconds than these, others could help.
    private static let (longShare, longSeconds) = (0.1, 1.0)

    /// - Parameters:
    ///   - results: the folder to which the last line points; nil for no such line.
    ///   - now: a clock in seconds.
    package init(
        _ terminal: Terminal = .standardOutput(), results: String? = nil,
        now: @escaping () -> Double = { ProcessInfo.processInfo.systemUptime }
    ) {
        self.terminal = terminal
        line = LiveLine(terminal)
        self.results = results
        self.now = now
    }

    package func observe(_ event: TrainingEvent) {
        switch event {
        case .started(let facts):
            self.facts = facts
            Self.banner(facts).forEach(printLine)
        case .step(let report): show(report)
        case .unreadable(let sample, let split):
            printLine(
                sample.isUsed
                    ? "damaged \(split) image \(sample); what can be read of it is used (data.damaged: skip leaves such images out)"
                    : "skipped \(split) image \(sample)")
        case .epoch(let report):
            printLine(
                "epoch \(report.epoch)/\(facts?.settings.epochs ?? report.epoch)  loss \(Format.loss(report.loss))  "
                    + "accuracy \(Format.percent(report.accuracy))  (training)")
        case .evaluation(let report):
            show(report)
            tellOfIdleRanks(report)
        case .checkpoint(let report): printLine("saved \(report.path)")
        case .stopped(let step): printLine("stopped after step \(step) as asked; continue with --resume")
        case .finished(let report): finish(report)
        // Whoever ends the program prints the error.
        case .failed: break
        }
    }

    private static func banner(_ facts: RunFacts) -> [String] {
        let (settings, identity) = (facts.settings, facts.identity)
        var lines = facts.refusedCheckpoints.map { "warning: \($0); using the one before" }
        lines.append(
            "\(identity.name): \(identity.architecture), \(identity.classes.count) classes, "
                + "\(facts.trainingImages) training and \(facts.validationImages) validation images")
        let accumulation = settings.accumulation > 1 ? " × \(settings.accumulation) passes" : ""
        lines.append(
            "\(Format.count(facts.ranks, "rank")), batch \(settings.batchSize)\(accumulation), \(facts.totalSteps) steps; "
                + "training \(Format.large(facts.trainedParameters)) of \(Format.large(facts.allParameters)) parameters, "
                + "\(Format.bytes(facts.bytesPerStep)) a step in \(Format.count(facts.buckets, "bucket"))")
        switch settings.average {
        case .exponential(let decay, _): lines.append("evaluated and saved: the average of the weights, with decay \(decay)")
        case .lastEpochs(let count):
            lines.append("evaluated and saved: the mean of the weights after each of the last \(Format.count(count, "epoch"))")
        case nil: break
        }
        if let path = facts.resumedFrom { lines.append("resuming from \(path), after step \(facts.progress.step)") }
        return lines
    }

    private func show(_ report: StepReport) {
        let isFirst = latest == nil
        latest = report
        rate.add(report.imagesPerSecond)
        dataShare.add(report.dataShare)
        communicationShare.add(report.communicationShare)
        trainedSeconds += report.seconds
        hiddenSeconds += report.hiddenCommunicationSeconds
        exposedSeconds += report.exposedCommunicationSeconds
        // The first step warms caches up and would spoil the estimate.
        if !isFirst { stepSeconds.add(report.seconds) }
        let interval = terminal.isInteractive ? Self.redrawInterval : Self.plainInterval
        guard isFirst || now() - lastPrint >= interval || report.step == facts?.totalSteps else { return }
        lastPrint = now()
        line.show(progressLine(report))
    }

    private func tellOfIdleRanks(_ report: EvaluationReport) {
        defer { trainedSeconds = 0 }
        let isLong = report.seconds > Self.longSeconds && report.seconds > Self.longShare * trainedSeconds
        guard report.idleRanks > 0, isLong, trainedSeconds > 0, !hasToldOfIdleRanks else { return }
        hasToldOfIdleRanks = true
        printLine(
            "note: \(Format.count(report.idleRanks, "rank")) waited \(String(format: "%.1f", report.seconds)) s for this evaluation, after "
                + "\(String(format: "%.1f", trainedSeconds)) s of training; with evaluation.ranks: all they share it")
    }

    private func progressLine(_ report: StepReport) -> String {
        let total = max(facts?.totalSteps ?? report.step, 1)
        let remaining = stepSeconds.value * Double(max(0, total - report.step))
        let (epochs, loss) = (facts?.settings.epochs ?? 0, Format.loss(report.loss))
        let (data, communication) = (Format.share(dataShare.value), Format.share(communicationShare.value))
        let rest = "ETA \(stepSeconds.value > 0 ? Format.duration(remaining) : "--:--")"
        let text =
            "epoch \(report.epoch + 1)/\(epochs)  step \(report.step)/\(total)  loss \(loss)  \(Format.rate(rate.value)) images/s  "
            + "waiting for data \(data), communication \(communication)  \(rest)"
        guard terminal.isInteractive else { return text }
        let width = terminal.width
        if text.displayWidth >= width {
            return "\(report.epoch + 1)/\(epochs) step \(report.step)/\(total) loss \(loss) \(Format.rate(rate.value)) images/s "
                + "data \(data), communication \(communication) \(rest)"
        }
        let room = min(24, width - text.displayWidth - 4)
        guard room >= 8 else { return text }
        let filled = room * report.step / total
        return "\(text)  " + String(repeating: "█", count: filled) + String(repeating: "░", count: room - filled)
    }

    private func show(_ report: EvaluationReport) {
        lastEvaluation = report.evaluation
        printLine(
            "evaluation after epoch \(report.epoch), step \(report.step): accuracy \(Format.percent(report.summary.accuracy))  "
                + (measure == .accuracy || measure == .loss ? "" : "\(deciding(report.summary))  ")
                + "loss \(Format.loss(report.summary.loss))  (\(report.summary.images) images in "
                + "\(Format.duration(report.seconds))\(report.isBest ? ", the best so far" : ""))")
    }

    private var measure: EvaluationMeasure { facts?.settings.bestBy ?? .accuracy }

    /// What decides which checkpoint is the best, as `accuracy 97.10 %`.
    private func deciding(_ summary: EvaluationSummary) -> String {
        guard let value = summary.value(of: measure) else { return "accuracy \(Format.percent(summary.accuracy))" }
        return "\(measure.words) \(Format.figure(value, measure))"
    }

    private func finish(_ report: FinishReport) {
        if let lastEvaluation, lastEvaluation.classes.count <= 20 { Self.classTable(lastEvaluation).forEach(printLine) }
        let best = report.best.map { "; best \(deciding($0.summary)) after step \($0.step)" } ?? ""
        if let count = report.fruitlessEvaluations {
            printLine("ended early: \(Format.count(count, "evaluation")) in a row brought nothing better (training.patience)")
        }
        printLine("finished \(Format.count(report.step, "step")) in \(Format.duration(report.seconds))\(best)")
        if let facts, facts.ranks > 1, hiddenSeconds + exposedSeconds > 0 {
            printLine(
                "gradient sums took \(Format.seconds(hiddenSeconds + exposedSeconds)), of which backward hid "
                    + "\(Format.share(hiddenSeconds / (hiddenSeconds + exposedSeconds)))")
        }
        if let results { printLine("everything is in \(results): report.html, metrics.jsonl, predictions.csv, checkpoints") }
    }

    private static func classTable(_ evaluation: Evaluation) -> [String] {
        func cell(_ value: Double?) -> String { value.map(Format.percent) ?? "–" }
        let several = evaluation.hasSeveral
        var table = TextTable(
            [.right("class"), .right("images"), .right("precision"), .right("recall")]
                + (several ? [.right("F1"), .right("average precision"), .right("from")] : []))
        // One long name does not push every row.
        for row in evaluation.classMetrics {
            table.add(
                [row.name.fitted(to: longestName), "\(row.images)", cell(row.precision), cell(row.recall)]
                    + (several ? [cell(row.f1), cell(row.averagePrecision), cell(row.threshold.map(Double.init))] : []))
        }
        return table.lines()
    }

    private static let longestName = 32

    private func printLine(_ text: String) { line.printAbove(text) }
}

/// An exponential moving average that starts with its first value.
struct MovingAverage {
    private(set) var value = 0.0
    private var isEmpty = true

    mutating func add(_ next: Double) {
        value = isEmpty ? next : 0.8 * value + 0.2 * next
        isEmpty = false
    }
}
