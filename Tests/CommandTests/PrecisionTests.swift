// An int8 prefix through the program: the same network for any number of ranks, after a resume, and for evaluate and predict.
import Foundation
import TestSupport
import Testing
import WeightFiles

extension CommandTests {
    @Suite(.serialized, .enabled(if: processorMultipliesBytes, Comment(rawValue: needsBytes))) struct PrecisionTests {
        private static let settings = ["network.precision=int8", "training.batch_size=6", "data.augmentation=none"]

        @Test func evaluationComputesWhatTrainingComputed() throws {
            let work = try Workplace()
            let launch = try work.train("bytes", Self.settings)
            #expect(launch.errors.contains("precision: int8 changes what frozen layers hand on by"))
            let again = try work.graft("evaluate", "runs/bytes", "--checkpoint", "last", "--predictions", "again.csv", "--json")
            #expect(try work.contents("again.csv") == work.contents("runs/bytes/predictions.csv"))
            #expect(!again.output.contains("agreement"))
            let compared = try work.graft("evaluate", "runs/bytes", "--against", "float32", "--json")
            let document = try #require(try JSONSerialization.jsonObject(with: Data(compared.output.utf8)) as? [String: Any])
            let agreement = try #require(document["agreement"] as? [String: Any])
            #expect(agreement["images"] as? Int == 12 && (agreement["same"] as? Int ?? 0) >= 10)
            #expect(agreement["precision"] as? String == "float32")
            let photograph = "data/train/ant/ant-0.png"
            let logits = try ["trained", "int8", "float32"].map {
                try work.graft("predict", "--run", "runs/bytes", "--precision", $0, "--logits", "--json", photograph).output
            }
            #expect(logits[0] == logits[1] && logits[0] != logits[2])
        }

        @Test(.enabled(if: Launch.mpirun != nil, needsLauncher)) func rangesDoNotDependOnRanks() throws {
            let work = try Workplace()
            try work.train("alone", Self.settings)
            try work.train("pair", Self.settings, ranks: 2)
            #expect(try computation(work, "alone") == computation(work, "pair"))
            #expect(try computation(work, "alone").contains("\"prefix\":\"int8\""))
            #expect(isClose(try work.losses("alone"), try work.losses("pair"), within: 1e-4))
        }

        @Test func aResumedRunKeepsItsRanges() throws {
            let work = try Workplace()
            let settings = Self.settings + ["training.epochs=2", "checkpoints.every_steps=1"]
            try work.train("straight", settings)
            try work.train("stopped", settings + ["training.steps=2"])
            let resumed = try work.train("stopped", settings, resume: true)
            #expect(!resumed.errors.contains("precision: int8"), "nothing is measured again")
            #expect(try work.contents(work.newest("stopped")) == work.contents(work.newest("straight")))
            #expect(try work.contents("runs/stopped/predictions.csv") == work.contents("runs/straight/predictions.csv"))
        }

        /// A cache that was filled in bytes is not taken for one in float32.
        @Test func cachedFeaturesAreThoseOfTheirPrecision() throws {
            let work = try Workplace()
            let settings = ["training.batch_size=6", "data.augmentation=none", "features.cache=disk", "training.epochs=2"]
            try work.train("plain", settings)
            let bytes = try work.train("bytes", settings + ["network.precision=int8"])
            #expect(bytes.errors.contains("0 of 24 found"))
            let again = try work.train("again", settings + ["network.precision=int8"])
            #expect(again.errors.contains("24 of 24 found"))
            #expect(try work.losses("again") == work.losses("bytes"))
        }

        @Test func whatDoesNotPayIsSaid() throws {
            let work = try Workplace(images: 4)
            let launch = try work.train(
                "gates",
                ["network.architecture=efficientnet_b0", "network.precision=int8", "training.steps=1", "data.validation=null"])
            #expect(launch.errors.contains("int8 does not pay in most of this network's frozen layers"))
            try work.train("exact", ["training.steps=1", "data.validation=null"])
            let float = try work.graft("evaluate", "runs/exact", "--precision", "int8", "--data", "data/train")
            #expect(float.output.contains("of 12 images"))
        }

        private func computation(_ work: Workplace, _ run: String) throws -> String {
            try #require(try WeightFile.open(work.path(work.newest(run))).metadata["computation"])
        }
    }
}
