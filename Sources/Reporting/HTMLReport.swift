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
    private let phases: [RunPhase]
    private var facts: RunFacts?
    private var history = RunHistory()
    private var latest: EvaluationReport?
    /// What the latest evaluation has to tell.
    private var results: [HTMLPage.Section] = []
    private var looks: [Int: MistakeLook] = [:]
    private var map: FeatureMap?
    private var best: BestResult?
    private var unreadable: [String] = []
    private var state = RunOverview.State.running
    private var hasWarned = false

    /// - Parameters:
    ///   - metrics: the run's `metrics.jsonl`, from which a resumed run takes the curves of its beginning. Its observer must
    ///   stand before this one.
    ///   - phases: where the run has several, so that curves mark their beginnings.
    package init(path: String, metrics: String, phases: [RunPhase] = []) {
        (self.path, self.metrics, self.phases) = (path, metrics, phases)
    }

    package func observe(_ event: TrainingEvent) {
        switch event {
        case .started(let facts):
            self.facts = facts
            best = facts.progress.best
            if facts.progress.step > 0 { history = RunHistory(metrics: ReportFile(path: metrics).lines) }
        case .step(let report): history.add(report)
        case .unreadable(let sample, _): unreadable.append("\(sample)")
        case .evaluation(let report):
            history.add(step: report.step, report.summary, seconds: report.seconds)
            if report.isBest { best = BestResult(step: report.step, summary: report.summary) }
            map = FeatureMap(report.evaluation, after: map)
            (latest, looks) = (report, [:])
            results = sections(report)
            write()
        case .stopped(let step):
            state = .stopped("stopped after step \(step)")
            write()
        case .finished(let report):
            state = .finished("finished after \(Format.count(report.step, "step")) in \(Format.duration(report.seconds))")
            write()
        case .failed(let words):
            state = .failed("ended with an error: \(words)")
            write()
        case .epoch(let report): history.add(step: report.step, trainingAccuracy: report.accuracy)
        case .checkpoint: break
        }
    }

    /// The mistakes that the page shows, the worst first, with the step after which they were made.
    package var mistakes: (step: Int, evaluation: Evaluation, predictions: [SamplePrediction])? {
        latest.map { ($0.step, $0.evaluation, WorstMistakes.chosen(from: $0.evaluation)) }
    }

    /// Adds what a closer look at mistakes has found, by the sample's number in its split.
    package func add(_ looks: [Int: MistakeLook]) {
        guard let latest, !looks.isEmpty else { return }
        self.looks = looks
        results = sections(latest)
        write()
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
        let overview = RunOverview(facts: facts, history: history, best: best, state: state)
        let curves = RunCurves(
            history: history, phases: phases, measure: facts?.settings.bestBy ?? .accuracy,
            hasValidation: facts?.validationImages != 0)
        var sections = [
            HTMLPage.Section(title: "Overview", body: overview.html), .init(title: "Curves", body: curves.html),
        ]
        sections += results
        sections.append(.init(title: "Data", body: DataNotes(facts, latest?.evaluation, unreadable: unreadable).html))
        return HTMLPage(title: facts?.identity.name ?? "run", lead: overview.lead, sections: sections).text
    }

    private func sections(_ report: EvaluationReport) -> [HTMLPage.Section] {
        let (evaluation, tables) = (report.evaluation, ClassTables(report.evaluation))
        var sections: [HTMLPage.Section] = []
        if !evaluation.hasSeveral { sections.append(.init(title: "Confusion", body: tables.confusion)) }
        sections.append(.init(title: "Classes", body: tables.classes))
        sections.append(.init(title: "Ranking", body: RankCurves(evaluation).html))
        if !evaluation.hasSeveral { sections.append(.init(title: "Calibration", body: ReliabilityDiagram(report).html)) }
        if let map { sections.append(.init(title: "Map", body: map.html)) }
        sections.append(.init(title: "Worst mistakes", body: WorstMistakes(evaluation, looks).html))
        let note = "<p class=\"soft\">From here to the data: what the evaluation after step \(report.step) found.</p>\n"
        sections[0] = HTMLPage.Section(title: sections[0].title, body: note + sections[0].body)
        return sections
    }
}
