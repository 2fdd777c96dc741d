// `graft bench` as people and scripts use it.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct BenchTests {
        private func object(_ launch: Launch) throws -> [String: Any] {
            try #require(launch.status == 0, "\(launch.errors)")
            return try #require(try JSONSerialization.jsonObject(with: Data(launch.output.utf8)) as? [String: Any])
        }

        private static let settings = ["--set", "training.batch_size=4", "--steps", "2"]

        @Test(arguments: [true, false]) func loopIsMeasured(onGeneratedInput: Bool) throws {
            let work = try Workplace(images: 4)
            let input = onGeneratedInput ? ["--synthetic"] : []
            let launch = try Launch(["bench", "config.yaml", "--json"] + Self.settings + input, ranks: 2, in: work.folder)
            let found = try object(launch)
            #expect(found["suite"] as? String == "train" && found["ranks"] as? Int == 2)
            #expect(found["precision"] as? String == "float32")
            #expect(found["input"] as? String == (onGeneratedInput ? "generated" : "photographs"))
            for key in ["images_per_second", "gigaflops_per_second", "share_of_peak", "peak_memory_bytes", "first_step_seconds"] {
                #expect(try #require(found[key] as? Double) > 0, "\(key)")
            }
            #expect(!FileManager.default.fileExists(atPath: work.folder.path + "/runs"))
        }

        @Test func traceShowsAllRanks() throws {
            let work = try Workplace(images: 4)
            let launch = try Launch(
                ["bench", "config.yaml", "--trace", "trace.json"] + Self.settings, ranks: 2, in: work.folder)
            try #require(launch.status == 0, "\(launch.errors)")
            let data = try Data(contentsOf: work.folder.appending(path: "trace.json"))
            let trace = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            let events = try #require(trace["traceEvents"] as? [[String: Any]])
            let names = events.compactMap { ($0["args"] as? [String: String])?["name"] }
            #expect(Set(names).isSuperset(of: ["compute", "gradient sums", "loader 1"]))
            for rank in 0...1 {
                let spans = events.filter { $0["pid"] as? Int == rank && $0["ph"] as? String == "X" }
                #expect(spans.count > 10)
                #expect(spans.allSatisfy { ($0["dur"] as? Double ?? -1) >= 0 && ($0["ts"] as? Double ?? -1) >= 0 })
            }
        }

        @Test(arguments: ["plan", "kernels"]) func stepsAreMeasured(suite: String) throws {
            let work = try Workplace(images: 1)
            let arguments = ["bench", "config.yaml", "--suite", suite, "--synthetic"] + Self.settings
            let found = try object(try Launch(arguments + ["--json"], in: work.folder))
            #expect(found["suite"] as? String == suite)
            let steps = try #require(found["steps"] as? [[String: Any]])
            #expect(steps.count > 10 && steps.allSatisfy { ($0["milliseconds"] as? Double ?? 0) > 0 })
            let text = try Launch(arguments, in: work.folder)
            #expect(text.output.contains("GFLOP/s") && text.output.contains("float32 peak"))
        }

        @Test func missingPhotographsSuggestGeneratedOnes() throws {
            let work = try Workplace(images: 1)
            let launch = try Launch(["bench", "config.yaml", "--set", "data.train=nowhere"], in: work.folder)
            #expect(launch.status == 65 && launch.errors.contains("nowhere") && launch.errors.contains("--synthetic"))
        }
    }
}
