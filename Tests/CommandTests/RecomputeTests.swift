// `compute.recompute` through the program: less memory, the same run.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct RecomputeTests {
        private static let settings = [
            "network.unfrozen=[\"*\"]", "network.batch_norm=synchronized", "training.epochs=2",
            "training.batch_size=10", "network.preprocessing={resize: 72, crop: 64}",
        ]

        @Test(arguments: [1, 2]) func theRunIsTheSame(_ ranks: Int) throws {
            let work = try Workplace()
            try work.train("off", Self.settings + ["compute.recompute=off"], ranks: ranks)
            for parts in ["2", "100"] {
                try work.train("parts", Self.settings + ["compute.recompute=\(parts)"], ranks: ranks)
                for file in ["model.safetensors", "optimizer.safetensors"] {
                    #expect(try work.contents(work.newest("parts", file)) == work.contents(work.newest("off", file)), "\(parts)")
                }
            }
            let plan = try work.graft(
                "plan", "config.yaml", "--summary", "--set", "network.unfrozen=[\"*\"]", "--set",
                "compute.recompute=100")
            #expect(plan.output.contains("suffix again"))
        }

        @Test func whatFitsIsSaid() throws {
            let work = try Workplace(images: 1)
            let end = try work.graft(
                "bench", "config.yaml", "--synthetic", "--steps", "1", "--set", "network.unfrozen=[\"*\"]",
                "--set", "training.batch_size=1000000", expecting: 65)
            #expect(end.errors.contains(#/a training.batch_size of \d+ would fit/#), "\(end.errors)")
        }
    }
}
