// The ceiling on instructions, through the program: what it says, and that nothing asks a processor for more.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized) struct InstructionTests {
        private static let levels = ["avx512", "avx2", "baseline"]

        /// A ceiling: a processor that has less uses less.
        @Test(arguments: levels) func environmentHoldsEverything(_ level: String) throws {
            let doctor = try Launch(["doctor", "--seconds", "0"], environment: ["GRAFT_INSTRUCTIONS": level])
            try #require(doctor.status == 0, "\(doctor.errors)")
            let line = try #require(doctor.output.split(separator: "\n").first { $0.hasPrefix("instructions: ") })
            let held = try #require(line.split(separator: " ").dropFirst().first.map(String.init))
            let index = try #require(Self.levels.firstIndex(of: level))
            #expect(Self.levels.suffix(from: index).contains(held), "\(line)")
            guard level != "avx512" else { return }
            for wide in ["avx512", "SkylakeX", "Cooperlake", "SapphireRapids"] { #expect(!line.contains(wide), "\(line)") }
        }

        @Test func unknownLevelsAreRefused() throws {
            let launch = try Launch(["networks"], environment: ["GRAFT_INSTRUCTIONS": "sse9"])
            #expect(launch.status == 64)
            #expect(
                launch.errors.contains("GRAFT_INSTRUCTIONS must be one of baseline, avx2, avx512, not 'sse9'"), "\(launch.errors)"
            )
        }

        /// Whatever is asked of a level without bfloat16 and VNNI, it computes in float32, and says so where a type was named.
        @Test(arguments: ["float32", "bfloat16", "int8", "auto"])
        func everyPrecisionRunsWithAVX2Alone(_ precision: String) throws {
            let work = try Workplace(images: 4)
            let trained = precision == "int8" ? "auto" : precision
            let settings = ["compute.instructions=avx2", "network.precision=\(precision)", "compute.precision=\(trained)"]
            let options = settings.flatMap { ["--set", $0] }
            let plan = try Launch(["plan", "config.yaml", "--json"] + options, in: work.folder)
            try #require(plan.status == 0, "\(plan.errors)")
            let object = try #require(try JSONSerialization.jsonObject(with: Data(plan.output.utf8)) as? [String: Any])
            #expect(object["frozen_precision"] as? String == "float32" && object["trained_precision"] as? String == "float32")
            #expect(["avx2", "baseline"].contains(object["instructions"] as? String))
            let bench = try Launch(
                ["bench", "config.yaml", "--suite", "plan", "--synthetic", "--steps", "1"] + options, in: work.folder)
            #expect(bench.status == 0, "\(bench.errors)")
            let launch = try work.train("held", settings + ["training.steps=1"])
            let isSaid = launch.errors.contains("computing in float32") || launch.errors.contains("compute in float32")
            #expect(isSaid == (precision == "bfloat16" || precision == "int8"), "\(launch.errors)")
            #expect(["avx2", "baseline"].contains(try work.metrics("held", "started").first?["instructions"] as? String))
            let kind = precision == "auto" ? "trained" : precision
            let evaluation = try work.graft("evaluate", "runs/held", "--precision", kind)
            #expect(evaluation.errors.contains("computing in float32") == isSaid, "\(evaluation.errors)")
            try work.graft("predict", "--run", "runs/held", "--precision", kind, "data/train/ant/ant-0.png")
        }

        /// Features that were computed with other instructions differ in last digits: they are not taken for these.
        @Test(.enabled(if: hasAVX2)) func cachedFeaturesAreThoseOfTheirInstructions() throws {
            let work = try Workplace(images: 4)
            let settings = ["data.augmentation=none", "features.cache=disk", "training.epochs=2"]
            func fill(_ run: String, _ level: String) throws -> String {
                try work.train(run, settings + ["compute.instructions=\(level)"]).errors
            }
            _ = try fill("first", "avx2")
            #expect(try fill("second", "baseline").contains("(train): 0 of 12 found"))
            #expect(try fill("third", "avx2").contains("(train): 12 of 12 found"))
        }
    }
}
