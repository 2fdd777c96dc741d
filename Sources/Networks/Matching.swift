// One pass over a network's parameters and a file's tensors.
import Graphs
import Tensors

/// A match in the making: every tensor of the file ends in exactly one of its lists.
struct Matching {
    let graph: Graph
    let entry: NetworkEntry
    let source: WeightSource
    let file: FileTensors
    var fresh: Set<Int>
    /// What `network.fresh` names: strangers below such a layer are left out.
    var freshPatterns: [LayerPattern] = []
    /// Whether a top that does not fit starts anew.
    var replacesTop = false
    /// Whether it does.
    private var hasForeignTop = false
    private var assignments: [WeightMatch.Assignment] = []
    private var missing: [String] = []
    private var misshapen: [WeightMatch.Misshapen] = []
    private var used: Set<String> = []

    init(graph: Graph, entry: NetworkEntry, source: WeightSource, file: FileTensors, fresh: Set<Int>) {
        self.graph = graph
        self.entry = entry
        self.source = source
        self.file = file
        self.fresh = fresh
    }

    mutating func run(_ named: [StoredParameter]) -> WeightMatch {
        let stored = source == .keras ? withKerasHead(named) : named
        refreshHeads(stored)
        if replacesTop { refreshTop(stored) }
        refreshUnloadedLayers(stored)
        for (index, parameter) in stored.enumerated() {
            guard let name = file.find(parameter), let found = file.shapes[name] else {
                if !fresh.contains(index) { missing.append(parameter.names[0]) }
                continue
            }
            used.insert(name)
            if fresh.contains(index) { continue }
            if withoutLeadingOnes(found, rank: parameter.shape.rank) == parameter.shape {
                assignments.append(.init(parameter: index, tensor: file.original(name), transform: parameter.transform))
            } else {
                misshapen.append(.init(name: file.original(name), expected: parameter.shape, found: found))
            }
        }
        return finish(storedClasses: storedClasses(of: graph.logits, stored))
    }

    /// Who fine-tunes with Keras puts a dense layer of any name on top: the only one left over of the head's width is the head.
    private func withKerasHead(_ stored: [StoredParameter]) -> [StoredParameter] {
        let head = graph.headParameters
        guard head.count == 2, let weight = head.first, file.find(stored[weight]) == nil else { return stored }
        let known = Set(stored.compactMap(file.find))
        let pairs = file.shapes.compactMap { name, shape -> (kernel: String, bias: String)? in
            let ends = [("/kernel", "/bias"), ("/vars/0", "/vars/1")].first { name.hasSuffix($0.0) }
            guard let ends, !known.contains(name), shape.rank == 2, shape[0] == stored[weight].shape[0] else { return nil }
            let bias = String(name.dropLast(ends.0.count)) + ends.1
            return file.shapes[bias] == [shape[1]] ? (name, bias) : nil
        }
        guard pairs.count == 1, let pair = pairs.first else { return stored }
        var result = stored
        result[weight].names.append(pair.kernel)
        result[weight + 1].names.append(pair.bias)
        return result
    }

    /// A head for another number of classes starts anew, as a whole; a head of another width is an error like any other.
    private mutating func refreshHeads(_ stored: [StoredParameter]) {
        for node in [graph.logits] + graph.auxiliaryLogits {
            guard let classes = storedClasses(of: node, stored), classes != graph.classCount else { continue }
            fresh.formUnion(graph.layer(behind: node).parameters)
        }
    }

    /// Where the file has no head of the network's width, the whole top starts anew, as far as the file lacks it: people put other layers
    /// on a network, or save it without any.
    private mutating func refreshTop(_ stored: [StoredParameter]) {
        guard storedClasses(of: graph.logits, stored) == nil else { return }
        hasForeignTop = true
        fresh.formUnion(graph.headParameters)
        for node in graph.nodes {
            guard case .linear = node.operation else { continue }
            let isWhole = node.parameters.allSatisfy { parameter in
                guard let name = file.find(stored[parameter]), let shape = file.shapes[name] else { return false }
                let expected = stored[parameter].shape
                return withoutLeadingOnes(shape, rank: expected.rank) == expected
            }
            if !isWhole { fresh.formUnion(node.parameters) }
        }
    }

    /// Whether a stranger stands on top of the network, or below a layer that starts anew.
    private func isOfReplacedTop(_ name: String) -> Bool {
        if freshPatterns.contains(where: { $0.matches(name) }) { return true }
        guard let weight = graph.headParameters.first, fresh.contains(weight) else { return false }
        if let head = LayerPattern.ancestors(of: graph.parameters[weight].name).dropLast().last {
            if name.hasPrefix("\(head).") { return true }
        }
        // Everything below was found: what is left over and no convolution is the top of somebody else.
        guard hasForeignTop, missing.isEmpty, misshapen.isEmpty, let shape = file.shapes[file.prefix + name], shape.rank <= 2
        else {
            return false
        }
        let parts = name.split(separator: ".")
        return source == .keras
            || !graph.parameters.indices.contains { index in
                !fresh.contains(index) && graph.parameters[index].name.split(separator: ".").first == parts.first
            }
    }

    /// The number of classes that a head has in the file; nil if it is not there, or has other inputs than the graph's.
    private func storedClasses(of node: Int, _ stored: [StoredParameter]) -> Int? {
        guard let weight = graph.layer(behind: node).parameters.first, let name = file.find(stored[weight]),
            let shape = file.shapes[name]
        else { return nil }
        let expected = stored[weight].shape
        let found = withoutLeadingOnes(shape, rank: expected.rank)
        let axis = stored[weight].transform == .none ? 0 : expected.rank - 1
        guard found.rank == expected.rank, found.extents.indices.allSatisfy({ $0 == axis || found[$0] == expected[$0] }) else {
            return nil
        }
        return found[axis]
    }

    /// Layers that are never loaded start anew where the graph has them; optional ones where the file lacks them.
    private mutating func refreshUnloadedLayers(_ stored: [StoredParameter]) {
        for (index, parameter) in graph.parameters.enumerated() {
            let isOptional = entry.family.optionalLayers.contains { parameter.name.hasPrefix($0) }
            if isIgnoredLayer(parameter.name) || (isOptional && file.find(stored[index]) == nil) { fresh.insert(index) }
        }
    }

    private func isIgnoredLayer(_ name: String) -> Bool { entry.family.ignoredLayers.contains { name.hasPrefix($0) } }

    /// Whether a tensor that fills no parameter is known not to matter.
    private func isIgnorable(_ name: String) -> Bool {
        if name.hasSuffix("num_batches_tracked") || isIgnoredLayer(name) { return true }
        if entry.family.optionalLayers.contains(where: { name.hasPrefix($0) }) { return true }
        guard source == .keras else { return false }
        let parts = name.split(separator: "/")
        if parts.first?.hasPrefix("optimizer") == true || parts.first == "top_level_model_weights" { return true }
        return parts.contains { part in
            part == "normalization" || part == "seed_generator" || part == "generator" || part == "dropout"
                || ["normalization_", "dropout_", "random_"].contains { part.hasPrefix($0) }
        }
    }

    private func finish(storedClasses: Int?) -> WeightMatch {
        let unused = file.shapes.keys.filter { !used.contains($0) }.sorted()
        let inside = unused.compactMap(file.inside)
        let top = Set(inside.filter { !isIgnorable($0) && isOfReplacedTop($0) })
        let rest = inside.filter { !top.contains($0) }
        let beside = unused.filter { file.inside($0) == nil && !isIgnorable($0) }
        func original(_ name: String) -> String { file.original(file.prefix + name) }
        return WeightMatch(
            source: source, assignments: assignments, storedClasses: storedClasses, fresh: fresh.sorted(), missing: missing,
            unexpected: rest.filter { !isIgnorable($0) }.map(original), misshapen: misshapen,
            ignored: rest.filter(isIgnorable).map(original), leftOut: top.sorted().map(original) + beside.map(file.original),
            preprocessing: preprocessing, normalization: normalization)
    }

    private var normalization: InModelNormalization? {
        guard source == .keras, entry.family == .efficientNet else { return nil }
        return InModelNormalization(file.shapes.keys.sorted())?.renamed(file.original)
    }

    /// The source's own preparation of pixels, where it differs from the entry's.
    private var preprocessing: Preprocessing? {
        let implied: Preprocessing =
            switch (source, entry.family) {
            case (.timm, .efficientNetLite): entry.preprocessing.withInceptionRange()
            case (.keras, .vgg): .kerasCaffe
            case (.caffe, _): .caffe(crop: entry.inputSize)
            default: entry.preprocessing
            }
        return implied == entry.preprocessing ? nil : implied
    }
}

/// Caffe's old files write a vector as 1×1×1×N and a matrix as 1×1×N×M.
private func withoutLeadingOnes(_ shape: TensorShape, rank: Int) -> TensorShape {
    guard shape.rank > rank, shape.extents.dropLast(rank).allSatisfy({ $0 == 1 }) else { return shape }
    return TensorShape(Array(shape.extents.suffix(rank)))
}
