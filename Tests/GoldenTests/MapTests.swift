// Activation maps are those of the `grad-cam` package, for one network of each family, whether the engine optimises or not.
import Execution
import Foundation
import Graphs
import Networks
import TestSupport
import Tensors
import Testing
import Training

@Suite(.serialized) struct MapTests {
    /// Published tolerance: a thousandth of the map's range.
    static let tolerance: Float = 1e-3

    /// How the plan is made.
    enum Planning: CaseIterable {
        case optimized, inChunks, plain
    }

    @Test func everyFamilyIsThere() throws {
        let networks = try GoldenMaps.names(in: FixtureFolder.url).map {
            try GoldenMaps.load($0, from: FixtureFolder.url).network
        }
        let families = try Set(networks.map { try NetworkCatalog.entry(named: $0).family })
        #expect(families == Set(NetworkFamily.allCases))
    }

    @Test(arguments: GoldenMaps.names(in: FixtureFolder.url), Planning.allCases)
    func mapsAreTheLibrarys(_ name: String, _ planning: Planning) throws {
        let golden = try GoldenMaps.load(name, from: FixtureFolder.url)
        let entry = try NetworkCatalog.entry(named: golden.network)
        let graph = entry.build(BuildOptions(classes: golden.classes, inputSize: golden.side))
        let node = try golden.layer.map { try graph.featureMap(ofLayer: $0, setting: "layer") } ?? graph.lastFeatureMap
        // One image more than given: a partly filled batch must not change the others.
        var request = PlanRequest(
            graph: graph, trainability: .frozen(graph), capacity: golden.images + 1, exit: .sensitivity(of: try #require(node)))
        request.optimizes = planning != .plain
        if planning == .inChunks { request.cacheBytes = 1 }
        let plan = Planner.plan(request)
        if planning == .inChunks { #expect(plan.chunks.contains { $0.images == 1 }) }
        let stored =
            golden.network == "efficientnet_lite0" ? nil : try GoldenNetwork.load(golden.network, from: FixtureFolder.url).stored
        let store = ParameterStore(graph: graph, trainability: .frozen(graph), layout: .none)
        for (parameter, values) in try GoldenWeights(for: graph, of: entry, stored: stored).values.enumerated() {
            _ = store.values(of: parameter).update(fromContentsOf: values)
        }
        let program = try Program(plan, try ProgramResources(store: store, threads: 1, arenaBytes: plan.arenaBytes))
        var input = golden.input + [Float](repeating: 0, count: golden.side * golden.side * 3)
        for expected in golden.maps {
            let explainer = Explainer(program, try #require(ActivationMapMethod(rawValue: expected.method)))
            let maps = input.withUnsafeMutableBufferPointer {
                explainer.maps(of: $0.baseAddress!, classes: expected.classes)
            }
            for (image, map) in maps.enumerated() {
                let told = golden.places.flatMap { row in golden.places.map { map.values[row * golden.side + $0] } }
                let difference = zip(told, expected.values[image]).map { abs($0 - $1) }.max() ?? .infinity
                let mean = map.values.reduce(0, +) / Float(map.values.count)
                #expect(difference < Self.tolerance, "\(expected.method), image \(image)")
                #expect(abs(mean - expected.mean[image]) < Self.tolerance, "\(expected.method), image \(image)")
            }
        }
    }
}
