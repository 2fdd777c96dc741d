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
    static let cuts = GoldenCuts.names(in: FixtureFolder.url).filter { name in
        #if DEBUG
            return !name.hasPrefix("vgg")
        #else
            return true
        #endif
    }

    @Test func noNetworkIsLeftOut() {
        let names = Set(NetworkCatalog.entries.map(\.name))
        #expect(Set(GoldenNetwork.names(in: FixtureFolder.url)) == names)
        let auxiliary = NetworkCatalog.entries.filter(\.family.hasAuxiliaryHeads).map { "\($0.name)-auxiliary" }
        #expect(Set(GoldenCuts.names(in: FixtureFolder.url)) == names.union(auxiliary))
    }

    @Test(arguments: cuts)
    func headAlone(_ name: String) throws {
        let golden = try GoldenCuts.load(name, from: FixtureFolder.url)
        let trained = try compare(golden, unfrozen: [], batchNorm: .frozen)
        #expect(trained == 2)
    }

    @Test(arguments: cuts)
    func fromTheMiddle(_ name: String) throws {
        let golden = try GoldenCuts.load(name, from: FixtureFolder.url)
        let trained = try compare(golden, unfrozen: golden.middle, batchNorm: .frozen)
        #expect(trained > 2 && trained < golden.gradients.count)
    }

    @Test(arguments: cuts)
    func allLayers(_ name: String) throws {
        let golden = try GoldenCuts.load(name, from: FixtureFolder.url)
        let trained = try compare(golden, unfrozen: ["*"], batchNorm: .affine)
        #expect(trained == golden.gradients.count)
    }

    /// Holds every trained parameter's gradient to PyTorch's; returns how many there are.
    private func compare(_ golden: GoldenCuts, unfrozen: [String], batchNorm: NormMode) throws -> Int {
        let replica = try GoldenReplica(
            NetworkCatalog.entry(named: golden.network), classes: golden.classes, inputSize: golden.side, unfrozen: unfrozen,
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
