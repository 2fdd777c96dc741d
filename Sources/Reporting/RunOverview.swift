// The few numbers that say what a run is and how it stands.
import Foundation
import Tensors
import Training

struct RunOverview {
    /// How a run stands, in words.
    enum State {
        case running, finished(String), stopped(String), failed(String)

        fileprivate var words: String {
            switch self {
            case .running: "running"
            case .finished(let words), .stopped(let words), .failed(let words): words
            }
        }

        fileprivate var kind: String {
            switch self {
            case .running, .stopped: "state"
            case .finished: "state good"
            case .failed: "state bad"
            }
        }
    }

    let facts: RunFacts?
    let history: RunHistory
    let best: BestResult?
    let state: State

    private typealias Card = (title: String, value: String, detail: String)

    /// The state, beneath the headline.
    var lead: String { "<p class=\"\(state.kind)\">\(escaped(state.words))</p>" }

    var html: String {
        let cards = (results + work + (facts.map(network) ?? [])).map { card in
            "<div><dt>\(escaped(card.title))</dt><dd class=\"v\">\(breakable(card.value))</dd><dd class=\"d\">\(escaped(card.detail))</dd></div>"
        }
        return "<dl class=\"cards\">\(cards.joined(separator: "\n"))</dl>\n\(progress)"
    }

    /// A network's name is long, and best broken where it has a line.
    private func breakable(_ text: String) -> String { escaped(text).replacing("_", with: "_<wbr>") }

    private var results: [Card] {
        var cards: [Card] = []
        let measure = facts?.settings.bestBy ?? .accuracy
        if let best {
            let value = best.summary.value(of: measure) ?? best.summary.accuracy
            var detail = "after step \(best.step)"
            if measure == .accuracy, best.summary.images > 0 {
                let range = ShareInterval(best.summary.accuracy, of: best.summary.images)
                detail = "\(Format.percent(range.low)) to \(Format.percent(range.high)) (95 of 100), \(detail)"
            }
            cards.append(("best \(measure.words)", Format.figure(value, measure), detail))
        }
        if let last = history.evaluations.last {
            cards.append(
                (
                    "validation loss", Format.loss(last.summary.loss),
                    "accuracy \(Format.percent(last.summary.accuracy)), after step \(last.step)"
                ))
        }
        if let loss = history.smoothed(history.losses).last { cards.append(("training loss", Format.loss(loss.y), "smoothed")) }
        return cards
    }

    private var work: [Card] {
        let step = Int(history.losses.last?.x ?? 0)
        let epochs = history.firstSteps.keys.max().map { $0 + 1 } ?? 0
        var cards: [Card] = []
        if let facts {
            cards.append(
                ("epochs", "\(epochs) of \(facts.settings.epochs)", "\(step) of \(Format.count(facts.totalSteps, "step"))"))
        }
        cards.append(
            ("images a second", Format.rate(history.imagesPerSecond), "over \(Format.count(history.images, "image")) trained on"))
        cards.append(
            (
                "time", Format.duration(history.times.whole),
                "\(Format.duration(history.times.steps)) training, \(Format.duration(history.times.evaluations)) evaluating"
            ))
        return cards
    }

    private func network(_ facts: RunFacts) -> [Card] {
        [
            (
                "network", facts.identity.architecture,
                "\(facts.identity.classes.count) classes, \(Format.large(facts.trainedParameters)) of "
                    + "\(Format.large(facts.allParameters)) parameters trained"
            ),
            (
                "ranks", "\(facts.ranks)",
                "batch of \(facts.settings.batchSize), \(Format.bytes(facts.bytesPerStep)) in \(Format.count(facts.buckets, "bucket")) a step"
            ), ("images", "\(facts.trainingImages)", "to train, \(facts.validationImages) to validate"),
        ]
    }

    private var progress: String {
        guard let facts, case .running = state else { return "" }
        let step = Int(history.losses.last?.x ?? 0)
        return
            "<progress max=\"\(facts.totalSteps)\" value=\"\(step)\" aria-label=\"Steps\">\(step) of \(facts.totalSteps)</progress>"
    }
}
