// What a Keras model does besides the layers that have weights, as its `model_config` tells: pixels scaled inside of the model, other
// poolings, functions of one's own.
import Foundation
package import Tensors

/// The layers of a saved Keras model that change what its weights mean.
package struct KerasModel: Sendable {
    /// A layer that computes x · scale + offset of its input, RGB from 0 to 255.
    struct Rescaling: Sendable, Equatable {
        let name: String
        let scale: [Double]
        let offset: [Double]
    }

    private let rescalings: [Rescaling]
    /// Layers that Graft's networks do not have, as `'name' (Kind)`.
    private let strangers: [String]
    private let maxPoolings: [String]
    private let normalizations: [String]

    /// Layers that are in Keras's own networks, and those that do nothing outside of training.
    private static let known: Set<String> = [
        "Functional", "Model", "Sequential", "InputLayer", "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "BatchNormalization",
        "Activation",
        "ReLU", "Softmax", "Add", "Multiply", "ZeroPadding2D", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D",
        "Dense",
        "Dropout", "SpatialDropout2D", "Flatten", "Reshape", "Normalization", "Rescaling", "GlobalMaxPooling2D", "GaussianNoise",
    ]

    /// Nil for what is no model's configuration.
    package init?(config: String) {
        guard let root = try? JSONSerialization.jsonObject(with: Data(config.utf8)) else { return nil }
        var layers: [(kind: String, name: String, config: [String: Any])] = []
        Self.collect(root, into: &layers)
        guard !layers.isEmpty else { return nil }
        rescalings = layers.filter { $0.kind == "Rescaling" }.map {
            Rescaling(name: $0.name, scale: Self.numbers($0.config["scale"], 1), offset: Self.numbers($0.config["offset"], 0))
        }
        strangers = layers.filter { !Self.known.contains($0.kind) && !$0.kind.hasPrefix("Random") && !$0.kind.hasPrefix("Auto") }
            .map { "'\($0.name)' (\($0.kind))" }
        normalizations = layers.filter { $0.kind == "Normalization" }.map(\.name)
        maxPoolings = layers.filter { $0.kind == "GlobalMaxPooling2D" }.map(\.name)
    }

    /// Every layer of a model and of the models in it.
    private static func collect(_ value: Any, into layers: inout [(kind: String, name: String, config: [String: Any])]) {
        if let list = value as? [Any] { for item in list { collect(item, into: &layers) } }
        guard let entry = value as? [String: Any] else { return }
        guard let kind = entry["class_name"] as? String, let config = entry["config"] as? [String: Any] else { return }
        let isLayer = config["name"] is String && !["DTypePolicy", "Zeros", "Ones", "GlorotUniform", "HeNormal"].contains(kind)
        if isLayer { layers.append((kind, config["name"] as? String ?? "", config)) }
        if let inner = config["layers"] { collect(inner, into: &layers) }
    }

    private static func numbers(_ value: Any?, _ usual: Double) -> [Double] {
        if let list = value as? [Any] { return list.compactMap { ($0 as? NSNumber)?.doubleValue } }
        return [(value as? NSNumber)?.doubleValue ?? usual]
    }

    /// Why the weights mean something else than in the network of that family; nil if they do not.
    /// - Parameter usesHead: whether the file's head is taken too.
    package func refusal(for family: NetworkFamily, usesHead: Bool) -> String? {
        if !strangers.isEmpty {
            return "the model in it has layers that Graft's networks do not have: \(strangers.prefix(4).joined(separator: ", "))"
        }
        if usesHead, let pooling = maxPoolings.first {
            return "its head stands on '\(pooling)' (GlobalMaxPooling2D), where the network takes the average"
        }
        let own = scalings(of: family)
        // EfficientNets begin with a scaling and a normalisation of their own.
        guard own.count <= (family == .efficientNet ? 0 : 1) else {
            return "the model in it scales pixels more than once: \(own.map { "'\($0.name)'" }.joined(separator: ", "))"
        }
        if family != .efficientNet, let normalization = normalizations.first {
            return "the model in it normalises pixels by numbers that it has learnt, in '\(normalization)' (Normalization)"
        }
        return nil
    }

    /// The preparation of pixels that its scaling amounts to, on top of the sizes of `base`; nil where it has none of its own.
    package func preprocessing(_ base: Preprocessing, family: NetworkFamily) -> Preprocessing? {
        guard let scaling = scalings(of: family).first else { return nil }
        let channels = (0..<3).map { channel in
            (scale: scaling.scale[channel % scaling.scale.count], offset: scaling.offset[channel % scaling.offset.count])
        }
        guard channels.allSatisfy({ $0.scale != 0 && $0.scale.isFinite && $0.offset.isFinite }) else { return nil }
        var copy = base
        copy.channelOrder = .rgb
        // x · s + o = (x − (−o / s)) / (1 / s)
        copy.mean = channels.map { Float(-$0.offset / $0.scale) }
        copy.deviation = channels.map { Float(1 / $0.scale) }
        return copy
    }

    /// Those that are not part of the network itself: EfficientNets begin with 1 / 255 and, as published, once more by a number a channel.
    private func scalings(of family: NetworkFamily) -> [Rescaling] {
        guard family == .efficientNet else { return rescalings.filter { !$0.scale.isEmpty && !$0.offset.isEmpty } }
        var isFirst = true
        return rescalings.filter { scaling in
            let isOwn = scaling.scale.count == 3 || isFirst && scaling.scale.count == 1 && abs(scaling.scale[0] - 1 / 255) < 1e-9
            if isOwn, scaling.scale.count == 1 { isFirst = false }
            return !isOwn
        }
    }
}
