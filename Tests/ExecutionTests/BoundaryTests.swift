// A training pass cut in two at the boundary is the same pass, bit for bit: what the feature cache rests on.
import Execution
import Foundation
import Graphs
import Kernels
import Networks
import Tensors
import Testing

struct BoundaryTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let network: String
        var unfrozen: [String] = []
        var norm = NormMode.frozen
        var side = 64
        var testDescription: String { "\(network) \(unfrozen) \(norm.rawValue)" }
    }

    /// Boundaries of one pixel, of a map, within a residual block, in one branch of several, before random layers.
    static let cases = [
        Case(network: "resnet50"),
        Case(network: "resnet18", unfrozen: ["layer4"]),
        Case(network: "resnet18", unfrozen: ["layer4"], norm: .local),
        Case(network: "resnet18", unfrozen: ["layer3.1.conv2"]),
        Case(network: "resnet50", unfrozen: ["layer4.0.downsample"]),
        Case(network: "efficientnet_lite0"),
        Case(network: "efficientnet_b0", unfrozen: ["features.7"], norm: .affine),
        Case(network: "googlenet"),
        Case(network: "googlenet", unfrozen: ["inception5b.branch2"]),
        Case(network: "alexnet", side: 96),
        Case(network: "vgg11"),
    ]

    @Test(arguments: cases)
    func aPassCutAtTheBoundaryIsTheSamePass(_ example: Case) throws {
        let bench = try Bench(example)
        let whole = bench.trainingPass(entries: [bench.images.base], bench.whole)
        let features = bench.features()
        let cut = bench.trainingPass(entries: features.map(\.base), bench.suffix)
        #expect(whole.loss == cut.loss && whole.loss.isFinite && whole.loss > 0)
        #expect(whole.gradients == cut.gradients && whole.gradients.contains { $0 != 0 })
        #expect(
            bench.scores(entries: [bench.images.base], bench.inference)
                == bench.scores(entries: features.map(\.base), bench.head))
    }

    /// The cache is filled in other batches than training runs in: an image's features must not depend on its company.
    @Test(arguments: ["resnet50", "efficientnet_lite0", "googlenet"])
    func featuresDependOnTheirImageOnly(_ network: String) throws {
        let bench = try Bench(Case(network: network))
        let together = bench.features()
        let plan = Planner.plan(
            PlanRequest(
                graph: bench.whole.plan.graph, trainability: bench.whole.plan.trainability, capacity: 1, exit: .boundary))
        let single = try Program(
            plan, try ProgramResources(store: bench.store, threads: 1, arenaBytes: plan.arenaBytes))
        for image in 0..<Bench.capacity {
            let start = bench.images.base + image * bench.images.byteCount / Bench.capacity
            single.forward(PassInput(entries: [start], count: 1))
            for (index, value) in together.enumerated() {
                let count = value.byteCount / Bench.capacity
                #expect(memcmp(value.base + image * count, single.exitValue(index), count) == 0, "image \(image)")
            }
        }
    }
}

/// One network with the programs of all ways through it.
final class Bench {
    static let capacity = 3

    let store: ParameterStore
    let images: AlignedBuffer
    let whole, prefix, suffix, inference, head: Program
    private let labels: [Int32] = [1, 0, 2]
    private let samples = [4, 0, 9]

    /// `cacheBytes` and `again` as in a request.
    init(
        _ example: BoundaryTests.Case, cacheBytes: Int? = nil, threads: Int = 1, again: ComputeAgain = .nothing
    ) throws {
        let graph = try NetworkCatalog.entry(named: example.network).build(
            BuildOptions(classes: 5, inputSize: example.side))
        let trainability = try FreezePolicy(unfrozen: example.unfrozen, batchNorm: example.norm).resolve(graph)
        let ways: [(PlanEntry, PlanExit)] = [
            (.images, .loss), (.images, .boundary), (.boundary, .loss), (.images, .logits), (.boundary, .logits),
        ]
        let plans = ways.map { entry, exit in
            var request = PlanRequest(
                graph: graph, trainability: trainability, capacity: Self.capacity, entry: entry, exit: exit)
            request.cacheBytes = cacheBytes
            request.again = again
            return Planner.plan(request)
        }
        store = ParameterStore(graph: graph, trainability: trainability, layout: plans[0].layout)
        for parameter in graph.parameters.indices { Self.fill(parameter, of: store) }
        let resources = try ProgramResources(store: store, threads: threads, arenaBytes: plans.map(\.arenaBytes).max() ?? 0)
        let programs = try plans.map { try Program($0, resources) }
        (whole, prefix, suffix, inference, head) = (programs[0], programs[1], programs[2], programs[3], programs[4])
        images = AlignedBuffer(floatCount: Self.capacity * graph.inputShape.count)
        var random = CounterRandom(seed: 3, purpose: .synthetic)
        for index in images.floats.indices { images.floats[index] = random.uniform(-2, 2) }
    }

    /// The boundary's values, copied as the cache keeps them, in the order in which the suffix takes them.
    func features() -> [AlignedBuffer] {
        prefix.forward(PassInput(entries: [images.base], count: Self.capacity))
        return suffix.plan.entryValues.enumerated().map { index, value in
            #expect(prefix.plan.values[prefix.plan.exitValues[index]].name == suffix.plan.values[value].name)
            let copy = AlignedBuffer(byteCount: suffix.plan.values[value].byteCount)
            copy.base.copyMemory(from: prefix.exitValue(index), byteCount: copy.byteCount)
            return copy
        }
    }

    func trainingPass(
        entries: [UnsafeMutableRawPointer], _ program: Program, count: Int = Bench.capacity
    ) -> (loss: Double, gradients: [Float]) {
        store.gradients.update(repeating: .nan)
        var input = PassInput(entries: entries, count: count)
        input.imageWeight = 1 / 3
        (input.seed, input.epoch) = (7, 2)
        let sums = labels.withUnsafeBufferPointer { labels in
            samples.withUnsafeBufferPointer { samples in
                (input.labels, input.sampleIndices) = (labels.baseAddress, samples.baseAddress)
                return program.trainPass(input) { _ in }
            }
        }
        return (sums.lossSum, store.layout.slots.flatMap { Array(store.gradients[$0.range]) })
    }

    func scores(entries: [UnsafeMutableRawPointer], _ program: Program) -> [Float] {
        program.forward(PassInput(entries: entries, count: Self.capacity))
        return Array(UnsafeBufferPointer(start: program.exitValue(0), count: Self.capacity * 5))
    }

    /// As the network starts; large tensors repeat a short piece, which takes no time even in an unoptimised build.
    private static func fill(_ parameter: Int, of store: ParameterStore) {
        let spec = store.graph.parameters[parameter]
        let values = store.values(of: parameter)
        let piece = 4099
        guard values.count > 16 * piece, spec.role.isDecayed, let base = values.baseAddress else {
            return store.initialize(parameter, seed: 5)
        }
        let bound = (6 / Float(values.count / spec.shape[0])).squareRoot()
        var random = CounterRandom(seed: 5, index: parameter, purpose: .initialization)
        for index in 0..<piece { values[index] = random.uniform(-bound, bound) }
        var filled = piece
        while filled < values.count {
            let count = min(filled, values.count - filled)
            (base + filled).update(from: base, count: count)
            filled += count
        }
    }
}
