// What scripts read: metrics, predictions, and the JSON of the other commands.
import Foundation
import TestSupport
import Testing
import WeightFiles

extension CommandTests {
    @Suite(.serialized) struct OutputTests {
        @Test func aRunSpeaksAsItsCommandsDo() throws {
            let work = try Workplace()
            let launch = try work.train("told", [residualNetwork, "training.epochs=2", "network.unfrozen=[layer4]"])
            #expect(!launch.output.contains("\u{1B}"), "plain lines without a terminal")
            try checkMetrics(work)
            let rows = try predictions(work)
            try checkEvaluation(work)
            try checkPredictions(work, rows)
        }

        /// What a run decides about its arithmetic besides types: here, through which convolutions Winograd's algorithm goes.
        @Test(arguments: ["off", "all"]) func evaluationRepeatsTheRunsComputation(winograd: String) throws {
            let work = try Workplace(images: 4)
            try work.train("told", [residualNetwork, "compute.winograd=\(winograd)", "network.unfrozen=[layer4]"])
            _ = try work.graft("evaluate", "runs/told", "--checkpoint", "last", "--json", "--predictions", "again.csv")
            #expect(try work.contents("again.csv") == work.contents("runs/told/predictions.csv"))
            let photograph = "data/train/ant/ant-0.png"
            let run = try work.graft("predict", "--run", "runs/told", "--logits", "--json", photograph)
            _ = try work.graft("export", "runs/told", "--format", "safetensors", "--output", "out.safetensors")
            let exported = try work.graft("predict", "--weights", "out.safetensors", "--logits", "--json", photograph)
            #expect(exported.output == run.output)
            let saved = try WeightFile.open(work.path(work.newest("told"))).metadata["computation"]
            #expect(saved?.contains("\"winograd\":\"\(winograd)\"") == true)
            #expect(try WeightFile.open(work.path("out.safetensors")).metadata["computation"] == saved)
        }

        private func checkMetrics(_ work: Workplace) throws {
            let steps = try work.metrics("told", "step")
            #expect(steps.map { $0["step"] as? Int } == Array(1...6))
            #expect(steps.map { $0["epoch"] as? Int } == [0, 0, 0, 1, 1, 1])
            let stepKeys: Set = ["event", "step", "epoch", "loss", "learning_rate", "images_per_second"]
            #expect(steps.allSatisfy { stepKeys.isSubset(of: $0.keys) })
            let evaluations = try work.metrics("told", "evaluation")
            let evaluationKeys: Set = ["event", "step", "epoch", "loss", "accuracy", "images"]
            #expect(evaluations.allSatisfy { evaluationKeys.isSubset(of: $0.keys) })
            #expect(evaluations.map { $0["epoch"] as? Int } == [1, 2] && evaluations.map { $0["step"] as? Int } == [3, 6])
            #expect(try work.metrics("told").last?["event"] as? String == "finished")
        }

        private func predictions(_ work: Workplace) throws -> [[String]] {
            let rows = String(decoding: try work.contents("runs/told/predictions.csv"), as: UTF8.self).split(separator: "\n")
                .map { $0.split(separator: ",").map(String.init) }
            #expect(
                rows[0] == ["path", "true_class", "predicted_class", "probability_ant", "probability_bee", "probability_cat"])
            #expect(rows.count == 13)
            for row in rows.dropFirst() {
                let probabilities = row.dropFirst(3).compactMap(Double.init)
                let best = try #require(probabilities.indices.max { probabilities[$0] < probabilities[$1] })
                #expect(abs(probabilities.reduce(0, +) - 1) < 1e-5 && SampleImages.classes[best] == row[2])
                #expect(row[0].contains("/\(row[1])/"))
            }
            return Array(rows.dropFirst())
        }

        /// `graft evaluate` on the last checkpoint finds the numbers of the run's own last evaluation.
        private func checkEvaluation(_ work: Workplace) throws {
            let evaluation = try #require(try work.metrics("told", "evaluation").last)
            let launch = try work.graft("evaluate", "runs/told", "--checkpoint", "last", "--json", "--predictions", "again.csv")
            let again = try #require(try JSONSerialization.jsonObject(with: Data(launch.output.utf8)) as? [String: Any])
            for key in ["loss", "accuracy", "images"] {
                #expect(again[key] as? Double == evaluation[key] as? Double, "\(key)")
            }
            #expect(again["confusion"] as? [[Int]] == evaluation["confusion"] as? [[Int]])
            #expect(try work.contents("again.csv") == work.contents("runs/told/predictions.csv"))
            #expect(try work.graft("evaluate", "runs/told", "--data", "data/train").output.contains("of 24 images"))
        }

        private func checkPredictions(_ work: Workplace, _ rows: [[String]]) throws {
            let best = try #require(try work.metrics("told", "finished").last?["best_step"] as? Int)
            let chosen = best == 6 ? rows : try rowsOfBest(work)
            let launch = try work.graft(
                "predict", "--run", "runs/told", "--json", "--logits", "--top", "3", rows[0][0], rows[5][0], rows[11][0])
            let lines = launch.output.split(separator: "\n")
            #expect(lines.count == 3)
            for (line, row) in zip(lines, [chosen[0], chosen[5], chosen[11]]) {
                let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                let top = try #require(object["top"] as? [[String: Any]])
                #expect(object["file"] as? String == row[0] && top.first?["class"] as? String == row[2])
                #expect((object["logits"] as? [Double])?.count == 3)
                for guess in top {
                    let index = try #require(guess["index"] as? Int)
                    let probability = try #require(guess["probability"] as? Double)
                    #expect(abs(probability - (Double(row[3 + index]) ?? -1)) < 1e-6, "\(row)")
                }
            }
        }

        private func rowsOfBest(_ work: Workplace) throws -> [[String]] {
            _ = try work.graft("evaluate", "runs/told", "--json", "--predictions", "best.csv")
            return String(decoding: try work.contents("best.csv"), as: UTF8.self).split(separator: "\n").dropFirst()
                .map { $0.split(separator: ",").map(String.init) }
        }
    }
}
