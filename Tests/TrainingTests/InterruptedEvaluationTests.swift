// What an evaluation may cost: its figures, never the epoch before it.
import Collectives
import Foundation
import ImageData
import Testing

@testable import Training

@Suite struct InterruptedEvaluationTests {
    /// As a photograph that vanished would end it.
    @Test(arguments: [1, 3]) func anErrorInAnEvaluationComesAfterTheSave(ranks: Int) throws {
        let folder = try TemporaryFolder()
        let straight = try Rehearsal(ranks: ranks).run()
        #expect(throws: (any Error).self) {
            try Rehearsal(ranks: ranks, evaluationFault: .missingImage(evaluation: 2), folder: folder.path).run()
        }
        let checkpoints = CheckpointFolder(path: folder.path, retention: Retention(keeping: 2))
        let newest = try checkpoints.newest().checkpoint.state
        #expect(checkpoints.steps == [4, 8] && newest.progress.awaitsEvaluation == true && newest.evaluation == nil)
        let resumed = try Rehearsal(ranks: ranks, folder: folder.path, resumes: true).run()
        #expect(resumed[0].record.steps.isEmpty && resumed[0].record.evaluations.count == 1)
        #expect(resumed[0].progress == straight[0].progress && resumed[0].weights == straight[0].weights)
        let after = try checkpoints.newest().checkpoint.state
        #expect(after.evaluation == straight[0].record.evaluations.last?.summary && after.progress == straight[0].progress)
    }

    /// A rank is asked to stop in the middle of the first evaluation, whether the epoch's checkpoint was due or not.
    @Test(arguments: [(1, 0), (3, 2)], [1, 2]) func aStopInAnEvaluationIsHeardInIt(who: (ranks: Int, rank: Int), every: Int)
        throws
    {
        for evaluationRanks in [EvaluationRanks.root, .all] {
            let folder = try TemporaryFolder()
            var plan = Rehearsal(ranks: who.ranks, evaluationRanks: evaluationRanks, checkpointEpochs: every)
            let straight = try plan.run()
            plan.folder = folder.path
            plan.evaluationFault = .stop(evaluation: 1, rank: evaluationRanks == .root ? 0 : who.rank)
            let first = try plan.run()
            #expect(first.allSatisfy { $0.outcome == .stopped } && first[0].record.evaluations.isEmpty)
            plan.evaluationFault = nil
            plan.resumes = true
            let second = try plan.run()
            #expect(first[0].record.losses + second[0].record.losses == straight[0].record.losses)
            #expect(second[0].record.evaluations.map(\.summary) == straight[0].record.evaluations.map(\.summary))
            #expect(second[0].progress == straight[0].progress && second[0].weights == straight[0].weights)
        }
    }

    @Test func earlierResultsOnOtherFilesAreNotCompared() throws {
        let folder = try TemporaryFolder()
        let first = try Rehearsal(epochs: 1, folder: folder.path).run()[0]
        #expect(first.progress.best != nil)
        let second = try Rehearsal(epochs: 2, validationImages: 9, folder: folder.path, resumes: true).run()[0]
        #expect(second.progress.best?.step == 8)
        #expect(second.record.evaluations.map(\.isBest) == [true])
    }

    @Test func anIndexThatWasChangedSaysNothing() throws {
        let folder = try TemporaryFolder()
        let outcome = try Rehearsal(epochs: 5, keeping: 9, folder: folder.path).run()[0]
        let checkpoints = CheckpointFolder(path: folder.path, retention: Retention(keeping: 9))
        let (path, best) = ("\(folder.path)/index.json", try #require(outcome.progress.best))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let other = try #require(checkpoints.steps.first { $0 != best.step })
        try text.replacing(CheckpointFolder.name(ofStep: best.step), with: CheckpointFolder.name(ofStep: other)).write(
            toFile: path, atomically: true, encoding: .utf8)
        #expect(try checkpoints.best().state.progress.step == best.step)
    }

    @Test func aFolderThatWasRemovedIsNoticedAtTheNextSave() throws {
        let folder = try TemporaryFolder()
        var checkpoints = CheckpointFolder(path: "\(folder.path)/checkpoints", retention: Retention(keeping: 2))
        let lock = try RunLock(folder: folder.path)
        checkpoints.lock = lock
        _ = try checkpoints.save(step: 1, best: nil) { _ in }
        try FileManager.default.removeItem(atPath: folder.path)
        #expect(throws: TrainingError.folderGone(path: folder.path)) { _ = try checkpoints.save(step: 2, best: nil) { _ in } }
        // Another one of the same name is not the run's.
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        let other = try RunLock(folder: folder.path)
        #expect(throws: TrainingError.folderGone(path: folder.path)) { _ = try checkpoints.save(step: 2, best: nil) { _ in } }
        withExtendedLifetime(other) {}
    }
}
