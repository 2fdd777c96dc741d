// A network with its weights as one ONNX file, which other programs run without knowing Graft.
package import Files
package import Graphs
import Tensors

/// Writes ONNX, opset 17: input `images`, `[batch, 3, height, width]`, already normalised; output `logits`, `[batch, classes]`. With
/// `ONNXPixels` around it: input `images`, uint8 `[batch, height, width, 3]`, RGB; output `probabilities`, `[batch, classes]`.
package enum ONNXWriter {
    /// The version of the operators, and of the file format that goes with it.
    package static let opset = 17
    private static let formatVersion = 8
    /// Protocol buffers count the bytes of a message in 31 bits.
    private static let maximumBytes = 0x7FFF_FFFF

    /// Writes a graph for inference to `path`, whole or not at all.
    ///
    /// - Parameters:
    ///   - values: the float32 bytes of `Graph.parameters[index]`, row-major; they must live until the call returns.
    ///   - pixels: what stands around the network; nil for nothing.
    ///   - quantization: for a network in 8 bits; nil for float32.
    ///   - metadata: goes into the file as it is, sorted by key.
    /// - Throws: for a graph that opset 17 cannot express, for one of 2 GiB or more, and when the disk is full or fails.
    package static func write(
        to path: String, graph: Graph, around pixels: ONNXPixels? = nil, in quantization: ONNXQuantization? = nil,
        metadata: [String: String], values: @escaping (Int) -> UnsafeRawBufferPointer
    ) throws(FileError) {
        let translation: ONNXTranslation
        do {
            translation = try ONNXTranslation(
                graph, input: pixels == nil ? ONNXTranslation.input : ONNXPixels.prepared, in: quantization, numbers: values)
        } catch {
            throw FileError(
                path: path, problem: "cannot hold \(graph.name): '\(error.node)' \(error.reason), for which ONNX has no operator",
                advice: "use the network's own input size, or another format")
        }
        let bounds: [Float] = [0, 6]
        var failure: FileError?
        bounds.withUnsafeBytes { bounds in
            let model = model(translation, graph, pixels, metadata, bounds: bounds, values)
            do throws(FileError) {
                guard model.byteCount <= maximumBytes else {
                    throw FileError(
                        path: path, problem: "would be an ONNX file of 2 GiB or more", advice: "write safetensors instead")
                }
                try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FileError) in
                    try model.write(to: &sink)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private static func model(
        _ translation: ONNXTranslation, _ graph: Graph, _ pixels: ONNXPixels?, _ metadata: [String: String],
        bounds: UnsafeRawBufferPointer, _ values: (Int) -> UnsafeRawBufferPointer
    ) -> ProtobufMessage {
        var network = ProtobufMessage()
        let nodes = (pixels?.nodesBefore ?? []) + translation.nodes + (pixels?.nodesAfter ?? [])
        for node in nodes { network.message(1, node.message) }
        network.text(2, graph.name)
        for index in translation.parameters {
            let parameter = graph.parameters[index]
            let tensor = ONNXTensor(name: parameter.name, extents: parameter.extents, bytes: values(index))
            precondition(tensor.bytes.count == 4 * parameter.shape.count, "'\(parameter.name)' has a wrong number of bytes")
            network.message(5, tensor.message)
        }
        if translation.usesReLU6 {
            for (name, start) in [(ONNXTranslation.lowest, 0), (ONNXTranslation.highest, 4)] {
                let bytes = UnsafeRawBufferPointer(rebasing: bounds[start..<start + 4])
                network.message(5, ONNXTensor(name: name, extents: [], bytes: bytes).message)
            }
        }
        for constant in (pixels?.constants ?? []) + translation.constants { network.message(5, constant.message) }
        let image = graph.inputShape
        let input = pixels?.input ?? ONNXValue(name: ONNXTranslation.input, extents: [image[2], image[0], image[1]])
        network.message(11, input.message)
        let output = pixels == nil ? ONNXTranslation.output : ONNXPixels.output
        network.message(12, ONNXValue(name: output, extents: [graph.classCount]).message)

        var operators = ProtobufMessage()
        operators.text(1, "")
        operators.integer(2, pixels?.opset ?? opset)
        var model = ProtobufMessage()
        model.integer(1, formatVersion)
        model.text(2, "Graft")
        model.message(7, network)
        model.message(8, operators)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            var entry = ProtobufMessage()
            entry.text(1, key)
            entry.text(2, value)
            model.message(14, entry)
        }
        return model
    }
}

extension ParameterSpec {
    /// A linear layer over pixels has a matrix for weights, which ONNX's convolutions want in four dimensions.
    var extents: [Int] {
        let isMatrix = role == .convolutionWeight && shape.rank == 2
        return shape.extents + (isMatrix ? [1, 1] : [])
    }
}
