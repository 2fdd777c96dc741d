// A network as a folder in the hub's layout, in timm's or transformers' names: the JSON beside the weights, and what each tensor is called.
import Foundation
package import Graphs
package import Tensors

/// What such a folder holds besides the numbers.
package struct HubFolder: Sendable {
    /// The text of each JSON file, by its name.
    package let facts: [String: String]
    /// For each of `Graph.parameters` its name in the library and its shape there.
    package let tensors: [(name: String, shape: TensorShape)]

    /// - Parameters:
    ///   - graph: the network for its own number of classes.
    ///   - classes: their names, if there are any.
    /// - Throws: `NetworkError.notWritten` for a network or a preparation of pixels that the library does not have.
    package init(
        for library: HubModel.Library, _ entry: NetworkEntry, _ graph: Graph, _ preprocessing: Preprocessing, classes: [String]?
    ) throws(NetworkError) {
        func refusal(_ reason: String) -> NetworkError {
            .notWritten(network: entry.name, library: library.rawValue, reason: reason)
        }
        guard preprocessing.channelOrder == .rgb else { throw refusal("its pixels are blue first") }
        let source =
            library == .transformers ? .transformers : entry.sources.contains(.timm) ? WeightSource.timm : .torchvision
        let written = library == .timm ? TimmArchitecture.name(of: entry) : Self.transformersKind(entry)
        guard let written, entry.sources.contains(source) else {
            throw refusal("\(library.rawValue) has no network that computes the same")
        }
        let stored = NameTable.storedParameters(of: graph, family: entry.family, source: source)
        let tensors = stored.map { (name: $0.names[0], shape: $0.shape) }
        self.tensors = tensors
        let head = graph.headParameters
        let size = (classes: graph.classCount, features: graph.parameters[head.lowerBound].shape[1])
        let modules = [0, head.lowerBound].map { index in
            tensors[index].name.split(separator: ".").dropLast().joined(separator: ".")
        }
        switch library {
        case .timm:
            var config: [String: Any] = [
                "architecture": written, "num_classes": size.classes, "num_features": size.features,
                "pretrained_cfg": Self.pretrained(preprocessing, size.classes, first: modules[0], last: modules[1]),
            ]
            config["label_names"] = classes
            facts = ["config.json": Self.text(config)]
        case .transformers:
            var config =
                switch entry.family {
                case .resNet: Self.resNet(entry, graph)
                case .convNeXt: Self.convNeXt(graph)
                case .regNet: Self.regNet(entry)
                case .mobileNetV2: Self.mobileNetV2(entry, preprocessing.crop)
                default: Self.efficientNet(entry, size.features, preprocessing.crop)
                }
            let names = classes ?? (0..<size.classes).map { "LABEL_\($0)" }
            config["id2label"] = Dictionary(uniqueKeysWithValues: names.enumerated().map { ("\($0)", $1) })
            config["label2id"] = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
            (config["model_type"], config["num_channels"], config["torch_dtype"]) = (written, 3, "float32")
            facts = ["config.json": Self.text(config), "preprocessor_config.json": Self.text(Self.processor(preprocessing))]
        }
    }

    private static func transformersKind(_ entry: NetworkEntry) -> String? {
        switch entry.family {
        case .resNet: entry.sources.contains(.transformers) && entry.name.hasPrefix("resnet") ? "resnet" : nil
        case .convNeXt: entry.sources.contains(.transformers) ? "convnext" : nil
        case .efficientNet: entry.name.hasPrefix("tf_") ? "efficientnet" : nil
        case .regNet: "regnet"
        case .mobileNetV2: entry.sources.contains(.transformers) ? "mobilenet_v2" : nil
        default: nil
        }
    }

    private static func pretrained(_ preprocessing: Preprocessing, _ classes: Int, first: String, last: String) -> [String: Any] {
        [
            "input_size": [3, preprocessing.crop, preprocessing.crop], "fixed_input_size": false,
            "crop_pct": share(preprocessing), "crop_mode": "center", "interpolation": preprocessing.interpolation.rawValue,
            "mean": unit(preprocessing.mean), "std": unit(preprocessing.deviation), "num_classes": classes, "first_conv": first,
            "classifier": last,
        ]
    }

    private static func processor(_ preprocessing: Preprocessing) -> [String: Any] {
        [
            "image_processor_type": "BitImageProcessor", "do_resize": true, "size": ["shortest_edge": preprocessing.resize],
            "resample": preprocessing.interpolation == .bicubic ? 3 : 2, "do_center_crop": true,
            "crop_size": ["height": preprocessing.crop, "width": preprocessing.crop], "do_rescale": true,
            "rescale_factor": 1.0 / 255,
            "do_normalize": true, "image_mean": unit(preprocessing.mean), "image_std": unit(preprocessing.deviation),
            "do_convert_rgb": true,
        ]
    }

    private static func resNet(_ entry: NetworkEntry, _ graph: Graph) -> [String: Any] {
        let isBottleneck = graph.parameters.contains { $0.name == "layer1.0.conv3.weight" }
        let names = Set(graph.parameters.map(\.name))
        let depths = (1...4).map { stage in (0..<64).count { names.contains("layer\(stage).\($0).conv1.weight") } }
        let widths = isBottleneck ? [256, 512, 1024, 2048] : [64, 128, 256, 512]
        return [
            "architectures": ["ResNetForImageClassification"], "layer_type": isBottleneck ? "bottleneck" : "basic",
            "depths": depths,
            "hidden_sizes": widths, "embedding_size": 64, "hidden_act": "relu", "downsample_in_first_stage": false,
            "downsample_in_bottleneck": entry.name.hasSuffix("_v1"),
        ]
    }

    private static func convNeXt(_ graph: Graph) -> [String: Any] {
        let names = Set(graph.parameters.map(\.name))
        let depths = (0..<4).map { stage in
            (0..<64).count { names.contains("features.\(2 * stage + 1).\($0).layer_scale") }
        }
        return [
            "architectures": ["ConvNextForImageClassification"], "depths": depths,
            "hidden_sizes": (0..<4).map { graph.parameters[0].shape[0] << $0 }, "num_stages": 4, "patch_size": 4,
            "hidden_act": "gelu", "layer_norm_eps": 1e-6, "layer_scale_init_value": 1e-6,
        ]
    }

    private static func regNet(_ entry: NetworkEntry) -> [String: Any] {
        guard let variant = RegNet.variant(named: entry.name) else { return [:] }
        return [
            "architectures": ["RegNetForImageClassification"], "layer_type": variant.isGated ? "y" : "x",
            "depths": variant.depths,
            "hidden_sizes": variant.widths, "groups_width": variant.groupWidth, "embedding_size": 32, "hidden_act": "relu",
        ]
    }

    private static func mobileNetV2(_ entry: NetworkEntry, _ side: Int) -> [String: Any] {
        [
            "architectures": ["MobileNetV2ForImageClassification"], "image_size": side, "hidden_act": "relu6", "tf_padding": true,
            "depth_multiplier": MobileNetV2.tensorFlowWidth(of: entry.name) ?? 1, "layer_norm_eps": 0.001,
            "depth_divisible_by": 8, "min_depth": 8, "expand_ratio": 6, "output_stride": 32, "first_layer_is_expansion": true,
            "finegrained_output": true,
        ]
    }

    private static func efficientNet(_ entry: NetworkEntry, _ features: Int, _ side: Int) -> [String: Any] {
        let scale = TransformersArchitecture.scales[entry.name.last?.wholeNumberValue ?? 0]
        return [
            "architectures": ["EfficientNetForImageClassification"], "width_coefficient": scale[0], "depth_coefficient": scale[1],
            "hidden_dim": features, "image_size": side, "hidden_act": "swish", "batch_norm_eps": 0.001,
            "depthwise_padding": TransformersArchitecture.evenPadding(side: side, depth: scale[1]).alike.sorted(),
        ]
    }

    /// The share of the resized image that is cropped: four digits if they do, else one whose quotient lies in the middle of those that
    /// are rounded down to the short side, so that no program's last digit matters.
    private static func share(_ preprocessing: Preprocessing) -> Double {
        let (crop, resize) = (Double(preprocessing.crop), Double(preprocessing.resize))
        let short = (crop / resize * 10_000).rounded() / 10_000
        let isExact = crop / short == resize
        let isInside = (resize + 0.01..<resize + 0.99).contains(crop / short)
        return isExact || isInside ? short : crop / (resize + 0.5)
    }

    /// On the scale 0…1, as short as float32 allows.
    private static func unit(_ values: [Float]) -> [Double] {
        values.map { Double(String(format: "%.7g", Double($0) / 255)) ?? 0 }
    }

    private static func text(_ object: [String: Any]) -> String {
        let bytes = try? JSONSerialization.data(
            withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        // transformers takes no 1 for the number 1.0.
        let text = String(decoding: bytes ?? Data(), as: UTF8.self).replacing(/((?:_coefficient|_multiplier)" : \d+)(?=[,\n])/) {
            "\($0.1).0"
        }
        return text + "\n"
    }
}
