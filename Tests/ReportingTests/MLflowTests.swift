// MLflow's file store: files as its own reader wants them (looked at with mlflow 3.x: `mlflow ui --backend-store-uri FOLDER`).
import Foundation
import Reporting
import Testing
import Training

@Suite struct MLflowTests {
    @Test func aRunIsThereWithItsMetrics() throws {
        let folder = try Samples.temporaryPath("mlruns")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func observe(_ events: [TrainingEvent]) throws -> String {
            let observer = MLflowFiles(
                store: folder, experiment: "pets", name: "it's one", runFolder: "\(folder)/runs/one",
                parameters: [("optimizer.learning_rate", "0.01")])
            for event in events { observer.observe(event) }
            let experiment = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
            let runs = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(experiment)").filter { $0 != "meta.yaml" }
            #expect(runs.count == 1 && runs[0].count == 32)
            let meta = try String(contentsOfFile: "\(folder)/\(experiment)/meta.yaml", encoding: .utf8)
            #expect(meta.contains("name: 'pets'\n") && meta.contains("experiment_id: '\(experiment)'\n"))
            return "\(folder)/\(experiment)/\(runs[0])"
        }
        let run = try observe([.started(Samples.facts()), Samples.step(1), Samples.step(2), .stopped(step: 2)])
        func text(_ name: String) throws -> String { try String(contentsOfFile: "\(run)/\(name)", encoding: .utf8) }
        #expect(try text("params/optimizer.learning_rate") == "0.01" && text("tags/mlflow.runName") == "it's one")
        #expect(try text("meta.yaml").contains("run_name: 'it''s one'\n") && text("meta.yaml").contains("status: 5\n"))
        // A run that goes on does so in the same place.
        #expect(try observe([.started(Samples.facts(step: 2)), Samples.step(3)]) == run)
        let lines = try text("metrics/loss").split(separator: "\n").map { $0.split(separator: " ") }
        #expect(
            lines.map(\.last) == ["1", "2", "3"]
                && lines.allSatisfy { $0.count == 3 && Int($0[0]) != nil && Double($0[1]) != nil })
        #expect(try text("meta.yaml").contains("status: 1\n") && text("meta.yaml").contains("end_time: null\n"))
        // One that begins again leaves nothing of the old one.
        _ = try observe([.started(Samples.facts()), Samples.step(1)])
        #expect(try text("metrics/loss").split(separator: "\n").count == 1)
    }
}
