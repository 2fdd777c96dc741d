// Every network of the catalogue against PyTorch: fixtures of tensors and logits, and of one batch's gradients of every parameter, which
// are the same whether the head trains alone, a middle cut, or all layers; with auxiliary heads too, where a network has them.
// A family's larger members repeat the layers of its smaller ones: their gradients are left to the longer mode of the tests.
import Execution
import Foundation
import Graphs
import Networks
import TestSupport
import Tensors
import Testing

@Suite(.serialized) struct EveryNetworkTests {
    /// Every layer that a family has, once. Networks with linear layers of a hundred million weights take minutes where nothing is optimised.
    static let representatives: Set = [
        "alexnet", "alexnet_2012", "vgg11", "vgg16_bn", "googlenet", "googlenet-auxiliary", "googlenet_2014",
        "googlenet_2014-auxiliary", "resnet18", "resnet50", "resnet50_v1", "keras_resnet50",
        "regnet_x_400mf", "regnet_y_400mf", "densenet121", "mobilenet_v2", "mobilenet_v3_small",
        "mnasnet0_5", "efficientnet_b0", "efficientnet_b2", "tf_efficientnet_b0", "efficientnet_v2_s", "efficientnet_lite0",
        "convnext_tiny", "squeezenet1_1", "shufflenet_v2_x0_5", "resnet26d", "seresnet50", "caffenet", "inception_v3",
    ]
    static let chosen = GoldenCuts.names(in: FixtureFolder.url).filter { testsAreLong || representatives.contains($0) }
    static let large = chosen.filter { $0.hasPrefix("vgg") }
    static let others = chosen.filter { !$0.hasPrefix("vgg") }

    /// Where training begins.
    enum Start: CaseIterable {
        case head, middle, everything
    }

    @Test func noNetworkIsLeftOut() {
        let names = Set(NetworkCatalog.entries.map(\.name))
        #expect(Set(GoldenNetwork.names(in: FixtureFolder.url)) == names)
        let auxiliary = NetworkCatalog.entries.filter(\.family.hasAuxiliaryHeads).map { "\($0.name)-auxiliary" }
        let cuts = Set(GoldenCuts.names(in: FixtureFolder.url))
        #expect(cuts.isSubset(of: names.union(auxiliary)))
        #expect(cuts.isSuperset(of: Self.representatives))
        for family in NetworkFamily.allCases {
            #expect(NetworkCatalog.entries.contains { $0.family == family && Self.representatives.contains($0.name) })
        }
    }

    @Test(arguments: Start.allCases, others)
    func gradientsArePyTorchs(from start: Start, _ name: String) throws { try expectGradients(from: start, name) }

    @Test(.enabled(if: isOptimized, "takes minutes where nothing is optimised"), arguments: Start.allCases, large)
    func gradientsOfLargeNetworksArePyTorchs(from start: Start, _ name: String) throws { try expectGradients(from: start, name) }

    private func expectGradients(from start: Start, _ name: String) throws {
        let golden = try GoldenCuts.load(name, from: FixtureFolder.url)
        switch start {
        case .head: #expect(try compare(golden, unfrozen: [], batchNorm: .frozen) == 2)
        case .middle:
            let trained = try compare(golden, unfrozen: golden.middle, batchNorm: .frozen)
            #expect(trained > 2 && trained < golden.gradients.count)
        case .everything: #expect(try compare(golden, unfrozen: ["*"], batchNorm: .affine) == golden.gradients.count)
        }
    }

    /// Holds every trained parameter's gradient to PyTorch's; returns how many there are.
    private func compare(_ golden: GoldenCuts, unfrozen: [String], batchNorm: NormMode) throws -> Int {
        let replica = try GoldenReplica(
            NetworkCatalog.entry(named: golden.network), classes: golden.classes, inputSize: golden.side, moved: golden.moved,
            unfrozen: unfrozen,
            batchNorm: batchNorm, capacity: golden.images, exit: .loss, auxiliary: golden.auxiliary)
        let parameters = replica.plan.graph.parameters
        let loss = replica.step(golden.makeImages(), labels: golden.labels)
        #expect(abs(loss - golden.loss) < 1e-4 * abs(golden.loss))
        let names = parameters.filter { !$0.role.isStatistic }.map(\.name)
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        try #require(names.count == golden.gradients.count)
        let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        for slot in replica.plan.layout.slots {
            let (name, gradient) = (parameters[slot.parameter].name, try #require(replica.store.gradient(of: slot.parameter)))
            let difference = golden.difference(of: gradient, name: name, index: try #require(places[name]))
            #expect(difference < golden.tolerance, "\(name)")
        }
        return replica.plan.layout.slots.count
    }
}
