// The bytes of exported networks, read back; Fixtures/check_exports.py runs them in other programs.
import Files
import Foundation
import Graphs
import Networks
import Tensors
import Testing

@testable import ONNXFiles

@Suite struct ONNXFilesTests {
    /// A network with every kind of operation that exports keep, and dropout and an auxiliary head, which they do not.
    private func makeGraph() -> Graph {
        var builder = GraphBuilder()
        var x = builder.input(height: 9, width: 9)
        let padding = Padding(top: 1, left: 0, bottom: 1, right: 2)
        x = builder.convolution(
            "conv", x, out: 4, window: SlidingWindow(height: 3, width: 3, stride: 2, padding: padding), bias: true)
        x = builder.activation(.silu, builder.batchNorm("bn", x, epsilon: 0.5))
        x = builder.localResponseNorm("lrn", x, size: 3, alpha: 0.25, beta: 0.5, k: 2)
        let gate = builder.activation(.sigmoid, builder.adaptiveAveragePool("mean", x, to: 1))
        let gated = builder.gate("gate", x, by: gate)
        _ = builder.linear("aux", builder.flatten(gated), out: 7)
        x = builder.stochasticDepth("depth", gated, rate: 0.5)
        x = builder.add("sum", builder.activation(.relu6, x), builder.relu(x))
        x = builder.concatenate("both", [x, gated])
        x = builder.channelShuffle("shuffle", builder.channelSlice("slice", x, first: 1, count: 6), groups: 2)
        x = builder.maxPool("max", x, kernel: 2, stride: 2, roundsUp: true)
        x = builder.adaptiveAveragePool("same", x, to: 3)
        x = builder.dropout("drop", builder.flatten(x), rate: 0.5)
        let logits = builder.linear("head", x, out: 3)
        return builder.finish(name: "all", logits: logits, head: "head")
    }

    private func export(
        _ graph: Graph, around pixels: ONNXPixels? = nil, metadata: [String: String] = [:]
    ) throws -> ProtobufReader {
        let path = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let count = graph.parameters.map(\.shape.count).max() ?? 0
        let values = (0..<count).map(Float.init)
        try values.withUnsafeBytes { bytes in
            try ONNXWriter.write(to: path, graph: graph, around: pixels, metadata: metadata) {
                UnsafeRawBufferPointer(rebasing: bytes[..<(4 * graph.parameters[$0].shape.count)])
            }
        }
        return ProtobufReader([UInt8](try #require(FileManager.default.contents(atPath: path))))
    }

    /// An operator as one line: what it does, with what, to what.
    private func line(_ node: ProtobufReader) -> String {
        let attributes = node.messages(5).map { attribute -> String in
            let value =
                attribute.numbers(20) == [7]
                ? "\(attribute.numbers(8))" : attribute.all(2).isEmpty ? "\(attribute.numbers(3)[0])" : "\(attribute.all(2)[0])"
            return "\(attribute.texts(1)[0])=\(value)"
        }
        return ([node.texts(4)[0], node.texts(1).joined(separator: ","), node.texts(2)[0]] + attributes).joined(separator: " ")
    }

    @Test func everyOperationHasItsOperator() throws {
        let graph = try export(makeGraph()).messages(7)[0]
        #expect(
            graph.messages(1).map(line) == [
                "Conv images,conv.weight,conv.bias conv kernel_shape=[3, 3] strides=[2, 2] pads=[1, 0, 1, 2] group=1",
                "BatchNormalization conv,bn.weight,bn.bias,bn.running_mean,bn.running_var bn epsilon=float(0.5)",
                "Sigmoid bn bn/silu/sigmoid", "Mul bn,bn/silu/sigmoid bn/silu",
                "LRN bn/silu lrn size=3 alpha=float(0.25) beta=float(0.5) bias=float(2.0)",
                "GlobalAveragePool lrn mean", "Sigmoid mean mean/sigmoid", "Mul lrn,mean/sigmoid gate",
                "Clip gate,relu6.lowest,relu6.highest depth/relu6", "Relu gate depth/relu", "Add depth/relu6,depth/relu sum",
                "Concat sum,gate both axis=1",
                "Constant  slice/first value_ints=[1]", "Constant  slice/end value_ints=[7]",
                "Constant  slice/axis value_ints=[1]",
                "Slice both,slice/first,slice/end,slice/axis slice", "Constant  shuffle/split value_ints=[0, 2, 3, -1]",
                "Reshape slice,shuffle/split shuffle/groups", "Transpose shuffle/groups shuffle/turned perm=[0, 2, 1, 3]",
                "Constant  shuffle/shape value_ints=[0, 6, 5, 5]", "Reshape shuffle/turned,shuffle/shape shuffle",
                // Of 5×5 pixels: the last windows are partly outside.
                "MaxPool shuffle max kernel_shape=[2, 2] strides=[2, 2] pads=[0, 0, 1, 1]", "Flatten max same/flatten axis=1",
                "Gemm same/flatten,head.weight,head.bias logits transB=1",
            ])
    }

    @Test func everyActivationHasItsOperators() throws {
        for activation in Activation.allCases {
            var builder = GraphBuilder()
            let x = builder.activation(
                activation, builder.convolution("conv", builder.input(height: 2, width: 2), out: 1, kernel: 2))
            let logits = builder.linear("fc", builder.flatten(x), out: 2)
            let graph = builder.finish(name: "one", logits: logits, head: "fc")
            let lines = try export(graph).messages(7)[0].messages(1).map(line).dropFirst().dropLast(2)
            let expected =
                switch activation {
                case .relu: ["Relu conv conv/relu"]
                case .relu6: ["Clip conv,relu6.lowest,relu6.highest conv/relu6"]
                case .silu: ["Sigmoid conv conv/silu/sigmoid", "Mul conv,conv/silu/sigmoid conv/silu"]
                case .sigmoid: ["Sigmoid conv conv/sigmoid"]
                // The operator is x · max(0, min(1, x / 6 + 1/2)) by its definition.
                case .hardSwish: ["HardSwish conv conv/hard_swish"]
                // 0.2 unless told otherwise.
                case .gelu:
                    [
                        "Constant  conv/gelu/root value_float=float(\(Float(0.5).squareRoot()))",
                        "Constant  conv/gelu/one value_float=float(1.0)", "Constant  conv/gelu/half value_float=float(0.5)",
                        "Mul conv,conv/gelu/root conv/gelu/scaled", "Erf conv/gelu/scaled conv/gelu/erf",
                        "Add conv/gelu/erf,conv/gelu/one conv/gelu/sum", "Mul conv,conv/gelu/sum conv/gelu/double",
                        "Mul conv/gelu/double,conv/gelu/half conv/gelu",
                    ]
                case .hardSigmoid: ["HardSigmoid conv conv/hard_sigmoid alpha=float(\(Float(1.0 / 6))) beta=float(0.5)"]
                }
            #expect(Array(lines) == expected)
        }
    }

    @Test func weightsAndFactsAreThere() throws {
        let model = try export(makeGraph(), metadata: ["classes": "[\"a\"]", "architecture": "ü"])
        #expect(model.numbers(1) == [8])
        #expect(model.messages(8).map { $0.numbers(2) } == [[17]])
        #expect(model.messages(14).map { $0.texts(1) + $0.texts(2) } == [["architecture", "ü"], ["classes", "[\"a\"]"]])
        let graph = model.messages(7)[0]
        let tensors = graph.messages(5)
        #expect(tensors.map { $0.texts(8)[0] }.filter { $0.hasPrefix("aux") } == [])
        let bias = try #require(tensors.first { $0.texts(8) == ["conv.bias"] })
        #expect(bias.numbers(1) == [4] && bias.numbers(2) == [1])
        #expect(bias.bytes(9) == [[0, 1, 2, 3].flatMap { number in withUnsafeBytes(of: Float(number)) { Array($0) } }])
        #expect(tensors.first { $0.texts(8) == ["relu6.highest"] }?.bytes(9) == [withUnsafeBytes(of: Float(6)) { Array($0) }])
        for (field, name, extents) in [(11, "images", [3, 9, 9]), (12, "logits", [3])] {
            let value = graph.messages(field)[0]
            let dimensions = value.messages(2)[0].messages(1)[0].messages(2)[0].messages(1)
            #expect(value.texts(1) == [name])
            #expect(dimensions.map { $0.texts(2) } == [["batch"]] + extents.map { _ in [] })
            #expect(dimensions.flatMap { $0.numbers(1) } == extents)
        }
    }

    @Test func pixelsStandBeforeAndProbabilitiesBehindTheNetwork() throws {
        var builder = GraphBuilder()
        let logits = builder.linear("fc", builder.flatten(builder.input(height: 2, width: 2)), out: 2)
        let graph = builder.finish(name: "one", logits: logits, head: "fc")
        let preprocessing = Preprocessing(resize: 3, crop: 2, channelOrder: .bgr, mean: [1, 2, 3], deviation: [2, 4, 8])
        let pixels = ONNXPixels(preprocessing: preprocessing, scores: .softmax(temperature: 2), resizes: false)
        let model = try export(graph, around: pixels)
        #expect(model.messages(8).map { $0.numbers(2) } == [[17]])
        let network = model.messages(7)[0]
        #expect(
            network.messages(1).map(line) == [
                "Cast images pixels/float to=1", "Transpose pixels/float pixels/channels perm=[0, 3, 1, 2]",
                "Gather pixels/channels,pixels/order pixels/reversed axis=1", "Sub pixels/reversed,pixels/mean pixels/centred",
                "Mul pixels/centred,pixels/scale pixels", "Flatten pixels input/flatten axis=1",
                "Gemm input/flatten,fc.weight,fc.bias logits transB=1", "Div logits,temperature logits/calibrated",
                "Softmax logits/calibrated probabilities axis=1",
            ])
        let scale = try #require(network.messages(5).first { $0.texts(8) == ["pixels/scale"] })
        #expect(scale.bytes(9) == [[0.5, 0.25, 0.125].flatMap { number in withUnsafeBytes(of: Float(number)) { Array($0) } }])
        let input = network.messages(11)[0].messages(2)[0].messages(1)[0]
        #expect(input.numbers(1) == [2])
        #expect(
            input.messages(2)[0].messages(1).map { $0.texts(2) + $0.numbers(1).map { "\($0)" } } == [
                ["batch"], ["2"], ["2"], ["3"],
            ])

        let several = ONNXPixels(preprocessing: .imageNet(resize: 3, crop: 2), scores: .sigmoid, resizes: true)
        let resizing = try export(graph, around: several)
        #expect(resizing.messages(8).map { $0.numbers(2) } == [[18]])
        let operations = resizing.messages(7)[0].messages(1).map { $0.texts(4)[0] }
        #expect(operations.contains("Resize") && operations.last == "Sigmoid")
        let free = resizing.messages(7)[0].messages(11)[0].messages(2)[0].messages(1)[0].messages(2)[0].messages(1)
        #expect(free.map { $0.texts(2) } == [["batch"], ["height"], ["width"], []])
    }

    @Test(arguments: NetworkCatalog.entries.map(\.name))
    func everyNetworkIsExpressed(_ name: String) throws {
        let graph = try NetworkCatalog.entry(named: name).build(BuildOptions(classes: 5, auxiliary: true))
        let translation = try ONNXTranslation(graph)
        var known = Set(["images", "relu6.lowest", "relu6.highest"] + graph.parameters.map(\.name))
        for node in translation.nodes {
            #expect(node.inputs.allSatisfy(known.contains), "\(node.name)")
            #expect(known.insert(node.output).inserted, "\(node.name)")
        }
        #expect(translation.nodes.last?.output == "logits")
        let used = Set(translation.nodes.flatMap(\.inputs))
        let parameters = translation.parameters.map { graph.parameters[$0].name }
        #expect(Set(parameters) == used.intersection(graph.parameters.map(\.name)))
        #expect(parameters.count == (try NetworkCatalog.entry(named: name).build().parameters.count))
    }

    @Test func whatONNXCannotSayIsNamed() throws {
        var builder = GraphBuilder()
        let x = builder.adaptiveAveragePool("uneven", builder.input(height: 7, width: 8), to: 4)
        let logits = builder.linear("fc", builder.flatten(x), out: 2)
        let graph = builder.finish(name: "odd", logits: logits, head: "fc")
        let error = #expect(throws: FileError.self) { try export(graph) }
        #expect(error?.description.contains("'uneven' averages 7×8 pixels to 4×4") == true)
    }

    @Test func numbersAreWrittenAsTheFormatWants() throws {
        var message = ProtobufMessage()
        message.integer(1, 150)
        message.integer(2, -1)
        message.integers(3, [3, 270, 86942])
        message.float(4, 1)
        message.text(5, "testing")
        let expected: [[UInt8]] = [
            [0x08, 0x96, 0x01], [0x10] + [UInt8](repeating: 0xFF, count: 9) + [0x01],
            [0x1A, 0x06, 0x03, 0x8E, 0x02, 0x9E, 0xA7, 0x05], [0x25, 0, 0, 0x80, 0x3F],
            [0x2A, 0x07] + Array("testing".utf8),
        ]
        #expect(message.byteCount == expected.joined().count)
        let path = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString).protobuf").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FileError) in try message.write(to: &sink) }
        #expect(FileManager.default.contents(atPath: path).map { [UInt8]($0) } == Array(expected.joined()))
    }
}
