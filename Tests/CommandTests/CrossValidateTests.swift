// `graft crossvalidate`: every image is held out once a repetition, and what is told is what was found.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct CrossValidateTests {
        private let settings = ["crossvalidate", "config.yaml", "--set", "run.name=v"]

        @Test func everyImageIsHeldOutOnce() throws {
            let work = try Workplace()
            let text = try work.graft(settings + ["--folds", "3", "--repeats", "2", "--json"], ranks: 2).output
            let lines = try text.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            let folds = lines.filter { $0["kind"] as? String == "fold" }
            #expect(
                folds.map { [$0["repeat"], $0["fold"]].compactMap { $0 as? Int } } == [
                    [0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2],
                ])
            #expect(folds.allSatisfy { $0["images"] as? Int == 8 && $0["training_images"] as? Int == 16 })
            let summary = try #require(lines.last)
            let accuracy = try #require(summary["accuracy"] as? [String: Double])
            let mean = folds.compactMap { $0["accuracy"] as? Double }.reduce(0, +) / 6
            #expect(summary["kind"] as? String == "summary" && summary["images"] as? Int == 24)
            #expect(abs((accuracy["mean"] ?? 0) - mean) < 1e-12)
            #expect((accuracy["low"] ?? 1) <= mean && (accuracy["high"] ?? 0) >= mean && summary["macro_f1"] != nil)
            #expect(lines.filter { $0["kind"] as? String == "learning_curve" }.count >= 2)
            let rows = try String(decoding: work.contents("runs/v-folds/predictions.csv"), as: UTF8.self).split(separator: "\n")
            #expect(Set(rows.dropFirst().map { $0.prefix { $0 != "," } }).count == 24)
            // The first repetition's rows say what its folds say.
            let hits = rows.dropFirst().count { row in
                let fields = row.split(separator: ",")
                return fields[1] == fields[2]
            }
            let first = folds.prefix(3).compactMap { $0["accuracy"] as? Double }.reduce(0) { $0 + $1 * 8 }
            #expect(hits == Int(first.rounded()))
            // Any number of ranks finds the same.
            let alone = try work.graft(settings + ["--folds", "3", "--repeats", "2"]).output
            #expect(alone.contains("24 images in 3 folds, 2 times: 6 trainings"))
            #expect(work.has("runs/v-folds/report.html") && work.has("runs/v-folds.1"))
        }

        @Test(arguments: [
            (["--folds", "9"], "--folds 9: the class 'ant' has 8 training images"),
            (["--set", "data.group=folder", "--folds", "4"], "data.group makes 3 groups"),
            (["--set", "network.unfrozen=[\"*\"]"], "folds share one set of features, and there is none"),
            (["--set", "training.phases=[{epochs: 1}]"], "without phases"),
        ])
        func mistakesAreNamed(_ options: [String], _ words: String) throws {
            let work = try Workplace()
            #expect(try work.graft(settings + options, expecting: 65).errors.contains(words))
        }
    }
}
