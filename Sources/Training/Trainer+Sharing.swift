// What ranks share between updates: the start-up agreement, running statistics, the comparison of weights, evaluations, saves.
internal import Collectives
internal import Execution
import Files
import Foundation
internal import Graphs
import ImageData
internal import Optimization
internal import Tensors
internal import WeightFiles

extension Trainer {
    /// Compares everything that must be the same on all ranks, before a stage's first update. Throws `TrainingError.ranksDisagree`.
    func agree() throws {
        guard parts.samples.count > 0 else { throw TrainingError.emptySplit(parts.samples.split) }
        parts.communicator.heartbeat.enter(.starting, step: progress.step)
        var agreement = parts.agreement
        agreement.add("training settings", digestOf: ["\(parts.settings)", "\(stage.schedule)", "\(stage.optimizer.kind)"])
        if let computation = stage.computation {
            agreement.add("element types and ranges", value: "\(computation.prefix) \(computation.ranges?.digest ?? 0)")
        }
        agreement.add("class list", digestOf: parts.identity.classes)
        agreement.add("list of training files", value: parts.identity.filesDigest)
        agreement.add("number of training images", value: "\(parts.samples.count)")
        agreement.add("list of trained parameters", digestOf: stage.replica.trainedNames)
        agreement.add("gradient layout", digestOf: stage.replica.slots.flatMap { [$0.range.lowerBound, $0.range.upperBound] })
        agreement.add("cut of the gradient buckets", digestOf: updater.buckets.ranges.flatMap { [$0.lowerBound, $0.upperBound] })
        agreement.add("set of weights", value: weightsChecksum)
        agreement.add("starting point", value: "step \(progress.step), epoch \(progress.epoch)")
        try agreement.check(parts.communicator)
    }

    var facts: RunFacts {
        let (settings, replica) = (parts.settings, stage.replica)
        let perEpoch = EpochPlan.updateCount(
            sampleCount: parts.samples.count, batchSize: settings.batchSize, accumulation: settings.accumulation)
        return RunFacts(
            identity: parts.identity, settings: settings, trainingImages: parts.samples.count,
            trainingCounts: parts.samples.classCounts, validationImages: stage.evaluator?.samples.count ?? 0,
            ranks: parts.communicator.size,
            totalSteps: min(settings.epochs * perEpoch, settings.stepLimit ?? .max), progress: progress,
            trainedParameters: replica.slots.reduce(0) { $0 + $1.range.count },
            allParameters: replica.parameters.reduce(0) { $0 + ($1.role.isStatistic ? 0 : $1.shape.count) },
            buckets: updater.buckets.ranges.count,
            bytesPerStep: replica.gradientsWithExtras.count * MemoryLayout<Float>.stride, resumedFrom: resumedFrom,
            refusedCheckpoints: refusedCheckpoints)
    }

    /// Makes running statistics the same on all ranks and checks that all tensors are, and that they hold numbers.
    ///
    /// Throws `TrainingError.diverged` or `weightsDiffer`, on every rank alike: it comes before every evaluation and every save.
    func shareReplicas() throws {
        try averageStatistics()
        // Statistics are the same on all ranks now, and so is what is found.
        if let found = Divergence.inState(stage.replica, stage.optimizer) {
            throw TrainingError.diverged(step: progress.step, found)
        }
        let own = "\(weightsChecksum) \(parts.communicator.hostName)"
        let all = try parts.communicator.gather(Array(own.utf8)).map {
            String(decoding: $0, as: UTF8.self).split(separator: " ", maxSplits: 1).map(String.init)
        }
        for (rank, entry) in all.enumerated() where entry.first != all[0].first {
            throw TrainingError.weightsDiffer(rank: rank, host: entry.last ?? "", step: progress.step)
        }
    }

    /// Running statistics become their mean over ranks, weighted by the images that each has seen since the last time.
    private func averageStatistics() throws {
        let statistics = stage.replica.statistics
        defer { imagesSinceAveraging = 0 }
        // Groups leave the same ones on every rank.
        guard !statistics.isEmpty, parts.communicator.size > 1, parts.settings.group == nil else { return }
        let weight = Double(imagesSinceAveraging)
        let totals = try parts.communicator.sum(statistics.map { Double($0) * weight } + [weight])
        let totalWeight = totals[statistics.count]
        guard totalWeight > 0 else { return }
        for index in statistics.indices { statistics[index] = Float(totals[index] / totalWeight) }
        if let averages = average?.runningStatistics, average?.count ?? 0 > 0 {
            let sums = try parts.communicator.sum(averages.map { Double($0) })
            for index in averages.indices { averages[index] = Float(sums[index] / Double(parts.communicator.size)) }
        }
        stage.replica.weightsChanged()
    }

    /// The checksum of all tensors of the network, statistics included. Frozen ones are read once, for nothing writes them: with
    /// cached features reading them took ten times as long as an epoch.
    private var weightsChecksum: String {
        let frozen = frozenChecksum ?? checksum { !stage.replica.changes($0) }.value
        frozenChecksum = frozen
        var all = checksum { stage.replica.changes($0) }
        withUnsafeBytes(of: frozen) { all.update($0) }
        return all.hexadecimal
    }

    private func checksum(where isMeant: (Int) -> Bool) -> Checksum {
        var checksum = Checksum()
        for index in stage.replica.parameters.indices where isMeant(index) {
            checksum.update(UnsafeRawBufferPointer(stage.replica.values(of: index)))
        }
        return checksum
    }

    /// Saves a checkpoint on rank 0; the others go on and meet it in the next collective. Where gradients are rounded, all ranks
    /// bring what that held back.
    func save(evaluation: EvaluationSummary?) throws {
        guard let checkpoints = parts.checkpoints, parts.communicator.isRoot else { return try updater.bringRests { _, _ in } }
        parts.communicator.heartbeat.enter(.saving, step: progress.step)
        let start = monotonicNanoseconds()
        let writer = CheckpointWriter(
            replica: stage.replica, optimizer: stage.optimizer, average: average.flatMap { $0.count > 0 ? $0 : nil },
            identity: parts.identity, computation: stage.computation, familiarity: evaluation == nil ? nil : familiarity)
        let state = CheckpointState(
            run: parts.identity.name, architecture: parts.identity.architecture, classes: parts.identity.classes,
            configDigest: parts.identity.configDigest, filesDigest: parts.identity.filesDigest,
            validationDigest: parts.identity.validationDigest, seed: parts.settings.seed,
            shuffle: parts.settings.shuffle, ranks: parts.communicator.size, batchSize: parts.settings.batchSize,
            accumulation: parts.settings.accumulation, bucketBytes: stage.bucketBytes,
            instructions: parts.identity.instructions?.rawValue,
            learningRate: rate(ofUpdate: max(1, progress.step)),
            progress: progress, evaluation: evaluation, thresholds: evaluation == nil ? nil : thresholds,
            calibration: evaluation == nil ? nil : calibration)
        let path: String
        do {
            path = try checkpoints.save(step: progress.step, best: progress.best?.step) {
                try writer.write(state, into: $0, bringRests: updater.bringRests)
            }
        } catch let error as FileError {
            throw TrainingError.checkpointNotSaved(step: progress.step, error)
        }
        lastSave = monotonicNanoseconds()
        announce(
            .checkpoint(
                CheckpointReport(
                    step: progress.step, epoch: progress.epoch, path: path,
                    seconds: Double(monotonicNanoseconds() - start) * 1e-9)))
    }

    /// Writes what an evaluation found into the checkpoint of the present step, on rank 0.
    func addToCheckpoint(_ evaluation: EvaluationSummary) throws {
        guard let checkpoints = parts.checkpoints, parts.communicator.isRoot else { return }
        do {
            try checkpoints.add(to: progress.step, best: progress.best?.step) { state, folder in
                if let familiarity {
                    try CheckpointWriter.write(familiarity, into: folder)
                    state.files[Checkpoint.familiarityFile] = try CheckpointWriter.entry(
                        of: Checkpoint.familiarityFile, in: folder)
                }
                state.progress = progress
                state.evaluation = evaluation
                state.thresholds = thresholds
                state.calibration = calibration
            }
        } catch let error as FileError {
            throw TrainingError.checkpointNotSaved(step: progress.step, error)
        }
    }
}
