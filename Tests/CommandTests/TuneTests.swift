// `graft tune`: every trial is what a run of its settings is; the best is written as a config.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct TuneTests {
        private func lines(_ text: String) throws -> [[String: Any]] {
            try text.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
        }

        private let settings = ["--set", "training.epochs=3", "--set", "run.name=t"]

        @Test func trialsAreRunsAndTheBestIsWritten() throws {
            let work = try Workplace()
            let search = ["--rates", "0.05,0.005,1e30", "--set-list", "network.dropout=0,0.2", "--json"]
            let found = try lines(try work.graft(["tune", "config.yaml"] + settings + search, ranks: 2).output)
            // Six combinations for an epoch, two of them for three.
            #expect(found.map { $0["kind"] as? String } == Array(repeating: "trial", count: 8) + ["best"])
            #expect(found.compactMap { $0["epochs"] as? Int } == [1, 1, 1, 1, 1, 1, 3, 3, 3])
            let best = try #require(found.last)
            let chosen = try #require(best["settings"] as? [String: String])
            #expect(best["config"] as? String == "runs/t-tune/best.yaml")
            let trial = try #require(found[7]["settings"] as? [String: String] == chosen ? found[7] : found[6])
            #expect(trial["loss"] as? Double == best["loss"] as? Double)
            #expect(
                found[4]["accuracy"] == nil
                    && found[4]["settings"] as? [String: String] == ["optimizer.learning_rate": "1e30", "network.dropout": "0"])
            // A run of the config without augmentation comes to the same, and so do other numbers of ranks.
            let run = try work.graft(
                ["train", "runs/t-tune/best.yaml", "--set", "data.augmentation=none"], ranks: 2)
            #expect(run.status == 0)
            let evaluations = try work.metrics("t-best", "evaluation").compactMap { $0["loss"] as? Double }
            #expect(evaluations.contains { $0 == best["loss"] as? Double }, "\(evaluations)")
            let alone = try lines(try work.graft(["tune", "config.yaml"] + settings + search).output)
            #expect(
                isClose(
                    found.prefix(6).compactMap { $0["loss"] as? Double }, alone.prefix(6).compactMap { $0["loss"] as? Double },
                    within: 1e-5))
            #expect(work.has("runs/t-tune.1/results.jsonl"))
            #expect(
                try String(decoding: work.contents("runs/t-tune/report.html"), as: UTF8.self).contains("optimizer.learning_rate"))
        }

        @Test(arguments: [
            (["--set-list", "optimizer.learning_rate"], "write it as key.path=value,value,…"),
            (["--set-list", "optimizer.learning_rat=1,2"], "unknown key 'learning_rat'"),
            (["--set-list", "optimizer.learning_rate=1,-2"], "optimizer.learning_rate"),
            (["--set-list", "optimizer.momentum=0.5,0.5"], "names a value twice"),
            (["--rates", "auto", "--set-list", "optimizer.learning_rate=1"], "a key is listed twice"),
            (["--rates", "auto", "--set", "data.validation=null"], "the config names no validation images"),
            (["--rates", "auto", "--set", "training.phases=[{epochs: 3}]"], "without phases"),
            (["--rates", "1e30,1e31"], "every training diverged"),
        ])
        func mistakesAreNamed(_ options: [String], _ words: String) throws {
            let work = try Workplace(images: 2)
            #expect(try work.graft(["tune", "config.yaml"] + settings + options, expecting: 65).errors.contains(words))
        }
    }
}
