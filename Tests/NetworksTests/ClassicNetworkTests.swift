// The networks of 2012 and 2014 against their papers and Caffe's definitions, and what their files bring with them.
import Graphs
import Tensors
import Testing

@testable import Networks

@Suite struct ClassicNetworkTests {
    private func graph(_ name: String, _ options: BuildOptions = BuildOptions()) throws -> Graph {
        try NetworkCatalog.entry(named: name).build(options)
    }

    private func shape(_ node: String, of graph: Graph) throws -> TensorShape {
        try #require(graph.nodes.first { $0.name == node }).shape
    }

    @Test func networkOf2012HasItsPublishedShapes() throws {
        let graph = try graph("alexnet_2012")
        let shapes = ["conv1", "pool1", "conv2", "pool2", "conv5", "pool5"].map { try? shape($0, of: graph) }
        #expect(shapes == [[55, 55, 96], [27, 27, 96], [27, 27, 256], [13, 13, 256], [13, 13, 256], [6, 6, 256]])
        #expect(graph.parameterCount == 60_965_224)
        #expect(graph.parameters.map(\.name).prefix(3) == ["conv1.weight", "conv1.bias", "conv2.weight"])
        #expect(graph.parameters[2].shape == [256, 48, 5, 5])
    }

    @Test func networkOf2014HasItsPublishedSize() throws {
        let graph = try graph("googlenet_2014")
        #expect(graph.parameterCount == 6_998_552)
        #expect(try shape("inception_4e/output", of: graph) == [14, 14, 832])
        #expect(try shape("pool4/3x3_s2", of: graph) == [7, 7, 832])
        let whole = try self.graph("googlenet_2014", BuildOptions(auxiliary: true))
        #expect(whole.parameterCount == 13_378_280)
        #expect(whole.auxiliaryLogits.map { whole.nodes[$0].name } == ["loss1/classifier", "loss2/classifier"])
        #expect(whole.auxiliaryWeight == 0.3)
    }

    @Test func patternsReachIntoCaffesNames() throws {
        let graph = try graph("googlenet_2014")
        let trained = try FreezePolicy(unfrozen: ["inception_5b"], batchNorm: .frozen).resolve(graph).isTrained
        let names = zip(graph.parameters, trained).filter(\.1).map(\.0.name)
        #expect(names.count == 14)
        #expect(names.allSatisfy { $0.hasPrefix("inception_5b/") || $0.hasPrefix("loss3/classifier") })
    }

    @Test func caffesBlobsAreRecognisedAndBringBGR() throws {
        let entry = try NetworkCatalog.entry(named: "googlenet_2014")
        let graph = entry.build(BuildOptions(classes: 2))
        let complete = entry.build(BuildOptions(auxiliary: true))
        var file: [String: TensorShape] = [:]
        for stored in NameTable.storedParameters(of: complete, family: entry.family, source: .caffe) {
            // The published file writes linear layers as 1×1×N×M.
            file[stored.names[0]] = stored.shape.rank == 2 ? TensorShape([1, 1] + stored.shape.extents) : stored.shape
        }
        let match = try NameTable.match(file, to: graph, of: entry)
        try match.validate(for: entry.name)
        #expect(match.source == .caffe)
        #expect(match.fresh.count == 2)
        #expect(match.ignored.count == 12)
        let alexNet = try NetworkCatalog.entry(named: "alexnet_2012")
        let stored = NameTable.storedParameters(of: alexNet.build(), family: alexNet.family, source: .caffe)
        let tensors = Dictionary(uniqueKeysWithValues: stored.map { ($0.names[0], $0.shape) })
        let preprocessing = try NameTable.match(tensors, to: alexNet.build(), of: alexNet).preprocessing
        #expect(preprocessing?.channelOrder == .bgr)
        #expect(preprocessing?.crop == 227)
    }

    /// As in a file that holds only the convolutions of 2012.
    @Test func partlyGivenNetworkNamesWhatStartsAnew() throws {
        let entry = try NetworkCatalog.entry(named: "alexnet_2012")
        let graph = entry.build(BuildOptions(classes: 2))
        let given = graph.parameters.filter { $0.name.hasPrefix("conv") }
        let file = Dictionary(uniqueKeysWithValues: given.map { ($0.name, $0.shape) })
        #expect(throws: NetworkError.self) { try NameTable.match(file, to: graph, of: entry).validate(for: entry.name) }
        let match = try NameTable.match(file, to: graph, of: entry, fresh: ["fc*"])
        try match.validate(for: entry.name)
        #expect(match.assignments.count == 10)
        #expect(match.fresh.count == 6)
    }

    @Test func untrainedAuxiliaryHeadsAreNeverLoaded() throws {
        let entry = try NetworkCatalog.entry(named: "googlenet")
        let complete = entry.build(BuildOptions(auxiliary: true))
        let file = Dictionary(uniqueKeysWithValues: complete.parameters.map { ($0.name, $0.shape) })
        let match = try NameTable.match(file, to: entry.build(), of: entry)
        try match.validate(for: entry.name)
        #expect(match.ignored.count == 18)
        let training = try NameTable.match(file, to: complete, of: entry)
        try training.validate(for: entry.name)
        #expect(training.fresh.allSatisfy { complete.parameters[$0].name.hasPrefix("aux") })
        #expect(training.fresh.count == 18)
    }

    @Test func kerasFilesSayHowPixelsArePrepared() throws {
        let vgg = try NetworkCatalog.entry(named: "vgg16")
        let graph = vgg.build(BuildOptions(classes: 7))
        let stored = NameTable.storedParameters(of: vgg.build(), family: .vgg, source: .keras)
        // The zoo's oldest file, TensorFlow's numbers included.
        let oldest = Dictionary(uniqueKeysWithValues: stored.map { ($0.names.first { $0.contains("_1") } ?? "", $0.shape) })
        let match = try NameTable.match(
            Dictionary(uniqueKeysWithValues: oldest.map { ("\($0.key):0", $0.value) }), to: graph, of: vgg)
        try match.validate(for: "vgg16")
        #expect(match.preprocessing?.channelOrder == .bgr)
        #expect(match.preprocessing?.mean == [103.939, 116.779, 123.68])
        let first = graph.parameters.firstIndex { $0.name == "classifier.0.weight" }
        #expect(
            match.assignments.first { $0.parameter == first }?.transform == .denseAfterFlatten(height: 7, width: 7, channels: 512)
        )
        #expect(match.fresh.map { graph.parameters[$0].name } == ["classifier.6.weight", "classifier.6.bias"])
    }

    @Test func kerasEfficientNetsNormaliseInside() throws {
        let entry = try NetworkCatalog.entry(named: "tf_efficientnet_b0")
        let graph = entry.build()
        let stored = NameTable.storedParameters(of: graph, family: entry.family, source: .keras)
        var file = Dictionary(
            uniqueKeysWithValues: stored.map { ("model_weights/" + $0.names[0], $0.shape) })
        for (name, shape) in [("mean", TensorShape([3])), ("variance", [3]), ("count", [])] {
            file["model_weights/normalization_1/normalization_1/\(name)"] = shape
        }
        let match = try NameTable.match(file, to: graph, of: entry)
        try match.validate(for: entry.name)
        let inside = try #require(match.normalization)
        #expect(inside.mean == "model_weights/normalization_1/normalization_1/mean")
        #expect(match.ignored.count == 3)
        let published = inside.preprocessing(entry.preprocessing, mean: [0.485, 0.456, 0.406], variance: [0.229, 0.224, 0.225])
        #expect(published == entry.preprocessing)
        let untrained = inside.preprocessing(entry.preprocessing, mean: [0, 0, 0], variance: [1, 1, 1])
        #expect(untrained.mean == [0, 0, 0] && untrained.deviation == [255, 255, 255])
        let adapted = inside.preprocessing(entry.preprocessing, mean: [0.5, 0.5, 0.5], variance: [0.25, 0.25, 0.25])
        #expect(adapted.deviation == [127.5, 127.5, 127.5])
    }
}
