// Runs that are killed, stopped or crowded by another, and what comes after.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized) struct ResumeCommandTests {
        /// Two epochs of six steps, with dropout and augmentation; a checkpoint after every second step.
        private static let settings = [
            "training.epochs=2", "training.batch_size=4", "checkpoints.every_steps=2", "checkpoints.keep=3",
            "optimizer.multipliers={fc: 0.5}",
        ]

        @Test func aKilledRunContinuesBitForBit() throws {
            let work = try Workplace()
            try work.train("straight", Self.settings)
            let launch = try work.start("killed", Self.settings)
            try work.wait(for: launch, "killed", steps: 9)
            launch.ranks.forEach { kill($0, SIGKILL) }
            #expect(try launch.end().status == SIGKILL)
            let before = try #require(try work.checkpoints("killed").last)
            try #require(before == "step-00000008", "it was killed in the middle of the second epoch")
            let resumed = try work.train("killed", Self.settings, resume: true)
            #expect(resumed.output.contains("resuming from runs/killed/checkpoints/step-00000008, after step 8"))
            for file in ["model.safetensors", "optimizer.safetensors"] {
                #expect(try work.contents(work.newest("killed", file)) == work.contents(work.newest("straight", file)))
            }
            #expect(try work.losses("killed") == work.losses("straight"))
            #expect(try work.metrics("killed", "step").compactMap { $0["step"] as? Int } == Array(1...12))
            #expect(try work.contents("runs/killed/predictions.csv") == work.contents("runs/straight/predictions.csv"))
        }

        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func anotherNumberOfRanksContinues() throws {
            let work = try Workplace()
            let settings = [
                "training.batch_size=7", "network.unfrozen=[conv5]", "checkpoints.every_steps=1", "data.validation=null",
            ]
            try work.train("straight", settings)
            try work.train("moved", settings + ["training.steps=2"], ranks: 2)
            try work.train("moved", settings, ranks: 3, resume: true)
            let (straight, moved) = (try work.losses("straight"), try work.losses("moved"))
            #expect(isClose(straight, moved, within: 1e-4), "\(straight), \(moved)")
        }

        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func aSignalToOneRankSavesAndStopsAll() throws {
            let work = try Workplace()
            let settings = ["training.epochs=50"]
            let launch = try work.start("stopped", settings, ranks: 2)
            try work.wait(for: launch, "stopped", steps: 2)
            kill(try #require(launch.ranks.max()), SIGTERM)
            let step = try #require(try stopStep(launch, work))
            try work.train("stopped", settings + ["training.steps=\(step + 1)"], ranks: 2, resume: true)
            #expect(try work.metrics("stopped", "step").compactMap { $0["step"] as? Int } == Array(1...step + 1))
        }

        /// The one signal that Open MPI's launcher passes on; what it does at others is its own.
        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func aWarningToTheLauncherSavesAndStopsAll() throws {
            let work = try Workplace(images: 4)
            let launch = try work.start("stopped", ["training.epochs=50", "data.validation=null"], ranks: 2)
            try work.wait(for: launch, "stopped", steps: 1)
            kill(launch.id, SIGUSR1)
            #expect(try stopStep(launch, work) != nil)
        }

        /// Waits for the end of a run that was asked to stop, and returns the step after which it saved and stopped.
        private func stopStep(_ launch: RunningLaunch, _ work: Workplace) throws -> Int? {
            let end = try launch.end()
            #expect(end.status == 75, "\(end.output)\n\(end.errors)")
            #expect(end.output.contains("as asked; continue with --resume"))
            let step = try work.metrics("stopped", "stopped").last?["step"] as? Int
            let name = try #require(try work.checkpoints("stopped").last)
            #expect(step != nil && Int(name.dropFirst(5)) == step)
            return step
        }

        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func aKilledRankEndsAll() throws {
            let work = try Workplace()
            let launch = try work.start("killed", ["training.epochs=200", "data.validation=null"], ranks: 3)
            try work.wait(for: launch, "killed", steps: 2)
            let ranks = launch.ranks
            #expect(ranks.count == 3)
            let start = Date()
            kill(try #require(ranks.max()), SIGKILL)
            let end = try launch.end()
            #expect(end.status != 0)
            while ranks.contains(where: RunningLaunch.isAlive), Date().timeIntervalSince(start) < 15 { usleep(10000) }
            #expect(Date().timeIntervalSince(start) < 15, "every rank ends within seconds")
        }

        @Test func aRunFolderBelongsToOneRunAtATime() throws {
            let work = try Workplace(images: 4)
            let launch = try work.start("same", ["training.epochs=200", "data.validation=null"])
            try work.wait(for: launch, "same", steps: 1)
            for resume in [false, true] {
                let second = try work.train("same", resume: resume, expecting: 65)
                #expect(second.errors.contains("another run is writing here (process \(launch.ranks[0])"), "\(second.errors)")
            }
            launch.ranks.forEach { kill($0, SIGTERM) }
            #expect(try launch.end().status == 75)
        }

        @Test func aSecondRunOfTheNameKeepsTheFirst() throws {
            let work = try Workplace(images: 2)
            let settings = ["data.validation=null"]
            let fresh = try work.train("same", settings, resume: true)
            #expect(fresh.errors.contains("there is no checkpoint to resume yet"))
            let first = try work.contents("runs/same/metrics.jsonl")
            let second = try work.train("same", settings)
            #expect(second.errors.contains("the earlier run of this name is kept as runs/same.1"))
            #expect(try work.contents("runs/same.1/metrics.jsonl") == first)
            #expect(try work.checkpoints("same.1") == work.checkpoints("same"))
        }

        /// A limit on the size of files stands for a full disk: model files do not fit, small ones do.
        @Test func aFullDiskCostsNoCheckpoint() throws {
            let work = try Workplace(images: 2)
            let settings = ["data.validation=null"]
            try work.train("full", settings)
            let before = try work.contents(work.newest("full"))
            let launch = try work.train(
                "full", settings + ["training.epochs=2"], resume: true, shell: "trap '' XFSZ; ulimit -f 500", expecting: 74)
            #expect(
                launch.errors.contains("model.safetensors: cannot write the file: File too large; make room"), "\(launch.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: work.path("runs/full/checkpoints")).count == 2)
            #expect(try work.contents(work.newest("full")) == before)
            try work.train("full", settings + ["training.epochs=2"], resume: true)
            #expect(try work.checkpoints("full").count == 2)
        }

        @Test func aDamagedCheckpointIsNamedAndTheOneBeforeUsed() throws {
            let work = try Workplace(images: 2)
            let settings = ["data.validation=null", "training.epochs=2"]
            try work.train("hurt", settings)
            let checkpoints = try work.checkpoints("hurt")
            truncate(work.path(try work.newest("hurt")), 5000)
            let launch = try work.train("hurt", settings, resume: true)
            #expect(
                launch.output.contains(
                    "\(checkpoints[1]): the checkpoint is damaged: model.safetensors has 5000 bytes instead of"))
            #expect(launch.output.contains("resuming from runs/hurt/checkpoints/\(checkpoints[0])"))
            #expect(launch.output.contains("(set aside as \(checkpoints[1]).refused); using the one before"))
        }

        /// With one checkpoint kept, the damaged newer one neither stays for ever nor drives out what is saved after it.
        @Test func aDamagedNewestCheckpointDoesNotDriveOutGoodOnes() throws {
            let work = try Workplace(images: 2)
            let settings = ["data.validation=null", "training.batch_size=2", "checkpoints.every_steps=1"]
            try work.train("hurt", settings + ["training.steps=2", "checkpoints.keep=2"])
            var bytes = try work.contents(work.newest("hurt"))
            bytes[bytes.count - 1] ^= 1
            try bytes.write(to: work.folder.appending(path: try work.newest("hurt")))
            let first = settings + ["checkpoints.keep=1"]
            try work.train("hurt", first + ["training.steps=2"], resume: true)
            #expect(
                try work.checkpoints("hurt") == ["step-00000002", "step-00000002.refused"], "the one just saved, and the refused")
            try work.train("hurt", first + ["training.steps=3"], resume: true)
            #expect(try work.checkpoints("hurt") == ["step-00000002.refused", "step-00000003"])
            try work.train("straight", first + ["training.steps=3"])
            #expect(
                try work.contents("runs/hurt/checkpoints/step-00000003/model.safetensors")
                    == work.contents(work.newest("straight")))
        }
    }
}
