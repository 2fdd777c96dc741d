// The feature cache and the loader's bench as users meet them.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct FeatureCommandTests {
        private static let plain = ["data.augmentation=none", "training.epochs=3", "checkpoints.every_epochs=3"]

        /// Losses, evaluations and weights, bit for bit; of the 24 images, batches of 10 leave four for a last one.
        @Test(arguments: [("[]", 2, 8), ("[conv5]", 1, 8), ("[conv5]", 2, 10), ("[stage3.2, conv5]", 1, 10)])
        func cachedEqualsUncached(_ unfrozen: String, _ ranks: Int, _ batch: Int) throws {
            let work = try Workplace()
            let settings = Self.plain + ["network.unfrozen=\(unfrozen)", "training.batch_size=\(batch)"]
            for cache in ["off", "memory", "disk"] {
                try work.train(cache, settings + ["features.cache=\(cache)"], ranks: ranks)
            }
            // The same again from what the disk has kept.
            let again = try work.train("again", settings + ["features.cache=auto"], ranks: ranks)
            #expect(again.errors.contains("24 of 24 found") && again.errors.contains("12 of 12 found"), "\(again.errors)")
            #expect(!again.errors.contains("computing"))
            for run in ["memory", "disk", "again"] {
                #expect(try work.losses(run) == work.losses("off"), "\(run)")
                #expect(try work.contents("runs/\(run)/predictions.csv") == work.contents("runs/off/predictions.csv"), "\(run)")
                #expect(try work.contents(work.newest(run)) == work.contents(work.newest("off")), "\(run)")
            }
        }

        /// Ten views an image: from the cache or not, on one rank or all, and by `evaluate`.
        @Test func viewsOfEvaluationAreCachedAndShared() throws {
            let work = try Workplace()
            let settings = Self.plain + ["evaluation.views=ten"]
            for (run, ranks, own) in [
                ("off", 2, ["features.cache=off"]), ("memory", 2, ["features.cache=memory", "evaluation.ranks=all"]),
            ] {
                try work.train(run, settings + own, ranks: ranks)
            }
            #expect(try work.contents("runs/memory/predictions.csv") == work.contents("runs/off/predictions.csv"))
            try work.train("plain", Self.plain, ranks: 2)
            #expect(try work.contents("runs/plain/predictions.csv") != work.contents("runs/off/predictions.csv"))
            for run in ["off", "plain"] {
                try work.graft("evaluate", "runs/\(run)", "--checkpoint", "last", "--predictions", "\(run).csv", "--views", "ten")
            }
            #expect(try work.contents("plain.csv") == work.contents("off.csv"))
            #expect(try work.contents("runs/off/predictions.csv") == work.contents("off.csv"))
        }

        @Test func whatDiffersIsComputedAnewAndAddedFilesExtend() throws {
            let work = try Workplace()
            func fill(_ run: String, _ settings: [String] = []) throws -> String {
                try work.train(run, Self.plain + ["training.epochs=1", "features.cache=disk"] + settings).errors
            }
            _ = try fill("first")
            #expect(try fill("precision", ["features.precision=bfloat16"]).contains("(train): 0 of 24 found"))
            #expect(try fill("views", ["data.augmentation=standard", "features.views=2"]).contains("(train): 0 of 48 found"))
            #expect(try fill("cut", ["network.unfrozen=[conv5]"]).contains("(train): 0 of 24 found"))
            try SampleImages.png(of: 1, number: 77).write(to: work.folder.appending(path: "data/train/bee/new.png"))
            let extended = try fill("extended")
            #expect(extended.contains("(train): 24 of 25 found") && extended.contains("computing 1\n"), "\(extended)")
            // A file of the same name with other contents.
            try SampleImages.png(of: 1, number: 78).write(to: work.folder.appending(path: "data/train/bee/new.png"))
            #expect(try fill("changed").contains("(train): 24 of 25 found"))
        }

        @Test func plansSayWhatBecomesOfFeatures() throws {
            let work = try Workplace(images: 4)
            #expect(try work.graft("plan", "config.yaml", "--summary").output.contains("Feature cache: "))
            let plan = try work.graft(
                "plan", "config.yaml", "--summary", "--set", "data.augmentation=none", "--set", "training.epochs=2")
            #expect(plan.output.contains("Feature cache: 12 training images and 6 validation images"), "\(plan.output)")
            let json = try work.graft("plan", "config.yaml", "--json", "--set", "features.cache=off").output
            let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
            #expect((object["features"] as? [String: Any])?["place"] as? String == "off")
        }

        @Test func theLoadersBenchGivesItsFigures() throws {
            let work = try Workplace(images: 4)
            let settings = ["--steps", "2", "--json"]
            for options in [["--synthetic"], []] {
                let launch = try Launch(["bench", "config.yaml", "--suite", "loader"] + options + settings, in: work.folder)
                try #require(launch.status == 0, "\(launch.errors)")
                let object = try #require(
                    try JSONSerialization.jsonObject(with: Data(launch.output.utf8)) as? [String: Any])
                #expect(object["suite"] as? String == "loader")
                #expect((object["images_per_second"] as? Double ?? 0) > 0)
                #expect((0...1).contains(object["data_wait_share"] as? Double ?? -1))
            }
        }
    }
}
