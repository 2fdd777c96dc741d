// report.html: one page that says how a run went. Everything is in the file: it can be mailed or archived as it is.
internal import Tensors
import Files
import Foundation
import ImageData
package import Training

/// Writes the report at every evaluation and at the run's end.
package final class HTMLReport: TrainingObserver {
    private let path: String
    private let metrics: String
    private var facts: RunFacts?
    private var history = RunHistory()
    private var latest: EvaluationReport?
    private var best: BestResult?
    private var unreadable: [String] = []
    private var ending = "running"
    private var hasWarned = false

    /// - Parameter metrics: the run's `metrics.jsonl`, from which a resumed run takes the curves of its beginning. Its observer must
    ///   stand before this one.
    package init(path: String, metrics: String) {
        self.path = path
        self.metrics = metrics
    }

    package func observe(_ event: TrainingEvent) {
        switch event {
        case .started(let facts):
            self.facts = facts
            best = facts.progress.best
            if facts.progress.step > 0 { history = RunHistory(metrics: ReportFile(path: metrics).lines) }
        case .step(let report): history.add(step: report.step, loss: report.loss, imagesPerSecond: report.imagesPerSecond)
        case .unreadable(let sample, _): unreadable.append("\(sample)")
        case .evaluation(let report):
            history.add(step: report.step, report.summary)
            if report.isBest { best = BestResult(step: report.step, summary: report.summary) }
            latest = report
            write()
        case .stopped(let step):
            ending = "stopped after step \(step)"
            write()
        case .finished(let report):
            ending = "finished after \(Format.count(report.step, "step")) in \(Format.duration(report.seconds))"
            write()
        case .failed(let words):
            ending = "ended with an error: \(words)"
            write()
        case .epoch, .checkpoint: break
        }
    }

    private func write() {
        do {
            try AtomicFile.write(Array(page.utf8), to: path)
        } catch  where !hasWarned {
            hasWarned = true
            FileHandle.standardError.write(Data("warning: \(error)\n".utf8))
        } catch {}
    }

    private var page: String {
        let title = escaped(facts?.identity.name ?? "run")
        var sections = [
            "<h1>\(title)</h1>", summary,
            SVGPlot(
                title: "Loss", horizontal: "step",
                series: [
                    .init(name: "training loss", points: history.losses),
                    .init(name: "validation loss", points: history.validationLosses, isMarked: true),
                ]
            ).svg,
            facts?.validationImages == 0
                ? "<p>There are no validation images: nothing tells how well the network does on photographs that it was not trained on."
                    + "</p>"
                : SVGPlot(
                    title: "Accuracy", horizontal: "step",
                    series: [.init(name: "validation accuracy", points: history.accuracies, isMarked: true)], isPercent: true
                ).svg,
            SVGPlot(title: "Speed", horizontal: "step", series: [.init(name: "images a second", points: history.rates)]).svg,
        ]
        if let latest {
            sections.append(HTMLTables.classes(latest.evaluation))
            if !latest.evaluation.hasSeveral { sections.append(HTMLTables.confusion(latest.evaluation)) }
            if !latest.evaluation.hasSeveral { sections.append(ReliabilityDiagram(latest).html) }
            sections.append(HTMLTables.worst(latest.evaluation))
        }
        if !unreadable.isEmpty {
            let items = unreadable.map { "<li>\(escaped($0))</li>" }.joined(separator: "\n")
            sections.append("<h2>Images that could not be read</h2>\n<ul>\(items)</ul>")
        }
        return HTMLPage.text(title: title, sections)
    }

    private var summary: String {
        var rows: [(String, String)] = [("state", ending)]
        if let facts {
            rows.append(("network", "\(facts.identity.architecture), \(facts.identity.classes.count) classes"))
            rows.append(("images", "\(facts.trainingImages) to train, \(facts.validationImages) to validate"))
            rows.append(("ranks", "\(facts.ranks), batch of \(facts.settings.batchSize)"))
            rows.append(
                ("trained", "\(Format.large(facts.trainedParameters)) of \(Format.large(facts.allParameters)) parameters"))
            rows.append(("sent a step", "\(Format.bytes(facts.bytesPerStep)) in \(Format.count(facts.buckets, "bucket"))"))
        }
        if let best {
            let measure = facts?.settings.bestBy ?? .accuracy
            let value = best.summary.value(of: measure) ?? best.summary.accuracy
            rows.append(
                (
                    "best \(measure.words)",
                    "\(Format.figure(value, measure)) after step \(best.step)"
                ))
        }
        let cells = rows.map { "<tr><th>\(escaped($0.0))</th><td>\(escaped($0.1))</td></tr>" }
        return "<table>\(cells.joined(separator: "\n"))</table>"
    }
}
