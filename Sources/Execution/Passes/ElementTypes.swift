// Pass: which values are bfloat16 or bytes. A value is bfloat16 if its region asks for it, the step that writes it can, and all that read
// it can; bytes are QuantizedValues' business.
import Graphs
import Tensors

/// The element types of a request's nodes.
struct ElementTypes {
    /// In which type each node's step reads its inputs.
    private(set) var computes: [ElementType]
    /// The type of each node's value.
    private(set) var values: [ElementType]
    /// Steps that take bytes and write float32.
    private let readsAnyBytes: [Bool]
    /// What is bytes.
    let quantized: QuantizedValues

    init(_ request: PlanRequest, _ regions: Regions, _ live: LiveNodes, _ tails: [Int: FusedTail]) {
        let graph = request.graph
        let wanted = graph.nodes.indices.map { regions.of[$0] == .suffix ? request.suffixPrecision : request.prefixPrecision }
        let entries: Set<Int> = request.entry == .images ? [0] : Set(regions.boundary.map { live.standIn[$0] })
        // Between regions values are float32: the boundary may be cached, and what trains reads it exactly.
        let fixed = Set(live.exits).union(regions.boundary.map { live.standIn[$0] }).union(entries)
        var values = graph.nodes.map { _ in ElementType.float32 }
        var computes = values
        var writesNarrow: [Bool] = []
        for (index, node) in graph.nodes.enumerated() {
            writesNarrow.append(Self.writes(index, graph, inputs: node.inputs.map { writesNarrow[$0] }))
        }
        for index in graph.nodes.indices where wanted[index] == .bfloat16 && !entries.contains(index) {
            let readsNarrow =
                !live.consumers[index].isEmpty
                && live.consumers[index].allSatisfy { consumer in
                    wanted[consumer] == .bfloat16 && Self.reads(consumer, request)
                }
            if writesNarrow[index] && readsNarrow && !fixed.contains(index) { values[index] = .bfloat16 }
            computes[index] = Self.computesNarrow(index, request) ? .bfloat16 : .float32
        }
        // Steps that only pass elements on work in the type of their result.
        for (index, node) in graph.nodes.enumerated() where Self.keepsType(node.operation) { computes[index] = values[index] }
        quantized = QuantizedValues(request, regions, live, tails: tails, fixed: fixed.union(entries))
        for index in graph.nodes.indices where quantized.isKept[index] { values[index] = quantized.types[index] }
        self.values = values
        self.computes = computes
        readsAnyBytes = graph.nodes.map { node in
            if case .adaptiveAveragePool(1, 1) = node.operation { true } else { false }
        }
    }

    /// The type in which a node's step reads one of its inputs.
    func type(inWhich node: Int, reads input: Int) -> ElementType {
        if quantized.multiplies[node] || quantized.isKept[node] { return quantized.types[input] }
        return readsAnyBytes[node] && quantized.isKept[input] ? quantized.types[input] : computes[node]
    }

    /// Convolutions through oneDNN multiply in bfloat16 whatever they write; our own depthwise ones are float32.
    private static func computesNarrow(_ index: Int, _ request: PlanRequest) -> Bool {
        let node = request.graph.nodes[index]
        return switch node.operation {
        case .convolution: !request.graph.isDepthwise(index)
        case .linear: !node.parameters.contains { request.trainability.isTrained[$0] }
        case .adaptiveAveragePool(let height, let width): height == 1 && width == 1
        case .input, .batchNorm, .layerNorm, .layerScale, .activation, .add, .gate, .concatenate, .channelSlice, .channelShuffle,
            .maxPool, .averagePool,
            .flatten, .dropout,
            .stochasticDepth, .localResponseNorm:
            false
        }
    }

    /// Input and result have one type, whichever it is.
    private static func keepsType(_ operation: Operation) -> Bool {
        switch operation {
        case .batchNorm, .layerNorm, .layerScale, .activation, .add, .maxPool, .averagePool, .concatenate, .channelSlice,
            .channelShuffle:
            true
        case .input, .convolution, .gate, .adaptiveAveragePool, .flatten, .linear, .dropout, .stochasticDepth,
            .localResponseNorm:
            false
        }
    }

    private static func reads(_ index: Int, _ request: PlanRequest) -> Bool {
        keepsType(request.graph.nodes[index].operation) || computesNarrow(index, request)
    }

    /// What keeps its input's type may be fused into the step before it, which must be able to write it then.
    private static func writes(_ index: Int, _ graph: Graph, inputs: [Bool]) -> Bool {
        let operation = graph.nodes[index].operation
        if case .convolution = operation { return !graph.isDepthwise(index) }
        return keepsType(operation) && inputs.allSatisfy { $0 }
    }
}
