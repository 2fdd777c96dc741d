// Writes the files of one checkpoint into a folder that is there and empty.
internal import Execution
import Files
import Foundation
import Graphs
internal import Optimization
internal import Tensors
internal import WeightFiles

/// Writes a replica, an optimizer and the loop's state.
struct CheckpointWriter {
    let replica: any Replica
    let optimizer: Optimizer
    /// Saved as the model, and the weights beside it; nil where the weights are the model.
    let average: WeightAverage?
    let identity: RunIdentity
    let computation: NetworkComputation?
    /// What the head saw of photographs like those that the model is for; nil where nothing was looked at.
    let familiarity: Familiarity?

    /// Writes all files, each synced to the disk. Throws when the disk is full or fails.
    /// - Parameter bringRests: calls with each rank's held-back gradients, if there are any.
    func write(
        _ state: CheckpointState, into folder: String,
        bringRests: ((Int, UnsafeMutableBufferPointer<Float>) throws -> Void) throws -> Void
    ) throws {
        var names = [Checkpoint.modelFile, Checkpoint.optimizerFile]
        if average != nil {
            names.append(Checkpoint.trainedFile)
            let trained = modelTensors.enumerated().filter { replica.changes($0.offset) }.map(\.element)
            try SafetensorsWriter.write(
                to: "\(folder)/\(Checkpoint.trainedFile)", tensors: trained, metadata: ["format": "pt"])
        }
        try writeModel(state, into: folder)
        try SafetensorsWriter.write(
            to: "\(folder)/\(Checkpoint.optimizerFile)", tensors: optimizerTensors, metadata: ["format": "pt"])
        try bringRests { rank, rest in
            names.append(Checkpoint.restFile(ofRank: rank))
            try SafetensorsWriter.write(
                to: "\(folder)/\(Checkpoint.restFile(ofRank: rank))", tensors: tensors(of: rest), metadata: ["format": "pt"])
        }
        if let familiarity {
            names.append(Checkpoint.familiarityFile)
            try Self.write(familiarity, into: folder)
        }
        var state = state
        for name in names { state.files[name] = try Self.entry(of: name, in: folder) }
        try AtomicFile.write(try state.sealed(), to: "\(folder)/\(Checkpoint.stateFile)")
    }

    static func write(_ familiarity: Familiarity, into folder: String) throws {
        try familiarity.features.withUnsafeBytes { bytes in
            try SafetensorsWriter.write(
                to: "\(folder)/\(Checkpoint.familiarityFile)",
                tensors: [(Familiarity.name, .float32, [familiarity.count, familiarity.width], bytes)], metadata: ["format": "pt"]
            )
        }
    }

    /// Read back from the file, so that the checksum vouches for what the disk was given.
    static func entry(of name: String, in folder: String) throws -> CheckpointState.File {
        let file = try WeightFile.open("\(folder)/\(name)")
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return CheckpointState.File(
            bytes: (attributes[.size] as? NSNumber)?.intValue ?? 0, checksum: file.checksum.hexadecimal(digits: 16))
    }

    private func writeModel(_ state: CheckpointState, into folder: String) throws {
        average?.exchange()
        defer { average?.exchange() }
        try SafetensorsWriter.write(
            to: "\(folder)/\(Checkpoint.modelFile)", tensors: modelTensors, metadata: try metadata(state))
    }

    /// The name under which the optimizer's file keeps a state of a parameter.
    static func optimizerName(_ state: String, _ parameter: String) -> String { "\(state).\(parameter)" }

    private var modelTensors: [SafetensorsWriter.Tensor] {
        replica.parameters.enumerated().map { index, parameter in
            (parameter.name, .float32, parameter.shape, UnsafeRawBufferPointer(replica.values(of: index)))
        }
    }

    private var optimizerTensors: [SafetensorsWriter.Tensor] {
        optimizer.states.flatMap { state in
            replica.slots.map { slot in
                let parameter = replica.parameters[slot.parameter]
                let values = UnsafeMutableBufferPointer(rebasing: state.values[slot.range])
                return (
                    Self.optimizerName(state.name, parameter.name), .float32, parameter.shape, UnsafeRawBufferPointer(values)
                )
            }
        }
    }

    /// The tensors of an array in the layout of the gradients.
    private func tensors(of values: UnsafeMutableBufferPointer<Float>) -> [SafetensorsWriter.Tensor] {
        replica.slots.map { slot in
            let parameter = replica.parameters[slot.parameter]
            return (
                parameter.name, .float32, parameter.shape,
                UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: values[slot.range]))
            )
        }
    }

    private func metadata(_ state: CheckpointState) throws -> [String: String] {
        let metadata = ModelMetadata(
            architecture: identity.architecture, classes: identity.classes, preprocessing: identity.preprocessing,
            computation: computation, loss: identity.loss)
        let own = ["format_version": "\(CheckpointState.formatVersion)", "step": "\(state.progress.step)"]
        return try metadata.entries().merging(own) { $1 }
    }
}
