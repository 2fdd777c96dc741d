// The training loop. This page is the whole of what a run does and in which order; every collective is a line here or in the
// functions that it calls, none hides in an observer.
internal import Tensors
internal import Kernels
package import Collectives
package import ImageData
internal import Optimization

/// How a run ended.
package enum TrainingOutcome: Sendable, Equatable {
    case finished
    /// Asked to stop; the state is saved. The process exits with `exitStatus`, so that a scheduler starts it again.
    case stopped

    /// EX_TEMPFAIL of sysexits.h for a stopped run.
    package var exitStatus: Int32 { self == .finished ? 0 : 75 }
}

/// Trains a replica, stage by stage, together with those of the other ranks. Every rank has one and calls the same methods.
package final class Trainer {
    /// What a trainer is put together from.
    package struct Parts {
        package var settings: TrainingSettings
        package var identity: RunIdentity
        package var communicator: any Communicator
        /// The training split.
        package var samples: SampleList
        /// On rank 0; nil elsewhere, and where nothing is to be saved.
        package var checkpoints: CheckpointFolder?
        /// On rank 0.
        package var observers: [any TrainingObserver]
        package var stop: StopFlag
        /// Facts that only the caller knows and all ranks must share, such as the config's digest.
        package var agreement: StartupAgreement
        /// The stage that begins after so many epochs, made from what the present one has come to; nil goes on with the present one.
        package var stageAfter: (_ epochs: Int, _ present: Stage) throws -> Stage? = { _, _ in nil }

        package init(
            settings: TrainingSettings, identity: RunIdentity, communicator: any Communicator, samples: SampleList,
            checkpoints: CheckpointFolder? = nil, observers: [any TrainingObserver] = [], stop: StopFlag = StopFlag(),
            agreement: StartupAgreement = StartupAgreement()
        ) {
            self.settings = settings
            self.identity = identity
            self.communicator = communicator
            self.samples = samples
            self.checkpoints = checkpoints
            self.observers = observers
            self.stop = stop
            self.agreement = agreement
        }
    }

    let parts: Parts
    package internal(set) var stage: Stage
    var updater: Updater
    /// Of the present stage, if the run averages.
    var average: WeightAverage?
    package internal(set) var progress = TrainingProgress()
    /// What the last evaluation found best to tell classes by, where photographs may be of several; on rank 0.
    var thresholds: [Float]?
    /// What the last evaluation's probabilities ask for; on rank 0.
    var calibration: TemperatureScaling?
    /// What its images look like to the head; on rank 0.
    var familiarity: Familiarity?
    var resumedFrom: String?
    var refusedCheckpoints: [String] = []
    /// Images that this rank's running statistics have seen since the ranks last shared them.
    var imagesSinceAveraging = 0
    /// The checksum of all frozen tensors, once it was needed.
    var frozenChecksum: UInt64?
    /// Training images found unreadable so far, by any rank, by sample index.
    var unreadable: [Int: UnreadableSample] = [:]
    /// When the last checkpoint was written, or the run began.
    var lastSave = monotonicNanoseconds()
    private let start = monotonicNanoseconds()

    /// - Parameter stage: the one that trains first, or the one in which the checkpoint was saved that is resumed.
    package init(_ parts: Parts, _ stage: Stage) {
        self.parts = parts
        self.stage = stage
        updater = Updater(parts, stage)
        average = parts.settings.average.map { WeightAverage($0, of: stage.replica) }
    }

    /// Trains to the end, or until any rank is asked to stop.
    ///
    /// Throws `StoppedEarly` for a wish to stop that came before the first update; `TrainingError`, and what the source, the communicator and the disk throw. An error on one rank leaves the others
    /// waiting: whoever catches it aborts the group.
    package func run() throws -> TrainingOutcome {
        try agree()
        try parts.stop.check(parts.communicator)
        announce(.started(facts))
        // A run that was stopped or killed in an evaluation.
        if progress.awaitsEvaluation == true, stage.evaluator != nil, try !evaluate(isSaved: true) { return stopped() }
        while progress.epoch < parts.settings.epochs, !isAtStepLimit, !hasLostPatience {
            if progress.samplesConsumed == 0, try !moveIfDue() { return stopped() }
            for update in try beginEpoch() {
                let report = try take(update)
                announce(.step(report.step))
                if isAtStepLimit { break }
                if report.stopRequested {
                    try shareReplicas()
                    try save(evaluation: nil)
                    return stopped()
                }
                if isDueWithinEpoch || report.saveRequested, progress.samplesConsumed < parts.samples.count {
                    try shareReplicas()
                    try save(evaluation: nil)
                }
            }
            let isWhole = progress.samplesConsumed == parts.samples.count
            if isWhole { endEpoch() }
            try shareReplicas()
            if isWhole, averagesEpoch { takeIntoAverage() }
            let (isSaved, isEvaluated) = (isDue(parts.settings.checkpointEpochs), isDue(parts.settings.evaluationEpochs))
            progress.awaitsEvaluation = isEvaluated && stage.evaluator != nil ? true : nil
            // Before the evaluation: what happens in it may cost its figures, never the epoch.
            if isSaved { try save(evaluation: nil) }
            if progress.awaitsEvaluation == true, try !evaluate(isSaved: isSaved) { return stopped() }
        }
        announce(
            .finished(
                FinishReport(
                    step: progress.step, epoch: progress.epoch, best: progress.best, seconds: secondsSinceStart,
                    fruitlessEvaluations: hasLostPatience ? progress.evaluationsSinceBest : nil)))
        return .finished
    }

    /// Moves to the stage that begins with this epoch, if one does. False if a rank was asked to stop meanwhile; then all is saved.
    private func moveIfDue() throws -> Bool {
        do {
            if let next = try parts.stageAfter(progress.epoch, stage) { try move(to: next) }
            return true
        } catch is StoppedEarly where progress.step > 0 {
            if !isDue(parts.settings.checkpointEpochs) { try save(evaluation: nil) }
            return false
        }
    }

    private func stopped() -> TrainingOutcome {
        announce(.stopped(step: progress.step))
        return .stopped
    }

    /// The rest of the present epoch, cut into updates; tells the loader this rank's shares.
    private func beginEpoch() throws -> [EpochPlan.Update] {
        let settings = parts.settings
        var plan = EpochPlan(
            sampleCount: parts.samples.count, consumed: progress.samplesConsumed, batchSize: settings.batchSize,
            accumulation: settings.accumulation)
        let (labels, count) = (parts.samples.labels, parts.samples.count)
        var order =
            settings.samplingShares.map {
                EpochOrder.drawn(labels: Array(labels), shares: $0, seed: settings.seed, epoch: progress.epoch)
            } ?? EpochOrder.order(count: count, seed: settings.seed, epoch: progress.epoch, shuffle: settings.shuffle)
        order = EpochOrder.repeated(order, times: stage.repeats)
        let (rank, size) = (parts.communicator.rank, parts.communicator.size)
        if let source = stage.source as? any PairingSource {
            // Mixed images are of several classes: as in torch, the loss is then the mean over images.
            try source.order(
                plan.pairedShares(order, rank: rank, size: size, group: settings.group, distance: stage.repeats),
                epoch: progress.epoch)
            return plan.updates
        }
        if let weights = settings.classWeights, settings.loss == .crossEntropy {
            let samples = parts.samples
            plan.weigh(order) { entry in
                let sample = EpochOrder.sample(of: entry, count: count)
                return weights[labels[sample]] * Double(samples.weight(of: sample))
            }
        }
        try stage.source.order(plan.shares(order, rank: rank, size: size, group: settings.group), epoch: progress.epoch)
        return plan.updates
    }

    private func endEpoch() {
        progress.epoch += 1
        let sums = progress.epochSums
        announce(
            .epoch(
                EpochReport(
                    epoch: progress.epoch, step: progress.step, loss: sums.meanLoss, accuracy: sums.accuracy, images: sums.images)
            ))
        progress.samplesConsumed = 0
        progress.epochSums = EpochSums()
    }

    /// Whether the weights at the end of the last epoch belong to the average.
    private var averagesEpoch: Bool {
        guard case .lastEpochs(let count) = average?.rule else { return false }
        return progress.epoch > parts.settings.epochs - count
    }

    func takeIntoAverage() {
        average?.add()
        progress.averaged = average?.count
    }

    /// Whether so many evaluations in a row brought nothing better that the run ends. All ranks count the same.
    var hasLostPatience: Bool {
        guard let patience = parts.settings.patience else { return false }
        return (progress.evaluationsSinceBest ?? 0) >= patience
    }

    private var isAtStepLimit: Bool { parts.settings.stepLimit.map { progress.step >= $0 } ?? false }

    /// Whether something that happens every so many epochs happens now; at the end of the run everything does.
    private func isDue(_ epochs: Int) -> Bool {
        progress.epoch == parts.settings.epochs || isAtStepLimit || epochs > 0 && progress.epoch % epochs == 0
    }

    /// Whether a checkpoint comes between two updates of an epoch; the epoch's end has its own.
    private var isDueWithinEpoch: Bool { parts.settings.checkpointSteps.map { progress.step % $0 == 0 } ?? false }

    /// Whether so much time has passed since the last checkpoint, by rank 0's clock, that the next update should be saved.
    var isSaveDue: Bool {
        guard parts.communicator.isRoot, let minutes = parts.settings.checkpointMinutes else { return false }
        return Double(monotonicNanoseconds() - lastSave) * 1e-9 >= 60 * minutes
    }

    func announce(_ event: TrainingEvent) {
        guard parts.communicator.isRoot else { return }
        for observer in parts.observers { observer.observe(event) }
    }

    private var secondsSinceStart: Double { Double(monotonicNanoseconds() - start) * 1e-9 }
}
