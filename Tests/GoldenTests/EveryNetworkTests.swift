// Every network of the catalogue against PyTorch: fixtures of tensors and logits, and of one batch's gradients of every parameter, which
// are the same whether the head trains alone, a middle cut, or all layers; with auxiliary heads too, where a network has them.
import Execution
import Foundation
import Graphs
import Networks
import TestSupport
import Tensors
import Testing

@Suite(.serialized) struct EveryNetworkTests {
    /// Networks with linear layers of a hundred million weights take minutes where nothing is optimised.
    static let large = GoldenCuts.names(in: FixtureFolder.url).filter { $0.hasPrefix("vgg") }
    static let others = GoldenCuts.names(in: FixtureFolder.url).filter { !$0.hasPrefix("vgg") }

    /// Where training begins.
    enum Start: CaseIterable {
        case head, middle, everything
    }

    @Test func noNetworkIsLeftOut() {
        let names = Set(NetworkCatalog.entries.map(\.name))
        #expect(Set(GoldenNetwork.names(in: FixtureFolder.url)) == names)
        let auxiliary = NetworkCatalog.entries.filter(\.family.hasAuxiliaryHeads).map { "\($0.name)-auxiliary" }
        #expect(Set(GoldenCuts.names(in: FixtureFolder.url)) == names.union(auxiliary))
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
