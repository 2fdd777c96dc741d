// Files of people who put something on a network, around it, or took its head off.
import Graphs
import Tensors
import Testing

@testable import Networks

@Suite struct ForeignTopTests {
    private let entry: NetworkEntry
    private let graph: Graph
    /// The tensors of resnet18 without its head.
    private let body: [String: TensorShape]

    init() throws {
        entry = try NetworkCatalog.entry(named: "resnet18")
        graph = entry.build(BuildOptions(classes: 2))
        let tensors = graph.parameters.map { ($0.name, $0.shape) }.filter { !$0.0.hasPrefix("fc.") }
        body = Dictionary(uniqueKeysWithValues: tensors)
    }

    private var headParameters: [Int] { graph.parameters.indices.filter { graph.parameters[$0].name.hasPrefix("fc.") } }

    /// Nothing, another width, layers of one's own below the head's name or beside it.
    @Test(
        arguments: [
            [:], ["fc.weight": [2, 2048], "fc.bias": [2]], ["fc.0.weight": [8, 512], "fc.0.bias": [8], "fc.2.weight": [2, 8]],
            ["head.weight": [2, 512], "head.bias": [2], "neck.norm.running_mean": [512]],
        ] as [[String: TensorShape]]) func aTopThatDoesNotFitStartsAnewInTraining(_ top: [String: TensorShape]) throws
    {
        let file = body.merging(top) { $1 }
        let match = try NameTable.match(file, to: graph, of: entry, replacesTop: true)
        try match.validate(for: entry.name)
        #expect(match.fresh == headParameters && match.assignments.count == body.count)
        #expect(Set(match.leftOut) == Set(top.keys).subtracting(["fc.weight", "fc.bias"]))
        // Whoever predicts wants the head.
        #expect(throws: NetworkError.self) { try NameTable.match(file, to: graph, of: entry).validate(for: entry.name) }
    }

    /// What is missing below the head is no matter of taste.
    @Test func aBodyThatIsNotWholeIsRefused() throws {
        var file = body
        file["layer4.1.conv2.weight"] = nil
        file["adapter.weight"] = [3, 3]
        let match = try NameTable.match(file, to: graph, of: entry, replacesTop: true)
        #expect(match.missing == ["layer4.1.conv2.weight"] && match.unexpected == ["adapter.weight"])
    }

    /// A stranger among the network's own layers is not its top.
    @Test func strangersWithinTheBodyAreRefused() throws {
        let match = try NameTable.match(
            body.merging(["layer4.1.se.weight": [512, 16]]) { $1 }, to: graph, of: entry, replacesTop: true)
        #expect(match.unexpected == ["layer4.1.se.weight"])
    }

    @Test func freshLayersForgiveWhatStandsBelowThem() throws {
        let file = body.merging(["fc.1.weight": [2, 512], "fc.1.bias": [2]]) { $1 }
        let match = try NameTable.match(file, to: graph, of: entry, fresh: ["fc"])
        try match.validate(for: entry.name)
        #expect(match.leftOut == ["fc.1.bias", "fc.1.weight"])
    }

    /// The prefix that makes most names fit, however few share it, and what stands beside.
    @Test(arguments: ["model.", "encoder.", "resnet.", "student.backbone.body.", "base_model."])
    func theNetworkIsFoundBehindAnyPrefix(_ prefix: String) throws {
        var file = Dictionary(uniqueKeysWithValues: body.map { (prefix + $0.key, $0.value) })
        file["\(prefix)fc.weight"] = [2, 512]
        file["\(prefix)fc.bias"] = [2]
        file["criterion.weight"] = [2]
        file["teacher.conv1.weight"] = [64, 3, 7, 7]
        let match = try NameTable.match(file, to: graph, of: entry)
        try match.validate(for: entry.name)
        #expect(match.assignments.count == graph.parameters.count)
        #expect(match.assignments.allSatisfy { $0.tensor.hasPrefix(prefix) })
        #expect(match.leftOut == ["criterion.weight", "teacher.conv1.weight"])
    }

    @Test(arguments: [
        ("stages.0.blocks.0.conv_dw.weight", "another network of timm's"),
        ("resnet.embedder.embedder.convolution.weight", "Hugging Face's transformers"),
        ("blocks.0.attn.qkv.weight", "a vision transformer"),
        ("backbone.bottom_up.res2.0.conv1.weight", "detectron2"), ("conv_stem.0.rbr.weight", "a RepVGG"),
    ]) func aFileOfSomethingElseIsCalledByItsName(_ tensor: String, _ kind: String) throws {
        let match = try NameTable.match([tensor: [8, 8, 1, 1]], to: graph, of: entry)
        let error = #expect(throws: NetworkError.self) { try match.validate(for: entry.name) }
        let text = try #require(error?.description)
        #expect(text.contains(kind) && !text.contains("network.fresh") && text.contains("which Graft does not have"))
    }

    @Test(arguments: [
        ("xception41", "Xceptions"), ("convnext_xlarge", "this ConvNeXt"), ("ViT-B/16", "vision transformers"),
    ])
    func anArchitectureFromElsewhereIsCalledByItsName(_ name: String, _ kind: String) {
        let error = #expect(throws: NetworkError.self) { try NetworkCatalog.entry(named: name) }
        #expect(error?.description.contains("Graft does not have \(kind)") == true)
    }
}
