// Whatever way gradients take, the training is the same; and a job whose rank dies ends, and leaves nothing behind.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct CommunicationTests {
        private static let settings = [
            "network.unfrozen=[\"*\"]", "training.batch_size=6", "data.validation=null", "training.steps=3",
        ]

        private func train(_ work: Workplace, _ name: String, _ more: [String], ranks: Int) throws -> [Double] {
            try work.train(name, Self.settings + more.map { "communication.\($0)" }, ranks: ranks)
            return try work.losses(name)
        }

        @Test(arguments: [2, 3, 4]) func waysCutsAndOverlapChangeRoundingOnly(ranks: Int) throws {
            let work = try Workplace()
            try work.train("alone", Self.settings)
            let alone = try work.losses("alone")
            let variants = [
                ["algorithm=ring"], ["algorithm=shared_memory"], ["algorithm=mpi"], ["bucket_bytes=1000"],
                ["algorithm=ring", "bucket_bytes=65536", "overlap=false"], ["overlap=false"],
            ]
            for (index, variant) in variants.enumerated() {
                let losses = try train(work, "variant\(index)", variant, ranks: ranks)
                #expect(isClose(alone, losses, within: 1e-4), "\(variant): \(alone), \(losses)")
            }
            // The same keys once more: the same bits, in another order of events.
            for (index, variant) in variants.prefix(3).enumerated() {
                #expect(try train(work, "again", variant, ranks: ranks) == work.losses("variant\(index)"), "\(variant)")
                #expect(
                    try work.contents(work.newest("again")) == work.contents(work.newest("variant\(index)")), "\(variant)")
            }
        }

        @Test(arguments: ["ring", "shared_memory"]) func roundedGradientsTrainAndResume(algorithm: String) throws {
            let work = try Workplace()
            let ways = ["algorithm=\(algorithm)", "compression=bfloat16", "bucket_bytes=65536"]
            let exact = try train(work, "exact", ["algorithm=\(algorithm)"], ranks: 3)
            let rounded = try train(work, "rounded", ways, ranks: 3)
            #expect(isClose(exact, rounded, within: 1e-2), "\(exact), \(rounded)")
            let settings = Self.settings + ways.map { "communication.\($0)" }
            try work.train("parts", settings + ["training.steps=2"], ranks: 3)
            try work.train("parts", settings, ranks: 3, resume: true)
            #expect(try work.losses("parts") == rounded)
            #expect(try work.contents(work.newest("parts")) == work.contents(work.newest("rounded")))
        }

        @Test func stepsTellWhatBackwardHid() throws {
            let work = try Workplace(images: 4)
            let launch = try work.train("told", Self.settings + ["communication.overlap=false"], ranks: 2)
            let steps = try work.metrics("told", "step")
            #expect(steps.count > 0)
            for step in steps {
                let exposed = try #require(step["communication_exposed_seconds"] as? Double)
                #expect(exposed > 0 && step["communication_hidden_seconds"] as? Double != nil)
            }
            #expect(launch.output.contains(/gradient sums took .* s, of which backward hid \d+ %/))
        }

        @Test func waysOfSummingAreMeasured() throws {
            let work = try Workplace(images: 1)
            let launch = try Launch(
                ["bench", "config.yaml", "--suite", "collectives", "--steps", "1", "--json"], ranks: 2, in: work.folder)
            try #require(launch.status == 0, "\(launch.errors)")
            let found = try #require(try JSONSerialization.jsonObject(with: Data(launch.output.utf8)) as? [String: Any])
            #expect(found["suite"] as? String == "collectives" && found["automatic"] as? String == "shared_memory")
            let rows = try #require(found["rows"] as? [[String: Any]])
            #expect(Set(rows.compactMap { $0["algorithm"] as? String }) == ["ring", "shared_memory", "mpi"])
            #expect(rows.allSatisfy { ($0["seconds"] as? Double ?? 0) > 0 })
        }

        @Test func scalingIsPredicted() throws {
            let work = try Workplace(images: 1)
            let text = try work.graft(
                "plan", "config.yaml", "--hosts", "2,512", "--link", "1e9,100e9", "--images-per-second", "10"
            ).output
            #expect(text.contains("100.0 Gbit/s") && text.contains("efficiency") && !text.contains("Steps. Shapes"))
            let json = try work.graft("plan", "config.yaml", "--hosts", "2,512", "--link", "1e9,100e9", "--json").output
            let plan = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
            let scaling = try #require(plan["scaling"] as? [String: Any])
            #expect((scaling["predictions"] as? [Any])?.count == 4)
            _ = try work.graft("plan", "config.yaml", "--hosts", "0", expecting: 64)
            _ = try work.graft("plan", "config.yaml", "--hosts", "2,x", expecting: 64)
        }

        @Test func oneRankAHostHasNothingToShare() throws {
            let launch = try Launch(["doctor", "--seconds", "0", "--algorithm", "shared_memory"], ranks: 1)
            #expect(launch.status == 0 && launch.output.contains("every host has one rank"), "\(launch.output)\(launch.errors)")
        }

        @Test(arguments: ["shared_memory", "mpi"]) func aKilledRankEndsAllAndLeavesNoMemory(algorithm: String) throws {
            let work = try Workplace()
            let launch = try work.start(
                "killed",
                ["network.unfrozen=[\"*\"]", "training.epochs=500", "communication.algorithm=\(algorithm)"],
                ranks: 3)
            try work.wait(for: launch, "killed", steps: 3)
            let ranks = launch.ranks
            kill(try #require(ranks.max()), SIGKILL)
            let end = try launch.end()
            #expect(end.status != 0 && end.seconds < 60)
            let deadline = Date(timeIntervalSinceNow: 15)
            while ranks.contains(where: RunningLaunch.isAlive), Date() < deadline { usleep(10000) }
            #expect(ranks.allSatisfy { !RunningLaunch.isAlive($0) })
            let left = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []
            #expect(!left.contains { $0.contains("graft") }, "\(left)")
        }
    }
}
