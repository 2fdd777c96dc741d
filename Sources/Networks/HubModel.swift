// What `config.json` and `preprocessor_config.json` of a folder in the hub's layout say: timm's and transformers' words for a network,
// its classes, and how pixels are prepared.
import Foundation
package import Tensors

/// A model as the files beside its weights describe it.
package struct HubModel: Sendable, Equatable {
    /// Who wrote the files.
    package enum Library: String, Sendable { case timm, transformers }

    package let library: Library
    /// The library's own name for the network (`resnet50`), or kind of networks (`efficientnet`).
    package let name: String
    /// The catalogue's network that computes the same; nil where there is none, and `refusal` says why.
    package let network: String?
    /// Why the weights cannot be used, as the end of a sentence that begins with the file.
    package let refusal: String?
    /// By class index; nil where the names are only numbers.
    package let classes: [String]?
    /// Nil where the files leave it open.
    package let preprocessing: Preprocessing?
    /// What of the library's preparation of pixels Graft does otherwise.
    package let warnings: [String]

    /// Nil for a configuration that is of neither library.
    package init?(config: String, processor: String? = nil) {
        guard let root = HubJSON(config) else { return nil }
        let own = processor.flatMap { HubJSON($0) }
        if root["pretrained_cfg"] != nil || root["architecture"] != nil && root["num_classes"] != nil {
            let architecture = root.text("architecture") ?? root.object("pretrained_cfg")?.text("architecture") ?? ""
            library = .timm
            name = String(architecture.prefix { $0 != "." })
            (network, refusal) = TimmArchitecture.network(name, root)
            (preprocessing, warnings) = HubPreprocessing.timm(root.object("pretrained_cfg") ?? root)
        } else if let kind = root.text("model_type") {
            library = .transformers
            name = kind
            (network, refusal) = TransformersArchitecture.network(kind, root)
            (preprocessing, warnings) = own.map(HubPreprocessing.transformers) ?? (nil, [])
        } else {
            return nil
        }
        classes = Self.classes(root) ?? root.object("pretrained_cfg").flatMap(Self.classes)
    }

    /// `label_names` as timm writes it, `id2label` as transformers does.
    private static func classes(_ root: HubJSON) -> [String]? {
        if let names = root["label_names"] as? [String], !names.isEmpty { return names }
        guard let labels = (root["label_names"] ?? root["id2label"]) as? [String: String], !labels.isEmpty else { return nil }
        let names = (0..<labels.count).compactMap { labels["\($0)"] }
        // What transformers writes where nobody named anything.
        guard names.count == labels.count, names.enumerated().contains(where: { $1 != "LABEL_\($0)" }) else { return nil }
        return names
    }
}

/// One JSON object.
struct HubJSON {
    let entries: [String: Any]

    init(_ entries: [String: Any]) { self.entries = entries }

    init?(_ text: String) {
        guard let entries = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else { return nil }
        self.entries = entries
    }

    subscript(_ key: String) -> Any? { entries[key].flatMap { $0 is NSNull ? nil : $0 } }
    func text(_ key: String) -> String? { self[key] as? String }
    func number(_ key: String) -> Double? { (self[key] as? NSNumber)?.doubleValue }
    func flag(_ key: String) -> Bool? { (self[key] as? NSNumber)?.boolValue }
    func object(_ key: String) -> HubJSON? { (self[key] as? [String: Any]).map { HubJSON($0) } }

    func numbers(_ key: String) -> [Double]? {
        (self[key] as? [Any])?.compactMap { ($0 as? NSNumber)?.doubleValue }
    }

    /// Whole numbers of a size that a network can have.
    func integers(_ key: String) -> [Int]? { numbers(key)?.compactMap { Int(exactly: $0) } }
}

/// timm's networks by name.
enum TimmArchitecture {
    /// Other names for networks of the catalogue.
    private static let synonyms: [String: String] = {
        var names = [
            "gluon_resnet18_v1b": "resnet18", "gluon_resnet34_v1b": "resnet34", "gluon_resnet50_v1b": "resnet50",
            "gluon_resnet101_v1b": "resnet101", "gluon_resnet152_v1b": "resnet152", "ssl_resnet18": "resnet18",
            "ssl_resnet50": "resnet50", "swsl_resnet18": "resnet18", "swsl_resnet50": "resnet50",
        ]
        for depth in [18, 34, 50, 101, 152] { names["tv_resnet\(depth)"] = "resnet\(depth)" }
        let sizes = ["400mf": "004", "800mf": "008", "1_6gf": "016", "3_2gf": "032", "8gf": "080", "16gf": "160", "32gf": "320"]
        for (size, digits) in sizes {
            // Of some sizes timm has the paper's widths, and torchvision's under names of their own.
            for kind in ["x", "y"] {
                let isOwn = ["x_004", "y_008", "y_080"].contains("\(kind)_\(digits)")
                names["regnet\(kind)_\(digits)\(isOwn ? "_tv" : "")"] = "regnet_\(kind)_\(size)"
            }
        }
        names["mobilenetv2_100"] = "mobilenet_v2"
        for size in 0...4 { names["tf_efficientnet_lite\(size)"] = "efficientnet_lite\(size)" }
        for size in 0...7 {
            for training in ["_ap", "_ns", "_aa"] { names["tf_efficientnet_b\(size)\(training)"] = "tf_efficientnet_b\(size)" }
        }
        return names
    }()

    /// timm's name for a network of the catalogue whose weights it reads; nil where it has none that computes the same.
    static func name(of entry: NetworkEntry) -> String? {
        if entry.family == .efficientNetLite { return "tf_\(entry.name)" }
        let own = synonyms.first { $0.value == entry.name && ($0.key.hasPrefix("regnet") || $0.key.hasPrefix("mobilenet")) }?.key
        let sharesNames = [.resNet, .denseNet].contains(entry.family) && PublishedWeights.of(entry.name) != nil
        guard sharesNames || entry.sources.contains(.timm) else { return nil }
        return network(own ?? entry.name, HubJSON([:])).network.map { _ in own ?? entry.name }
    }

    /// Arguments of timm's constructors that change no computation of a whole network.
    private static let harmless: Set<String> = [
        "num_classes", "in_chans", "drop_rate", "drop_path_rate", "global_pool", "pretrained", "img_size", "checkpoint_path",
    ]

    static func network(_ name: String, _ root: HubJSON) -> (network: String?, refusal: String?) {
        if name.hasPrefix("efficientnet_lite") {
            return (
                nil,
                "is timm's own \(name): it has the names of tf_\(name), and other padding, which Graft does not have; take tf_\(name)"
            )
        }
        if ["efficientnet_b5", "efficientnet_b6", "efficientnet_b7"].contains(name) {
            return (nil, "is timm's own \(name), whose norms have another epsilon than torchvision's; take tf_\(name)")
        }
        let known = synonyms[name] ?? name
        guard let entry = try? NetworkCatalog.entry(named: known), entry.name != "googlenet" else {
            let kind = ForeignNetwork.called(name).map { " (of the \($0))" } ?? ""
            return (nil, "is timm's \(name)\(kind), which Graft does not have; 'graft networks' lists what it has")
        }
        let arguments = root.object("model_args")?.entries.keys.filter { !harmless.contains($0) }.sorted() ?? []
        guard arguments.isEmpty, root.object("model_args")?.text("global_pool") ?? root.text("global_pool") ?? "avg" == "avg"
        else {
            return (
                nil, "is a \(name) that timm built with other settings (\(arguments.first ?? "global_pool")), which Graft lacks"
            )
        }
        guard root.object("pretrained_cfg")?.integers("input_size")?.first ?? 3 == 3 else {
            return (nil, "is a \(name) for images of other than three channels")
        }
        return (entry.name, nil)
    }
}

/// transformers' networks by their configuration.
enum TransformersArchitecture {
    static func network(_ kind: String, _ root: HubJSON) -> (network: String?, refusal: String?) {
        let found: String?
        if root["quantization_config"] != nil { return (nil, "is a quantised '\(kind)' of transformers; take the float weights") }
        switch kind {
        case "resnet": found = resNet(root)
        case "efficientnet": found = efficientNet(root)
        case "convnext": found = convNeXt(root)
        case "regnet": found = regNet(root)
        case "mobilenet_v2": found = mobileNetV2(root)
        default:
            let name = ForeignNetwork.called(kind).map { " (of the \($0))" } ?? ""
            return (nil, "is a '\(kind)' of transformers\(name), whose names Graft does not read")
        }
        guard let found else {
            return (nil, "is a '\(kind)' of transformers of other depth, widths, padding or activation than any that Graft has")
        }
        return (found, nil)
    }

    /// Width and depth of B0 to B7.
    static let scales: [[Double]] = [
        [1.0, 1.0], [1.0, 1.1], [1.1, 1.2], [1.2, 1.4], [1.4, 1.8], [1.6, 2.2], [1.8, 2.6], [2.0, 3.1],
    ]

    private static func resNet(_ root: HubJSON) -> String? {
        let isBottleneck = root.text("layer_type") ?? "bottleneck" == "bottleneck"
        let depths = root.integers("depths") ?? [3, 4, 6, 3]
        let sizes: [[Int]: String] =
            isBottleneck
            ? [[3, 4, 6, 3]: "resnet50", [3, 4, 23, 3]: "resnet101", [3, 8, 36, 3]: "resnet152"]
            : [[2, 2, 2, 2]: "resnet18", [3, 4, 6, 3]: "resnet34"]
        let widths = isBottleneck ? [256, 512, 1024, 2048] : [64, 128, 256, 512]
        guard let name = sizes[depths], root.integers("hidden_sizes") ?? [256, 512, 1024, 2048] == widths,
            root.number("embedding_size") ?? 64 == 64, root.number("num_channels") ?? 3 == 3,
            root.text("hidden_act") ?? "relu" == "relu", root.flag("downsample_in_first_stage") != true
        else { return nil }
        return isBottleneck && root.flag("downsample_in_bottleneck") == true ? "\(name)_v1" : name
    }

    private static func convNeXt(_ root: HubJSON) -> String? {
        let sizes: [(name: String, depths: [Int], width: Int)] = [
            ("convnext_tiny", [3, 3, 9, 3], 96), ("convnext_small", [3, 3, 27, 3], 96), ("convnext_base", [3, 3, 27, 3], 128),
            ("convnext_large", [3, 3, 27, 3], 192),
        ]
        let (depths, widths) = (root.integers("depths") ?? [3, 3, 9, 3], root.integers("hidden_sizes") ?? [96, 192, 384, 768])
        guard root.number("patch_size") ?? 4 == 4, root.number("num_stages") ?? 4 == 4, root.number("num_channels") ?? 3 == 3,
            root.text("hidden_act") ?? "gelu" == "gelu", root.number("layer_scale_init_value") ?? 1e-6 > 0
        else { return nil }
        return sizes.first { size in size.depths == depths && widths == (0..<4).map { size.width << $0 } }?.name
    }

    private static func regNet(_ root: HubJSON) -> String? {
        guard root.number("embedding_size") ?? 32 == 32, root.text("hidden_act") ?? "relu" == "relu",
            root.number("num_channels") ?? 3 == 3
        else { return nil }
        let isGated = root.text("layer_type") ?? "y" == "y"
        return RegNet.name(
            depths: root.integers("depths") ?? [2, 6, 12, 2], widths: root.integers("hidden_sizes") ?? [128, 192, 512, 1088],
            groupWidth: Int(exactly: root.number("groups_width") ?? 64) ?? 0,
            isGated: isGated)
    }

    private static func mobileNetV2(_ root: HubJSON) -> String? {
        let numbers: [(key: String, value: Double)] = [
            ("depth_divisible_by", 8), ("min_depth", 8), ("expand_ratio", 6), ("output_stride", 32), ("num_channels", 3),
            ("layer_norm_eps", 0.001),
        ]
        guard numbers.allSatisfy({ root.number($0.key) ?? $0.value == $0.value }), root.text("hidden_act") ?? "relu6" == "relu6",
            ["first_layer_is_expansion", "finegrained_output", "tf_padding"].allSatisfy({ root.flag($0) ?? true })
        else { return nil }
        return MobileNetV2.tensorFlowName(width: root.number("depth_multiplier") ?? 1)
    }

    private static func efficientNet(_ root: HubJSON) -> String? {
        let scale = [root.number("width_coefficient") ?? 2, root.number("depth_coefficient") ?? 3.1]
        let stages = EfficientNet.stages
        let own: [(key: String, values: [Int])] = [
            ("kernel_sizes", stages.map(\.kernel)), ("strides", stages.map(\.stride)), ("out_channels", stages.map(\.channels)),
            ("num_block_repeats", stages.map(\.depth)), ("expand_ratios", stages.map(\.expansion)),
        ]
        guard let size = scales.firstIndex(of: scale), own.allSatisfy({ root.integers($0.key) ?? $0.values == $0.values }),
            ["swish", "silu"].contains(root.text("hidden_act") ?? "swish"), root.number("num_channels") ?? 3 == 3,
            root.text("pooling_type") ?? "mean" == "mean", root.number("batch_norm_eps") ?? 1e-3 == 1e-3,
            padsLikeTensorFlow(root, scale[1])
        else { return nil }
        return "tf_efficientnet_b\(size)"
    }

    /// Whether the blocks that are listed to pad alike on both sides are those for which TensorFlow's rule has it so.
    private static func padsLikeTensorFlow(_ root: HubJSON, _ depth: Double) -> Bool {
        let rule = evenPadding(side: Int(root.number("image_size") ?? 600), depth: depth)
        return Set(root.integers("depthwise_padding") ?? []).intersection(rule.halving) == rule.alike
    }

    /// Of the blocks that halve their input those whose input has an odd number of rows: TensorFlow's padding is then alike on both
    /// sides.
    static func evenPadding(side: Int, depth: Double) -> (halving: Set<Int>, alike: Set<Int>) {
        var (side, block, halving, alike) = ((side + 1) / 2, 0, Set<Int>(), Set<Int>())
        for stage in EfficientNet.stages {
            if stage.stride == 2 {
                halving.insert(block)
                if side % 2 == 1 { alike.insert(block) }
                side = (side + 1) / 2
            }
            block += Int((Double(stage.depth) * depth).rounded(.up))
        }
        return (halving, alike)
    }
}
