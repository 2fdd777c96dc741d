// `--resume` where something has changed since: what it refuses, and when, and where it finds a way.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized) struct GoingOnTests {
        private static let settings = ["training.batch_size=4", "training.epochs=2"]

        @Test func aFinishedRunHasNothingLeftToDo() throws {
            let work = try Workplace(images: 2)
            let settings = Self.settings + ["data.augmentation=none", "features.cache=memory", "data.validation=null"]
            try work.train("done", settings)
            let before = try work.contents("runs/done/metrics.jsonl")
            let again = try work.train("done", settings, resume: true)
            #expect(again.errors.contains("there is nothing left to do: 2 of 2 epochs are done; raise training.epochs to go on"))
            #expect(!again.errors.contains("features (train)"), "nothing is computed for it")
            #expect(try work.contents("runs/done/metrics.jsonl") == before)
            #expect(try work.train("done", settings + ["training.epochs=3"], resume: true).output.contains("epoch 3"))
        }

        @Test func whatDoesNotFitIsRefusedBeforeFeaturesAreComputed() throws {
            let work = try Workplace(images: 2)
            let settings = Self.settings + ["data.augmentation=none", "features.cache=memory", "data.validation=null"]
            try work.train("changed", settings)
            let more = settings + ["training.epochs=4", "network.unfrozen=[conv5]"]
            let refused = try work.train("changed", more, resume: true, expecting: 65)
            #expect(refused.errors.contains("keep network.unfrozen"), "\(refused.errors)")
            #expect(!refused.errors.contains("features (train)"))
            #expect(
                refused.errors.contains(
                    "the config has changed since: network.unfrozen: [] → [conv5]; training.epochs: 2 → 4"),
                "\(refused.errors)")
        }

        /// A photograph is lost in the second epoch: the run says the way out, and takes it.
        @Test func afterALostFileTheRunGoesOnFromTheEpochsEnd() throws {
            let work = try Workplace(images: 4)
            let settings = Self.settings + ["checkpoints.every_steps=1", "checkpoints.keep=9", "data.validation=null"]
            try work.train("lost", settings + ["training.steps=5"])
            #expect(try work.checkpoints("lost").last == "step-00000005")
            let train = work.folder.appending(path: "data/train")
            let folder = try #require(try FileManager.default.contentsOfDirectory(atPath: train.path).sorted().first)
            let file = try #require(
                try FileManager.default.contentsOfDirectory(atPath: train.appending(path: folder).path).sorted().first)
            try FileManager.default.removeItem(at: train.appending(path: "\(folder)/\(file)"))
            let resumed = try work.train("lost", settings, resume: true)
            #expect(
                resumed.errors.contains(
                    "the training files have changed since it was saved within an epoch; going on from the end of epoch 1, step"),
                "\(resumed.errors)")
            #expect(try work.checkpoints("lost").contains("step-00000005.refused"))
        }

        @Test func aRunFolderThatIsDeletedEndsTheRun() throws {
            let work = try Workplace(images: 2)
            let launch = try work.start("gone", ["training.epochs=500", "data.validation=null"])
            try work.wait(for: launch, "gone", steps: 1)
            // At one stroke: what is written meanwhile would hold up a removal file by file.
            let elsewhere = work.folder.appending(path: "elsewhere")
            try FileManager.default.moveItem(at: work.folder.appending(path: "runs/gone"), to: elsewhere)
            let end = try launch.end()
            #expect(
                end.status == 74 && end.errors.contains("the run's folder was removed or replaced"), "\(end.status) \(end.errors)"
            )
        }

        @Test func aFolderThatCannotBeWrittenHasOneStatus() throws {
            let work = try Workplace(images: 2)
            try work.train("shut", ["data.validation=null"])
            for resume in [false, true] {
                // A file where the folder should be: root may write anywhere, but not into a file.
                let settings = ["data.validation=null", "run.folder=config.yaml"]
                let end = try work.train("shut", settings, resume: resume, expecting: 65)
                #expect(end.errors.contains("config.yaml"), "\(end.errors)")
            }
        }
    }
}

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher)) struct PatienceTests {
        /// A rank that stands still is what a link that is down looks like from the others.
        @Test(arguments: [true, false]) func aRankThatIsNotHeardOfEndsTheRun(isRoot: Bool) throws {
            let work = try Workplace(images: 4)
            let settings = [
                "training.epochs=500", "data.validation=null", "communication.patience=3",
                "checkpoints.every_steps=1",
            ]
            let launch = try work.start("still", settings, ranks: 3)
            try work.wait(for: launch, "still", steps: 2)
            let ranks = launch.ranks.sorted()
            kill(try #require(isRoot ? ranks.first : ranks.last), SIGSTOP)
            let end = try launch.end()
            #expect(end.status == 75, "\(end.status) \(end.errors)")
            #expect(
                end.errors.contains(try Regex("gave up after \\d+ s: waiting for \\d+ s for rank \(isRoot ? 0 : 2) on host")),
                "\(end.errors)")
            #expect(end.seconds < 30)
            try work.train("still", settings + ["training.steps=\(try work.metrics("still", "step").count + 3)"], resume: true)
        }
    }
}
