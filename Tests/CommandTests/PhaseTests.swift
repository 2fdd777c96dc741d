// `training.phases` through the program: stages follow one another, resume exactly, and are one run.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct PhaseTests {
        /// The head from the cache, the last layers by another rate, then others with augmentation, the last ones frozen again.
        private static let phases =
            "training.phases=[{unfrozen: [], epochs: 2}, {unfrozen: [conv5], epochs: 1, learning_rate: 0.001, batch_norm: local},"
            + " {unfrozen: [fc], epochs: 1, augmentation: standard, weight_decay: 0}]"
        private static let settings = [
            "network.preprocessing={resize: 64, crop: 64}", "data.augmentation=none", "training.batch_size=12",
            "checkpoints.every_steps=1", "checkpoints.keep=20", "training.epochs=4", phases,
        ]

        @Test(arguments: [1, 2, 3]) func aRunInPhasesResumesExactly(_ ranks: Int) throws {
            let work = try Workplace()
            let whole = try work.train("whole", Self.settings, ranks: ranks)
            #expect(whole.output.contains("finished 8 steps"))
            for line in [
                "phase 1 of 3: epochs 1 to 2, the head alone, learning rate 0.005",
                "phase 2 of 3: epoch 3, the head and conv5, learning rate 0.001",
                "phase 3 of 3: epoch 4, the head and fc, learning rate 0.005",
            ] { #expect(whole.errors.contains(line), "\(whole.errors)") }
            // Within each phase, and at the ends of two.
            for steps in [1, 4, 5, 6, 7] {
                let run = "cut-\(steps)"
                try work.train(run, Self.settings + ["training.steps=\(steps)"], ranks: ranks)
                let resumed = try work.train(run, Self.settings, ranks: ranks, resume: true)
                #expect(resumed.output.contains("after step \(steps)"))
                for file in ["model.safetensors", "optimizer.safetensors"] {
                    #expect(
                        try work.contents(work.newest(run, file)) == work.contents(work.newest("whole", file)),
                        "\(file) after a cut at step \(steps)")
                }
            }
        }

        /// The first phase is what a run of it alone is; every phase has its own schedule.
        @Test func aPhaseIsARunOfItsOwn() throws {
            let work = try Workplace()
            try work.train("phases", Self.settings)
            let alone = try work.train("alone", Self.settings.dropLast() + ["training.epochs=2"])
            #expect(alone.status == 0)
            #expect(
                try work.contents("runs/phases/checkpoints/step-00000004/model.safetensors")
                    == work.contents("runs/alone/checkpoints/step-00000004/model.safetensors"))
            let rates = try work.metrics("phases", "step").compactMap { $0["learning_rate"] as? Double }
            let expected = [
                0.005, 0.005 * (1 + cos(.pi / 4)) / 2, 0.0025, 0.005 * (1 - cos(.pi / 4)) / 2, 0.001, 0.0005, 0.005, 0.0025,
            ]
            #expect(isClose(rates, expected, within: 1e-9), "\(rates)")
            #expect(try work.graft("evaluate", "runs/phases", "--checkpoint", "last").output.contains("of 12 images"))
            // What a resolved config says is read again.
            #expect(try work.graft("plan", "runs/phases/config.yaml", "--phase", "2", "--summary").output.contains("conv5"))
            #expect(
                try work.graft("plan", "runs/phases/config.yaml", "--phase", "4", expecting: 65).errors.contains("has 3 phases"))
        }

        @Test(arguments: [
            ("training.phases=[]", "must be a list of at least one phase"),
            ("training.phases=[{unfrozen: [conv5]}]", "training.phases.epochs must be from 1 to"),
            ("training.phases=[{epochs: 1, unfrozn: []}]", "did you mean 'unfrozen'?"),
            ("training.phases=[{epochs: 1, unfrozen: [layer9]}]", "layer9"),
            ("training.phases=[{epochs: 3}]", "training.epochs (1) is not what the phases come to (3); leave it out"),
            ("training.phases=[{epochs: 1, final_rate: 1}]", "phase 1: schedule.final_rate (1) must not be above"),
        ])
        func mistakesAreNamed(_ setting: String, _ words: String) throws {
            let work = try Workplace(images: 1)
            let end = try work.graft("train", "config.yaml", "--set", setting, expecting: 65)
            #expect(end.errors.contains(words), "\(end.errors)")
        }
    }
}
