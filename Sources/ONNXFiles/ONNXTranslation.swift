// A network's nodes as ONNX operators, for inference: dropout and stochastic depth vanish, auxiliary heads are not reached.
//
// Activations become NCHW, which changes no weight: convolutions are stored as ONNX wants them, and flattening is defined in C, H, W.
import Graphs
import Tensors

/// Translates one graph.
struct ONNXTranslation {
    /// An operation that ONNX cannot say.
    struct Untranslatable: Error {
        let node: String
        let reason: String
    }

    static let input = "images"
    static let output = "logits"
    /// The bounds of ReLU6, which `Clip` takes as inputs.
    static let (lowest, highest) = ("relu6.lowest", "relu6.highest")

    private let graph: Graph
    private let input: String
    /// For every node, the name under which its output goes.
    private var values: [String]
    private(set) var nodes: [ONNXNode] = []
    /// Indices into `Graph.parameters` of those that nodes read as they are.
    private(set) var parameters: [Int] = []
    /// What nodes read besides.
    private(set) var constants: [ONNXConstant] = []
    private let numbers: ((Int) -> UnsafeRawBufferPointer)?
    private let grids: [Int: ONNXQuantization.Grid]
    private let folded: [Int: Int]

    /// - Parameters:
    ///   - input: the name of what the network takes.
    ///   - quantization: for a network in 8 bits; with the float32 bytes of each parameter.
    /// - Throws: `Untranslatable` for a node that no operator of opset 17 stands for.
    init(
        _ graph: Graph, input: String = Self.input, in quantization: ONNXQuantization? = nil,
        numbers: ((Int) -> UnsafeRawBufferPointer)? = nil
    ) throws(Untranslatable) {
        (self.graph, self.input, self.numbers) = (graph, input, quantization == nil ? nil : numbers)
        grids = quantization?.grids(graph) ?? [:]
        folded = quantization == nil ? [:] : ONNXQuantization.folded(graph)
        values = graph.nodes.map { $0.name.replacing("·", with: "/") }
        values[graph.logits] = Self.output
        let reached = Self.reached(graph)
        for index in graph.nodes.indices where reached.contains(index) {
            try translate(index)
            if let grid = grids[index], index != graph.logits, !graph.nodes[index].operation.vanishes { round(index, to: grid) }
        }
    }

    var usesReLU6: Bool { nodes.contains { $0.operation == "Clip" } }

    static func reached(_ graph: Graph) -> Set<Int> {
        var reached: Set<Int> = [graph.logits]
        for index in graph.nodes.indices.reversed() where reached.contains(index) { reached.formUnion(graph.nodes[index].inputs) }
        return reached
    }

    private mutating func translate(_ index: Int) throws(Untranslatable) {
        let node = graph.nodes[index]
        switch node.operation {
        case .input: values[index] = input
        case .dropout, .stochasticDepth: values[index] = values[node.inputs[0]]
        case .convolution(let window, _, let groups, _):
            weigh(index, "Conv", window.attributes + [("group", .integer(groups))])
        case .batchNorm(let epsilon, _):
            // Behind a convolution in bytes it has become part of that.
            if folded[node.inputs[0]] == index { return values[index] = values[node.inputs[0]] }
            add(index, "BatchNormalization", [("epsilon", .float(epsilon))])
        case .layerNorm(let epsilon): normalizeChannels(index, epsilon)
        case .layerScale: add(index, "Mul")
        case .activation(let kind): activate(index, kind)
        case .add: add(index, "Add")
        case .gate: add(index, "Mul")
        case .concatenate: add(index, "Concat", [("axis", .integer(1))])
        case .channelSlice(let first, let count): slice(index, first, count)
        case .channelShuffle(let groups): shuffle(index, groups)
        case .maxPool(let window): pool(index, window)
        case .averagePool(let window, let countsPadding):
            let ceils: Attributes = [("ceil_mode", .integer(window.roundsUp ? 1 : 0))]
            add(index, "AveragePool", window.attributes + ceils + [("count_include_pad", .integer(countsPadding ? 1 : 0))])
        case .adaptiveAveragePool(let height, let width): try poolAdaptively(index, height, width)
        case .flatten: add(index, "Flatten", [("axis", .integer(1))])
        case .linear: weigh(index, "Gemm", [("transB", .integer(1))])
        case .localResponseNorm(let size, let alpha, let beta, let k):
            add(
                index, "LRN",
                [("size", .integer(size)), ("alpha", .float(alpha)), ("beta", .float(beta)), ("bias", .float(k))])
        }
    }

    fileprivate typealias Attributes = ONNXNode.Attributes

    /// An operator with the node's inputs and parameters, in the graph's order, which is ONNX's too.
    private mutating func add(_ index: Int, _ operation: String, _ attributes: Attributes = []) {
        let node = graph.nodes[index]
        append(operation, node.inputs.map { values[$0] } + parameterNames(of: index), to: values[index], attributes)
    }

    private mutating func parameterNames(of index: Int) -> [String] {
        let node = graph.nodes[index]
        parameters += node.parameters
        return graph.parameters(of: node).map(\.name)
    }

    /// The same for a layer of weights, which are bytes where its input is.
    private mutating func weigh(_ index: Int, _ operation: String, _ attributes: Attributes) {
        let node = graph.nodes[index]
        guard let numbers, let grid = grids[node.inputs[0]] else { return add(index, operation, attributes) }
        func floats(_ parameter: Int) -> UnsafeBufferPointer<Float> { numbers(parameter).bindMemory(to: Float.self) }
        let (own, weight) = (Array(node.parameters), graph.parameters[node.parameters.lowerBound])
        var norm: (parameters: [UnsafeBufferPointer<Float>], epsilon: Float)?
        if let next = folded[index], case .batchNorm(let epsilon, _) = graph.nodes[next].operation {
            norm = (graph.nodes[next].parameters.map(floats), epsilon)
        }
        let channels = weight.shape[0]
        let bytes = ONNXByteWeights(
            floats(own[0]), bias: own.count > 1 ? floats(own[1]) : nil, norm: norm, channels: channels)
        var inputs = [
            values[node.inputs[0]],
            widened(weight.name, .init(name: "\(weight.name)/bytes", extents: weight.extents, bytes: bytes.values), bytes.scales),
        ]
        if let biases = bytes.biases {
            // Runtimes add them to the sums of products, whose scale is that of both.
            let scales = bytes.scales.map { $0 * grid.step }
            let integers = zip(biases, scales).map { Int32(clamping: Int64(max(-0x1p40, min(0x1p40, ($0 / $1).rounded())))) }
            let name = weight.name + "/bias"
            inputs.append(widened(name, .init(name: "\(name)/integers", extents: [channels], integers: integers), scales))
        }
        append(operation, inputs, to: values[index], attributes)
    }

    /// Integers times a scale for each of their first extent.
    private mutating func widened(_ name: String, _ integers: ONNXConstant, _ scales: [Float]) -> String {
        constants += [integers, ONNXConstant(name: "\(name)/scales", extents: [scales.count], floats: scales)]
        append("DequantizeLinear", [integers.name, "\(name)/scales"], to: "\(name)/widened", [("axis", .integer(0))])
        return "\(name)/widened"
    }

    /// Lets those who read a value read it rounded.
    private mutating func round(_ index: Int, to grid: ONNXQuantization.Grid) {
        let name = values[index]
        let scale = [ONNXConstant(name: "\(name)/step", extents: [], floats: [grid.step])]
        constants += scale + [ONNXConstant(name: "\(name)/zero", extents: [], bytes: [grid.zero])]
        append("QuantizeLinear", [name, "\(name)/step", "\(name)/zero"], to: "\(name)/bytes")
        append("DequantizeLinear", ["\(name)/bytes", "\(name)/step", "\(name)/zero"], to: "\(name)/rounded")
        values[index] = "\(name)/rounded"
    }

    private mutating func append(_ operation: String, _ inputs: [String], to output: String, _ attributes: Attributes = []) {
        nodes.append(ONNXNode(operation: operation, name: output, inputs: inputs, output: output, attributes: attributes))
    }

    private mutating func activate(_ index: Int, _ kind: Activation) {
        let (x, y) = (values[graph.nodes[index].inputs[0]], values[index])
        switch kind {
        case .relu: append("Relu", [x], to: y)
        case .relu6: append("Clip", [x, Self.lowest, Self.highest], to: y)
        case .sigmoid: append("Sigmoid", [x], to: y)
        case .hardSwish: append("HardSwish", [x], to: y)
        case .hardSigmoid: append("HardSigmoid", [x], to: y, [("alpha", .float(1.0 / 6)), ("beta", .float(0.5))])
        case .silu:
            append("Sigmoid", [x], to: "\(y)/sigmoid")
            append("Mul", [x, "\(y)/sigmoid"], to: y)
        case .gelu:
            // Opset 20 has it as one operator.
            for (name, value) in [("root", Float(0.5).squareRoot()), ("one", 1), ("half", 0.5)] {
                append("Constant", [], to: "\(y)/\(name)", [("value_float", .float(value))])
            }
            append("Mul", [x, "\(y)/root"], to: "\(y)/scaled")
            append("Erf", ["\(y)/scaled"], to: "\(y)/erf")
            append("Add", ["\(y)/erf", "\(y)/one"], to: "\(y)/sum")
            append("Mul", [x, "\(y)/sum"], to: "\(y)/double")
            append("Mul", ["\(y)/double", "\(y)/half"], to: y)
        }
    }

    /// ONNX normalises over the last axes, where its images have no channels.
    private mutating func normalizeChannels(_ index: Int, _ epsilon: Float) {
        let (node, y) = (graph.nodes[index], values[index])
        append("Transpose", [values[node.inputs[0]]], to: "\(y)/last", [("perm", .integers([0, 2, 3, 1]))])
        append(
            "LayerNormalization", ["\(y)/last"] + parameterNames(of: index), to: "\(y)/normal",
            [("axis", .integer(-1)), ("epsilon", .float(epsilon))])
        append("Transpose", ["\(y)/normal"], to: y, [("perm", .integers([0, 3, 1, 2]))])
    }

    private mutating func slice(_ index: Int, _ first: Int, _ count: Int) {
        let (x, y) = (values[graph.nodes[index].inputs[0]], values[index])
        let bounds = [("first", first), ("end", first + count), ("axis", 1)].map { name, value in
            constant("\(y)/\(name)", [value])
        }
        append("Slice", [x] + bounds, to: y)
    }

    /// Groups and their members trade places as axes of their own.
    private mutating func shuffle(_ index: Int, _ groups: Int) {
        let (x, y, shape) = (values[graph.nodes[index].inputs[0]], values[index], graph.nodes[index].shape)
        append("Reshape", [x, constant("\(y)/split", [0, groups, shape[2] / groups, -1])], to: "\(y)/groups")
        append("Transpose", ["\(y)/groups"], to: "\(y)/turned", [("perm", .integers([0, 2, 1, 3]))])
        append("Reshape", ["\(y)/turned", constant("\(y)/shape", [0, shape[2], shape[0], shape[1]])], to: y)
    }

    private mutating func constant(_ name: String, _ values: [Int]) -> String {
        append("Constant", [], to: name, [("value_ints", .integers(values))])
        return name
    }

    /// Runtimes do not agree on which last window counts when the division is rounded up; with the padding written out there is no
    /// question. Padding never wins a maximum.
    private mutating func pool(_ index: Int, _ window: SlidingWindow) {
        let node = graph.nodes[index]
        let image = graph.nodes[node.inputs[0]].shape
        func after(_ axis: Int, _ kernel: Int, _ before: Int, _ own: Int) -> Int {
            max(own, (node.shape[axis] - 1) * window.stride + kernel - image[axis] - before)
        }
        var padded = window
        padded.padding.bottom = after(0, window.height, window.padding.top, window.padding.bottom)
        padded.padding.right = after(1, window.width, window.padding.left, window.padding.right)
        add(index, "MaxPool", padded.attributes)
    }

    private mutating func poolAdaptively(_ index: Int, _ height: Int, _ width: Int) throws(Untranslatable) {
        let node = graph.nodes[index]
        let image = graph.nodes[node.inputs[0]].shape
        if (height, width) == (1, 1) { return add(index, "GlobalAveragePool") }
        if (height, width) == (image[0], image[1]) { return values[index] = values[node.inputs[0]] }
        guard image[0] % height == 0, image[1] % width == 0 else {
            throw Untranslatable(node: node.name, reason: "averages \(image[0])×\(image[1]) pixels to \(height)×\(width)")
        }
        let (rows, columns) = (image[0] / height, image[1] / width)
        add(index, "AveragePool", [("kernel_shape", .integers([rows, columns])), ("strides", .integers([rows, columns]))])
    }
}

extension Operation {
    /// Whether inference has nothing of it.
    fileprivate var vanishes: Bool {
        switch self {
        case .dropout, .stochasticDepth: true
        default: false
        }
    }
}

extension SlidingWindow {
    fileprivate var attributes: ONNXTranslation.Attributes {
        [
            ("kernel_shape", .integers([height, width])), ("strides", .integers([stride, stride])),
            ("pads", .integers([padding.top, padding.left, padding.bottom, padding.right])),
        ]
    }
}
