// A user's working directory with photographs and a config, and what runs leave in it.
import Foundation
import TestSupport
import Testing

/// A temporary folder with `data/train`, `data/validation` and `config.yaml`, which names the network that starts soonest; runs land in `runs/`.
final class Workplace {
    let folder: URL

    /// - Parameter images: training pictures of each class; half as many, others, are for validation.
    init(images: Int = 8) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "graft-work-\(UUID().uuidString)")
        try SampleImages.write(images, to: folder.appending(path: "data/train"))
        try SampleImages.write(max(1, images / 2), to: folder.appending(path: "data/validation"), from: 1000)
        try write(
            """
            run: { name: base, seed: 3 }
            network: { architecture: shufflenet_v2_x0_5, weights: random, preprocessing: { resize: 72, crop: 64 } }
            data: { train: data/train, validation: data/validation, loader_threads: 1 }
            training: { epochs: 1, batch_size: 8 }
            optimizer: { learning_rate: 0.005 }
            compute: { threads: 1 }
            """, to: "config.yaml")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    func write(_ text: String, to name: String) throws {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    func contents(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

    /// Whether there is such a file or folder.
    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// Starts `graft train` with settings such as `training.epochs=2`, under the name of the run.
    func start(
        _ run: String, _ settings: [String] = [], ranks: Int? = nil, resume: Bool = false,
        environment: [String: String] = [:], launcher: String? = nil, shell: String? = nil
    ) throws -> RunningLaunch {
        let options = (["run.name=\(run)"] + settings).flatMap { ["--set", $0] }
        return try RunningLaunch(
            ["train", "config.yaml"] + options + (resume ? ["--resume"] : []), ranks: ranks, in: folder,
            environment: environment, launcher: launcher, shell: shell)
    }

    /// Trains to the end.
    @discardableResult
    func train(
        _ run: String, _ settings: [String] = [], ranks: Int? = nil, resume: Bool = false, shell: String? = nil,
        expecting status: Int32 = 0
    ) throws -> Launch {
        let launch = try start(run, settings, ranks: ranks, resume: resume, shell: shell).end()
        try #require(launch.status == status, "\(launch.output)\n\(launch.errors)")
        return launch
    }

    /// Runs another command here.
    @discardableResult
    func graft(_ arguments: String..., expecting status: Int32 = 0) throws -> Launch {
        let launch = try Launch(arguments, in: folder)
        try #require(launch.status == status, "\(launch.output)\n\(launch.errors)")
        return launch
    }

    /// The same with any number of ranks.
    @discardableResult
    func graft(_ arguments: [String], ranks: Int? = nil, expecting status: Int32 = 0) throws -> Launch {
        let launch = try RunningLaunch(arguments, ranks: ranks, in: folder).end()
        try #require(launch.status == status, "\(launch.output)\n\(launch.errors)")
        return launch
    }

    /// The objects of a run's metrics.jsonl; of one event if it is named.
    func metrics(_ run: String, _ event: String? = nil) throws -> [[String: Any]] {
        let text = String(decoding: try contents("runs/\(run)/metrics.jsonl"), as: UTF8.self)
        // The last line may be in the making.
        return try text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        }.filter { event == nil || $0["event"] as? String == event }
    }

    func losses(_ run: String) throws -> [Double] {
        try metrics(run, "step").map { try #require($0["loss"] as? Double) }
    }

    /// Waits until a run has made so many steps.
    func wait(for launch: RunningLaunch, _ run: String, steps: Int) throws {
        let deadline = Date(timeIntervalSinceNow: 60)
        while (try? metrics(run, "step").count) ?? 0 < steps {
            try #require(launch.isRunning && Date() < deadline, "run \(run) has not come to step \(steps)")
            usleep(5000)
        }
    }

    /// The names of a run's checkpoints, ascending.
    func checkpoints(_ run: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path("runs/\(run)/checkpoints")).filter { $0.hasPrefix("step-") }
            .sorted()
    }

    /// The path of a file of a run's newest checkpoint.
    func newest(_ run: String, _ file: String = "model.safetensors") throws -> String {
        "runs/\(run)/checkpoints/\(try #require(try checkpoints(run).last))/\(file)"
    }
}

/// Whether two series of losses are the same to `tolerance`, relatively.
func isClose(_ first: [Double], _ second: [Double], within tolerance: Double) -> Bool {
    first.count == second.count && !first.isEmpty
        && zip(first, second).allSatisfy { abs($0 - $1) <= tolerance * max(abs($0), abs($1)) }
}
