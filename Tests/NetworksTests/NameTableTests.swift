// Matching files against networks: what is missing, left over, misshapen, fresh or ignored is said by name.
import Graphs
import Tensors
import Testing

@testable import Networks

@Suite struct NameTableTests {
    /// The tensors that torchvision would save for a graph.
    private func tensors(of graph: Graph) -> [String: TensorShape] {
        Dictionary(uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.shape) })
    }

    @Test func everyMisfitIsNamed() throws {
        let entry = try NetworkCatalog.entry(named: "resnet18")
        let graph = entry.build()
        var file = tensors(of: graph)
        file["conv1.weight"] = [64, 3, 3, 3]
        file["layer1.0.bn1.weight"] = nil
        file["layer9.weight"] = [1]
        file["bn1.num_batches_tracked"] = []
        let match = try NameTable.match(file, to: graph, of: entry)
        #expect(match.missing == ["layer1.0.bn1.weight"])
        #expect(match.unexpected == ["layer9.weight"])
        #expect(match.misshapen == [.init(name: "conv1.weight", expected: [64, 3, 7, 7], found: [64, 3, 3, 3])])
        #expect(match.ignored == ["bn1.num_batches_tracked"])
        let error = #expect(throws: NetworkError.self) { try match.validate(for: "resnet18") }
        for name in ["layer1.0.bn1.weight", "layer9.weight", "conv1.weight is 64×3×3×3, not 64×3×7×7"] {
            #expect(error?.description.contains(name) == true)
        }
    }

    /// Keras's EfficientNets need TensorFlow's padding: torchvision's variant would load them and be wrong.
    @Test func wrongArchitectureIsToldTheRightOne() throws {
        let right = try NetworkCatalog.entry(named: "tf_efficientnet_b0")
        let wrong = try NetworkCatalog.entry(named: "efficientnet_b0")
        let stored = NameTable.storedParameters(of: right.build(), family: right.family, source: .keras)
        let match = try NameTable.match(
            Dictionary(uniqueKeysWithValues: stored.map { ($0.names[0], $0.shape) }), to: wrong.build(), of: wrong)
        #expect(match.suggestions == ["tf_efficientnet_b0"])
        let error = #expect(throws: NetworkError.self) { try match.validate(for: wrong.name) }
        #expect(error?.description.hasSuffix("they fit tf_efficientnet_b0: choose that architecture") == true)
    }

    /// The names of tutorials' files: the network a layer of another model, a dense layer of any name on top.
    @Test(arguments: ["legacy", "numbered", "gone on"])
    func networkInsideAKerasModelIsFound(_ kind: String) throws {
        let entry = try NetworkCatalog.entry(named: "keras_resnet50")
        let graph = entry.build(BuildOptions(classes: 2))
        var file: [String: TensorShape] = ["layers/random_flip/seed_generator/vars/0": [2]]
        for parameter in NameTable.storedParameters(of: graph, family: entry.family, source: .keras) {
            let isHead = parameter.names[0].hasPrefix("predictions")
            let leaf = parameter.names[0].split(separator: "/").last ?? ""
            let name =
                switch kind {
                case "legacy" where isHead: "model_weights/dense_1/sequential/dense_1/\(leaf)"
                case "legacy":
                    "model_weights/resnet50/" + parameter.names[0].split(separator: "/").dropFirst().joined(separator: "/")
                case "gone on" where isHead: "flowers/flowers/\(leaf):0"
                case "gone on": parameter.names[0] + ":0"
                case _ where isHead: "layers/dense/vars/\(leaf == "kernel" ? 0 : 1)"
                default: "layers/functional/" + (parameter.names.first { $0.hasPrefix("layers/") } ?? "")
                }
            file[name] = parameter.shape
        }
        let match = try NameTable.match(file, to: graph, of: entry)
        try match.validate(for: entry.name)
        #expect(match.assignments.count == graph.parameters.count && match.fresh.isEmpty && match.storedClasses == 2)
    }

    /// A file for something else gives a message that can be read; `weights inspect` has the whole list.
    @Test func hundredsOfWrongNamesAreCounted() throws {
        let entry = try NetworkCatalog.entry(named: "resnet152")
        let match = try NameTable.match(["x": [1]], to: entry.build(), of: entry)
        let error = #expect(throws: NetworkError.self) { try match.validate(for: entry.name) }
        #expect(error?.description.contains("bn1.bias, bn1.running_mean") == true)
        #expect(error?.description.contains("and 767 more; unexpected: x; 'graft weights inspect FILE") == true)
    }

    @Test func headOfAnotherWidthIsAnError() throws {
        let entry = try NetworkCatalog.entry(named: "resnet18")
        let graph = entry.build(BuildOptions(classes: 2))
        var file = tensors(of: entry.build())
        file["fc.weight"] = [1000, 2048]
        let match = try NameTable.match(file, to: graph, of: entry)
        #expect(match.fresh.isEmpty)
        #expect(match.misshapen.map(\.name) == ["fc.weight", "fc.bias"])
    }

    @Test func freshLayersNeedNoTensors() throws {
        let entry = try NetworkCatalog.entry(named: "resnet18")
        let graph = entry.build()
        let file = tensors(of: graph).filter { !$0.key.hasPrefix("layer4") && $0.key != "fc.bias" }
        let match = try NameTable.match(file, to: graph, of: entry, fresh: ["layer4", "f*"])
        try match.validate(for: "resnet18")
        #expect(
            match.fresh.allSatisfy { graph.parameters[$0].name.hasPrefix("layer4") || graph.parameters[$0].name.hasPrefix("fc") })
        #expect(match.assignments.count + match.fresh.count == graph.parameters.count)
        let error = #expect(throws: LayerPatternError.self) { try NameTable.match(file, to: graph, of: entry, fresh: ["layer5"]) }
        #expect(error?.nearest == ["layer1", "layer2", "layer3"])
    }

    @Test(arguments: [
        ("resnet50", WeightSource.torchvision, ["resnet50", "resnet50_v1"]), ("vgg16_bn", .timm, ["vgg16_bn"]),
        ("keras_resnet101", .keras, ["keras_resnet101"]),
        ("tf_efficientnet_b3", .keras, ["tf_efficientnet_b3"]),
        ("efficientnet_lite0", .efficientNetPytorch, ["efficientnet_lite0"]), ("googlenet_2014", .caffe, ["googlenet_2014"]),
    ])
    func networksAreRecognised(_ name: String, _ source: WeightSource, _ expected: [String]) throws {
        let entry = try NetworkCatalog.entry(named: name)
        let stored = NameTable.storedParameters(of: entry.build(BuildOptions(classes: 37)), family: entry.family, source: source)
        let found = NameTable.recognize(Dictionary(uniqueKeysWithValues: stored.map { ($0.names[0], $0.shape) }))
        #expect(found.map(\.entry.name) == expected)
        #expect(found.allSatisfy { $0.match.fits && $0.match.source == source && $0.match.storedClasses == 37 })
    }

    @Test func strangeFilesAreNotRecognised() {
        #expect(NameTable.recognize(["encoder.weight": [3, 3]]).isEmpty)
        #expect(NameTable.recognize([:]).isEmpty)
    }

    @Test func wrappersAreSeenThrough() throws {
        let entry = try NetworkCatalog.entry(named: "resnet18")
        let graph = entry.build()
        let file = Dictionary(uniqueKeysWithValues: tensors(of: graph).map { ("model.module.\($0.key)", $0.value) })
        let match = try NameTable.match(file, to: graph, of: entry)
        try match.validate(for: "resnet18")
        #expect(match.assignments[0].tensor == "model.module.conv1.weight")
    }

    @Test func timmsLiteNetworksBringTheirOwnRange() throws {
        let entry = try NetworkCatalog.entry(named: "efficientnet_lite0")
        let graph = entry.build()
        let stored = NameTable.storedParameters(of: graph, family: entry.family, source: .timm)
        let match = try NameTable.match(
            Dictionary(uniqueKeysWithValues: stored.map { ($0.names[0], $0.shape) }), to: graph, of: entry)
        #expect(match.preprocessing?.mean == [127.5, 127.5, 127.5])
    }

    @Test(arguments: [
        (WeightTransform.hwioToOIHW, TensorShape([1, 2, 2, 2]), [0, 4, 2, 6, 1, 5, 3, 7]),
        (.transpose, TensorShape([2, 3]), [0, 3, 1, 4, 2, 5]),
        (.depthwiseHWIMToOIHW, TensorShape([1, 2, 3, 1]), [0, 3, 1, 4, 2, 5]),
        (.denseAfterFlatten(height: 1, width: 2, channels: 2), TensorShape([4, 2]), [0, 4, 2, 6, 1, 5, 3, 7]),
    ])
    func transformsRearrange(_ transform: WeightTransform, _ shape: TensorShape, _ expected: [Int]) {
        let result = transform.apply((0..<shape.count).map(Float.init), shape: shape)
        #expect(result == expected.map(Float.init))
    }
}
