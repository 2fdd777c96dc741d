// Takes up a run where a checkpoint left it. Only rank 0 reads the checkpoint, so no other host needs to see its folder.
internal import Collectives
import Foundation
internal import Graphs
internal import Optimization
internal import Tensors
internal import WeightFiles

extension Trainer {
    /// Restores weights, statistics, optimizer and progress on all ranks. Every rank calls it before `run`; rank 0 gives the
    /// checkpoint and the refused ones before it, the others nil.
    ///
    /// Throws `TrainingError.foreignCheckpoint` when the checkpoint is of another network, other classes, other frozen weights or
    /// other trained layers, or, in the middle of an epoch, of another order of images.
    package func resume(from checkpoint: Checkpoint?, refused: [String] = []) throws {
        let communicator = parts.communicator
        var saved: [UInt8] = []
        if communicator.isRoot {
            guard let checkpoint else { preconditionFailure("rank 0 resumes from a checkpoint") }
            try read(checkpoint)
            saved = [UInt8](try JSONEncoder().encode(checkpoint.state.progress))
            resumedFrom = checkpoint.path
            refusedCheckpoints = refused
        }
        progress = try JSONDecoder().decode(TrainingProgress.self, from: Data(try communicator.broadcast(saved)))
        try communicator.broadcast(UnsafeMutableRawBufferPointer(stage.replica.trained), from: 0)
        try communicator.broadcast(UnsafeMutableRawBufferPointer(stage.replica.statistics), from: 0)
        for state in stage.optimizer.states { try communicator.broadcast(UnsafeMutableRawBufferPointer(state.values), from: 0) }
        tellOptimizer(of: stage)
        try updater.restoreRests(checkpoint, slots: stage.replica.slots, names: stage.replica.trainedNames)
        stage.replica.weightsChanged()
    }

    private func read(_ checkpoint: Checkpoint) throws {
        try checkIdentity(checkpoint)
        for (index, parameter) in stage.replica.parameters.enumerated() {
            try read(parameter, at: index, from: checkpoint)
        }
        for state in stage.optimizer.states {
            for slot in stage.replica.slots {
                let name = CheckpointWriter.optimizerName(state.name, stage.replica.parameters[slot.parameter].name)
                guard checkpoint.optimizer.tensors[name]?.shape.count == slot.range.count else {
                    throw foreign(
                        checkpoint, "its optimizer has no '\(name)'; keep network.unfrozen and the optimizer's kind as they were")
                }
                let target = UnsafeMutableBufferPointer(rebasing: state.values[slot.range])
                try checkpoint.optimizer.readFloats(name, into: target)
                try checkNumbers(UnsafeBufferPointer(target), name, checkpoint)
            }
        }
    }

    private func checkNumbers(
        _ values: UnsafeBufferPointer<Float>, _ name: String, _ checkpoint: Checkpoint
    ) throws(TrainingError) {
        guard values.areFinite else {
            throw foreign(
                checkpoint,
                "its '\(name)' holds values that are no numbers, so training had diverged; remove it to go on from the one before, "
                    + "or start anew with a lower optimizer.learning_rate")
        }
    }

    /// Takes over a trained or tracked tensor; a frozen one must already be what the checkpoint holds.
    private func read(_ parameter: ParameterSpec, at index: Int, from checkpoint: Checkpoint) throws {
        guard checkpoint.model.tensors[parameter.name]?.shape == parameter.shape else {
            throw foreign(checkpoint, "it has no '\(parameter.name)' of shape \(parameter.shape)")
        }
        let target = stage.replica.values(of: index)
        if stage.replica.changes(index) {
            try checkpoint.model.readFloats(parameter.name, into: target)
            return try checkNumbers(UnsafeBufferPointer(target), parameter.name, checkpoint)
        }
        let saved = try checkpoint.model.floats(parameter.name)
        guard zip(saved, target).allSatisfy(hasSameBits) else {
            throw foreign(
                checkpoint,
                "its frozen '\(parameter.name)' differs from what network.weights brings; keep network.weights and "
                    + "network.unfrozen as they were")
        }
    }

    private func checkIdentity(_ checkpoint: Checkpoint) throws(TrainingError) {
        let (state, identity, settings) = (checkpoint.state, parts.identity, parts.settings)
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
        guard state.filesDigest == identity.filesDigest else {
            throw foreign(checkpoint, "it was saved within an epoch, and the training files have changed since")
        }
        guard state.seed == settings.seed, state.shuffle == settings.shuffle else {
            throw foreign(checkpoint, "it was saved within an epoch; keep run.seed and data.shuffle as they were")
        }
    }

    private func foreign(_ checkpoint: Checkpoint, _ reason: String) -> TrainingError {
        .foreignCheckpoint(path: checkpoint.path, reason: reason)
    }
}
