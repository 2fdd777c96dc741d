// The growing list of steps and values that the lowering passes write.
import Graphs
import Tensors

/// Steps and values under construction, shared by the forward and the backward lowering.
struct Lowering {
    let request: PlanRequest
    let regions: Regions
    let live: LiveNodes
    private(set) var steps: [PlanStep] = []
    private(set) var values: [PlanValue] = []
    /// The value of each node that has one.
    private(set) var valueOfNode: [Int: Int] = [:]
    /// For each value the region that writes it: only values of the suffix have gradients.
    private(set) var regionOfValue: [Region] = []
    /// The regions' values that come from the caller.
    private(set) var entryValues: [Int] = []
    /// Copies of values in another element type.
    private var converted: [Conversion: Int] = [:]
    /// What backward has to go through, in order.
    private(set) var records: [ForwardRecord] = []
    private let types: ElementTypes

    private struct Conversion: Hashable {
        let value: Int
        let type: ElementType
    }

    init(_ request: PlanRequest, _ regions: Regions, _ live: LiveNodes, _ tails: [Int: FusedTail]) {
        self.request = request
        self.regions = regions
        self.live = live
        types = ElementTypes(request, regions, live, tails)
    }

    var graph: Graph { request.graph }

    /// The value that a node's consumers read.
    func value(of node: Int) -> Int {
        guard let value = valueOfNode[live.standIn[node]] else {
            preconditionFailure("'\(graph.nodes[node].name)' is read before it is written")
        }
        return value
    }

    /// A node's value as a reader of the given type wants it: itself, or a copy made by a step of its own.
    mutating func value(of node: Int, as type: ElementType) -> Int {
        let original = value(of: node)
        guard values[original].type != type else { return original }
        let conversion = Conversion(value: original, type: type)
        if let copy = converted[conversion] { return copy }
        let source = live.standIn[node]
        let copy = addValue(
            "\(values[original].name)·\(type)", values[original].shape, region: regionOfValue[original], type: type,
            quantizationStep: type.isQuantized ? types.quantized.steps[source] : 1)
        converted[conversion] = copy
        record(source, .convert, [original], [copy])
        return copy
    }

    /// The type of a node's value.
    func valueType(of node: Int) -> ElementType { types.values[node] }

    /// The type in which a trained node's step reads its inputs.
    func computeType(of node: Int) -> ElementType { types.computes[node] }

    /// The type in which a node's step reads one of its inputs.
    func type(inWhich node: Int, reads input: Int) -> ElementType { types.type(inWhich: node, reads: live.standIn[input]) }

    /// The type in which an input is added to a result of another type.
    func type(of residual: Int, addedTo type: ElementType) -> ElementType {
        type.isQuantized ? types.quantized.types[live.standIn[residual]] : type
    }

    mutating func addValue(
        _ name: String, _ shape: TensorShape, region: Region, type: ElementType = .float32, quantizationStep: Float = 1,
        elementsPerImage: Int? = nil
    ) -> Int {
        values.append(
            PlanValue(
                name: name, shape: shape, type: type, quantizationStep: quantizationStep,
                bytesPerImage: (elementsPerImage ?? shape.count) * type.byteCount, images: request.capacity))
        regionOfValue.append(region)
        return values.count - 1
    }

    /// A value for a node's output.
    mutating func addValue(for node: Int) -> Int {
        let value = addValue(
            graph.nodes[node].name, graph.nodes[node].shape, region: regions.of[node], type: types.values[node],
            quantizationStep: types.values[node].isQuantized ? types.quantized.steps[node] : 1)
        valueOfNode[node] = value
        return value
    }

    mutating func addEntry(for node: Int) {
        let shape = graph.nodes[node].shape
        let value = addValue(graph.nodes[node].name, shape, region: regions.of[node])
        valueOfNode[node] = value
        values[value].place = .entry(entryValues.count)
        entryValues.append(value)
    }

    /// An entry for the caller's weights of the class scores: the gradient that backward starts from.
    mutating func addScoreWeights() -> Int {
        let scores = graph.nodes[graph.logits]
        let value = addValue("\(scores.name)·gradient", scores.shape, region: .suffix)
        values[value].place = .entry(entryValues.count)
        entryValues.append(value)
        return value
    }

    /// Adds a forward step that backward goes through.
    mutating func record(
        _ node: Int, _ operation: PlanOperation, _ reads: [Int], _ writes: [Int], multiplyAccumulates: Int = 0
    ) {
        addStep(node, .forward, operation, reads, writes, multiplyAccumulates: multiplyAccumulates)
        records.append(ForwardRecord(node: node, step: steps[steps.count - 1]))
    }

    /// `parameters` are those whose gradients the step writes, trained or not.
    mutating func addStep(
        _ node: Int, _ phase: PlanStep.Phase, _ operation: PlanOperation, _ reads: [Int], _ writes: [Int],
        gradientsOf parameters: [Int] = [], multiplyAccumulates: Int = 0
    ) {
        steps.append(
            PlanStep(
                name: graph.nodes[node].name, region: regions.of[node], phase: phase, operation: operation, reads: reads,
                writes: writes, completes: parameters.filter { isTrained($0) }, multiplyAccumulates: multiplyAccumulates,
                kernel: .loops))
    }

    /// The parameters of a batch norm node.
    func norm(of node: Int) -> NormParameters {
        guard case .batchNorm(let epsilon, let momentum) = graph.nodes[node].operation else {
            preconditionFailure("'\(graph.nodes[node].name)' is not a batch norm")
        }
        let first = graph.nodes[node].parameters.lowerBound
        return NormParameters(
            scale: first, shift: first + 1, mean: first + 2, variance: first + 3, epsilon: epsilon, momentum: momentum)
    }

    func isTrained(_ parameter: Int) -> Bool { request.isTraining && request.trainability.isTrained[parameter] }
}
