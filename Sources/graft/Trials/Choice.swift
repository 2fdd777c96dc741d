// Comparing networks, and cuts between frozen and trained layers, on one's own photographs: accuracy by cross-validation on features,
// seconds to train, images a second to predict, memory, bytes to send.
import Collectives
import Execution
import Files
import Foundation
import Graphs
import ImageData
import Networks
import Optimization
import PlanReports
import Reporting
import RunConfiguration
import Tensors
import Training

/// A network with its weights and what of it trains.
struct ChoiceCandidate {
    let network: String
    let weights: String
    let unfrozen: RunConfiguration.UnfrozenLayers
    /// Names of the layers that train besides the head.
    let layers: [String]
}

/// What a candidate came to.
struct ChoiceRecord {
    let candidate: ChoiceCandidate
    let accuracy: ResampledMean
    let trainSeconds: Double
    let predictRate: Double
    let memoryBytes: Int
    let bytesPerStep: Int
    var isOnFront = false

    private struct Interval: Encodable {
        let mean: Double
        let low: Double
        let high: Double
    }

    private struct Line: Encodable {
        let kind = "candidate"
        let network: String
        let weights: String
        let unfrozen: [String]
        let accuracy: Interval
        let trainSeconds: Double
        let predictImagesPerSecond: Double
        let memoryBytes: Int
        let bytesPerStep: Int
        let onFront: Bool
    }

    func jsonLine() throws -> String {
        try Line(
            network: candidate.network, weights: candidate.weights, unfrozen: candidate.layers,
            accuracy: Interval(mean: accuracy.mean, low: accuracy.low, high: accuracy.high), trainSeconds: trainSeconds,
            predictImagesPerSecond: predictRate, memoryBytes: memoryBytes, bytesPerStep: bytesPerStep, onFront: isOnFront
        ).jsonLine()
    }
}

/// Tries candidates one after the other. Every rank does the same; rank 0 tells and writes.
struct Choice {
    enum Cuts: String, CaseIterable {
        /// The head alone.
        case none
        /// Also the last block.
        case auto
        /// Every cut between two blocks.
        case all
    }

    let configuration: RunConfiguration
    /// Each with its weights; nil for those that the config implies.
    let networks: [(name: String, weights: String?)]
    let cuts: Cuts
    /// Seconds for all of them: what would not be over by then is not begun.
    let limit: Double?
    let folds: Int
    let printsJSON: Bool
    let communicator: any Communicator

    private var measure: EvaluationMeasure {
        configuration.checkpoints.best == .loss ? .accuracy : configuration.checkpoints.best
    }

    /// Throws `UserError` for a network whose weights nobody named.
    private func candidates() throws -> [ChoiceCandidate] {
        guard configuration.training.phases == nil else {
            throw UserError("training.phases: choose for one part of a run at a time, without phases")
        }
        let own = configuration.network
        let names = networks.isEmpty ? [(name: own.architecture, weights: nil)] : networks
        return try names.flatMap { name, stated -> [ChoiceCandidate] in
            let entry = try NetworkCatalog.entry(named: name)
            let weights: String
            switch (stated, own.weightsOrigin) {
            case (let stated?, _): weights = stated
            case (nil, .torchvision): weights = "torchvision"
            case (nil, .random): weights = "random"
            case (nil, .file(let path)), (nil, .hub(let path)):
                guard entry.name == own.architecture else {
                    throw UserError("--networks \(name): say where its weights are: \(name)=FILE, or \(name)=torchvision")
                }
                weights = path
            }
            let blocks = entry.build(BuildOptions(classes: 2)).blocks
            let counts =
                switch cuts {
                case .none: [0]
                case .auto: [0, 1]
                case .all: Array(0..<blocks.count)
                }
            return counts.filter { $0 < blocks.count }.map { count in
                ChoiceCandidate(
                    network: entry.name, weights: weights, unfrozen: count == 0 ? [] : .last(count),
                    layers: blocks.suffix(count).flatMap(\.names))
            }
        }
    }

    func run(_ environment: [String: String], _ stop: StopFlag) throws {
        let candidates = try candidates()
        let folder = RunFolder(folder: configuration.run.folder, name: "\(configuration.run.name)-choice")
        let opened = try communicator.isRoot ? folder.open(resuming: false) : nil
        try withExtendedLifetime(opened) {
            if communicator.isRoot {
                if let target = opened?.movedTo { say("note: the earlier choice of this name is kept as \(target)") }
                try AtomicFile.write(Array(configuration.yaml().utf8), to: folder.configuration)
            }
            let start = monotonicNanoseconds()
            var elapsed: Double { Double(monotonicNanoseconds() - start) * 1e-9 }
            var records: [ChoiceRecord] = []
            var budget = ChoiceBudget(limit: limit, configuration, folds: folds)
            for (number, candidate) in candidates.enumerated() {
                // Rank 0's clock decides for all.
                let begin = elapsed
                let refusal = communicator.isRoot ? try budget.refusal(of: candidate, after: begin) : nil
                let isTried = try communicator.sum([refusal == nil ? 0 : 1])[0] == 0
                if communicator.isRoot {
                    say(
                        "candidate \(number + 1) of \(candidates.count): \(words(candidate))"
                            + (refusal.map { "; left out, since \($0)" } ?? ""))
                }
                guard isTried, let (record, images) = try measure(candidate, environment, stop) else { continue }
                records.append(record)
                try budget.note(candidate, images: images, seconds: elapsed - begin)
            }
            guard communicator.isRoot else { return }
            let points = records.map { [$0.accuracy.mean, $0.predictRate] }
            for index in records.indices { records[index].isOnFront = isOnFront(points[index], among: points) }
            try tell(records.sorted { $0.accuracy.mean > $1.accuracy.mean }, folder)
        }
    }

    private func words(_ candidate: ChoiceCandidate) -> String {
        candidate.network
            + (candidate.layers.isEmpty ? ", the head alone" : ", the head and \(candidate.layers.joined(separator: ", "))")
    }

    private func configured(_ candidate: ChoiceCandidate) -> RunConfiguration {
        var own = configuration
        (own.network.architecture, own.network.weights) = (candidate.network, candidate.weights)
        own.network.unfrozen = candidate.unfrozen
        return own
    }

    /// Returns the record on rank 0, and how many images there are.
    private func measure(
        _ candidate: ChoiceCandidate, _ environment: [String: String], _ stop: StopFlag
    ) throws -> (ChoiceRecord, images: Int)? {
        let base = CrossValidation.base(configured(candidate))
        let trials = try CrossValidation.trials(base, communicator, environment, stop) { preparation in
            if let least = preparation.samples.classCounts.min(), least < folds {
                throw UserError("--folds \(folds): a class has \(least) training images; each fold needs one")
            }
        }
        let cut = trials.cut(folds)
        var (found, seconds) = ([Double](), 0.0)
        for fold in 0..<folds {
            let parts = cut.parts(fold)
            let result = try trials.run(base, training: parts.training, held: parts.held)
            seconds += result.seconds
            if let last = result.last { found.append(last.summary.value(of: measure) ?? 0) }
        }
        let rate = try predictRate(trials.preparation)
        guard communicator.isRoot else { return nil }
        let network = trials.preparation.network
        let plan = network.trainingPlan()
        var setting = PlanSetting(classesFrom: "", batchSize: configuration.training.batchSize, buckets: [])
        setting.optimizerStates = OptimizerKind(configuration.optimizer).stateNames.count
        let memory = try PlanDescription(plan, setting).memory.totalBytes
        // A training of all images takes that much longer than one of a fold's.
        let own = seconds / Double(folds - 1)
        let record = ChoiceRecord(
            candidate: candidate, accuracy: ResampledMean(found, heldShare: 1 / Double(folds - 1)),
            trainSeconds: trials.preparationSeconds + own, predictRate: rate, memoryBytes: memory,
            bytesPerStep: plan.layout.count * MemoryLayout<Float>.stride)
        return (record, trials.preparation.samples.count)
    }

    /// Images a second from pixels to scores over all ranks, decoding left out.
    private func predictRate(_ preparation: Preparation) throws -> Double {
        let (capacity, repetitions) = (16, 3)
        let plan = preparation.network.plan(to: .logits, capacity: capacity, threads: preparation.placement.threads)
        let resources = try ProgramResources(
            store: preparation.store, threads: preparation.placement.threads, arenaBytes: plan.arenaBytes)
        let program = try Program(plan, resources)
        let images = AlignedBuffer(floatCount: capacity * preparation.network.graph.inputShape.count)
        let input = PassInput(entries: [images.base], count: capacity)
        program.forward(input)
        var times: [Double] = []
        for _ in 0..<repetitions {
            try communicator.barrier()
            let start = monotonicNanoseconds()
            program.forward(input)
            times.append(Double(monotonicNanoseconds() - start) * 1e-9)
        }
        return try communicator.sum([Double(capacity) / times.sorted()[repetitions / 2]])[0]
    }

    private func tell(_ records: [ChoiceRecord], _ folder: RunFolder) throws {
        guard let best = records.first else { throw UserError("no candidate was tried; give --within more time") }
        // The quickest of those that the best cannot be told from.
        let chosen =
            records.filter { $0.isOnFront && $0.accuracy.mean >= best.accuracy.low }.max { $0.predictRate < $1.predictRate }
            ?? best
        var config = configured(chosen.candidate)
        config.run.name = "\(configuration.run.name)-chosen"
        let path = "\(folder.path)/best.yaml"
        try AtomicFile.write(Array(config.yaml().utf8), to: path)
        let columns = [
            "network", "trains", measure.words, "95 of 100", "seconds to train", "predicts images/s", "memory", "sent a step",
            "front",
        ]
        let rows = records.map { record in
            [
                record.candidate.network,
                record.candidate.layers.isEmpty ? "head" : "head, \(record.candidate.layers.joined(separator: ", "))",
                String(format: "%.2f %%", record.accuracy.mean * 100),
                String(format: "%.2f to %.2f %%", record.accuracy.low * 100, record.accuracy.high * 100),
                String(format: "%.1f", record.trainSeconds), String(format: "%.0f", record.predictRate),
                Readable.bytes(record.memoryBytes), Readable.bytes(record.bytesPerStep), record.isOnFront ? "★" : "",
            ]
        }
        let (least, most) = (records.last?.accuracy.mean ?? 0, best.accuracy.mean)
        let fastest = records.map(\.predictRate).max() ?? 1
        func bars(_ share: (ChoiceRecord) -> Double, _ label: (ChoiceRecord) -> String) -> [SearchPage.Value] {
            records.map {
                SearchPage.Value(
                    text: words($0.candidate), share: share($0), label: label($0),
                    isBest: $0.candidate.network == chosen.candidate.network && $0.candidate.layers == chosen.candidate.layers)
            }
        }
        let summary =
            "chosen: \(words(chosen.candidate)): the quickest of those that the most accurate one cannot be told from; ★ marks candidates "
            + "than which none is both as quick and as accurate"
        try SearchPage(
            title: "\(configuration.run.name): networks that were tried", summary: summary, measure: measure.words,
            keys: [
                (
                    measure.words,
                    bars({ most > least ? 0.25 + 0.75 * ($0.accuracy.mean - least) / (most - least) : 1 }) {
                        String(format: "%.2f %%", $0.accuracy.mean * 100)
                    }
                ),
                ("images a second to predict", bars({ $0.predictRate / fastest }) { String(format: "%.0f", $0.predictRate) }),
            ], columns: columns, rows: rows
        ).write(to: folder.report)
        if printsJSON { return try records.forEach { print(try $0.jsonLine()) } }
        var table = TextTable(columns.enumerated().map { $0 < 2 || $0 == 8 ? .left($1) : .right($1) })
        rows.forEach { table.add($0) }
        table.lines().forEach { print($0) }
        print("\n\(summary)\ntrain with it: graft train \(path)\na page: \(folder.report)")
    }
}
