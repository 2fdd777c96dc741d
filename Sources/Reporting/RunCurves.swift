// How a run went, as curves over its steps, and where its time went.
import Foundation
import Tensors
import Training

struct RunCurves {
    let history: RunHistory
    let phases: [RunPhase]
    /// By what the best checkpoint is chosen.
    let measure: EvaluationMeasure
    let hasValidation: Bool

    var html: String {
        func validation(_ value: (EvaluationSummary) -> Double?) -> RunHistory.Points {
            history.evaluations.compactMap { entry in value(entry.summary).map { (x: Double(entry.step), y: $0) } }
        }
        let smoothing = String(format: "%g", history.smoothing)
        let accuracies =
            [
                SVGPlot.Series(name: "validation accuracy", points: validation { $0.accuracy }, isMarked: true),
                .init(name: "training accuracy", points: history.trainingAccuracies, isMarked: true),
            ]
            + ([.accuracy, .loss].contains(measure)
                ? [] : [.init(name: "validation \(measure.words)", points: validation { $0.value(of: measure) }, isMarked: true)])
        let plots = [
            plot(
                "Loss",
                [
                    .init(name: "training loss, each step", points: history.losses, look: .faint),
                    .init(
                        name: "training loss, smoothed", points: history.smoothed(history.losses), colour: 0),
                    .init(name: "validation loss", points: validation { $0.loss }, isMarked: true, colour: 1),
                ]), plot("Accuracy", accuracies, isPercent: true),
            plot("Learning rate", [.init(name: "learning rate", points: history.learningRates)]),
            plot(
                "Speed",
                [
                    .init(name: "images a second, each step", points: history.rates, look: .faint),
                    .init(name: "smoothed", points: history.smoothed(history.rates), colour: 0),
                ]),
        ]
        let warning =
            hasValidation
            ? ""
            : "<p>There are no validation images: nothing tells how well the network does on photographs that it was not trained on.</p>\n"
        let note =
            "<p class=\"soft\">Smoothed lines keep \(smoothing) of their value from step to step (exponential smoothing).</p>"
        return "\(warning)<div class=\"plots\">\((plots + [times]).joined(separator: "\n"))</div>\n\(note)"
    }

    private func plot(_ title: String, _ series: [SVGPlot.Series], isPercent: Bool = false) -> String {
        SVGPlot(title: title, horizontal: "step", series: series, isPercent: isPercent, marks: marks).html
    }

    /// Where each phase but the first begins, as far as there are steps of it.
    private var marks: [(x: Double, words: String)] {
        phases.dropFirst().compactMap { phase in
            history.firstSteps[phase.epochsBefore].map { (x: Double($0), words: phase.words) }
        }
    }

    /// One bar of what the time went into.
    private var times: String {
        let times = history.times
        guard times.whole > 0 else { return "" }
        let parts = [
            ("computing", times.computing), ("waiting for data", times.data), ("waiting for sums of gradients", times.sums),
            ("evaluating", times.evaluations),
        ].enumerated().filter { $1.1 > 0 }
        let words = parts.map { "\($1.0) \(Format.duration($1.1)) (\(Format.share($1.1 / times.whole)))" }
        let spans = parts.map {
            "<span class=\"s\($0)\" style=\"width:\(String(format: "%.2f", $1.1 / times.whole * 100))%\"></span>"
        }
        let legend = zip(parts, words).map { "<li class=\"s\($0.offset)\">\($1)</li>" }
        return
            "<figure class=\"plot\"><figcaption><h3>Where the time went</h3><ul>\(legend.joined())</ul></figcaption>"
            + "<div class=\"bar\" role=\"img\" aria-label=\"\(words.joined(separator: ", "))\">\(spans.joined())</div></figure>"
    }
}
