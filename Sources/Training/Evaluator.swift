// Evaluates a split: every image exactly once, the same numbers for any number of ranks.
package import Collectives
import Foundation
package import ImageData
package import Tensors

/// Which ranks evaluate.
package enum EvaluationRanks: Sendable, Equatable {
    /// Rank 0 alone; the others wait.
    case root
    /// Every rank a contiguous share.
    case all
}

/// Runs a replica in inference mode over a split.
package struct Evaluator {
    package let samples: SampleList
    private let source: any BatchSource
    /// Images a batch: at most the capacities of the source and of the replica's inference plan.
    private let batchSize: Int
    let ranks: EvaluationRanks
    /// Epoch v of the source brings view v of each image.
    private let views: Int
    private let unreadableLimit: Double
    private let loss: LossKind
    private let thresholds: [Float]?
    /// Whether what the head sees of some images is kept, where the replica tells it.
    package var keepsFeatures = false

    /// More photographs than a report shows.
    private static let pictured = 100

    /// - Parameters:
    ///   - views: of each image: its probabilities are their mean.
    ///   - unreadableLimit: the fraction of the images that may be unreadable.
    ///   - loss: whether images are of one class each, or of any number.
    ///   - thresholds: see `Evaluation`.
    package init(
        samples: SampleList, source: any BatchSource, batchSize: Int, ranks: EvaluationRanks = .root, views: Int = 1,
        unreadableLimit: Double = 1, loss: LossKind = .crossEntropy, thresholds: [Float]? = nil
    ) {
        precondition(batchSize > 0 && views > 0, "a batch holds at least one image, and each has a view")
        self.views = views
        self.samples = samples
        self.source = source
        self.batchSize = batchSize
        self.ranks = ranks
        self.unreadableLimit = unreadableLimit
        (self.loss, self.thresholds) = (loss, thresholds)
    }

    /// Evaluates. Every rank calls it; rank 0 gets the result, the others nil.
    ///
    /// - Parameter progress: hears after each batch how many of this rank's images are done, and of how many.
    ///
    /// Throws `StoppedEarly` on all ranks if one is asked to stop, `TrainingError.tooManyUnreadable`, and what the source and the communicator throw.
    package func evaluate(
        _ replica: any Classifier, _ communicator: any Communicator, stop: StopFlag = StopFlag(),
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> Evaluation? {
        let rounds = SharedWork(communicator, stop)
        let share =
            switch ranks {
            case .root: communicator.isRoot ? 0..<samples.count : 0..<0
            case .all: Shard.range(of: samples.count, rank: communicator.rank, ranks: communicator.size)
            }
        var features = KeptFeatures(of: keepsFeatures ? samples.count : 0)
        let (predictions, unreadable) = try predict(share, replica, rounds, progress, &features)
        if try rounds.finish() { throw StoppedEarly() }
        switch ranks {
        case .root: return communicator.isRoot ? try evaluation(predictions, unreadable, features) : nil
        case .all:
            let packed = PredictionPacking.pack(predictions, unreadable, classCount: replica.classCount)
            // Shares are contiguous and in rank order: put together they are in sample order.
            let parts = try communicator.gather(packed).map {
                try PredictionPacking.unpack(
                    $0, classCount: replica.classCount, isOfSeveral: loss == .binaryCrossEntropy, samples: samples)
            }
            if keepsFeatures { features = try features.gathered(over: communicator) }
            let result = try evaluation(parts.flatMap(\.predictions), parts.flatMap(\.unreadable), features)
            return communicator.isRoot ? result : nil
        }
    }

    private func predict(
        _ range: Range<Int>, _ replica: any Classifier, _ rounds: SharedWork, _ progress: (Int, Int) -> Void,
        _ features: inout KeptFeatures
    ) throws -> (predictions: [SamplePrediction], unreadable: [UnreadableSample]) {
        let batches = stride(from: range.lowerBound, to: range.upperBound, by: batchSize).map {
            Array($0..<min($0 + batchSize, range.upperBound))
        }
        guard !batches.isEmpty else { return ([], []) }
        var predictions: [SamplePrediction] = []
        var unreadable: [UnreadableSample] = []
        for view in 0..<views {
            try source.order(batches, epoch: view)
            var seen: [SamplePrediction] = []
            seen.reserveCapacity(range.count)
            for number in batches.indices {
                if try rounds.isStopped() { return (predictions, unreadable) }
                defer { progress(view * range.count + min((number + 1) * batchSize, range.count), views * range.count) }
                let batch = try source.next()
                if view == 0 { unreadable += batch.unreadable }
                guard batch.count > 0 else { continue }
                let logits = try replica.logits(of: batch)
                if view == 0, let told = replica.headInputs { features.add(told, of: batch) }
                for position in 0..<batch.count {
                    let scores = logits[position * replica.classCount..<(position + 1) * replica.classCount]
                    seen.append(prediction(batch.samples[position], UnsafeBufferPointer(rebasing: scores)))
                }
            }
            predictions = view == 0 ? seen : zip(predictions, seen).map { $0.added($1) }
        }
        return (views == 1 ? predictions : predictions.map { $0.mean(of: views) }, unreadable)
    }

    private func prediction(_ sample: Int, _ scores: UnsafeBufferPointer<Float>) -> SamplePrediction {
        switch loss {
        case .crossEntropy: SamplePrediction(sample: sample, label: samples.labels[sample], logits: scores)
        case .binaryCrossEntropy: SamplePrediction(sample: sample, labels: samples.classes(of: sample), logits: scores)
        }
    }

    private func evaluation(
        _ predictions: [SamplePrediction], _ unreadable: [UnreadableSample], _ features: KeptFeatures
    ) throws -> Evaluation {
        let missing = samples.count - predictions.count
        guard !predictions.isEmpty else { throw TrainingError.emptySplit(samples.split) }
        if Double(missing) > unreadableLimit * Double(samples.count) {
            throw TrainingError.tooManyUnreadable(
                split: samples.split, limit: unreadableLimit, total: samples.count,
                images: unreadable.filter { !$0.isUsed })
        }
        var evaluation = Evaluation(
            classes: samples.classes, predictions: predictions, unreadable: unreadable, paths: Array(samples.paths),
            thresholds: thresholds)
        evaluation.familiarity = Familiarity(features: features.values, width: features.width)
        if samples.isOfShards {
            let worst = predictions.sorted { $0.loss > $1.loss }.prefix(Self.pictured)
            evaluation.archived = Dictionary(uniqueKeysWithValues: worst.map { ($0.sample, samples.part(of: $0.sample)) })
        }
        return evaluation
    }
}

/// What the head saw of some images of a split, chosen by their place: the same whichever rank saw them.
private struct KeptFeatures {
    private let step: Int
    private(set) var width = 0
    /// In the order of images.
    private(set) var values: [Float] = []

    /// - Parameter images: of the split; 0 keeps nothing.
    init(of images: Int) { step = Familiarity.step(ofImages: images) }

    mutating func add(_ told: (width: Int, values: UnsafeBufferPointer<Float>), of batch: Batch) {
        guard step > 0 else { return }
        width = told.width
        for position in 0..<batch.count where batch.samples[position] % step == 0 {
            values += UnitVectors.normalized(
                UnsafeBufferPointer(rebasing: told.values[position * width..<(position + 1) * width]))
        }
    }

    /// Those of all ranks, in their order.
    func gathered(over communicator: any Communicator) throws -> KeptFeatures {
        var all = self
        let parts = try communicator.gather(values.withUnsafeBytes { [UInt8]($0) })
        all.values = parts.flatMap { part in part.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } }
        all.width = Int(
            try communicator.gather(withUnsafeBytes(of: width) { [UInt8]($0) }).map {
                $0.withUnsafeBytes { $0.loadUnaligned(as: Int.self) }
            }.max() ?? 0)
        return all
    }
}
