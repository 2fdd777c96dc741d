// A run in MLflow's file store, so that `mlflow ui` shows it beside others: text files in a layout that MLflow documents by its own code.
import Files
import Foundation
package import Training

/// Writes parameters and metrics of a run as MLflow keeps them: `STORE/EXPERIMENT/RUN/{meta.yaml, params, metrics, tags}`.
package final class MLflowFiles: TrainingObserver {
    private let store: String
    private let name: String
    private let runFolder: String
    private let parameters: [(key: String, value: String)]
    private let experiment: String
    private let identifier: String
    private var metrics: [String: ReportFile] = [:]
    private var start = 0

    /// - Parameters:
    ///   - store: the folder that `mlflow ui --backend-store-uri` is given; made if it is not there.
    ///   - experiment: under which all runs of the store are listed.
    ///   - runFolder: of the run; who resumes it goes on in the same place.
    ///   - parameters: the resolved config, key by key.
    package init(
        store: String, experiment: String, name: String, runFolder: String, parameters: [(key: String, value: String)]
    ) {
        self.store = URL(filePath: store).standardizedFileURL.path
        (self.name, self.runFolder, self.parameters) = (name, URL(filePath: runFolder).standardizedFileURL.path, parameters)
        // MLflow's own identifiers are random; these stay the same when a run goes on.
        self.experiment = "\(Self.digest(experiment, 0) % 1_000_000_000_000_000_000)"
        identifier = [UInt64(1), 2].map { seed in
            let digits = String(Self.digest(URL(filePath: runFolder).standardizedFileURL.path, seed), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        experimentName = experiment
    }

    private let experimentName: String
    private var folder: String { "\(store)/\(experiment)/\(identifier)" }

    package func observe(_ event: TrainingEvent) {
        switch event {
        case .started(let facts): begin(facts)
        case .step(let report):
            var values = [
                ("loss", report.loss), ("learning_rate", report.learningRate), ("images_per_second", report.imagesPerSecond),
            ]
            if let norm = report.gradientNorm { values.append(("gradient_norm", norm)) }
            add(values, step: report.step)
        case .epoch(let report): add([("epoch_accuracy", report.accuracy), ("epoch_loss", report.loss)], step: report.step)
        case .evaluation(let report):
            add([("validation_loss", report.summary.loss), ("validation_accuracy", report.summary.accuracy)], step: report.step)
        case .finished: end(status: 3)
        case .failed: end(status: 4)
        case .stopped: end(status: 5)
        case .unreadable, .checkpoint: break
        }
    }

    private func begin(_ facts: RunFacts) {
        start = Self.milliseconds
        if facts.progress.step == 0 { try? FileManager.default.removeItem(atPath: folder) }
        for part in ["metrics", "params", "tags", "artifacts"] {
            try? FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
        }
        write(
            [
                ("artifact_location", Self.quoted("file://\(store)/\(experiment)")), ("creation_time", "\(start)"),
                ("experiment_id", "'\(experiment)'"), ("last_update_time", "\(start)"), ("lifecycle_stage", "active"),
                ("name", Self.quoted(experimentName)),
            ], to: "\(store)/\(experiment)/meta.yaml")
        describe(status: 1)
        for (key, value) in parameters { write(value, to: "\(folder)/params/\(key)") }
        let tags = [
            ("mlflow.runName", name), ("mlflow.source.name", "graft train"), ("mlflow.source.type", "LOCAL"),
            ("graft.folder", runFolder), ("graft.network", facts.identity.architecture), ("graft.ranks", "\(facts.ranks)"),
        ]
        for (key, value) in tags { write(value, to: "\(folder)/tags/\(key)") }
    }

    private func end(status: Int) { describe(status: status, end: Self.milliseconds) }

    /// 1 is running, 3 finished, 4 failed, 5 killed.
    private func describe(status: Int, end: Int? = nil) {
        write(
            [
                ("artifact_uri", Self.quoted("file://\(folder)/artifacts")), ("end_time", end.map { "\($0)" } ?? "null"),
                ("entry_point_name", "''"), ("experiment_id", "'\(experiment)'"), ("lifecycle_stage", "active"),
                ("run_id", "'\(identifier)'"), ("run_name", Self.quoted(name)), ("run_uuid", "'\(identifier)'"),
                ("source_name", "''"), ("source_type", "4"), ("source_version", "''"), ("start_time", "\(start)"),
                ("status", "\(status)"), ("tags", "[]"), ("user_id", "''"),
            ], to: "\(folder)/meta.yaml")
    }

    private func add(_ values: [(name: String, value: Double)], step: Int) {
        let now = Self.milliseconds
        for (name, value) in values {
            let file =
                metrics[name]
                ?? {
                    let file = ReportFile(path: "\(folder)/metrics/\(name)")
                    let earlier = file.lines.map { "\($0)\n" }.joined()
                    file.begin(with: Array(earlier.utf8))
                    metrics[name] = file
                    return file
                }()
            file.append(Array("\(now) \(value) \(step)\n".utf8))
        }
    }

    private func write(_ entries: [(key: String, value: String)], to path: String) {
        write(entries.map { "\($0.key): \($0.value)\n" }.joined(), to: path)
    }

    private func write(_ text: String, to path: String) { ReportFile(path: path).begin(with: Array(text.utf8)) }

    private static func quoted(_ text: String) -> String { "'\(text.replacingOccurrences(of: "'", with: "''"))'" }

    private static func digest(_ text: String, _ seed: UInt64) -> UInt64 {
        var checksum = Checksum(seed: seed)
        Array(text.utf8).withUnsafeBytes { checksum.update($0) }
        return checksum.value
    }

    private static var milliseconds: Int { Int(Date().timeIntervalSince1970 * 1000) }
}
