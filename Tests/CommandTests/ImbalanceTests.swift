// Classes that do not count alike in the loss, through the program.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct ImbalanceTests {
        /// Ants are rare.
        private static func workplace() throws -> Workplace {
            let work = try Workplace()
            for number in 2..<8 {
                try FileManager.default.removeItem(atPath: work.path("data/train/ant/ant-\(number).png"))
            }
            return work
        }

        private static let settings = [
            "data.augmentation=none", "training.epochs=2", "training.batch_size=7", "checkpoints.every_steps=1",
            "training.class_weights=balanced",
        ]

        /// The weighted mean is over the batch of all ranks; a resume in the middle changes nothing.
        @Test func weightsAreTheSameForAnyRanks() throws {
            let work = try Self.workplace()
            let told = try work.train("one", Self.settings)
            #expect(told.errors.contains("class weights: ant 3, bee 0.75, cat 0.75"), "\(told.errors)")
            for ranks in [2, 3] {
                try work.train("ranks", Self.settings, ranks: ranks)
                #expect(isClose(try work.losses("ranks"), try work.losses("one"), within: 1e-5), "\(ranks) ranks")
            }
            try work.train("cut", Self.settings + ["training.steps=3"])
            try work.train("cut", Self.settings, resume: true)
            #expect(try work.contents(work.newest("cut")) == work.contents(work.newest("one")))
            // Weights of 1 are none; those of twice as much are the same, for the mean is weighted.
            let plain = Self.settings.dropLast()
            try work.train("plain", Array(plain))
            try work.train("twice", plain + ["training.class_weights={ant: 2, bee: 2, cat: 2}"])
            #expect(isClose(try work.losses("twice"), try work.losses("plain"), within: 1e-6))
            #expect(!isClose(try work.losses("one"), try work.losses("plain"), within: 1e-3))
        }

        /// One draw for all ranks; from the cache as without it, and across a resume in the middle of an epoch.
        @Test(arguments: ["balanced", "square_root"]) func drawsAreTheSameForAnyRanks(_ sampling: String) throws {
            let work = try Self.workplace()
            let settings = [
                "training.epochs=2", "training.batch_size=7", "checkpoints.every_steps=1", "features.views=2",
                "data.sampling=\(sampling)",
            ]
            try work.train("one", settings + ["features.cache=off"])
            for ranks in [2, 3] {
                try work.train("ranks", settings + ["features.cache=off"], ranks: ranks)
                #expect(isClose(try work.losses("ranks"), try work.losses("one"), within: 1e-5), "\(ranks) ranks")
            }
            try work.train("cached", settings + ["features.cache=memory"])
            try work.train("cut", settings + ["training.steps=2", "features.cache=memory"])
            try work.train("cut", settings + ["features.cache=memory"], resume: true)
            for run in ["cached", "cut"] {
                #expect(try work.contents(work.newest(run)) == work.contents(work.newest("one")), "\(run)")
            }
        }

        /// A rate of nearly nothing improves nothing: the run ends early, and a resume knows it.
        @Test(arguments: [1, 2]) func patienceEndsARun(_ ranks: Int) throws {
            let work = try Workplace()
            let settings = [
                "data.augmentation=none", "optimizer.learning_rate=1e-12", "training.epochs=9",
                "training.patience=2", "checkpoints.best=macro_f1",
            ]
            let end = try work.train("early", settings, ranks: ranks)
            #expect(end.output.contains("ended early: 2 evaluations in a row brought nothing better (training.patience)"))
            #expect(end.output.contains("best macro F1 "), "\(end.output)")
            let evaluations = try work.metrics("early", "evaluation")
            #expect(
                evaluations.count < 9 && evaluations.allSatisfy { $0["macro_f1"] is Double && $0["balanced_accuracy"] is Double })
            let again = try work.train("early", settings, ranks: ranks, resume: true)
            #expect(again.errors.contains("there is nothing left to do: 2 evaluations brought nothing better"), "\(again.errors)")
            let longer = try work.train("early", settings + ["training.patience=3"], ranks: ranks, resume: true)
            #expect(longer.output.contains("ended early: 3 evaluations"))
        }

        @Test(arguments: [
            ("training={patience: 2}", "the config names no validation images"),
            ("training.class_weights={zebra: 2}", "there is no class 'zebra'; the classes are ant, bee, cat"),
            ("training.class_weights={ant: -1}", "training.class_weights.ant must be at least 0"),
            ("training.class_weights=equal", "none, balanced, effective or a mapping of classes to weights"),
            ("training={focal: 2, label_smoothing: 0.1}", "training.focal and training.label_smoothing exclude each other"),
        ])
        func mistakesAreNamed(_ setting: String, _ words: String) throws {
            let validation = setting.contains("patience") ? "null" : "data/validation"
            let end = try Workplace(images: 1).graft(
                "train", "config.yaml", "--set", "data.validation=\(validation)", "--set", setting, expecting: 65)
            #expect(end.errors.contains(words), "\(end.errors)")
        }
    }
}
