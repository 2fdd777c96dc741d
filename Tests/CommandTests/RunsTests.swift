// `graft runs`, `graft status` and calibrated predictions: what the files of runs tell.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct RunsTests {
        private func objects(_ text: String) throws -> [[String: Any]] {
            try text.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
        }

        @Test func runsAreListedAndCompared() throws {
            let work = try Workplace()
            try work.train("a", ["training.epochs=2"])
            try work.train("b", ["optimizer.learning_rate=0.05"])
            try work.train("broken", ["optimizer.learning_rate=1e30"], expecting: 65)
            let runs = try objects(try work.graft("runs", "--json").output)
            #expect(runs.map { $0["path"] as? String } == ["runs/a", "runs/b", "runs/broken"])
            #expect(runs.map { $0["state"] as? String } == ["finished", "finished", "failed"])
            #expect(runs[0]["epochs"] as? Int == 2 && runs[0]["accuracy"] != nil && runs[0]["training_images"] as? Int == 24)
            #expect(try work.graft("runs", "runs").output.contains("best accuracy"))
            let lines = try objects(
                try work.graft("runs", "compare", "runs/a", "runs/b", "--json", "--report", "both.html").output)
            #expect(
                lines.contains {
                    $0["key"] as? String == "optimizer.learning_rate" && $0["values"] as? [String] == ["0.005", "0.05"]
                })
            let pair = try #require(lines.last)
            #expect(pair["kind"] as? String == "comparison" && pair["images"] as? Int == 12)
            let counts = [pair["only_first_right"], pair["only_second_right"]].compactMap { $0 as? Int }
            #expect(abs((pair["accuracy_difference"] as? Double ?? 9) - Double(counts[1] - counts[0]) / 12) < 1e-12)
            #expect(String(decoding: try work.contents("both.html"), as: UTF8.self).contains("Validation loss"))
            #expect(try work.graft("runs", "compare", "runs/a", "runs/a").output.contains("the configs say the same"))
            #expect(try work.graft("runs", "compare", "runs/a", "runs/x", expecting: 65).errors.contains("holds no run"))
            #expect(try work.graft("runs", "nowhere", expecting: 65).errors.contains("there is no folder nowhere"))
            let status = try objects(try work.graft("status", "runs/a", "--json").output)[0]
            #expect(status["state"] as? String == "finished" && status["step"] as? Int == status["total_steps"] as? Int)
            #expect(try work.graft("status", "runs/broken").output.contains("failed: "))
            #expect(try work.graft("status", "data", expecting: 65).errors.contains("holds no run"))
        }

        @Test func photographsMayBeRejected() throws {
            let work = try Workplace()
            try work.train("a")
            let file = "data/train/ant/ant-0.png"
            let sure = try objects(try work.graft("predict", "--run", "runs/a", "--json", "--reject", "0.01", file).output)[0]
            #expect(sure["rejected"] as? Bool == false && sure["reason"] == nil)
            let unsure = try objects(try work.graft("predict", "--run", "runs/a", "--json", "--reject", "1", file).output)[0]
            #expect(unsure["rejected"] as? Bool == true && unsure["reason"] as? String == "unsure")
            #expect(try work.graft("predict", "--run", "runs/a", "--reject", "1", file).output.contains("rejected: unsure"))
            try work.graft("predict", "--run", "runs/a", "--reject", "2", file, expecting: 64)
            // A temperature that is known is used, and can be left out.
            let state = try Data(contentsOf: URL(fileURLWithPath: work.path(work.newest("a", "state.json"))))
            let object = try #require(try JSONSerialization.jsonObject(with: state) as? [String: Any])
            let raw = try objects(try work.graft("predict", "--run", "runs/a", "--json", "--uncalibrated", file).output)[0]
            #expect(raw["calibrated"] == nil)
            #expect((sure["calibrated"] as? Bool == true) == (object["calibration"] is [String: Any]))
        }
    }
}
