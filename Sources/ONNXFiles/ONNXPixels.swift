// What stands around a network in a file that takes photographs as they are and gives probabilities.
package import Tensors

/// Pixels before the network, probabilities after it.
package struct ONNXPixels: Sendable {
    /// What becomes of the scores.
    package enum Scores: Sendable {
        /// Softmax of the scores, divided by the temperature.
        case softmax(temperature: Double)
        case sigmoid
    }

    package let preprocessing: Preprocessing
    package let scores: Scores
    /// Whether photographs of any size are resized and cropped; else they come in the network's own size.
    package let resizes: Bool

    package init(preprocessing: Preprocessing, scores: Scores, resizes: Bool) {
        (self.preprocessing, self.scores, self.resizes) = (preprocessing, scores, resizes)
    }

    /// Antialiased resizing came with opset 18.
    var opset: Int { resizes ? 18 : ONNXWriter.opset }

    static let output = "probabilities"
    /// What the network itself takes.
    static let prepared = "pixels"

    var input: ONNXValue {
        let side = preprocessing.crop
        return ONNXValue(
            name: ONNXTranslation.input, extents: [side, side, 3], type: ONNXTensor.uint8,
            free: resizes ? ["height", "width"] : [])
    }

    /// The operators before the network: uint8 `[batch, height, width, 3]` to float32 `[batch, 3, crop, crop]`.
    var nodesBefore: [ONNXNode] {
        var nodes = [
            node("Cast", [ONNXTranslation.input], "pixels/float", [("to", .integer(ONNXTensor.float32))]),
            node("Transpose", ["pixels/float"], "pixels/channels", [("perm", .integers([0, 3, 1, 2]))]),
        ]
        var last = "pixels/channels"
        func then(_ operation: String, _ others: [String], _ output: String, _ attributes: ONNXNode.Attributes = []) {
            nodes.append(node(operation, [last] + others, output, attributes))
            last = output
        }
        if resizes {
            nodes += sizes
            let filter: ONNXNode.Attributes =
                preprocessing.interpolation == .bicubic
                // Pillow's cubic.
                ? [("mode", .text("cubic")), ("cubic_coeff_a", .float(-0.5))] : [("mode", .text("linear"))]
            let always: ONNXNode.Attributes = [
                ("antialias", .integer(1)), ("axes", .integers([2, 3])), ("exclude_outside", .integer(1)),
            ]
            then("Resize", ["", "", "resize/sizes"], "pixels/resized", filter + always)
            // Decoders give whole levels, and so do resizers of photographs.
            then("Clip", ["pixels/lowest", "pixels/highest"], "pixels/clipped")
            then("Round", [], "pixels/levels")
            then("Slice", ["crop/start", "crop/end", "crop/axes"], "pixels/cropped")
        }
        if preprocessing.channelOrder == .bgr { then("Gather", ["pixels/order"], "pixels/reversed", [("axis", .integer(1))]) }
        then("Sub", ["pixels/mean"], "pixels/centred")
        then("Mul", ["pixels/scale"], Self.prepared)
        return nodes
    }

    /// The size after resizing, as torchvision has it: the long side rounded down; and the middle, halves rounded to even.
    private var sizes: [ONNXNode] {
        [
            node("Shape", [ONNXTranslation.input], "resize/shape", [("start", .integer(1)), ("end", .integer(3))]),
            node("ReduceMin", ["resize/shape"], "resize/short", [("keepdims", .integer(1))]),
            node("Mul", ["resize/shape", "resize/side"], "resize/product"),
            node("Div", ["resize/product", "resize/short"], "resize/sizes"),
            node("Sub", ["resize/sizes", "crop/side"], "crop/rest"),
            node("Div", ["crop/rest", "crop/two"], "crop/half"),
            node("Mod", ["crop/rest", "crop/two"], "crop/odd"),
            node("Mod", ["crop/half", "crop/two"], "crop/uneven"),
            node("Mul", ["crop/odd", "crop/uneven"], "crop/up"),
            node("Add", ["crop/half", "crop/up"], "crop/start"),
            node("Add", ["crop/start", "crop/side"], "crop/end"),
        ]
    }

    /// The operators behind the scores.
    var nodesAfter: [ONNXNode] {
        switch scores {
        case .sigmoid: return [node("Sigmoid", [ONNXTranslation.output], Self.output)]
        case .softmax(temperature: 1): return [node("Softmax", [ONNXTranslation.output], Self.output, [("axis", .integer(1))])]
        case .softmax:
            return [
                node("Div", [ONNXTranslation.output, "temperature"], "logits/calibrated"),
                node("Softmax", ["logits/calibrated"], Self.output, [("axis", .integer(1))]),
            ]
        }
    }

    /// What those operators take besides.
    var constants: [ONNXConstant] {
        var constants = [
            ONNXConstant(name: "pixels/mean", extents: [1, 3, 1, 1], floats: preprocessing.mean),
            ONNXConstant(name: "pixels/scale", extents: [1, 3, 1, 1], floats: preprocessing.deviation.map { 1 / $0 }),
        ]
        if preprocessing.channelOrder == .bgr { constants.append(ONNXConstant(name: "pixels/order", integers: [2, 1, 0])) }
        if resizes {
            constants += [
                ONNXConstant(name: "resize/side", integers: [preprocessing.resize]),
                ONNXConstant(name: "crop/side", integers: [preprocessing.crop]), ONNXConstant(name: "crop/two", integers: [2]),
                ONNXConstant(name: "crop/axes", integers: [2, 3]),
                ONNXConstant(name: "pixels/lowest", extents: [], floats: [0]),
                ONNXConstant(name: "pixels/highest", extents: [], floats: [255]),
            ]
        }
        if case .softmax(let temperature) = scores, temperature != 1 {
            constants.append(ONNXConstant(name: "temperature", extents: [], floats: [Float(temperature)]))
        }
        return constants
    }

    private func node(
        _ operation: String, _ inputs: [String], _ output: String, _ attributes: ONNXNode.Attributes = []
    ) -> ONNXNode {
        ONNXNode(operation: operation, name: output, inputs: inputs, output: output, attributes: attributes)
    }
}
