// A run on disk, as `evaluate` and `predict` find it.
import Foundation
import RunConfiguration
import Training
import WeightFiles

/// A model that a run has saved.
struct SavedModel {
    let file: WeightFile
    /// What its evaluation found best to tell classes by, where photographs may be of several.
    let thresholds: [Float]?
    /// What its evaluation found to make probabilities more believable.
    let temperature: Double?
    /// The checkpoint that it is of, for what lies beside it.
    let checkpoint: Checkpoint?

    init(_ checkpoint: Checkpoint) {
        self.checkpoint = checkpoint
        (file, thresholds) = (checkpoint.model, checkpoint.state.thresholds)
        temperature = checkpoint.state.calibration?.temperature
    }

    init(_ file: WeightFile) {
        let stated = ModelMetadata(of: file)
        (self.file, thresholds, temperature) = (file, stated.thresholds, stated.temperature)
        checkpoint = nil
    }
}

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
    func checkpoint(_ which: String?) throws -> SavedModel {
        let checkpoints = CheckpointFolder(path: folder.checkpoints, retention: Retention(keeping: 1))
        switch which ?? "best" {
        case "best": return SavedModel(try checkpoints.best())
        case "last":
            let newest = try checkpoints.newest()
            for reason in newest.refused { say("warning: \(reason)") }
            return SavedModel(newest.checkpoint)
        case let path:
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw UserError("--checkpoint: there is no '\(path)'; give best, last, or the path of a checkpoint")
            }
            return isFolder.boolValue ? SavedModel(try Checkpoint.open(path)) : SavedModel(try WeightFile.open(path))
        }
    }

    /// The resolved config of the run.
    func configuration() throws -> RunConfiguration { try RunConfiguration.load(path: folder.configuration, overrides: []) }
}
