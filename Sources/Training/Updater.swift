// The working part of an update: passes, accumulation, overlapped sums, clipping, the optimizer. The loop keeps the books.
internal import Collectives
import ImageData
internal import Kernels
internal import Optimization
internal import Tensors

/// Makes updates. After start-up it allocates nothing but what unreadable images need.
final class Updater {
    /// What came out of an update.
    struct Result {
        /// Over all ranks.
        var sums: StepSums
        /// Images of this rank.
        var ownImages = 0
        /// Images that this rank could not read.
        var unreadable: [UnreadableSample] = []
        /// Before clipping; nil without clipping.
        var gradientNorm: Double?
        var seconds: Double
        var communication: GradientSynchronizer.Times
    }

    /// A mean cross-entropy that no training comes back from, though its weights may stay numbers for many more steps.
    private static let hopelessLoss = 1e6

    let buckets: GradientBuckets
    private let settings: TrainingSettings
    private let replica: any Replica
    let communicator: any Communicator
    private let source: any BatchSource
    private let optimizer: Optimizer
    private let stop: StopFlag
    private let synchronizer: GradientSynchronizer
    /// Where groups of images are computed alone.
    private let groups: GroupGradients?
    let gradients: UnsafeMutableBufferPointer<Float>
    private let extras: UnsafeMutableBufferPointer<Float>
    /// Gradients of the update's earlier passes.
    private let earlier: AlignedBuffer
    /// What rounding took from this rank's gradients so far and the next update adds; empty without compression.
    let rest: UnsafeMutableBufferPointer<Float>
    private let restMemory: AlignedBuffer
    /// The classes' weights of the present update; empty where all weigh alike.
    private let classWeights: AlignedBuffer
    private var previousCommunicationSeconds = 0.0

    init(_ parts: Trainer.Parts, _ stage: Stage) {
        (settings, replica, communicator, source) = (parts.settings, stage.replica, parts.communicator, stage.source)
        (optimizer, stop) = (stage.optimizer, parts.stop)
        let all = replica.gradientsWithExtras
        let count = replica.trained.count
        gradients = UnsafeMutableBufferPointer(rebasing: all[..<count])
        extras = UnsafeMutableBufferPointer(rebasing: all[count...])
        buckets = GradientBuckets(
            slots: replica.slots.map(\.range), count: count, bytes: stage.bucketBytes, extraCount: extras.count,
            separatesExtras: settings.compresses)
        restMemory = AlignedBuffer(floatCount: settings.compresses ? count : 0)
        rest = restMemory.floats
        synchronizer = GradientSynchronizer(
            buckets: buckets, values: all, communicator: communicator, overlaps: settings.overlap,
            rest: settings.compresses ? rest : nil)
        groups =
            settings.group == nil
            ? nil
            : GroupGradients(
                slots: replica.slots.map(\.range), gradients: gradients,
                // Synchronised statistics are the same for all groups.
                statistics: replica.joinsImages ? .init(start: nil, count: 0) : replica.statistics, communicator)
        classWeights = AlignedBuffer(floatCount: settings.classWeights?.count ?? 0)
        earlier = AlignedBuffer(floatCount: settings.accumulation > 1 ? count : 0)
    }

    /// Makes update `number`; with `isSaveDue` all ranks hear that this one wants a checkpoint after it. Throws `TrainingError.diverged`, on every rank alike, when loss, gradients or weights are no numbers.
    func make(
        _ update: EpochPlan.Update, number: Int, epoch: Int, learningRate: Double, isSaveDue: Bool
    ) throws -> Result {
        let start = monotonicNanoseconds()
        var result = Result(sums: StepSums(), seconds: 0, communication: .init(total: 0, exposed: 0))
        try runPasses(of: update, number: number, epoch: epoch, &result)
        result.sums.stopRequests = stop.isRequested ? 1 : 0
        result.sums.saveRequests = isSaveDue ? 1 : 0
        result.sums.communicationSeconds = previousCommunicationSeconds
        result.sums.write(to: extras, isExact: groups != nil)
        communicator.heartbeat.enter(.summing, step: number)
        result.communication = try synchronizer.finish()
        previousCommunicationSeconds = result.communication.exposed
        result.sums = StepSums(extras, isExact: groups != nil)
        let loss = result.sums.loss / Double(max(result.sums.images, 1))
        guard loss.isFinite, loss < Self.hopelessLoss else {
            throw TrainingError.diverged(step: number, .ofLoss(loss, replica))
        }
        communicator.heartbeat.enter(.computing, step: number)
        result.gradientNorm = try applyGradients(update, images: result.sums.images, number: number, learningRate: learningRate)
        result.seconds = seconds(since: start)
        return result
    }

    private func runPasses(of update: EpochPlan.Update, number: Int, epoch: Int, _ result: inout Result) throws {
        var pass = PassSettings(
            imageWeight: 1 / Float(update.imageCount), labelSmoothing: settings.labelSmoothing, seed: settings.seed, epoch: epoch)
        pass.focal = settings.focal
        pass.loss = settings.loss
        weighClasses(for: update, &pass)
        if let groups { return try runGroups(groups, of: update, number, pass, &result) }
        for index in update.passes.indices {
            let batch = try nextBatch(number, &result)
            let outcome: PassResult
            if index == update.passes.count - 1 {
                synchronizer.begin(adding: index > 0 ? UnsafePointer(earlierGradients) : nil)
                outcome = try replica.trainPass(batch, pass) { try synchronizer.add(completed: $0) }
            } else {
                outcome = try replica.trainPass(batch, pass) { _ in }
                keepGradients(isFirst: index == 0)
            }
            note(batch, &result)
            note(outcome, &result)
        }
    }

    /// The groups' passes, one after the other or side by side; what they bring is put together at the end.
    private func runGroups(
        _ groups: GroupGradients, of update: EpochPlan.Update, _ number: Int, _ pass: PassSettings, _ result: inout Result
    ) throws {
        let group = settings.group ?? 1
        groups.begin()
        for range in update.passes {
            let parts = EpochPlan.parts(of: range, rank: communicator.rank, size: communicator.size, group: group)
            if replica.joinsImages {
                try runSideBySide(parts.count, groups, number, pass, &result)
                continue
            }
            for _ in parts {
                let batch = try nextBatch(number, &result)
                let outcome = try replica.trainPass(batch, pass) { _ in }
                groups.keep(images: batch.count)
                note(batch, &result)
                note(outcome, &result)
            }
        }
        result.sums.loss = result.sums.loss.isFinite ? result.sums.loss : .nan
        synchronizer.begin(adding: nil)
        communicator.heartbeat.enter(.summing, step: number)
        try groups.put(togetherOf: update.passes.reduce(0) { $0 + EpochPlan.groupCount(of: $1.count, group) })
    }

    /// A rank without groups runs an empty one, since all meet within the pass.
    private func runSideBySide(
        _ count: Int, _ groups: GroupGradients, _ number: Int, _ pass: PassSettings, _ result: inout Result
    ) throws {
        var rooms: [Int] = []
        for index in 0..<count {
            let batch = try nextBatch(number, &result)
            replica.hold(batch, asGroup: index)
            rooms.append(groups.open(images: batch.count))
            note(batch, &result)
        }
        let outcomes = try replica.trainPasses(count, pass) { groups.keep($1, ofGroup: rooms[$0]) }
        for outcome in outcomes { note(outcome, &result) }
    }

    private func nextBatch(_ number: Int, _ result: inout Result) throws -> Batch {
        communicator.heartbeat.enter(.loading, step: number)
        let start = monotonicNanoseconds()
        let batch = try source.next()
        result.sums.dataSeconds += seconds(since: start)
        communicator.heartbeat.enter(.computing, step: number)
        return batch
    }

    private func note(_ outcome: PassResult, _ result: inout Result) {
        // Cut to a grid, on which the sum over groups and ranks is exact.
        result.sums.loss += groups == nil ? outcome.lossSum : StepSums.onGrid(outcome.lossSum)
        result.sums.correct += outcome.correct
    }

    private func note(_ batch: Batch, _ result: inout Result) {
        result.sums.images += batch.count
        result.sums.unreadable += batch.unreadable.count
        result.ownImages += batch.count
        result.unreadable += batch.unreadable
    }

    /// Scales the classes' weights so that dividing by the number of images gives the weighted mean, where there is one.
    private func weighClasses(for update: EpochPlan.Update, _ pass: inout PassSettings) {
        guard let weights = settings.classWeights else { return }
        let total = update.lossWeight ?? Double(update.imageCount)
        let scaled = classWeights.floats
        for index in weights.indices {
            scaled[index] = total > 0 ? Float(weights[index] * Double(update.imageCount) / total) : 0
        }
        pass.classWeights = UnsafePointer(scaled.baseAddress)
    }

    private func keepGradients(isFirst: Bool) {
        if isFirst {
            earlierGradients.update(from: UnsafePointer(start(of: gradients)), count: gradients.count)
        } else {
            let (sum, added) = (earlierGradients, start(of: gradients))
            for index in 0..<gradients.count { sum[index] += added[index] }
        }
    }

    /// Returns the norm of the gradients if it had to be known.
    private func applyGradients(
        _ update: EpochPlan.Update, images: Int, number: Int, learningRate: Double
    ) throws -> Double? {
        // Each image was weighted for the images that were expected: where some could not be read, this restores the exact mean.
        var scale: Float = images > 0 ? Float(update.imageCount) / Float(images) : 1
        var norm: Double?
        if let maximum = settings.clipNorm {
            let found = GradientClipping.norm(of: start(of: gradients), count: gradients.count, scale: scale)
            scale *= GradientClipping.factor(norm: found, maximumNorm: maximum)
            norm = found
        }
        let areFinite = optimizer.update(
            parameters: start(of: replica.trained), gradients: start(of: gradients), learningRate: learningRate,
            gradientScale: scale, updateNumber: number)
        replica.weightsChanged()
        guard areFinite else {
            let found = Divergence.inLayout(.gradients, of: gradients, replica) ?? .inState(replica, optimizer)
            guard let found else { preconditionFailure("the optimizer saw what is no number") }
            throw TrainingError.diverged(step: number, found)
        }
        return norm
    }

    private var earlierGradients: UnsafeMutablePointer<Float> { earlier.base.assumingMemoryBound(to: Float.self) }

    private func start(of values: UnsafeMutableBufferPointer<Float>) -> UnsafeMutablePointer<Float> {
        guard let base = values.baseAddress else { preconditionFailure("a network always has trained parameters") }
        return base
    }

    private func seconds(since start: UInt64) -> Double { Double(monotonicNanoseconds() - start) * 1e-9 }
}
