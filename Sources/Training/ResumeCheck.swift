// Whether a checkpoint can be continued by a run: asked before anything is computed for it.
internal import Graphs
package import Optimization
internal import Tensors
internal import WeightFiles

/// Holds a checkpoint against what a run is about to train.
package struct ResumeCheck {
    package let identity: RunIdentity
    package let settings: TrainingSettings
    package let weights: any NetworkWeights
    package let optimizer: OptimizerKind

    package init(
        identity: RunIdentity, settings: TrainingSettings, weights: any NetworkWeights, optimizer: OptimizerKind
    ) {
        self.identity = identity
        self.settings = settings
        self.weights = weights
        self.optimizer = optimizer
    }

    /// Throws `TrainingError.foreignCheckpoint` for a checkpoint of another network, other classes, other frozen weights or other
    /// trained layers, or, in the middle of an epoch, of another order of images.
    package func check(_ checkpoint: Checkpoint) throws {
        try checkIdentity(checkpoint)
        for (index, parameter) in weights.parameters.enumerated() {
            guard checkpoint.model.tensors[parameter.name]?.shape == parameter.shape else {
                throw foreign(checkpoint, "it has no '\(parameter.name)' of shape \(parameter.shape)")
            }
            guard !weights.changes(index) else { continue }
            let saved = try checkpoint.model.floats(parameter.name)
            guard zip(saved, weights.values(of: index)).allSatisfy(hasSameBits) else {
                throw foreign(
                    checkpoint,
                    "its frozen '\(parameter.name)' differs from what network.weights brings; keep network.weights and "
                        + "network.unfrozen as they were")
            }
        }
        for state in optimizer.stateNames {
            for slot in weights.slots {
                let name = CheckpointWriter.optimizerName(state, weights.parameters[slot.parameter].name)
                guard checkpoint.optimizer.tensors[name]?.shape.count == slot.range.count else {
                    throw foreign(
                        checkpoint, "its optimizer has no '\(name)'; keep network.unfrozen and the optimizer's kind as they were")
                }
            }
        }
    }

    /// Whether the checkpoint is of the middle of an epoch whose list of training files is no longer the same.
    package func missesFiles(of checkpoint: Checkpoint) -> Bool {
        checkpoint.state.progress.samplesConsumed > 0 && checkpoint.state.filesDigest != identity.filesDigest
    }

    /// What is left to be done after a checkpoint, as a sentence says it; nil if something is.
    package func nothingLeft(after checkpoint: Checkpoint) -> String? {
        let progress = checkpoint.state.progress
        guard progress.awaitsEvaluation != true else { return nil }
        if let limit = settings.stepLimit, progress.step >= limit {
            return "\(progress.step) of \(limit) steps are done; raise training.steps to go on"
        }
        if let patience = settings.patience, let count = progress.evaluationsSinceBest, count >= patience {
            return "\(count) evaluations brought nothing better; raise training.patience to go on"
        }
        guard progress.epoch >= settings.epochs else { return nil }
        return "\(progress.epoch) of \(settings.epochs) epochs are done; raise training.epochs to go on"
    }

    private func checkIdentity(_ checkpoint: Checkpoint) throws(TrainingError) {
        let state = checkpoint.state
        guard state.architecture == identity.architecture else {
            throw foreign(checkpoint, "it is of \(state.architecture), the config says \(identity.architecture)")
        }
        guard state.classes == identity.classes else {
            throw foreign(
                checkpoint,
                "its classes are \(state.classes.joined(separator: ", ")), those of data.train are "
                    + identity.classes.joined(separator: ", "))
        }
        guard state.progress.samplesConsumed > 0 else { return }
        guard !missesFiles(of: checkpoint) else {
            throw foreign(
                checkpoint,
                "it was saved within an epoch, the training files have changed since, and no checkpoint of an epoch's end is left; "
                    + "bring the files back as they were, or start anew without --resume, which keeps this run under another name"
            )
        }
        guard state.seed == settings.seed, state.shuffle == settings.shuffle else {
            throw foreign(checkpoint, "it was saved within an epoch; keep run.seed and data.shuffle as they were")
        }
    }

    private func foreign(_ checkpoint: Checkpoint, _ reason: String) -> TrainingError {
        .foreignCheckpoint(path: checkpoint.path, reason: reason)
    }
}

/// Bit by bit: 0 and -0, and NaN with itself, are told apart or not as the checksums of weights do.
func hasSameBits(_ first: Float, _ second: Float) -> Bool { first.bitPattern == second.bitPattern }
