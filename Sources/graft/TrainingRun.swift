// `graft train` from its folder to its end: what is resumed, the stage, the loop, the observers.
import Collectives
import Files
import Foundation
import Kernels
import Reporting
import RunConfiguration
import Tensors
import Training

/// One run of `graft train` on one rank.
struct TrainingRun {
    let preparation: Preparation
    private let folder: RunFolder
    private let checkpoints: CheckpointFolder

    private var configuration: RunConfiguration { preparation.configuration }
    private var communicator: any Communicator { preparation.communicator }

    /// What a run begins with: on rank 0 the checkpoint and the refused newer ones, elsewhere nothing.
    private struct Start {
        var checkpoint: Checkpoint?
        var refused: [String] = []
    }

    init(_ preparation: Preparation) {
        self.preparation = preparation
        let run = preparation.configuration.run
        folder = RunFolder(folder: run.folder, name: run.name)
        checkpoints = CheckpointFolder(
            path: folder.checkpoints, retention: Retention(keeping: preparation.configuration.checkpoints.keep))
    }

    /// Trains to the end or until asked to stop. With `resuming`, continues the newest whole checkpoint, if there is one.
    func run(resuming: Bool) throws -> TrainingOutcome {
        let opened = try communicator.isRoot ? folder.open(resuming: resuming) : nil
        if let target = opened?.movedTo { say("note: the earlier run of this name is kept as \(target)") }
        return try withExtendedLifetime(opened) { try train(from: resuming ? try newest() : nil) }
    }

    private func train(from start: Start?) throws -> TrainingOutcome {
        var maker = StageMaker(preparation)
        let prepared = try maker.make(resuming: start?.checkpoint)
        var parts = try preparation.trainerParts()
        if communicator.isRoot {
            try checkpoints.recover()
            parts.checkpoints = checkpoints
            parts.observers = observers
            try AtomicFile.write(Array(configuration.yaml().utf8), to: folder.configuration)
        }
        let trainer = Trainer(parts, prepared.stage)
        if let start { try trainer.resume(from: start.checkpoint, refused: start.refused) }
        return try trainer.run()
    }

    /// The checkpoint to continue; nil on all ranks if there is none yet, as in a job's first start.
    private func newest() throws -> Start? {
        var found: Start?
        if communicator.isRoot {
            try checkpoints.recover()
            if !checkpoints.steps.isEmpty { found = try newestSettingAside() }
            if let before = found?.checkpoint?.state.instructions, before != Instructions.level.rawValue {
                say(
                    "note: the checkpoint was computed with \(before), this run goes on with \(Instructions.level.rawValue): "
                        + "last digits differ from those of a run that was not interrupted")
            }
            if found == nil { say("note: there is no checkpoint to resume yet; starting from the beginning") }
        }
        let exists = try communicator.broadcast([found == nil ? 0 : 1])
        return exists == [1] ? found ?? Start() : nil
    }

    private func newestSettingAside() throws -> Start {
        let newest = try checkpoints.newest()
        let names = try checkpoints.setAside(after: newest.checkpoint.state.progress.step)
        return Start(
            checkpoint: newest.checkpoint,
            refused: zip(newest.refused, names).map { "\($0) (set aside as \($1))" })
    }

    private var observers: [any TrainingObserver] {
        [
            ConsoleProgress(results: folder.path), JSONLines(path: folder.metrics), PredictionsFile(path: folder.predictions),
            TensorBoardEvents(folder: folder.path), HTMLReport(path: folder.report, metrics: folder.metrics),
        ]
    }
}
