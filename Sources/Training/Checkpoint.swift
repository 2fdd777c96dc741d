// One checkpoint on disk: a folder of model.safetensors, optimizer.safetensors and state.json, opened and found whole.
import Files
import Foundation
package import WeightFiles

/// A whole checkpoint.
package struct Checkpoint: Sendable {
    package static let modelFile = "model.safetensors"
    /// What trains on, where the model is its average.
    package static let trainedFile = "trained.safetensors"
    package static let optimizerFile = "optimizer.safetensors"
    package static let stateFile = "state.json"
    /// What the head saw of validation images, where the weights were evaluated.
    package static let familiarityFile = "familiarity.safetensors"

    /// The checkpoint's folder.
    package let path: String
    package let state: CheckpointState
    /// All tensors of the network under torchvision's names, float32.
    package let model: WeightFile
    /// The optimizer's states, `<state>.<parameter>`.
    package let optimizer: WeightFile

    /// Opens a checkpoint and checks all of it: sizes and checksums of its files, and their structure.
    ///
    /// Throws `TrainingError.damagedCheckpoint` with the file and the reason.
    package static func open(_ path: String) throws(TrainingError) -> Checkpoint {
        let state = try readState(path)
        for (name, file) in state.files.sorted(by: { $0.key < $1.key }) {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            guard let size = (attributes?[.size] as? NSNumber)?.intValue else { throw damaged(path, "\(name) is missing") }
            guard size == file.bytes else { throw damaged(path, "\(name) has \(size) bytes instead of \(file.bytes)") }
        }
        return Checkpoint(
            path: path, state: state, model: try openWeights(path, modelFile, state),
            optimizer: try openWeights(path, optimizerFile, state))
    }

    /// What rounding held back on a rank, by parameter; nil if the run did not round.
    func openRest(ofRank rank: Int) throws(TrainingError) -> WeightFile? {
        let name = Self.restFile(ofRank: rank)
        return state.files[name] == nil ? nil : try Self.openWeights(path, name, state)
    }

    /// What trains on, where the model is its average; nil where it is the model.
    func openTrained() throws(TrainingError) -> WeightFile? {
        state.files[Self.trainedFile] == nil ? nil : try Self.openWeights(path, Self.trainedFile, state)
    }

    /// What tells photographs that are like none of validation; nil where it was not kept.
    package func openFamiliarity() throws(TrainingError) -> Familiarity? {
        guard state.files[Self.familiarityFile] != nil else { return nil }
        return Familiarity(try Self.openWeights(path, Self.familiarityFile, state))
    }

    static func readState(_ path: String) throws(TrainingError) -> CheckpointState {
        guard let bytes = FileManager.default.contents(atPath: "\(path)/\(stateFile)") else {
            throw damaged(path, "\(stateFile) is missing")
        }
        guard let state = try? CheckpointState.decode(bytes) else {
            throw damaged(path, "\(stateFile) is not the JSON that it should be")
        }
        guard (try? state.isWhole()) == true else { throw damaged(path, "\(stateFile) was changed after it was written") }
        guard state.formatVersion == CheckpointState.formatVersion else {
            throw damaged(
                path, "it has format version \(state.formatVersion), this program reads \(CheckpointState.formatVersion)")
        }
        for name in [modelFile, optimizerFile] where state.files[name] == nil {
            throw damaged(path, "\(stateFile) does not name \(name)")
        }
        return state
    }

    /// Whether its best result was found on other validation files than a run's.
    package func hasOtherValidation(than identity: RunIdentity) -> Bool {
        state.progress.best != nil && state.validationDigest != nil && state.validationDigest != identity.validationDigest
    }

    private static func openWeights(
        _ path: String, _ name: String, _ state: CheckpointState
    ) throws(TrainingError) -> WeightFile {
        let file: WeightFile
        do { file = try WeightFile.open("\(path)/\(name)") } catch { throw damaged(path, "\(error)") }
        guard file.checksum.hexadecimal(digits: 16) == state.files[name]?.checksum else {
            throw damaged(path, "\(name) does not have the checksum that it was written with")
        }
        return file
    }

    private static func damaged(_ path: String, _ reason: String) -> TrainingError {
        .damagedCheckpoint(path: path, reason: reason)
    }
}
