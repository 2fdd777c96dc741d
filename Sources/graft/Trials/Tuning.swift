// Successive halving: all combinations train a little, the best of them more, the best of these for all epochs.
import Collectives
import Files
import Foundation
import Reporting
import RunConfiguration
import Tensors
import Training

/// A search over a grid of settings. Every rank does the same; rank 0 tells and writes.
struct Tuning {
    /// Of the combinations of a round, one of so many goes on; and its epochs are so many times as many.
    private static let factor = 3

    private let configuration: RunConfiguration
    private let base: RunConfiguration
    private let grid: TrialGrid
    private let isFull: Bool
    private let printsJSON: Bool
    private let communicator: any Communicator

    /// Throws `UserError` for configs that cannot be tuned, and `ConfigurationProblems` for a value that its key does not take.
    init(
        _ configuration: RunConfiguration, _ grid: TrialGrid, isFull: Bool, printsJSON: Bool, _ communicator: any Communicator
    ) throws {
        guard configuration.training.phases == nil else {
            throw UserError("training.phases: tune one part of a run at a time, without phases")
        }
        (self.configuration, self.grid, self.isFull, self.printsJSON) = (configuration, grid, isFull, printsJSON)
        self.communicator = communicator
        var base = configuration
        base.data.augmentation = .none
        self.base = base
        for settings in grid.combinations { _ = try Self.varied(configuration, settings) }
    }

    /// A config with some keys at other values.
    private static func varied(_ configuration: RunConfiguration, _ settings: [String]) throws -> RunConfiguration {
        try RunConfiguration.parse(
            configuration.yaml(), path: "the config", name: configuration.run.name, overrides: settings)
    }

    /// Epochs of each round and how many combinations it tries: the last round trains for all epochs.
    static func rounds(combinations: Int, epochs: Int, isFull: Bool) -> [(epochs: Int, count: Int)] {
        var (rounds, count, divisor) = ([(epochs: Int, count: Int)](), combinations, 1)
        if !isFull {
            var (left, most) = (combinations, epochs)
            while left > factor, most >= factor {
                (left, most, divisor) = ((left + factor - 1) / factor, most / factor, divisor * factor)
            }
        }
        while divisor >= 1 {
            rounds.append(((epochs + divisor - 1) / divisor, count))
            (count, divisor) = ((count + factor - 1) / factor, divisor / factor)
        }
        return rounds
    }

    func run(_ environment: [String: String], _ stop: StopFlag) throws {
        let combinations = grid.combinations
        let rounds = Self.rounds(combinations: combinations.count, epochs: base.training.epochs, isFull: isFull)
        let folder = RunFolder(folder: configuration.run.folder, name: "\(configuration.run.name)-tune")
        let opened = try communicator.isRoot ? folder.open(resuming: false) : nil
        try withExtendedLifetime(opened) {
            if communicator.isRoot {
                if let target = opened?.movedTo { say("note: the earlier search of this name is kept as \(target)") }
                try AtomicFile.write(Array(configuration.yaml().utf8), to: folder.configuration)
                if configuration.data.augmentation != .none {
                    say("note: tuning looks at photographs without augmentation; best.yaml keeps the config's")
                }
            }
            let trials = try Trials(base, communicator, environment, stop) { preparation in
                guard preparation.data?.validation != nil else {
                    throw UserError(
                        "tune compares evaluations, and the config names no validation images; data.validation_fraction: 0.2 does"
                    )
                }
            }
            var trained: [TrialRecord] = []
            var alive = combinations
            let total = rounds.reduce(0) { $0 + $1.count }
            for (number, round) in rounds.enumerated() {
                var own: [TrialRecord] = []
                for settings in alive {
                    var varied = try Self.varied(base, settings + ["training.epochs=\(round.epochs)"])
                    varied.evaluation.everyEpochs = min(varied.evaluation.everyEpochs, round.epochs)
                    let record = TrialRecord(settings, round: number, epochs: round.epochs, try trials.run(varied))
                    own.append(record)
                    if communicator.isRoot {
                        try tell(record, number: trained.count + own.count, of: total, folder, trained + own)
                    }
                }
                trained += own
                let order = own.sorted { isBetter($0, $1) }
                alive = order.prefix(number + 1 < rounds.count ? rounds[number + 1].count : order.count).map(\.settings)
            }
            if communicator.isRoot { try finish(trained, trials, folder) }
        }
    }

    private var measure: EvaluationMeasure { configuration.checkpoints.best }

    /// Whether a training of the same round came to more; of equals the earlier.
    private func isBetter(_ one: TrialRecord, _ other: TrialRecord) -> Bool {
        if one.round != other.round { return one.round > other.round }
        guard let own = one.result.best else { return false }
        guard let theirs = other.result.best else { return true }
        return own.isBetter(than: theirs, by: measure)
    }

    private func tell(
        _ record: TrialRecord, number: Int, of total: Int, _ folder: RunFolder, _ all: [TrialRecord]
    ) throws {
        let lines = try all.map { try $0.jsonLine(measure) + "\n" }
        try AtomicFile.write(Array(lines.joined().utf8), to: "\(folder.path)/results.jsonl")
        if printsJSON { return print(try record.jsonLine(measure)) }
        let outcome = record.result.best.map {
            "\(measure.words) \(record.value(measure).map { Format.figure($0, measure) } ?? "–")  loss \(String(format: "%.4f", $0.loss))"
        }
        print(
            "\(number)/\(total)  \(record.epochs) \(record.epochs == 1 ? "epoch" : "epochs")  \(record.settings.joined(separator: " "))  "
                + "\(outcome ?? "diverged")  \(String(format: "%.1f", record.result.seconds)) s")
    }

    private func finish(_ trained: [TrialRecord], _ trials: Trials, _ folder: RunFolder) throws {
        let order = trained.sorted { isBetter($0, $1) }
        guard let best = order.first, best.result.best != nil else {
            throw UserError("every training diverged; try lower rates")
        }
        var chosen = try Self.varied(configuration, best.settings)
        chosen.run.name = "\(configuration.run.name)-best"
        let path = "\(folder.path)/best.yaml"
        try AtomicFile.write(Array(chosen.yaml().utf8), to: path)
        let columns = grid.axes.map(\.key) + ["epochs", measure.words, "loss", "seconds"]
        let rows = order.map { record in
            record.values + [
                "\(record.epochs)", record.value(measure).map { Format.figure($0, measure) } ?? "diverged",
                record.result.best.map { String(format: "%.4f", $0.loss) } ?? "–", String(format: "%.1f", record.result.seconds),
            ]
        }
        let summary =
            "best: \(best.settings.joined(separator: " ")), \(measure.words) \(best.value(measure).map { Format.figure($0, measure) } ?? "")"
        try SearchPage(
            title: "\(configuration.run.name): settings that were tried", summary: summary, measure: measure.words,
            keys: grid.axes.indices.map { (grid.axes[$0].key, bars($0, order, best)) }, columns: columns, rows: rows
        ).write(to: folder.report)
        if printsJSON { return print(try TrialRecord.bestLine(best, path, measure)) }
        var table = TextTable(columns.enumerated().map { $0 < grid.axes.count ? .left($1) : .right($1) })
        rows.forEach { table.add($0) }
        print("")
        table.lines().forEach { print($0) }
        print("photographs, weights and features took \(String(format: "%.1f", trials.preparationSeconds)) s")
        print("\(summary)\ntrain with it: graft train \(path)\na plot for each key: \(folder.report)")
    }

    /// The values of a key, each with the best of the trainings that had it and came furthest.
    private func bars(_ axis: Int, _ order: [TrialRecord], _ best: TrialRecord) -> [SearchPage.Value] {
        let tops = grid.axes[axis].values.map { value in order.first { $0.values[axis] == value } }
        let found = tops.compactMap { $0?.value(measure) }
        let (least, most) = (found.min() ?? 0, found.max() ?? 1)
        return zip(grid.axes[axis].values, tops).map { text, top in
            let value = top?.value(measure)
            // From a quarter on: the worst is something too. A loss is better the lower it is.
            let place = value.map { most > least ? ($0 - least) / (most - least) : 1 }
            let share = place.map { 0.25 + 0.75 * (measure == .loss && most > least ? 1 - $0 : $0) }
            return SearchPage.Value(
                text: text, share: share, label: value.map { Format.figure($0, measure) } ?? "diverged",
                isBest: best.values[axis] == text)
        }
    }
}
