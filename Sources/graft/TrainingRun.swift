// `graft train` from its folder to its end: what is resumed, the stage, the loop, the observers.
import Collectives
import Files
import Foundation
import Kernels
import Optimization
import Reporting
import RunConfiguration
import Tensors
import Training

/// One run of `graft train` on one rank.
struct TrainingRun {
    let preparation: Preparation
    private let folder: RunFolder
    private let checkpoints: CheckpointFolder
    /// Watches instead of those that write for people; nil for these.
    private let watching: [any TrainingObserver]?
    private let latest = LatestStage()

    /// What the stage that trains, or trained last, has besides the loop's own.
    private final class LatestStage {
        var features: StageFeatures?
    }

    private var configuration: RunConfiguration { preparation.configuration }
    private var communicator: any Communicator { preparation.communicator }

    /// What a run begins with.
    private enum Start {
        case fresh
        /// The maker of the phase that the checkpoint is of; on rank 0 with that and the refused newer ones, elsewhere with no more.
        case resumed(StageMaker, Checkpoint?, refused: [String])
        /// The checkpoint is of the run's end.
        case finished
    }

    /// - Parameter watching: observers besides the metrics' own, where nobody is to read a report.
    init(_ preparation: Preparation, watching: [any TrainingObserver]? = nil) {
        (self.preparation, self.watching) = (preparation, watching)
        let run = preparation.configuration.run
        folder = RunFolder(folder: run.folder, name: run.name)
        checkpoints = CheckpointFolder(
            path: folder.checkpoints, retention: Retention(keeping: preparation.configuration.checkpoints.keep))
    }

    /// Trains to the end or until asked to stop. With `resuming`, continues the newest whole checkpoint, if there is one.
    /// With `keepsLogs` every rank writes a log of its own.
    func run(resuming: Bool, keepsLogs: Bool = false) throws -> TrainingOutcome {
        let opened = try communicator.isRoot ? folder.open(resuming: resuming) : nil
        if keepsLogs {
            // Rank 0 may just have moved an earlier run's folder away.
            try communicator.barrier()
            try RankLog.begin(in: folder, communicator)
        }
        if let target = opened?.movedTo { say("note: the earlier run of this name is kept as \(target)") }
        return try withExtendedLifetime(opened) {
            if communicator.isRoot { try checkpoints.recover() }
            var parts = try preparation.trainerParts()
            let start = resuming ? try findStart(parts) : .fresh
            if case .finished = start { return .finished }
            if communicator.isRoot {
                parts.checkpoints = checkpoints
                parts.checkpoints?.lock = opened?.lock
                parts.observers = observers
                try AtomicFile.write(Array(configuration.yaml().utf8), to: folder.configuration)
                preparation.keepList()
            }
            do {
                let outcome = try train(parts, from: start)
                RankLog.end("\(outcome)")
                if communicator.isRoot {
                    lookAtMistakes(parts.observers)
                    if outcome == .finished { leaveReceipt() }
                }
                return outcome
            } catch  where !(error is StoppedEarly) {
                RankLog.end("ended by: \(error)")
                for observer in parts.observers { observer.observe(.failed("\(error)")) }
                throw error
            }
        }
    }

    private func train(_ parts: Trainer.Parts, from start: Start) throws -> TrainingOutcome {
        let phases = configuration.phases
        var parts = parts
        guard case .resumed(var maker, let checkpoint, let refused) = start else {
            var maker = StageMaker(preparation)
            announce(0, of: phases)
            let stage = try stage(of: &maker)
            parts.stageAfter = stages(after: maker, phases)
            return try Trainer(parts, stage).run()
        }
        try maker.shareEarlierPhases()
        announce(maker.phase, of: phases)
        let stage = try stage(of: &maker, resuming: checkpoint)
        parts.stageAfter = stages(after: maker, phases)
        let trainer = Trainer(parts, stage)
        try trainer.resume(from: checkpoint, refused: refused)
        return try trainer.run()
    }

    /// Makes the stage of each phase when its first epoch comes.
    private func stages(after first: StageMaker, _ phases: [RunConfiguration]) -> (Int, Stage) throws -> Stage? {
        var maker = first
        return { epochs, _ in
            let wanted = configuration.phase(ofEpoch: epochs)
            guard wanted != maker.phase else { return nil }
            maker.enter(wanted)
            announce(wanted, of: phases)
            return try stage(of: &maker)
        }
    }

    private func stage(of maker: inout StageMaker, resuming checkpoint: Checkpoint? = nil) throws -> Stage {
        // The cache of the stage before is not needed any more.
        latest.features = nil
        let prepared = try maker.make(resuming: checkpoint)
        latest.features = prepared.features
        return prepared.stage
    }

    private func announce(_ phase: Int, of phases: [RunConfiguration]) {
        guard phases.count > 1, communicator.isRoot else { return }
        let before = configuration.epochs(beforePhase: phase)
        let own = phases[phase]
        let epochs = own.training.epochs == 1 ? "epoch \(before + 1)" : "epochs \(before + 1) to \(before + own.training.epochs)"
        say(
            "phase \(phase + 1) of \(phases.count): \(epochs), "
                + own.network.unfrozen.words + ", learning rate \(own.effectiveRate)")
    }

    /// Looks for the checkpoint to continue, and refuses one that does not fit, before anything is computed. Every rank calls it.
    private func findStart(_ parts: Trainer.Parts) throws -> Start {
        let start = communicator.isRoot ? try findStartOnRoot(parts) : .fresh
        let own: [Int] =
            switch start {
            case .fresh: [0]
            case .resumed(let maker, _, _): [1, maker.phase]
            case .finished: [2]
            }
        let found = try JSONDecoder().decode(
            [Int].self, from: Data(try communicator.broadcast([UInt8](try JSONEncoder().encode(own)))))
        if communicator.isRoot { return start }
        switch found[0] {
        case 0: return .fresh
        case 1: return .resumed(StageMaker(preparation, phase: found[1]), nil, refused: [])
        default: return .finished
        }
    }

    private func findStartOnRoot(_ parts: Trainer.Parts) throws -> Start {
        guard !checkpoints.steps.isEmpty else {
            say("note: there is no checkpoint to resume yet; starting from the beginning")
            return .fresh
        }
        func check(_ weights: any NetworkWeights) -> ResumeCheck {
            ResumeCheck(
                identity: parts.identity, settings: parts.settings, weights: weights,
                optimizer: OptimizerKind(configuration.optimizer))
        }
        let newest = try newest(check(preparation.store))
        let phase = configuration.phase(ofEpoch: newest.checkpoint.state.progress.epochOfLastStep)
        let maker = StageMaker(preparation, phase: phase)
        try maker.readEarlierPhases(newest.checkpoint)
        for note in notes(on: newest.checkpoint, parts.identity) { say(note) }
        let ownCheck = check(maker.store)
        try ownCheck.check(newest.checkpoint)
        if let sentence = ownCheck.nothingLeft(after: newest.checkpoint) {
            say("there is nothing left to do: \(sentence)")
            return .finished
        }
        let names = try checkpoints.setAside(after: newest.checkpoint.state.progress.step)
        return .resumed(
            maker, newest.checkpoint, refused: zip(newest.refused, names).map { "\($0) (set aside as \($1))" })
    }

    /// The newest checkpoint; where files have changed within its epoch, the one of the epoch's beginning, if it is still there.
    private func newest(_ check: ResumeCheck) throws -> (checkpoint: Checkpoint, refused: [String]) {
        let newest = try checkpoints.newest()
        guard check.missesFiles(of: newest.checkpoint),
            let earlier = try? checkpoints.newest(where: { $0.progress.samplesConsumed == 0 })
        else { return newest }
        let (lost, kept) = (newest.checkpoint.state.progress, earlier.checkpoint.state.progress)
        let reason =
            "\(newest.checkpoint.path): the training files have changed since it was saved within an epoch; going on from the end of "
            + "epoch \(kept.epoch), step \(kept.step)"
        say("note: \(reason)")
        return (
            earlier.checkpoint,
            newest.refused + checkpoints.steps.filter { $0 > kept.step && $0 <= lost.step }.map { _ in reason }
        )
    }

    private func notes(on checkpoint: Checkpoint, _ identity: RunIdentity) -> [String] {
        var notes: [String] = []
        if let earlier = try? RunConfiguration.load(path: folder.configuration, overrides: []) {
            let changes = configuration.changes(since: earlier)
            if !changes.isEmpty { notes.append("note: the config has changed since: \(changes.joined(separator: "; "))") }
        }
        if let before = checkpoint.state.instructions, before != Instructions.level.rawValue {
            notes.append(
                "note: the checkpoint was computed with \(before), this run goes on with \(Instructions.level.rawValue): "
                    + "last digits differ from those of a run that was not interrupted")
        }
        if checkpoint.hasOtherValidation(than: identity) {
            notes.append("note: the validation files have changed: earlier results are not compared with those to come")
        }
        return notes
    }

    private func lookAtMistakes(_ observers: [any TrainingObserver]) {
        guard let report = observers.lazy.compactMap({ $0 as? HTMLReport }).first, let features = latest.features,
            let validation = preparation.data?.validation
        else { return }
        let lens = MistakeLens(
            folder: folder, configuration: configuration, threads: preparation.placement.threads, features: features,
            training: preparation.samples, validation: validation.sampleList(split: "validation"))
        report.add(lens.looks(at: report))
    }

    /// Without one nothing is lost but that nobody can hold the run to it.
    private func leaveReceipt() {
        do {
            try Receipt(of: preparation).write(to: folder)
        } catch {
            say("warning: the run has no receipt: \(error)")
        }
    }

    private var observers: [any TrainingObserver] {
        if let watching { return [JSONLines(path: folder.metrics)] + watching }
        let (configuration, logging) = (preparation.configuration, preparation.configuration.logging)
        let others = logging.mlflow.map {
            MLflowFiles(
                store: $0, experiment: logging.experiment, name: configuration.run.name, runFolder: folder.path,
                parameters: configuration.entries)
        }
        return [
            ConsoleProgress(results: folder.path), JSONLines(path: folder.metrics), PredictionsFile(path: folder.predictions),
            TensorBoardEvents(folder: folder.path, parameters: configuration.entries),
            HTMLReport(path: folder.report, metrics: folder.metrics, phases: marks),
        ] + (others.map { [$0] } ?? [])
    }

    /// The phases as the report's curves mark them.
    private var marks: [RunPhase] {
        configuration.phases.indices.map {
            RunPhase(epochsBefore: configuration.epochs(beforePhase: $0), words: "phase \($0 + 1)")
        }
    }
}
