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
    ///   - fresh: layers that start anew whatever the file holds: dotted names, each covering all below it, or globs.
    /// - Returns: the match, fitting or not (`WeightMatch.validate`).
    /// - Throws: `unmatchedFresh` for a pattern that names no layer.
    package static func match(
        _ tensors: [String: TensorShape], to graph: Graph, of entry: NetworkEntry, fresh: [String] = []
    ) throws(NetworkError) -> WeightMatch {
        let freshParameters = try parameters(of: graph, matching: fresh)
        let file = FileTensors(tensors)
        let candidates = entry.family.sources.map { source in
            (source: source, stored: storedParameters(of: graph, family: entry.family, source: source))
        }
        let hits = candidates.map { candidate in candidate.stored.count { file.find($0) != nil } }
        let best = hits.indices.max { hits[$0] < hits[$1] || (hits[$0] == hits[$1] && $0 > $1) } ?? 0
        var matching = Matching(graph: graph, entry: entry, source: candidates[best].source, file: file, fresh: freshParameters)
        return matching.run(candidates[best].stored)
    }

    /// Where each of the graph's parameters stands in a file of this source.
    static func storedParameters(of graph: Graph, family: NetworkFamily, source: WeightSource) -> [StoredParameter] {
        switch (source, family) {
        case (.timm, .efficientNet), (.timm, .efficientNetLite):
            return graph.parameters.map(EfficientNetNames(graph).timmName)
        case (.efficientNetPytorch, _): return graph.parameters.map(EfficientNetNames(graph).pytorchName)
        default: return graph.parameters.map { StoredParameter([$0.name], for: $0) }
        }
    }

    private static func parameters(of graph: Graph, matching patterns: [String]) throws(NetworkError) -> Set<Int> {
        let ancestors = graph.parameters.map { FreezePolicy.ancestors(of: $0.name) }
        var result: Set<Int> = []
        for pattern in patterns {
            let matched = ancestors.indices.filter { ancestors[$0].contains { FreezePolicy.matches(pattern, $0) } }
            guard !matched.isEmpty else {
                throw .unmatchedFresh(
                    pattern: pattern, network: graph.name, nearest: nearestNames(to: pattern, among: ancestors.joined()))
            }
            result.formUnion(matched)
        }
        return result
    }
}

extension NetworkFamily {
    /// The libraries that publish weights of this family; on a tie the first wins.
    var sources: [WeightSource] {
        switch self {
        case .efficientNet: [.torchvision, .timm, .efficientNetPytorch]
        case .efficientNetLite: [.torchvision, .timm, .efficientNetPytorch]
        default: [.torchvision]
        }
    }

    /// Layers whose tensors published files hold untrained: never loaded.
    var ignoredLayers: [String] { self == .googLeNet ? ["aux1.", "aux2."] : [] }
}

/// A file's tensors by their cleaned names.
struct FileTensors {
    let shapes: [String: TensorShape]
    private let originals: [String: String]

    /// Prefixes that wrappers put before every name: data parallelism, compilation, Lightning.
    private static let wrappers = ["module.", "_orig_mod.", "model."]

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
            let cleaned = String(name.dropFirst(prefix.count))
            shapes[cleaned] = shape
            originals[cleaned] = name
        }
        self.shapes = shapes
        self.originals = originals
    }

    /// The name under which the file has a parameter, if it has it.
    func find(_ stored: StoredParameter) -> String? { stored.names.first { shapes[$0] != nil } }

    /// The name as the file spells it.
    func original(_ name: String) -> String { originals[name] ?? name }
}
