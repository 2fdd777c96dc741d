// `graft choose`: candidates in one table, and the chosen one as a config.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct ChooseTests {
        private let settings = [
            "choose", "config.yaml", "--set", "run.name=n", "--set", "network.preprocessing={resize: 64, crop: 64}",
        ]

        @Test func networksAndCutsAreCompared() throws {
            let work = try Workplace()
            let options = ["--networks", "resnet18,efficientnet_lite0", "--cuts", "auto", "--folds", "2"]
            let text = try work.graft(settings + options + ["--json"], ranks: 2).output
            let lines = try text.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(lines.count == 4 && lines.allSatisfy { $0["kind"] as? String == "candidate" })
            #expect(Set(lines.compactMap { $0["network"] as? String }) == ["resnet18", "efficientnet_lite0"])
            #expect(Set(lines.compactMap { $0["unfrozen"] as? [String] }.map { $0.joined() }).count == 3)
            for line in lines {
                let accuracy = try #require(line["accuracy"] as? [String: Double])
                #expect((accuracy["low"] ?? 2) <= (accuracy["mean"] ?? -1) && (accuracy["mean"] ?? 2) <= (accuracy["high"] ?? -1))
                for key in ["train_seconds", "predict_images_per_second", "memory_bytes"] {
                    #expect((line[key] as? Double ?? 0) > 0, "\(key)")
                }
            }
            let accuracies = lines.compactMap { ($0["accuracy"] as? [String: Double])?["mean"] }
            #expect(accuracies == accuracies.sorted(by: >) && lines.contains { $0["on_front"] as? Bool == true })
            // The chosen config trains.
            try work.graft(["train", "runs/n-choice/best.yaml", "--set", "training.epochs=1"])
            #expect(work.has("runs/n-chosen/report.html"))
            let late = try work.graft(settings + ["--networks", "resnet18,resnet34", "--folds", "2", "--within", "0.001s"])
            #expect(late.errors.contains("candidate 2 of 2: resnet34, the head alone; left out, since the time is over"))
        }

        @Test(arguments: [
            (["--networks", "resnet19"], "resnet19"), (["--folds", "20"], "--folds 20: a class has 8 training images"),
            (["--networks", "resnet34", "--set", "network.weights=w.pth"], "say where its weights are: resnet34=FILE"),
        ])
        func mistakesAreNamed(_ options: [String], _ words: String) throws {
            let work = try Workplace()
            #expect(try work.graft(settings + options, expecting: 65).errors.contains(words))
        }
    }
}
