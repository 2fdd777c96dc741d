// What a file of weights says about itself: written and read here alone.
package import Execution
import Foundation
package import Networks
package import Tensors
package import WeightFiles

/// What makes a model usable without anything else, as safetensors' metadata. Files that Graft did not write may lack all of it.
package struct ModelMetadata: Sendable, Equatable {
    /// The network's name.
    package var architecture: String?
    /// Class names by class index.
    package var classes: [String]?
    /// How pixels are prepared.
    package var preprocessing: Preprocessing?
    /// How the network computes; nil for plain float32.
    package var computation: NetworkComputation?
    /// What the network was trained against.
    package var loss = LossKind.crossEntropy
    /// From which probability on a photograph is of a class, by class index, where it may be of several; nil for ½.
    package var thresholds: [Float]?
    /// What scores are divided by before softmax; nil for 1.
    package var temperature: Double?

    package init(
        architecture: String?, classes: [String]?, preprocessing: Preprocessing?, computation: NetworkComputation?,
        loss: LossKind = .crossEntropy, thresholds: [Float]? = nil, temperature: Double? = nil
    ) {
        (self.loss, self.thresholds, self.temperature) = (loss, thresholds, temperature)
        self.architecture = architecture
        self.classes = classes
        self.preprocessing = preprocessing
        self.computation = computation
    }

    /// What a file says, or else the hub's files beside it. What it says otherwise than Graft would counts as not said.
    package init(of file: WeightFile) {
        let hub = file.hubModel
        architecture = file.metadata[Name.architecture] ?? hub?.network
        classes = Self.decode(file.metadata[Name.classes]) ?? hub?.classes
        preprocessing = Self.decode(file.metadata[Name.preprocessing]) ?? hub?.preprocessing
        computation = Self.decode(file.metadata[Name.computation])
        loss = file.metadata[Name.loss].flatMap(LossKind.init(rawValue:)) ?? .crossEntropy
        thresholds = Self.decode(file.metadata[Name.thresholds])
        temperature = file.metadata[Name.temperature].flatMap(Double.init).flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
    }

    /// The network that Graft wrote a file for; nil for other programs' files.
    package static func ownArchitecture(of file: WeightFile) -> String? { file.metadata[Name.architecture] }

    /// The entries of a file's metadata.
    package func entries() throws -> [String: String] {
        // What other programs ask of safetensors with PyTorch's names.
        var entries = ["format": "pt"]
        entries[Name.architecture] = architecture
        entries[Name.classes] = try Self.encode(classes)
        entries[Name.preprocessing] = try Self.encode(preprocessing)
        entries[Name.computation] = try Self.encode(computation)
        if loss == .binaryCrossEntropy { entries[Name.loss] = loss.rawValue }
        entries[Name.thresholds] = try Self.encode(thresholds)
        entries[Name.temperature] = temperature.map { "\($0)" }
        return entries
    }

    private enum Name {
        static let architecture = "architecture"
        static let classes = "classes"
        static let preprocessing = "preprocessing"
        static let computation = "computation"
        static let loss = "loss"
        static let thresholds = "thresholds"
        static let temperature = "temperature"
    }

    private static func encode(_ value: (some Encodable)?) throws -> String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try value.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    }

    private static func decode<Value: Decodable>(_ text: String?) -> Value? {
        text.flatMap { try? JSONDecoder().decode(Value.self, from: Data($0.utf8)) }
    }
}

extension WeightFile {
    /// What the hub's files beside the weights say, if there are any.
    package var hubModel: HubModel? {
        facts["config.json"].flatMap { HubModel(config: $0, processor: facts["preprocessor_config.json"]) }
    }
}
