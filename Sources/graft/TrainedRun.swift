// A run on disk, as `evaluate` and `predict` find it.
import Foundation
import RunConfiguration
import Training
import WeightFiles

/// The folder of a run that has saved something.
struct TrainedRun {
    let folder: RunFolder

    /// Throws `UserError` if there is no run.
    init(path: String) throws {
        folder = RunFolder(path: path)
        guard FileManager.default.fileExists(atPath: folder.checkpoints) else {
            throw UserError("\(path) holds no run of graft train: there is no \(folder.checkpoints)")
        }
    }

    /// The model of a checkpoint: `best` (the default), `last`, the folder of a checkpoint, or a model file.
    func checkpoint(_ which: String?) throws -> WeightFile {
        let checkpoints = CheckpointFolder(path: folder.checkpoints, retention: Retention(keeping: 1))
        switch which ?? "best" {
        case "best": return try checkpoints.best().model
        case "last":
            let newest = try checkpoints.newest()
            for reason in newest.refused { say("warning: \(reason)") }
            return newest.checkpoint.model
        case let path:
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw UserError("--checkpoint: there is no '\(path)'; give best, last, or the path of a checkpoint")
            }
            return isFolder.boolValue ? try Checkpoint.open(path).model : try WeightFile.open(path)
        }
    }

    /// The resolved config of the run.
    func configuration() throws -> RunConfiguration { try RunConfiguration.load(path: folder.configuration, overrides: []) }
}
