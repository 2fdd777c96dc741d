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
        case torchvision, safetensors, onnx, timm, transformers

        /// What is written, where nobody says it.
        var name: String {
            switch self {
            case .torchvision: "model.pth"
            case .safetensors: "model.safetensors"
            case .onnx: "model.onnx"
            case .timm: "model-timm"
            case .transformers: "model-transformers"
            }
        }
    }

    /// What an ONNX file takes.
    enum Input: String, ExpressibleByArgument, CaseIterable { case float32, uint8 }

    /// In which numbers an ONNX file computes.
    enum Precision: String, ExpressibleByArgument, CaseIterable { case float32, int8 }

    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes a run's network as a file for other programs.",
        discussion: """
            graft export runs/cats-dogs --format onnx

            torchvision: a state dict that torch.load and torchvision's own constructors take, and a .json file with classes and \
            preprocessing beside it. safetensors: the same names; classes, preprocessing and architecture in the metadata, so that \
            graft predict --weights needs nothing else. onnx: opset 17, float32, input 'images' of any batch size, already \
            normalised as the metadata says, output 'logits'. With --input uint8: input 'images', uint8 [batch, height, width, 3], RGB, of \
            the network's own size; output 'probabilities'. --resize takes photographs of any size and resizes and crops them (opset 18).

            timm, transformers: a folder that timm.create_model('local-dir:FOLDER', pretrained=True) or \
            AutoModelForImageClassification.from_pretrained(FOLDER) read, classes and preparation of pixels included.

            --precision int8 writes an ONNX file in 8 bits (QuantizeLinear and DequantizeLinear, which runtimes fuse), for ranges that are             measured on 64 of the run's training photographs, or on those of --calibrate, and says how far its probabilities are from float32's.

            --check PHOTOGRAPHS writes OUTPUT.npz beside an ONNX file: inputs and Graft's own answers, for any runtime to be compared.
            """)

    @Argument(help: ArgumentHelp("The folder of a run, or a weight file.", valueName: "run"))
    var source: String
    @Option(help: ArgumentHelp("\(Format.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "format"))
    var format: Format
    @Option(
        help: "The file or folder to write; without it, model.pth, model.onnx, model-timm and so on in the folder of the run.")
    var output: String?
    @Option(help: "Of a run: best, last, or the path of a checkpoint.")
    var checkpoint: String?
    @Option(help: "Of a weight file: the network, where the file leaves it open.")
    var network: String?

    @Option(help: "What an ONNX file takes: float32 (prepared pixels) or uint8 (pixels as they are; it gives probabilities).")
    var input = Input.float32
    @Flag(help: "With --input uint8: resizes and crops photographs of any size inside of the ONNX file.")
    var resize = false
    @Option(help: "In which numbers an ONNX file computes: float32 or int8.")
    var precision = Precision.float32
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Photographs (or folders) on which --precision int8 is measured.", valueName: "photographs"))
    var calibrate: [String] = []
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Photographs (or folders) whose answers are written beside an ONNX file.", valueName: "photographs"))
    var check: [String] = []

    func validate() throws {
        guard format == .onnx || (input == .float32 && precision == .float32 && !resize && check.isEmpty) else {
            throw ValidationError("--input, --precision, --resize and --check are for --format onnx")
        }
        guard calibrate.isEmpty || precision == .int8 else { throw ValidationError("--calibrate goes with --precision int8") }
        guard !resize || input == .uint8 else { throw ValidationError("--resize goes with --input uint8") }
    }

    func run() throws { try reportingErrors(export) }

    private func export() throws {
        let (model, target) = try opened()
        let weights = try FittedWeights(model, network: network)
        switch format {
        case .safetensors:
            try SafetensorsWriter.write(to: target, tensors: weights.tensors, metadata: try weights.metadata.entries())
        case .torchvision: try Self.writeTorch(weights, to: target)
        case .onnx:
            var metadata = weights.metadata
            // Whoever runs it computes in float32.
            metadata.computation = nil
            var entries = try metadata.entries().filter { $0.key != "format" }
            let pixels = input == .uint8 ? Self.pixels(weights, resizes: resize) : nil
            let bytes = precision == .int8 ? try quantized(weights) : nil
            entries["quantization"] = bytes?.words
            try ONNXWriter.write(
                to: target, graph: weights.graph, around: pixels, in: bytes?.quantization, metadata: entries
            ) { UnsafeRawBufferPointer(weights.store.values(of: $0)) }
            if let bytes { say(bytes.words) }
            if !check.isEmpty {
                let questions = ExportCheck(model: model, network: network, takesPixels: input == .uint8, resizes: resize)
                let count = try questions.write(try PhotographList.files(check, listed: nil), to: "\(target).npz")
                say("\(target).npz: what it should answer for \(count) photograph\(count == 1 ? "" : "s")")
            }
        case .timm: try Self.writeFolder(weights, for: .timm, to: target)
        case .transformers: try Self.writeFolder(weights, for: .transformers, to: target)
        }
        say("\(target): \(weights.entry.name), \(weights.graph.classCount) classes, from \(weights.file.path)")
        if format == .torchvision { say(Self.advice(weights)) }
    }

    /// The weights, and where to write them.
    private func opened() throws -> (model: SavedModel, target: String) {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: source, isDirectory: &isFolder)
        guard exists, !isFolder.boolValue else {
            let trained = try TrainedRun(path: source)
            return (try trained.checkpoint(checkpoint), output ?? "\(trained.folder.path)/\(format.name)")
        }
        guard checkpoint == nil else { throw UserError("\(source) is a weight file; --checkpoint goes with a run") }
        guard let output else { throw UserError("\(source) is a weight file; say with --output where to write") }
        return (SavedModel(try WeightFile.named(source)), output)
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

    /// Prepares pixels before the network, makes probabilities behind it.
    private static func pixels(_ weights: FittedWeights, resizes: Bool) -> ONNXPixels {
        ONNXPixels(
            preprocessing: weights.preprocessing,
            scores: weights.loss == .binaryCrossEntropy ? .sigmoid : .softmax(temperature: weights.temperature ?? 1),
            resizes: resizes)
    }

    private static func writeFolder(_ weights: FittedWeights, for library: HubModel.Library, to path: String) throws {
        let folder = try HubFolder(for: library, weights.entry, weights.graph, weights.preprocessing, classes: weights.classes)
        try Folders.make(path, advice: "choose another --output")
        for (name, text) in folder.facts { try AtomicFile.write(Array(text.utf8), to: "\(path)/\(name)") }
        try withUnsafeBytes(of: Int64(0)) { zero in
            let tensors = zip(folder.tensors, weights.tensors).flatMap { stored, own -> [SafetensorsWriter.Tensor] in
                let tensor: SafetensorsWriter.Tensor = (stored.name, .float32, stored.shape, own.bytes)
                guard stored.name.hasSuffix(".running_var") else { return [tensor] }
                return [tensor, (stored.name.dropLast(11) + "num_batches_tracked", .int64, [], zero)]
            }
            try SafetensorsWriter.write(to: "\(path)/model.safetensors", tensors: tensors, metadata: ["format": "pt"])
        }
        if weights.temperature ?? 1 != 1 || weights.thresholds != nil {
            say(
                "note: \(library.rawValue) has no place for the run's temperature and thresholds; its probabilities are not calibrated"
            )
        }
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
