// The same config at any number of ranks is the same training.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct RankCountTests {
        /// Batches of 7, 7, 7 and 3 images: uneven shares for 2 and 3 ranks, and an empty one for 4.
        private static let settings = ["training.batch_size=7", "network.unfrozen=[conv5]", "training.clip_norm=5"]

        @Test func lossesAreTheSame() throws {
            let work = try Workplace()
            try work.train("alone", Self.settings)
            let losses = try work.losses("alone")
            #expect(losses.count == 4)
            let evaluation = try #require(try work.metrics("alone", "evaluation").last)
            for ranks in [2, 3, 4] {
                try work.train("ranks\(ranks)", Self.settings + ["evaluation.ranks=all"], ranks: ranks)
                let others = try work.losses("ranks\(ranks)")
                #expect(isClose(losses, others, within: 1e-4), "\(ranks) ranks: \(losses), \(others)")
                let other = try #require(try work.metrics("ranks\(ranks)", "evaluation").last)
                #expect(other["images"] as? Int == 12 && other["accuracy"] as? Double == evaluation["accuracy"] as? Double)
                let pair = try [evaluation, other].map { try #require($0["loss"] as? Double) }
                #expect(isClose([pair[0]], [pair[1]], within: 1e-4), "\(ranks) ranks: \(pair)")
                #expect(try images(work, "ranks\(ranks)") == images(work, "alone"))
            }
        }

        @Test(arguments: ["local", "synchronized"]) func groupsHaveTheSameBits(batchNorm: String) throws {
            let work = try Workplace()
            let settings = Self.settings + ["training.reproducible=ranks", "training.group=2", "network.batch_norm=\(batchNorm)"]
            try work.train("alone", settings)
            try work.train("pair", settings + ["communication.algorithm=mpi", "communication.bucket_bytes=65536"], ranks: 2)
            try work.train("three", settings + ["communication.algorithm=ring", "evaluation.ranks=all"], ranks: 3)
            for file in ["model.safetensors", "optimizer.safetensors"] {
                let weights = try ["alone", "pair", "three"].map {
                    try work.contents("runs/\($0)/checkpoints/step-00000004/\(file)")
                }
                #expect(weights[0] == weights[1] && weights[0] == weights[2], "\(file)")
            }
            #expect(try work.losses("alone") == work.losses("three"))
        }

        @Test func allRanksEvaluateLikeTheRoot() throws {
            let work = try Workplace(images: 4)
            try work.train("root", ["training.steps=1"], ranks: 3)
            try work.train("all", ["training.steps=1", "evaluation.ranks=all"], ranks: 3)
            let evaluations = try ["root", "all"].map { run in try #require(try work.metrics(run, "evaluation").last) }
            for key in ["loss", "accuracy", "images"] {
                #expect(evaluations[0][key] as? Double == evaluations[1][key] as? Double, "\(key)")
            }
            #expect(try work.contents("runs/root/predictions.csv") == work.contents("runs/all/predictions.csv"))
        }

        /// Statistics of the whole batch do not know how many ranks share it.
        @Test func synchronizedStatisticsAreThoseOfOneRank() throws {
            let work = try Workplace(images: 4)
            let settings = [
                "training.steps=2", "network.unfrozen=[\"*\"]", "training.batch_size=6", "optimizer.learning_rate=1e-3",
            ]
            try work.train("alone", settings + ["network.batch_norm=local"])
            try work.train("pair", settings + ["network.batch_norm=synchronized"], ranks: 2)
            let (alone, pair) = (try work.losses("alone"), try work.losses("pair"))
            #expect(isClose(alone, pair, within: 1e-3), "\(alone), \(pair)")
        }

        @Test func accumulatedPassesAreOneBatch() throws {
            let work = try Workplace()
            let settings = ["training.steps=2", "network.unfrozen=[conv5]", "data.augmentation=none", "data.shuffle=false"]
            try work.train("whole", settings + ["training.batch_size=8"])
            try work.train("passes", settings + ["training.batch_size=4", "training.accumulation=2"], ranks: 2)
            let (whole, passes) = (try work.losses("whole"), try work.losses("passes"))
            #expect(isClose(whole, passes, within: 1e-4), "\(whole), \(passes)")
        }

        /// The images of a run's predictions, in order.
        private func images(_ work: Workplace, _ run: String) throws -> [String] {
            String(decoding: try work.contents("runs/\(run)/predictions.csv"), as: UTF8.self).split(separator: "\n").dropFirst()
                .map { String($0.prefix { $0 != "," }) }
        }
    }
}
