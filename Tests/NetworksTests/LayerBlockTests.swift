// Blocks of the networks, and the factors that timm's `param_groups_layer_decay` gives their layers.
import Foundation
import Graphs
import Tensors
import Testing

@testable import Networks

@Suite struct LayerBlockTests {
    private func graph(_ name: String, auxiliary: Bool = false) throws -> Graph {
        try NetworkCatalog.entry(named: name).build(BuildOptions(auxiliary: auxiliary))
    }

    @Test(arguments: [
        ("resnet18", 9), ("resnet50", 17), ("efficientnet_b0", 17), ("vgg16", 15), ("vgg16_bn", 15), ("alexnet", 7),
        ("googlenet", 12), ("googlenet_2014", 11), ("alexnet_2012", 7), ("efficientnet_lite0", 17), ("keras_resnet50", 17),
    ])
    func blocksAreWhatPeopleCount(_ name: String, _ count: Int) throws {
        let graph = try graph(name)
        #expect(graph.blocks.count == count, "\(graph.blocks.map(\.names))")
        let all = Set(graph.blocks.flatMap(\.parameters))
        let rest = graph.parameters.indices.filter { !all.contains($0) }.map { graph.parameters[$0].name }
        #expect(rest.allSatisfy { LayerPattern(graph.head).matches($0) }, "\(rest)")
    }

    @Test func auxiliaryHeadsAreNoBlocks() throws {
        #expect(try graph("googlenet", auxiliary: true).blocks.count == graph("googlenet").blocks.count)
    }

    /// As exponents of the decay.
    @Test(arguments: [
        ("conv1.weight", 17), ("bn1.weight", 17), ("layer1.0.conv1.weight", 16), ("layer1.0.downsample.0.weight", 16),
        ("layer2.3.bn3.bias", 10), ("layer4.2.conv3.weight", 1), ("fc.weight", 0),
    ])
    func factorsAreTimms(_ name: String, _ exponent: Double) throws {
        let graph = try graph("resnet50")
        let index = try #require(graph.parameters.firstIndex { $0.name == name })
        #expect(abs(graph.layerFactors(decay: 0.75)[index] / pow(0.75, exponent) - 1) < 1e-12)
    }

    @Test func theNamesOfTheLastBlocksNameThem() throws {
        for entry in NetworkCatalog.entries {
            let graph = try graph(entry.name)
            let blocks = graph.blocks.suffix(2)
            let policy = FreezePolicy(unfrozen: blocks.flatMap(\.names), batchNorm: .affine)
            let trained = try policy.resolve(graph).isTrained
            let meant = Set(blocks.flatMap(\.parameters))
            for (index, parameter) in graph.parameters.enumerated() where !parameter.role.isStatistic {
                let isHead = LayerPattern(graph.head).matches(parameter.name)
                #expect(trained[index] == (isHead || meant.contains(index)), "\(entry.name) \(parameter.name)")
            }
        }
    }
}
