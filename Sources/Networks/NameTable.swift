// Finds out whose names a weight file uses, and lays its tensors against a network's parameters.
package import Graphs
package import Tensors

/// Where a library stores one parameter.
struct StoredParameter {
    /// The names under which it may stand; a library's versions spell them differently.
    var names: [String]
    var transform = WeightTransform.none
    /// The shape in the file.
    var shape: TensorShape

    init(_ names: [String], for parameter: ParameterSpec, transform: WeightTransform = .none, shape: TensorShape? = nil) {
        self.names = names
        self.transform = transform
        self.shape = shape ?? transform.storedShape(for: parameter.shape)
    }
}

/// The naming of every source, and the matching against it.
package enum NameTable {
    /// Lays a file's tensors against a network. The source is the one whose names agree best with the file's.
    ///
    /// - Parameters:
    ///   - tensors: names and shapes as the file's reader gives them.
    ///   - fresh: layers that start anew whatever the file holds, each a `LayerPattern`.
    /// - Returns: the match, fitting or not (`WeightMatch.validate`).
    /// - Throws: for a pattern that names no layer.
    package static func match(
        _ tensors: [String: TensorShape], to graph: Graph, of entry: NetworkEntry, fresh: [String] = []
    ) throws(LayerPatternError) -> WeightMatch {
        let match = try bareMatch(FileTensors(tensors), to: graph, of: entry, fresh: fresh)
        return match.fits ? match : match.suggesting(recognize(tensors).filter(\.match.fits).map(\.entry.name))
    }

    /// A match without advice.
    private static func bareMatch(
        _ file: FileTensors, to graph: Graph, of entry: NetworkEntry, fresh: [String] = []
    ) throws(LayerPatternError) -> WeightMatch {
        let freshParameters = try parameters(of: graph, matching: fresh)
        let candidates = entry.sources.map { source in
            (source: source, stored: storedParameters(of: graph, family: entry.family, source: source))
        }
        let hits = candidates.map { candidate in candidate.stored.count { file.find($0) != nil } }
        let best = hits.indices.max { hits[$0] < hits[$1] || (hits[$0] == hits[$1] && $0 > $1) } ?? 0
        var matching = Matching(graph: graph, entry: entry, source: candidates[best].source, file: file, fresh: freshParameters)
        return matching.run(candidates[best].stored)
    }

    /// The networks that a file may be for, judged by names and shapes alone, in the catalogue's order: those with the fewest wrong
    /// names. Some share all names and shapes (`resnet50` and `resnet50_v1`). Empty if no tensor is known to any network.
    package static func recognize(_ tensors: [String: TensorShape]) -> [(entry: NetworkEntry, match: WeightMatch)] {
        var best: [(entry: NetworkEntry, match: WeightMatch)] = []
        let file = FileTensors(tensors)
        for entry in NetworkCatalog.entries {
            guard let match = try? bareMatch(file, to: entry.build(), of: entry), !match.assignments.isEmpty else { continue }
            let (count, least) = (match.misfitCount, best.first?.match.misfitCount ?? .max)
            if count < least { best = [] }
            if count <= least { best.append((entry, match)) }
        }
        return best
    }

    /// Where each of the graph's parameters stands in a file of this source.
    static func storedParameters(of graph: Graph, family: NetworkFamily, source: WeightSource) -> [StoredParameter] {
        switch (source, family) {
        case (.timm, .efficientNet), (.timm, .efficientNetLite):
            return graph.parameters.map(EfficientNetNames(graph).timmName)
        case (.efficientNetPytorch, _): return graph.parameters.map(EfficientNetNames(graph).pytorchName)
        case (.timm, .vgg): return graph.parameters.map(timmVGGName)
        case (.keras, _): return KerasNames.storedParameters(of: graph, family: family)
        case (.caffe, _): return graph.parameters.map(caffeName)
        default: return graph.parameters.map { StoredParameter([$0.name], for: $0) }
        }
    }

    /// timm writes VGG's first linear layers as convolutions over the whole image: 4096×512×7×7 and 4096×4096×1×1.
    private static func timmVGGName(of parameter: ParameterSpec) -> StoredParameter {
        let leaf = parameter.role == .bias ? "bias" : "weight"
        switch parameter.name.dropLast(leaf.count + 1) {
        case "classifier.0":
            let shape: TensorShape? = parameter.role == .bias ? nil : [parameter.shape[0], parameter.shape[1] / 49, 7, 7]
            return StoredParameter(["pre_logits.fc1.\(leaf)"], for: parameter, shape: shape)
        case "classifier.3":
            let shape: TensorShape? = parameter.role == .bias ? nil : [parameter.shape[0], parameter.shape[1], 1, 1]
            return StoredParameter(["pre_logits.fc2.\(leaf)"], for: parameter, shape: shape)
        case "classifier.6": return StoredParameter(["head.fc.\(leaf)"], for: parameter)
        default: return StoredParameter([parameter.name], for: parameter)
        }
    }

    /// Caffe numbers a layer's blobs: `conv1.blobs.0` is the weight, `conv1.blobs.1` the bias.
    private static func caffeName(of parameter: ParameterSpec) -> StoredParameter {
        let isBias = parameter.role == .bias
        let layer = parameter.name.dropLast(isBias ? 5 : 7)
        let blob = isBias ? 1 : 0
        return StoredParameter(["\(layer).blobs.\(blob)", "\(layer)/blobs/\(blob)", "\(layer).\(blob)"], for: parameter)
    }

    private static func parameters(
        of graph: Graph, matching patterns: [String]
    ) throws(LayerPatternError) -> Set<Int> {
        var result: Set<Int> = []
        for pattern in patterns {
            result.formUnion(
                try LayerPattern(pattern).parameters(among: graph.parameters, of: graph.name, setting: "network.fresh"))
        }
        return result
    }
}

extension NetworkFamily {
    /// The libraries that publish weights of this family.
    var sources: [WeightSource] {
        switch self {
        case .alexNet, .googLeNet: [.torchvision]
        case .alexNet2012, .googLeNet2014: [.torchvision, .caffe]
        case .vgg: [.torchvision, .timm, .keras]
        case .resNet: [.torchvision, .keras]
        case .efficientNet: [.torchvision, .timm, .efficientNetPytorch, .keras]
        case .efficientNetLite: [.torchvision, .timm, .efficientNetPytorch]
        }
    }

    /// Whether `BuildOptions.auxiliary` makes a difference.
    package var hasAuxiliaryHeads: Bool { self == .googLeNet || self == .googLeNet2014 }

    /// Layers that are never loaded: torchvision's file holds its auxiliary heads untrained.
    var ignoredLayers: [String] { self == .googLeNet ? ["aux1.", "aux2."] : [] }

    /// Layers that a file and a graph may each have or lack.
    var optionalLayers: [String] { self == .googLeNet2014 ? ["loss1/", "loss2/"] : [] }
}

/// A file's tensors by their cleaned names.
struct FileTensors {
    let shapes: [String: TensorShape]
    private let originals: [String: String]
    /// The names whose last parts are unlike those of any other: Keras puts a model that is a layer of another into a group of its own,
    /// as in `resnet50/conv1_conv/kernel` and `layers/functional/layers/conv2d/vars/0`.
    private let namesByEnding: [Substring: String]

    /// Prefixes that wrappers put before every name: data parallelism, compilation, and modules that hold the network as a part.
    private static let wrappers = ["module.", "_orig_mod.", "model.", "net.", "network.", "backbone."]

    init(_ tensors: [String: TensorShape]) {
        var prefix = ""
        while let wrapper = Self.wrappers.first(where: { wrapper in
            !tensors.isEmpty && tensors.keys.allSatisfy { $0.hasPrefix(prefix + wrapper) }
        }) {
            prefix += wrapper
        }
        var shapes: [String: TensorShape] = [:]
        var originals: [String: String] = [:]
        for (name, shape) in tensors {
            let cleaned = Self.cleaned(name.dropFirst(prefix.count))
            shapes[cleaned] = shape
            originals[cleaned] = name
        }
        self.shapes = shapes
        self.originals = originals
        namesByEnding = Self.endings(of: shapes.keys)
    }

    /// Names by all that may follow one of their slashes, where only one name ends so.
    private static func endings(of names: some Sequence<String>) -> [Substring: String] {
        var found: [Substring: String?] = [:]
        for name in names {
            for slash in name.indices where name[slash] == "/" {
                let ending = name[name.index(after: slash)...]
                found[ending] = .some(found[ending] == nil ? name : nil)
            }
        }
        return found.compactMapValues { $0 }
    }

    /// Keras puts a whole model's weights into a group, and TensorFlow a number behind every name.
    private static func cleaned(_ name: Substring) -> String {
        var name = name
        for group in ["/", "model_weights/"] where name.hasPrefix(group) { name = name.dropFirst(group.count) }
        return String(name.hasSuffix(":0") ? name.dropLast(2) : name)
    }

    /// The name under which the file has a parameter, if it has it.
    func find(_ stored: StoredParameter) -> String? {
        if let name = stored.names.first(where: { shapes[$0] != nil }) { return name }
        for name in stored.names where name.contains("/") {
            if let nested = namesByEnding[name[...]] { return nested }
        }
        return nil
    }

    /// The name as the file spells it.
    func original(_ name: String) -> String { originals[name] ?? name }
}
