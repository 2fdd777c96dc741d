// A prefix in bytes is the prefix in float32 within rounding, wherever it is cut.
@testable import Execution
import Graphs
import Kernels
import Networks
import Tensors
import TestSupport
import Testing

struct QuantizedPlanTests {
    @Test(arguments: NetworkCatalog.entries.map(\.name))
    func plansInBytesHold(_ network: String) throws {
        for extent in [Extent.head, .middle] {
            var request = try PlanCase(network: network, extent: extent, mode: .frozen).request(exit: .loss)
            request.prefixPrecision = .int8
            for (entry, exit) in [
                (PlanEntry.images, PlanExit.loss), (.images, .boundary), (.images, .logits), (.boundary, .loss),
            ] {
                (request.entry, request.exit) = (entry, exit)
                let plan = Planner.plan(request)
                #expect(MemoryWalk(plan).problems == [], "\(network), \(extent), \(entry) to \(exit)")
                // The boundary and all behind it stay float32.
                for step in plan.steps where step.region != .prefix {
                    #expect(step.reads.allSatisfy { plan.values[$0].type != .int8 }, "\(step.name)")
                }
                for value in plan.exitValues + plan.entryValues { #expect(plan.values[value].type == .float32) }
            }
        }
    }

    /// All convolutions of the classics; EfficientNet's SiLU and gates are not bytes' business.
    @Test func bytesGoWhereTheyPay() throws {
        func share(_ network: String) throws -> Double {
            var request = try PlanCase(network: network, extent: .head, mode: .frozen).request(exit: .boundary)
            request.prefixPrecision = .int8
            return Planner.plan(request).shareOfByteProducts
        }
        for network in ["resnet50", "resnet18", "googlenet"] { #expect(try share(network) == 1, "\(network)") }
        #expect(try share("vgg16") > 0.95 && share("alexnet") > 0.8 && share("efficientnet_lite0") > 0.8)
        #expect(try share("efficientnet_b0") < 0.5)
    }

    @Test func partsOfAConcatenationShareAStep() throws {
        var request = try PlanCase(network: "googlenet", extent: .head, mode: .frozen).request(exit: .boundary)
        request.prefixPrecision = .int8
        let names = Planner.plan(request).values.map(\.name)
        request.ranges = QuantizationRanges(
            limits: Dictionary(names.enumerated().map { ($0.element, Float($0.offset + 1)) }) { first, _ in first })
        let plan = Planner.plan(request)
        var found = 0
        for step in plan.steps where step.operation == .concatenate {
            found += 1
            let whole = step.writes[0]
            for part in step.reads {
                #expect(
                    plan.values[part].quantizationStep == plan.values[whole].quantizationStep && plan.values[part].type == .uint8)
            }
        }
        #expect(found == 9)
    }

    static let cases: [BoundaryTests.Case] = [
        .init(network: "resnet50"), .init(network: "resnet18", unfrozen: ["layer4"]),
        .init(network: "resnet18", unfrozen: ["layer3.1.conv2"]), .init(network: "resnet50", unfrozen: ["layer4.0.downsample"]),
        .init(network: "googlenet"), .init(network: "googlenet_2014"), .init(network: "alexnet", side: 96),
        .init(network: "vgg11"),
        .init(network: "efficientnet_lite0"), .init(network: "efficientnet_b0"),
    ]

    @Test(.enabled(if: processorMultipliesBytes, Comment(rawValue: needsBytes)), arguments: cases)
    func boundaryIsThatOfFloat32WithinRounding(_ example: BoundaryTests.Case) throws {
        let bench = try QuantizedBench(example)
        let ranges = try bench.calibrator(threads: 1).ranges()
        var comparison = try bench.calibrator(threads: 1).comparison(ranges)
        let squares = comparison.add(bench.images.base.assumingMemoryBound(to: Float.self), count: QuantizedBench.count)
        let error = (squares.difference / squares.length).squareRoot()
        // GoogLeNet starts with branches of very different magnitudes, which a concatenation puts under one step.
        let bound = example.network == "googlenet" ? 0.3 : 0.12
        #expect(error > 0 && error < bound, "\(error)")
    }

    /// The measure does not depend on threads, on the order of images, or on how they are shared out to passes.
    @Test func rangesDependOnTheImagesAlone() throws {
        let bench = try QuantizedBench(.init(network: "resnet18"))
        let whole = try bench.calibrator(threads: 1).ranges()
        #expect(try bench.calibrator(threads: 2).ranges() == whole)
        let calibrator = try PrefixCalibrator(bench.request, bench.store, threads: 1)
        let start = bench.images.base.assumingMemoryBound(to: Float.self)
        let size = bench.request.graph.inputShape.count
        for image in (0..<QuantizedBench.count).reversed() {
            bench.single.base.copyMemory(from: start + image * size, byteCount: size * 4)
            calibrator.observe(bench.single.base.assumingMemoryBound(to: Float.self), count: 1)
        }
        #expect(calibrator.ranges() == whole && whole.digest == calibrator.ranges().digest)
    }

    /// Ranks count some of the images each, and add their counts.
    @Test func sharedCountsAreThoseOfOne() throws {
        let bench = try QuantizedBench(.init(network: "resnet18"))
        let whole = try bench.calibrator(threads: 1).ranges()
        let start = bench.images.base.assumingMemoryBound(to: Float.self)
        let size = bench.request.graph.inputShape.count
        // The third has seen nothing.
        let calibrators = try (0..<3).map { _ in try PrefixCalibrator(bench.request, bench.store, threads: 1) }
        for image in 0..<QuantizedBench.count {
            bench.single.base.copyMemory(from: start + image * size, byteCount: size * 4)
            calibrators[image % 2].observe(bench.single.base.assumingMemoryBound(to: Float.self), count: 1)
        }
        let largest = calibrators.reduce(into: [:]) { $0.merge($1.largest, uniquingKeysWith: max) }
        let counts = calibrators.map { $0.counts(reaching: largest) }
        let sums = counts[0].indices.map { index in counts.reduce(0) { $0 + $1[index] } }
        for calibrator in calibrators {
            calibrator.take(sums)
            #expect(calibrator.ranges() == whole)
        }
    }

    @Test func otherRangesAreAnotherPrefix() throws {
        let bench = try QuantizedBench(.init(network: "resnet18"))
        var (request, ranges) = (bench.request, try bench.calibrator(threads: 1).ranges())
        (request.prefixPrecision, request.ranges) = (.int8, ranges)
        let digest = Planner.plan(request).prefixDigest(of: bench.store)
        #expect(Planner.plan(request).prefixDigest(of: bench.store) == digest)
        let name = try #require(ranges.limits.keys.min())
        ranges.limits[name]? *= 1.5
        request.ranges = ranges
        #expect(Planner.plan(request).prefixDigest(of: bench.store) != digest)
        request.prefixPrecision = .float32
        #expect(Planner.plan(request).prefixDigest(of: bench.store) != digest)
    }
}

struct MagnitudeHistogramTests {
    @Test func countsDoNotDependOnTheOrder() {
        var random = CounterRandom(seed: 1, purpose: .synthetic)
        let numbers = (0..<3000).map { _ in random.normal() * 3 }
        func histogram(_ parts: [[Float]]) -> MagnitudeHistogram {
            var histogram = MagnitudeHistogram()
            for part in parts { histogram.add(part, count: part.count, stride: 1) }
            return histogram
        }
        let (one, other) = (histogram([numbers]), histogram([numbers.suffix(1000), numbers.prefix(2000)].map(Array.init)))
        #expect(one.counts == other.counts && one.limit == other.limit && one.largest == other.largest)
        #expect(one.counts.reduce(0, +) == 3000 && one.bestLimit(levels: 255) == other.bestLimit(levels: 255))
    }

    /// One stray number among many costs less clipped than all others' precision would.
    @Test func strayNumbersAreClipped() {
        var histogram = MagnitudeHistogram()
        let numbers = (0..<100_000).map { Float($0 % 1000) / 1000 } + [4]
        histogram.add(numbers, count: numbers.count, stride: 1)
        #expect(histogram.largest == 4 && histogram.bestLimit(levels: 127) < 3)
        var even = MagnitudeHistogram()
        even.add(numbers, count: 100_000, stride: 1)
        #expect(even.bestLimit(levels: 127) > 0.95)
        #expect(MagnitudeHistogram().bestLimit(levels: 255) == 0)
    }
}

/// A network with weights and images to measure it on.
private final class QuantizedBench {
    static let count = 5
    let store: ParameterStore
    let request: PlanRequest
    let images, single: AlignedBuffer

    init(_ example: BoundaryTests.Case) throws {
        let graph = try NetworkCatalog.entry(named: example.network).build(BuildOptions(classes: 5, inputSize: example.side))
        let trainability = try FreezePolicy(unfrozen: example.unfrozen, batchNorm: .frozen).resolve(graph)
        request = PlanRequest(graph: graph, trainability: trainability, capacity: 2, exit: .boundary)
        store = ParameterStore(graph: graph, trainability: trainability, layout: .none)
        for parameter in graph.parameters.indices { store.initialize(parameter, seed: 5) }
        images = AlignedBuffer(floatCount: PrefixCalibrator.capacity * graph.inputShape.count)
        single = AlignedBuffer(floatCount: PrefixCalibrator.capacity * graph.inputShape.count)
        var random = CounterRandom(seed: 3, purpose: .synthetic)
        for index in 0..<Self.count * graph.inputShape.count { images.floats[index] = random.uniform(-2, 2) }
    }

    /// After all images.
    func calibrator(threads: Int) throws -> PrefixCalibrator {
        let calibrator = try PrefixCalibrator(request, store, threads: threads)
        calibrator.observe(images.base.assumingMemoryBound(to: Float.self), count: Self.count)
        return calibrator
    }
}
