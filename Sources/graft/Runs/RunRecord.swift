// A run as its files tell of it, whether it is going on or over. Needs neither its weights nor MPI.
import Foundation
import RunConfiguration
import Tensors
import Training

/// What `config.yaml` and `metrics.jsonl` of a run say.
struct RunRecord {
    /// One evaluation.
    struct Point {
        let step: Int
        let epoch: Int
        let loss: Double
        let accuracy: Double
    }

    enum State: String, Encodable {
        case running, finished, stopped, failed
        /// It says nothing any more, and no process holds its folder.
        case interrupted
    }

    let path: String
    let configuration: RunConfiguration?
    private(set) var state = State.interrupted
    private(set) var network = ""
    private(set) var ranks = 0
    private(set) var images = 0
    private(set) var totalSteps = 0
    private(set) var step = 0
    private(set) var epoch = 0
    private(set) var loss: Double?
    private(set) var error: String?
    private(set) var lastCheckpoint: String?
    private(set) var evaluations: [Point] = []
    private(set) var best: Point?
    private(set) var losses: [(step: Int, loss: Double)] = []
    /// Of all steps, evaluations and saves.
    private(set) var seconds = 0.0
    /// Of the last steps, a step each.
    private var recent: [Double] = []
    /// Since something was written last.
    let silence: Double

    var name: String { URL(fileURLWithPath: path).lastPathComponent }

    /// Throws `UserError` where there is no run.
    init(path: String) throws {
        let folder = RunFolder(path: path)
        guard FileManager.default.fileExists(atPath: folder.configuration),
            let bytes = FileManager.default.contents(atPath: folder.metrics)
        else { throw UserError("\(path) holds no run of graft train: there is no \(folder.metrics)") }
        self.path = path
        configuration = try? RunConfiguration.load(path: folder.configuration, overrides: [])
        let changed = (try? FileManager.default.attributesOfItem(atPath: folder.metrics))?[.modificationDate] as? Date
        silence = changed.map { Date.now.timeIntervalSince($0) } ?? 0
        // The last line may be in the making.
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            guard let object = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any] else { continue }
            take(object)
        }
        if state == .interrupted, Self.isHeld(path) { state = .running }
    }

    private mutating func take(_ object: [String: Any]) {
        func number(_ key: String) -> Double? { (object[key] as? NSNumber)?.doubleValue }
        func integer(_ key: String) -> Int { (object[key] as? NSNumber)?.intValue ?? 0 }
        step = max(step, integer("step"))
        switch object["event"] as? String {
        case "started":
            (state, error) = (.interrupted, nil)
            network = object["architecture"] as? String ?? ""
            (ranks, images, totalSteps) = (integer("ranks"), integer("training_images"), integer("total_steps"))
        case "step":
            epoch = integer("epoch")
            loss = number("loss")
            seconds += number("seconds") ?? 0
            if let loss { losses.append((integer("step"), loss)) }
            recent = recent.suffix(49) + [number("seconds") ?? 0]
        case "epoch": epoch = integer("epoch")
        case "evaluation":
            let point = Point(
                step: integer("step"), epoch: integer("epoch"), loss: number("loss") ?? .nan, accuracy: number("accuracy") ?? .nan
            )
            evaluations.append(point)
            if object["best"] as? Bool == true { best = point }
            seconds += number("seconds") ?? 0
        case "checkpoint":
            lastCheckpoint = object["path"] as? String
            seconds += number("seconds") ?? 0
        case "finished": state = .finished
        case "stopped": state = .stopped
        case "failed": (state, error) = (.failed, object["error"] as? String)
        default: break
        }
    }

    /// Seconds that the steps left will take, at the pace of the last ones; nil where nothing tells.
    var secondsLeft: Double? {
        guard !recent.isEmpty, totalSteps > step else { return nil }
        return recent.reduce(0, +) / Double(recent.count) * Double(totalSteps - step)
    }

    /// Whether a process holds the run's lock.
    private static func isHeld(_ path: String) -> Bool {
        let descriptor = open("\(path)/.lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return true }
        flock(descriptor, LOCK_UN)
        return false
    }

    /// The runs in a folder, by name.
    static func all(in folder: String) throws -> [RunRecord] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw UserError("there is no folder \(folder); name one that holds runs")
        }
        return names.filter { !$0.hasPrefix(".") }.sorted().compactMap { try? RunRecord(path: "\(folder)/\($0)") }
    }
}
