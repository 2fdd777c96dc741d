// Pass: which frozen convolutions multiply bytes, and which values are bytes.
import Graphs
import Tensors

/// What of a prefix is computed in 8 bits.
///
/// Convolutions do, unless their epilogue is neither ReLU nor ReLU6; depthwise ones only between such. Pooling and concatenation pass
/// bytes on.
/// Values that share their bytes' meaning, a pooling's input and output and a concatenation's parts, form a group with one step.
struct QuantizedValues {
    /// Whether a convolution multiplies bytes.
    private(set) var multiplies: [Bool]
    /// Whether a node's value is kept as bytes.
    private(set) var isKept: [Bool]
    /// The type and step of each node's value as bytes, kept or converted.
    private(set) var types: [ElementType]
    private(set) var steps: [Float]

    init(_ request: PlanRequest, _ regions: Regions, _ live: LiveNodes, tails: [Int: FusedTail], fixed: Set<Int>) {
        let graph = request.graph
        multiplies = graph.nodes.map { _ in false }
        isKept = multiplies
        types = graph.nodes.map { _ in .uint8 }
        steps = graph.nodes.map { _ in 0 }
        guard request.prefixPrecision == .int8 else { return }
        let prefix = graph.nodes.indices.filter { live.isLive[$0] && regions.of[$0] == .prefix && !live.starts.contains($0) }
        let isSigned = graph.signedNodes
        // Backwards, for a depthwise convolution asks for its readers.
        for index in prefix.reversed() {
            guard case .convolution = graph.nodes[index].operation, let tail = tails[index] else { continue }
            multiplies[index] =
                graph.isDepthwise(index)
                ? !fixed.contains(tail.result) && filtersBytes(index, tail, graph, live, tails, isSigned)
                : tail.activation?.isClipping ?? true
        }
        var groups = Groups(count: graph.nodes.count)
        for index in prefix {
            if multiplies[index], let tail = tails[index] {
                isKept[tail.result] = !fixed.contains(tail.result) && isReadAsBytes(tail.result, graph, live, tails)
            } else if Self.passesBytesOn(graph.nodes[index].operation) {
                let inputs = graph.nodes[index].inputs.map { live.standIn[$0] }
                isKept[index] = !fixed.contains(index) && inputs.allSatisfy { isKept[$0] }
                if isKept[index] { for input in inputs { groups.join(index, input) } }
            }
        }
        measure(request, isSigned, groups)
    }

    /// Types and steps, group by group.
    private mutating func measure(_ request: PlanRequest, _ isSigned: [Bool], _ groups: Groups) {
        let graph = request.graph
        var limits = graph.nodes.map { node in
            let limit = request.ranges?.limits[node.name] ?? 0
            // Bytes that end where the activation does, or before, need no other clipping.
            guard case .activation(let kind) = node.operation else { return limit }
            return min(limit, max(kind.range.upperBound, -kind.range.lowerBound))
        }
        var groupSigned = isSigned
        for node in graph.nodes.indices {
            let leader = groups.leader(of: node)
            limits[leader] = max(limits[leader], limits[node])
            groupSigned[leader] = groupSigned[leader] || isSigned[node]
        }
        for node in graph.nodes.indices {
            let leader = groups.leader(of: node)
            types[node] = groupSigned[leader] ? .int8 : .uint8
            steps[node] = limits[leader] / types[node].largestInteger
        }
    }

    /// Depthwise loops go from uint8 to uint8.
    private func filtersBytes(
        _ index: Int, _ tail: FusedTail, _ graph: Graph, _ live: LiveNodes, _ tails: [Int: FusedTail], _ isSigned: [Bool]
    ) -> Bool {
        let source = live.standIn[graph.nodes[index].inputs[0]]
        guard case .activation = graph.nodes[source].operation, !isSigned[source] else { return false }
        return tail.activation?.isClipping == true && isReadAsBytes(tail.result, graph, live, tails)
    }

    private static func passesBytesOn(_ operation: Operation) -> Bool {
        switch operation {
        case .maxPool, .averagePool, .concatenate: true
        case .input, .convolution, .batchNorm, .layerNorm, .layerScale, .activation, .add, .gate, .adaptiveAveragePool, .flatten,
            .linear, .dropout, .channelSlice, .channelShuffle,
            .stochasticDepth, .localResponseNorm:
            false
        }
    }

    /// Whether a reader of a value is quicker with bytes: else the value is written as float32 at once.
    private func isReadAsBytes(_ node: Int, _ graph: Graph, _ live: LiveNodes, _ tails: [Int: FusedTail]) -> Bool {
        live.consumers[node].contains { reader in
            switch graph.nodes[reader].operation {
            case .convolution: multiplies[reader]
            case .maxPool, .averagePool, .concatenate: true
            case .adaptiveAveragePool(let height, let width): height == 1 && width == 1
            case .add: tails.contains { $0.value.residual == node && multiplies[$0.key] }
            case .input, .batchNorm, .layerNorm, .layerScale, .activation, .gate, .flatten, .linear, .dropout, .stochasticDepth,
                .localResponseNorm, .channelSlice, .channelShuffle:
                false
            }
        }
    }
}

/// Disjoint sets of nodes, each led by its smallest member.
private struct Groups {
    private var parents: [Int]

    init(count: Int) { parents = Array(0..<count) }

    func leader(of node: Int) -> Int {
        var node = node
        while parents[node] != node { node = parents[node] }
        return node
    }

    mutating func join(_ first: Int, _ second: Int) {
        let (one, other) = (leader(of: first), leader(of: second))
        parents[max(one, other)] = min(one, other)
    }
}
