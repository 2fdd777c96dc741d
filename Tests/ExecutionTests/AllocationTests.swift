// A step asks for no memory of its own once everything has run.
import AllocationCounter
import Execution
import Graphs
import Networks
import Tensors
import Testing

struct AllocationTests {
    static let cases: [BoundaryTests.Case] = [
        .init(network: "resnet18"), .init(network: "resnet18", unfrozen: ["layer3.1.conv2"]),
        .init(network: "resnet50", unfrozen: ["layer4"]), .init(network: "resnet18", unfrozen: ["*"]),
        .init(network: "resnet18", unfrozen: ["*"], norm: .synchronized),
        .init(network: "resnet18", unfrozen: ["*"], norm: .local),
        .init(network: "efficientnet_b0", unfrozen: ["*"], norm: .affine), .init(network: "efficientnet_b0", unfrozen: ["*"]),
        .init(network: "googlenet", unfrozen: ["*"], norm: .local), .init(network: "googlenet_2014", unfrozen: ["*"]),
        .init(network: "alexnet", unfrozen: ["*"], side: 96),
    ]

    @Test(arguments: cases) func aTrainingStepAllocatesNothing(_ example: BoundaryTests.Case) throws {
        let bench = try Bench(example, cacheBytes: ChunkTests.cacheBytes)
        #expect(allocations(of: bench.whole, entries: [bench.images.base], bench) == "")
        guard bench.prefix.plan.hasPrefix else { return }
        let features = bench.features()
        withExtendedLifetime(features) {
            #expect(allocations(of: bench.suffix, entries: features.map(\.base), bench) == "")
        }
    }

    @Test(arguments: cases) func evaluationAllocatesNothing(_ example: BoundaryTests.Case) throws {
        let bench = try Bench(example, cacheBytes: ChunkTests.cacheBytes)
        let input = PassInput(entries: [bench.images.base], count: Bench.capacity)
        withExtendedLifetime(bench) {
            bench.inference.forward(input)
            #expect(counted { bench.inference.forward(input) } == "")
        }
    }

    /// The counter itself: it sees arrays and classes, and not what needs no memory.
    @Test func allocationsAreSeen() {
        #expect(counted { _ = Array(repeating: 1, count: Int.random(in: 100...200)) } != "")
        #expect(counted { _ = AlignedBuffer(floatCount: 1) } != "")
        #expect(counted { _ = Int.random(in: 0...1) } == "")
    }

    /// Where a third training step allocates, the weights having changed since the second; empty if nowhere.
    private func allocations(of program: Program, entries: [UnsafeMutableRawPointer], _ bench: Bench) -> String {
        let (labels, samples): ([Int32], [Int]) = ([1, 0, 2], [4, 0, 9])
        var input = PassInput(entries: entries, count: Bench.capacity)
        input.imageWeight = 1 / 3
        let sums = OwnSums()
        input.imageSums = sums
        return labels.withUnsafeBufferPointer { labels in
            samples.withUnsafeBufferPointer { samples in
                (input.labels, input.sampleIndices) = (labels.baseAddress, samples.baseAddress)
                for _ in 0..<2 { _ = program.trainPass(input) { _ in } }
                bench.store.touch()
                return withExtendedLifetime((bench, sums)) { counted { _ = program.trainPass(input) { _ in } } }
            }
        }
    }

    /// Sums with nobody.
    private final class OwnSums: ImageSums {
        func add(_ sums: UnsafeMutableBufferPointer<Double>) {}
        func total(_ sums: UnsafeMutableBufferPointer<Double>) { for index in sums.indices { sums[index] *= 1 } }
    }

    /// Where `body` allocates first; empty if nowhere.
    private func counted(_ body: () -> Void) -> String {
        allocation_counter_start()
        body()
        return String(cString: allocation_counter_stop())
    }
}
