// Checkpoints: resumed equals uninterrupted, damaged ones are refused by name, nothing is lost on the way.
import Foundation
import Tensors
import Testing
@testable import Training
import WeightFiles

@Suite struct ResumeTests {
    /// Stops in mid-epoch (2, 6), at an epoch's last step (4).
    @Test(arguments: [2, 4, 6]) func resumedEqualsUninterruptedBitForBit(step: Int) throws {
        let folder = try TemporaryFolder()
        let straight = try Rehearsal(epochs: 3).run()[0]
        let first = try Rehearsal(epochs: 3, folder: folder.path, stopping: (rank: 0, step: step)).run()[0]
        let second = try Rehearsal(epochs: 3, folder: folder.path, resumes: true).run()[0]
        #expect(first.outcome == .stopped && second.outcome == .finished)
        #expect(second.weights == straight.weights && second.momentum == straight.momentum)
        #expect(second.statistics == straight.statistics && second.progress == straight.progress)
        #expect(first.record.losses + second.record.losses == straight.record.losses)
        #expect(first.record.epochs + second.record.epochs == straight.record.epochs)
        #expect(second.record.evaluations.last?.evaluation == straight.record.evaluations.last?.evaluation)
    }

    @Test(arguments: [(1, 3), (3, 2), (4, 1)]) func anotherNumberOfRanksContinuesTheSameRun(before: Int, after: Int) throws {
        let folder = try TemporaryFolder()
        let straight = try Rehearsal(epochs: 3).run()[0]
        let first = try Rehearsal(ranks: before, epochs: 3, folder: folder.path, stopping: (rank: 0, step: 6)).run()
        let second = try Rehearsal(ranks: after, epochs: 3, folder: folder.path, resumes: true).run()
        let losses = first[0].record.losses + second[0].record.losses
        #expect(losses.count == straight.record.losses.count)
        #expect(zip(losses, straight.record.losses).allSatisfy { abs($0 - $1) < 1e-5 })
        let delivered = (first + second).flatMap(\.delivered).sorted()
        #expect(delivered == (0..<23).flatMap { [$0, $0, $0] })
    }

    /// As after a kill: the newest checkpoint is of mid-epoch, what came after it is lost and made again.
    @Test(arguments: [1, 3]) func checkpointsWithinAnEpochContinueBitForBit(ranks: Int) throws {
        let folder = try TemporaryFolder()
        let straight = try Rehearsal(ranks: ranks, checkpointSteps: 3).run()[0]
        let saved = try Rehearsal(ranks: ranks, checkpointSteps: 3, keeping: 9, folder: folder.path).run()[0]
        #expect(saved.record.checkpoints.map(\.step) == [3, 4, 6, 8] && saved.weights == straight.weights)
        for step in [8] { try FileManager.default.removeItem(atPath: "\(folder.path)/\(CheckpointFolder.name(ofStep: step))") }
        let resumed = try Rehearsal(ranks: ranks, checkpointSteps: 3, folder: folder.path, resumes: true).run()[0]
        #expect(resumed.record.steps.map(\.step) == [7, 8] && resumed.weights == straight.weights)
        #expect(resumed.statistics == straight.statistics)
    }

    /// Ranks save together by rank 0's clock; no time has to pass for a tiny interval.
    @Test(arguments: [1, 3]) func checkpointsByTheClockContinueBitForBit(ranks: Int) throws {
        let folder = try TemporaryFolder()
        let straight = try Rehearsal(ranks: ranks).run()[0]
        let saved = try Rehearsal(ranks: ranks, checkpointMinutes: 1e-12, keeping: 9, folder: folder.path).run()[0]
        #expect(saved.record.checkpoints.map(\.step) == Array(1...8) && saved.weights == straight.weights)
        for step in [7, 8] { try FileManager.default.removeItem(atPath: "\(folder.path)/\(CheckpointFolder.name(ofStep: step))") }
        let resumed = try Rehearsal(ranks: ranks, checkpointMinutes: 1000, folder: folder.path, resumes: true).run()[0]
        #expect(resumed.record.checkpoints.map(\.step) == [8] && resumed.weights == straight.weights)
    }

    enum Damage: CaseIterable { case truncatedModel, flippedBit, missingOptimizer, changedDigit, emptyState }

    @Test(arguments: Damage.allCases) func aDamagedCheckpointIsRefusedAndThePreviousOneUsed(_ damage: Damage) throws {
        let folder = try TemporaryFolder()
        _ = try Rehearsal(folder: folder.path).run()
        let name = "step-00000008"
        try Self.inflict(damage, "\(folder.path)/\(name)")
        let newest = try CheckpointFolder(path: folder.path, retention: Retention(keeping: 2)).newest()
        #expect(newest.checkpoint.state.progress.step == 4)
        #expect(newest.refused.count == 1 && newest.refused[0].contains(name))
        let resumed = try Rehearsal(folder: folder.path, resumes: true).run()[0]
        #expect(resumed.record.steps.map(\.step) == [5, 6, 7, 8])
        #expect(resumed.record.started?.refusedCheckpoints.count == 1)
        #expect(resumed.weights == (try Rehearsal().run()[0].weights))
    }

    private static func inflict(_ damage: Damage, _ path: String) throws {
        let (model, state) = ("\(path)/model.safetensors", "\(path)/state.json")
        switch damage {
        case .truncatedModel: truncate(model, 200)
        case .flippedBit:
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: model)))
            bytes[bytes.count - 5] ^= 4
            try Data(bytes).write(to: URL(fileURLWithPath: model))
        case .missingOptimizer: try FileManager.default.removeItem(atPath: "\(path)/optimizer.safetensors")
        case .changedDigit:
            let text = try String(contentsOfFile: state, encoding: .utf8).replacingOccurrences(
                of: "\"step\" : 8", with: "\"step\" : 9")
            try text.write(toFile: state, atomically: true, encoding: .utf8)
        case .emptyState: truncate(state, 0)
        }
    }

    @Test func theBestAndTheLastAreKept() throws {
        #expect(Retention(keeping: 2).expired(existing: [4, 8, 12, 16], best: 4, saved: 16) == [8])
        #expect(Retention(keeping: 1).expired(existing: [16, 4, 8, 12], best: 16, saved: 16) == [4, 8, 12])
        #expect(Retention(keeping: 3).expired(existing: [4, 8], best: nil, saved: 8).isEmpty)
        // Whatever stands there with a later step: the one just saved stays, and those before it go.
        #expect(Retention(keeping: 1).expired(existing: [8, 10, 33], best: nil, saved: 10) == [8])
        #expect(Retention(keeping: 2).expired(existing: [8, 10, 33, 34], best: nil, saved: 10).isEmpty)
        let folder = try TemporaryFolder()
        let outcome = try Rehearsal(epochs: 5, keeping: 1, folder: folder.path).run()[0]
        let best = try #require(outcome.progress.best)
        let checkpoints = CheckpointFolder(path: folder.path, retention: Retention(keeping: 1))
        #expect(Set(checkpoints.steps) == [best.step, 20])
        #expect(try checkpoints.best().state.evaluation == best.summary)
    }

    @Test func refusedCheckpointsAreSetAsideByName() throws {
        let folder = try TemporaryFolder()
        _ = try Rehearsal(checkpointSteps: 2, keeping: 9, folder: folder.path).run()
        let checkpoints = CheckpointFolder(path: folder.path, retention: Retention(keeping: 1))
        #expect(checkpoints.steps == [2, 4, 6, 8])
        #expect(try checkpoints.setAside(after: 4) == ["step-00000008.refused", "step-00000006.refused"])
        #expect(checkpoints.steps == [2, 4])
        // A second damaged one of the same step does not replace the first.
        _ = try Rehearsal(checkpointSteps: 2, keeping: 9, folder: folder.path, resumes: true).run()
        #expect(try checkpoints.setAside(after: 6) == ["step-00000008.refused-2"])
        #expect(try checkpoints.newest().checkpoint.state.progress.step == 6)
    }

    @Test func aFailedSaveLeavesEverythingAsItWas() throws {
        let folder = try TemporaryFolder()
        _ = try Rehearsal(folder: folder.path).run()
        let checkpoints = CheckpointFolder(path: folder.path, retention: Retention(keeping: 2))
        let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(throws: CocoaError.self) {
            _ = try checkpoints.save(step: 9, best: nil) { path in
                try Data(count: 100).write(to: URL(fileURLWithPath: "\(path)/model.safetensors"))
                throw CocoaError(.fileWriteOutOfSpace)
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
        #expect(try checkpoints.newest().checkpoint.state.progress.step == 8)
    }

    @Test func interruptedSavesAndReplacementsAreCleanedUp() throws {
        let folder = try TemporaryFolder()
        _ = try Rehearsal(folder: folder.path).run()
        let files = FileManager.default
        try files.createDirectory(atPath: "\(folder.path)/.step-00000009.partial", withIntermediateDirectories: true)
        try files.moveItem(atPath: "\(folder.path)/step-00000008", toPath: "\(folder.path)/.step-00000008.aside")
        let checkpoints = CheckpointFolder(path: folder.path, retention: Retention(keeping: 2))
        try checkpoints.recover()
        #expect(checkpoints.steps == [4, 8])
        #expect(try !files.contentsOfDirectory(atPath: folder.path).contains { $0.hasPrefix(".step") })
    }

    @Test func aCheckpointCarriesWhatItTakesToUseItAlone() throws {
        let folder = try TemporaryFolder()
        let outcome = try Rehearsal(folder: folder.path).run()[0]
        let checkpoint = try CheckpointFolder(path: folder.path, retention: Retention(keeping: 2)).newest().checkpoint
        let metadata = ModelMetadata(of: checkpoint.model)
        #expect(metadata.classes == ["ant", "bee", "cat"] && metadata.preprocessing == .imageNet())
        #expect(metadata.architecture == "linear" && metadata.computation == nil)
        #expect(Set(checkpoint.model.names) == ["body.weight", "body.running_mean", "fc.weight", "fc.bias"])
        #expect(try checkpoint.model.floats("fc.weight") == Array(outcome.weights[16..<31]))
    }

    @Test func resumingWithoutACheckpointOrWithAnotherNetworkIsRefused() throws {
        let folder = try TemporaryFolder()
        #expect(throws: TrainingError.noCheckpoint(folder: folder.path, refused: [])) {
            try Rehearsal(folder: folder.path, resumes: true).run()
        }
        _ = try Rehearsal(folder: folder.path, stopping: (rank: 0, step: 2)).run()
        let error = #expect(throws: TrainingError.self) { try Rehearsal(images: 24, folder: folder.path, resumes: true).run() }
        #expect("\(try #require(error))".contains("the training files have changed"))
    }

    @Test func aRunFolderIsLockedWhileARunWrites() throws {
        let folder = try TemporaryFolder()
        let lock = try RunLock(folder: folder.path)
        let error = #expect(throws: TrainingError.self) { _ = try RunLock(folder: folder.path) }
        #expect("\(try #require(error))".contains("process \(getpid())"))
        withExtendedLifetime(lock) {}
    }
}
