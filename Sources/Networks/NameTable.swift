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
    ///   - isOwn: whether Graft has written the file for this network: then it may have the names that the network has here, which
    ///     for some is no library's.
    ///   - replacesTop: whether the head, and other linear layers before it, may start anew where the file has none that fit: for
    ///     training.
    /// - Returns: the match, fitting or not (`WeightMatch.validate`).
    /// - Throws: for a pattern that names no layer.
    package static func match(
        _ tensors: [String: TensorShape], to graph: Graph, of entry: NetworkEntry, isOwn: Bool = false, fresh: [String] = [],
        replacesTop: Bool = false
    ) throws(LayerPatternError) -> WeightMatch {
        let match = try bareMatch(
            FileTensors(tensors), to: graph, of: entry, isOwn: isOwn, fresh: fresh, replacesTop: replacesTop)
        guard !match.fits else { return match }
        let others = recognize(tensors).filter { $0.match.fits && $0.entry.name != entry.name }
        return match.suggesting(others.map(\.entry.name), kind: ForeignNetwork.named(by: tensors.keys))
    }

    /// A match without advice.
    private static func bareMatch(
        _ file: FileTensors, to graph: Graph, of entry: NetworkEntry, isOwn: Bool = false, fresh: [String] = [],
        replacesTop: Bool = false
    ) throws(LayerPatternError) -> WeightMatch {
        let freshParameters = try parameters(of: graph, matching: fresh)
        let candidates = ((isOwn ? [.torchvision] : []) + entry.sources).flatMap { source in
            let stored = storedParameters(of: graph, family: entry.family, source: source)
            return file.prefixes(for: stored).map { prefix in
                var file = file
                file.prefix = prefix
                return (source: source, stored: stored, file: file)
            }
        }
        let hits = candidates.map { candidate in
            let count = candidate.stored.count { candidate.file.find($0) != nil }
            // A few names below some prefix are chance: another network's blocks have a `conv1` too.
            return candidate.file.prefix.isEmpty || 2 * count >= candidate.stored.count ? count : 0
        }
        let best = hits.indices.max { hits[$0] < hits[$1] || (hits[$0] == hits[$1] && $0 > $1) } ?? 0
        var matching = Matching(
            graph: graph, entry: entry, source: candidates[best].source, file: candidates[best].file, fresh: freshParameters)
        matching.freshPatterns = fresh.map(LayerPattern.init)
        matching.replacesTop = replacesTop
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
        case (.timm, .regNet): return graph.parameters.map(RegNetNames.timm)
        case (.transformers, .regNet):
            let isGated = graph.parameters.contains { $0.name.contains(".se.") }
            return graph.parameters.map { RegNetNames.transformers($0, isGated: isGated) }
        case (.timm, .mobileNetV2): return graph.parameters.map(MobileNetV2Names.timm)
        case (.transformers, .mobileNetV2): return graph.parameters.map(MobileNetV2Names.transformers)
        case (.timm, .convNeXt):
            return graph.parameters.map { ConvNeXtNames.timm($0, convolves: ConvNeXt.small.contains(graph.name)) }
        case (.transformers, .convNeXt): return graph.parameters.map(ConvNeXtNames.transformers)
        case (.timm, .mobileNetV3): return graph.parameters.map(MobileNetV3Names.timm)
        case (.timm, .efficientNet), (.timm, .efficientNetLite), (.timm, .efficientNetV2):
            return graph.parameters.map(EfficientNetNames(graph).timmName)
        case (.transformers, .resNet): return graph.parameters.map(TransformersNames.resNet)
        case (.transformers, .efficientNet):
            let names = EfficientNetNames(graph)
            return graph.parameters.map { TransformersNames.efficientNet(names, $0) }
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
        case .alexNet, .googLeNet, .inceptionV3, .denseNet, .mobileNetV3, .mnasNet, .efficientNetV2,
            .squeezeNet, .shuffleNetV2:
            [.torchvision]
        case .convNeXt, .regNet: [.torchvision, .timm, .transformers]
        case .mobileNetV2: [.torchvision, .timm, .transformers]
        case .alexNet2012, .caffeNet, .googLeNet2014: [.torchvision, .caffe]
        case .vgg: [.torchvision, .timm, .keras]
        case .resNet: [.torchvision, .transformers, .keras]
        case .efficientNet: [.torchvision, .timm, .efficientNetPytorch, .transformers, .keras]
        case .efficientNetLite: [.torchvision, .timm, .efficientNetPytorch]
        }
    }

    /// Whether `BuildOptions.auxiliary` makes a difference.
    package var hasAuxiliaryHeads: Bool { self == .googLeNet || self == .googLeNet2014 || self == .inceptionV3 }

    /// Layers that are never loaded: torchvision's file holds its auxiliary heads untrained.
    var ignoredLayers: [String] { self == .googLeNet ? ["aux1.", "aux2."] : [] }

    /// Layers that a file and a graph may each have or lack.
    var optionalLayers: [String] {
        switch self {
        case .googLeNet2014: ["loss1/", "loss2/"]
        case .inceptionV3: ["AuxLogits."]
        default: []
        }
    }
}
