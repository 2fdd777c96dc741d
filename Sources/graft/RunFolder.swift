// The folder of a run, and what becomes of an earlier run of the same name.
import Files
import Foundation
import Training

/// `FOLDER/NAME/`: config, metrics, checkpoints, predictions. Rank 0 alone touches it.
struct RunFolder {
    let path: String

    init(folder: String, name: String) { path = folder.isEmpty ? name : "\(folder)/\(name)" }

    init(path: String) { self.path = path }

    var configuration: String { "\(path)/config.yaml" }
    var metrics: String { "\(path)/metrics.jsonl" }
    var predictions: String { "\(path)/predictions.csv" }
    var report: String { "\(path)/report.html" }
    var receipt: String { "\(path)/receipt.json" }
    var receiptPhotographs: String { "\(path)/receipt-photographs.tsv" }
    var list: String { "\(path)/photographs.list" }
    var checkpoints: String { "\(path)/checkpoints" }

    /// Makes the folder and takes its lock. An earlier run of this name is moved aside unless it is resumed: nothing is overwritten.
    /// - Returns: the lock, and where the earlier run went.
    func open(resuming: Bool) throws -> (lock: RunLock, movedTo: String?) {
        try makeFolder(path)
        let lock = try RunLock(folder: path)
        guard !resuming, FileManager.default.fileExists(atPath: configuration) else { return (lock, nil) }
        let target = (1...).lazy.map { "\(path).\($0)" }.first { !FileManager.default.fileExists(atPath: $0) } ?? path
        try Folders.move(path, to: target, advice: "choose another run.name, for this one holds an earlier run")
        try makeFolder(path)
        return (try RunLock(folder: path), target)
    }

    private func makeFolder(_ path: String) throws {
        try Folders.make(path, advice: "check that the folder above it can be written, or choose another run.folder")
    }
}
