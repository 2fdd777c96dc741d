// `graft export`: a trained network as a file that other programs read.
import ArgumentParser
import Execution
import Files
import Foundation
import Graphs
import Kernels
import Networks
import ONNXFiles
import Tensors
import Training
import WeightFiles

struct ExportCommand: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case torchvision, safetensors, onnx

        var suffix: String {
            switch self {
            case .torchvision: "pth"
            case .safetensors: "safetensors"
            case .onnx: "onnx"
            }
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes a run's network as a file for other programs.",
        discussion: """
            graft export runs/cats-dogs --format onnx

            torchvision: a state dict that torch.load and torchvision's own constructors take, and a .json file with classes and \
            preprocessing beside it. safetensors: the same names; classes, preprocessing and architecture in the metadata, so that \
            graft predict --weights needs nothing else. onnx: opset 17, float32, input 'images' of any batch size, already \
            normalised as the metadata says, output 'logits'.
            """)

    @Argument(help: ArgumentHelp("The folder of a run, or a weight file.", valueName: "run"))
    var input: String
    @Option(help: ArgumentHelp("\(Format.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "format"))
    var format: Format
    @Option(help: "The file to write; without it, model.pth, .safetensors or .onnx in the folder of the run.")
    var output: String?
    @Option(help: "Of a run: best, last, or the path of a checkpoint.")
    var checkpoint: String?
    @Option(help: "Of a weight file: the network, where the file leaves it open.")
    var network: String?

    func run() throws { try reportingErrors(export) }

    private func export() throws {
        let (model, target) = try source()
        let weights = try FittedWeights(model, network: network)
        switch format {
        case .safetensors:
            try SafetensorsWriter.write(to: target, tensors: weights.tensors, metadata: try weights.metadata.entries())
        case .torchvision: try Self.writeTorch(weights, to: target)
        case .onnx:
            var metadata = weights.metadata
            // Whoever runs it computes in float32.
            metadata.computation = nil
            let entries = try metadata.entries().filter { $0.key != "format" }
            try ONNXWriter.write(to: target, graph: weights.graph, metadata: entries) {
                UnsafeRawBufferPointer(weights.store.values(of: $0))
            }
        }
        say("\(target): \(weights.entry.name), \(weights.graph.classCount) classes, from \(weights.file.path)")
        if format == .torchvision { say(Self.advice(weights)) }
    }

    /// The weights, and where to write them.
    private func source() throws -> (model: SavedModel, target: String) {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: input, isDirectory: &isFolder)
        guard exists, !isFolder.boolValue else {
            let trained = try TrainedRun(path: input)
            return (try trained.checkpoint(checkpoint), output ?? "\(trained.folder.path)/model.\(format.suffix)")
        }
        guard checkpoint == nil else { throw UserError("\(input) is a weight file; --checkpoint goes with a run") }
        guard let output else { throw UserError("\(input) is a weight file; say with --output where to write") }
        return (SavedModel(try WeightFile.named(input)), output)
    }

    /// torchvision counts the batches that each batch norm has seen; nothing but its own momentum-free averaging reads the count.
    private static func writeTorch(_ weights: FittedWeights, to path: String) throws {
        try withUnsafeBytes(of: Int64(0)) { zero in
            let tensors = weights.tensors.flatMap { tensor -> [SafetensorsWriter.Tensor] in
                guard tensor.name.hasSuffix(".running_var") else { return [tensor] }
                return [tensor, (tensor.name.dropLast(11) + "num_batches_tracked", .int64, [], zero)]
            }
            try TorchWriter.write(to: path, tensors: tensors)
        }
        let facts = ModelFacts(
            architecture: weights.entry.name, classes: weights.classes, preprocessing: weights.preprocessing,
            loss: weights.loss == .crossEntropy ? nil : weights.loss.rawValue, thresholds: weights.thresholds,
            temperature: weights.temperature)
        try AtomicFile.write(Array((try facts.jsonLine() + "\n").utf8), to: "\(path).json")
    }

    /// What a state dict has no place for.
    private struct ModelFacts: Encodable {
        let architecture: String
        let classes: [String]?
        let preprocessing: Preprocessing
        /// Only where photographs may be of several classes: then each score goes through a sigmoid.
        let loss: String?
        let thresholds: [Float]?
        /// What scores are to be divided by before softmax.
        let temperature: Double?
    }

    private static func advice(_ weights: FittedWeights) -> String {
        let (name, count) = (weights.entry.name, weights.graph.classCount)
        guard PublishedWeights.of(name) != nil else {
            // The same names and shapes as another network's: nothing in the file would say that it is not that one.
            let namesake = String(
                name.hasPrefix("tf_") ? name.dropFirst(3) : name.hasSuffix("_v1") ? name.dropLast(3) : name[...])
            if namesake != name, PublishedWeights.of(namesake) != nil {
                return
                    "warning: torchvision's \(namesake) loads this file, strictly too, and computes something else: \(name) has other "
                    + "\(name.hasPrefix("tf_") ? "padding" : "strides"); use --format onnx for other programs"
            }
            return "note: torchvision itself has no \(name); the tensors have the names and shapes that it would give them"
        }
        let more = weights.entry.family == .googLeNet ? ", aux_logits=False, init_weights=False" : ""
        return "read it with torchvision.models.\(name)(num_classes=\(count)\(more)).load_state_dict(torch.load(…))"
    }
}
