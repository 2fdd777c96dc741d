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
    /// Throws `TrainingError.foreignCheckpoint` for one that `ResumeCheck` refuses, or that holds what is no number.
    package func resume(from checkpoint: Checkpoint?, refused: [String] = []) throws {
        let communicator = parts.communicator
        var saved: [UInt8] = []
        if communicator.isRoot {
            guard let checkpoint else { preconditionFailure("rank 0 resumes from a checkpoint") }
            try read(checkpoint)
            saved = [UInt8](try JSONEncoder().encode(comparableProgress(of: checkpoint)))
            resumedFrom = checkpoint.path
            refusedCheckpoints = refused
        }
        progress = try JSONDecoder().decode(TrainingProgress.self, from: Data(try communicator.broadcast(saved)))
        try communicator.broadcast(UnsafeMutableRawBufferPointer(stage.replica.trained), from: 0)
        try communicator.broadcast(UnsafeMutableRawBufferPointer(stage.replica.statistics), from: 0)
        for state in stage.optimizer.states { try communicator.broadcast(UnsafeMutableRawBufferPointer(state.values), from: 0) }
        try restoreAverage(checkpoint)
        tellOptimizer(of: stage)
        try updater.restoreRests(checkpoint, slots: stage.replica.slots, names: stage.replica.trainedNames)
        stage.replica.weightsChanged()
    }

    /// An average that the run did not take until now begins with the next weights.
    private func restoreAverage(_ checkpoint: Checkpoint?) throws {
        guard let average, let count = progress.averaged else {
            progress.averaged = nil
            return
        }
        try average.restore(count: count) { index, values in
            try checkpoint?.model.readFloats(stage.replica.parameters[index].name, into: values)
        }
        try average.share { try parts.communicator.broadcast(UnsafeMutableRawBufferPointer($0), from: 0) }
    }

    /// The checkpoint's progress, without a best result that later ones cannot be compared with.
    private func comparableProgress(of checkpoint: Checkpoint) -> TrainingProgress {
        var progress = checkpoint.state.progress
        if checkpoint.hasOtherValidation(than: parts.identity) { progress.best = nil }
        return progress
    }

    private func read(_ checkpoint: Checkpoint) throws {
        let replica = stage.replica
        let check = ResumeCheck(
            identity: parts.identity, settings: parts.settings, weights: replica, optimizer: stage.optimizer.kind)
        try check.check(checkpoint)
        let trained = try checkpoint.openTrained()
        for (index, parameter) in replica.parameters.enumerated() where replica.changes(index) {
            try (trained ?? checkpoint.model).readFloats(parameter.name, into: replica.values(of: index))
            try checkNumbers(UnsafeBufferPointer(replica.values(of: index)), parameter.name, checkpoint)
        }
        for state in stage.optimizer.states {
            for slot in replica.slots {
                let name = CheckpointWriter.optimizerName(state.name, replica.parameters[slot.parameter].name)
                let target = UnsafeMutableBufferPointer(rebasing: state.values[slot.range])
                try checkpoint.optimizer.readFloats(name, into: target)
                try checkNumbers(UnsafeBufferPointer(target), name, checkpoint)
            }
        }
    }

    private func checkNumbers(
        _ values: UnsafeBufferPointer<Float>, _ name: String, _ checkpoint: Checkpoint
    ) throws(TrainingError) {
        guard !values.areFinite else { return }
        throw .foreignCheckpoint(
            path: checkpoint.path,
            reason:
                "its '\(name)' holds values that are no numbers, so training had diverged; remove it to go on from the one before, "
                + "or start anew with a lower optimizer.learning_rate")
    }
}
