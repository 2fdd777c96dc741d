// Update rules and schedules through the program: one run whatever interrupts it, and the same for any number of ranks.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct RecipeTests {
        @Test(arguments: [
            ["optimizer.kind=adam", "schedule.kind=one_cycle", "optimizer.learning_rate=0.001"],
            ["optimizer.kind=rmsprop", "schedule.kind=polynomial", "optimizer.learning_rate=0.0001", "schedule.power=2"],
            [
                "optimizer.kind=rmsprop_tf", "schedule.kind=exponential", "optimizer.learning_rate=0.001",
                "optimizer.epsilon=0.001",
            ],
            ["optimizer.kind=lamb", "optimizer.learning_rate=0.001", "optimizer.layer_decay=0.8"],
            ["optimizer.kind=lars", "optimizer.learning_rate=0.5", "network.unfrozen={last: 2}"],
            ["schedule.kind=plateau", "schedule.patience=0", "schedule.gamma=0.5"],
            ["training.average={decay: 0.9}"],
            ["training.average={last_epochs: 2}"],
        ])
        func rulesAndSchedulesResumeExactly(_ recipe: [String]) throws {
            let work = try Workplace()
            let settings =
                ["data.augmentation=none", "training.epochs=3", "network.dropout=0"]
                + recipe
            try work.train("one", settings)
            for ranks in [2, 3] {
                try work.train("ranks", settings, ranks: ranks)
                #expect(isClose(try work.losses("ranks"), try work.losses("one"), within: 1e-3), "\(ranks) ranks")
            }
            // At an epoch's end: a run that ends by its steps evaluates, which the plateau would see once more.
            let steps = recipe.contains("schedule.kind=plateau") ? 3 : 4
            try work.train("cut", settings + ["training.steps=\(steps)"], ranks: 2)
            try work.train("cut", settings, ranks: 2, resume: true)
            try work.train("two", settings, ranks: 2)
            let averages = recipe.contains { $0.contains("average") }
            for file in ["model.safetensors", "optimizer.safetensors"] + (averages ? ["trained.safetensors"] : []) {
                #expect(try work.contents(work.newest("cut", file)) == work.contents(work.newest("two", file)), "\(file)")
            }
        }

        @Test func theRateFollowsTheBatch() throws {
            let work = try Workplace()
            let settings = ["training.accumulation=2", "optimizer.rate_for=64", "schedule.kind=constant"]
            let linear = try work.train("linear", settings)
            #expect(
                linear.errors.contains("learning rate: 0.00125 for updates of 16 images, from 0.005 for 64"), "\(linear.errors)")
            #expect(try work.metrics("linear", "step").first?["learning_rate"] as? Double == 0.00125)
            try work.train("root", settings + ["optimizer.rate_scaling=square_root"])
            #expect(try work.metrics("root", "step").first?["learning_rate"] as? Double == 0.0025)
        }
    }
}
