// Frozen steps that go over a few images at a time compute what they would over all at once, in less memory.
import Execution
import Graphs
import Networks
import Tensors
import Testing

struct ChunkTests {
    /// Room for some images of late layers, for two of middle ones, for one of early ones.
    static let cacheBytes = 400_000

    @Test(arguments: PlanInvariantTests.networks)
    func plansInChunksHold(_ network: String) throws {
        for example in try PlanCase.all(of: network, modes: [.local]) {
            for exit in [PlanExit.loss, .logits, .boundary] where exit != .boundary || example.extent != .all {
                var request = try example.request(exit: exit)
                (request.capacity, request.cacheBytes) = (7, 3_000_000)
                let plan = Planner.plan(request)
                #expect(MemoryWalk(plan).problems == [], "\(example) to \(exit)")
                #expect(plan.chunks.flatMap { Array($0.steps) } == Array(plan.steps.indices), "\(example) to \(exit)")
                for chunk in plan.chunks where chunk.images < 7 {
                    let canBe = plan.steps[chunk.steps].allSatisfy { exit != .loss || $0.region == .prefix }
                    #expect(canBe, "\(example): only frozen steps leave images for later")
                }
            }
        }
    }

    @Test(arguments: BoundaryTests.cases)
    func aPassInChunksIsTheSamePass(_ example: BoundaryTests.Case) throws {
        let (whole, chunked) = (try Bench(example), try Bench(example, cacheBytes: Self.cacheBytes))
        #expect(chunked.whole.plan.chunks.contains { $0.images < Bench.capacity })
        #expect(chunked.inference.plan.arenaBytes <= whole.inference.plan.arenaBytes)
        let first = whole.trainingPass(entries: [whole.images.base], whole.whole)
        let second = chunked.trainingPass(entries: [chunked.images.base], chunked.whole)
        #expect(abs(first.loss - second.loss) <= 1e-6 * first.loss)
        #expect(distance(first.gradients, second.gradients) < 1e-5)
        #expect(
            distance(
                whole.scores(entries: [whole.images.base], whole.inference),
                chunked.scores(entries: [chunked.images.base], chunked.inference)) < 1e-5)
        // And cut at the boundary it is itself, bit for bit.
        let features = chunked.features()
        let cut = withExtendedLifetime(features) {
            chunked.trainingPass(entries: features.map(\.base), chunked.suffix)
        }
        #expect(second.loss == cut.loss && second.gradients == cut.gradients)
    }

    /// Chunks stop where the images do, and nothing of an earlier batch is left in their place.
    @Test(arguments: BoundaryTests.cases)
    func aPartialPassSeesNothingOfTheOneBefore(_ example: BoundaryTests.Case) throws {
        let (fresh, used) = (try Bench(example, cacheBytes: Self.cacheBytes), try Bench(example, cacheBytes: Self.cacheBytes))
        let kept = Array(used.images.floats)
        used.images.floats.update(repeating: .nan)
        _ = used.trainingPass(entries: [used.images.base], used.whole)
        for bench in [fresh, used] {
            for index in kept.indices { bench.images.floats[index] = index < kept.count / Bench.capacity ? kept[index] : 0 }
        }
        let first = fresh.trainingPass(entries: [fresh.images.base], fresh.whole, count: 1)
        let second = used.trainingPass(entries: [used.images.base], used.whole, count: 1)
        #expect(first.loss.isFinite && first.loss == second.loss && first.gradients == second.gradients)
    }

    /// Two of three images at a time: the second run starts at the second image again.
    @Test func chunksNeedNotDivideTheCapacity() throws {
        let bench = try Bench(.init(network: "resnet18"), cacheBytes: 700_000)
        #expect(bench.prefix.plan.chunks.contains { $0.images == 2 })
    }

    @Test func chunksGrowAlongTheNetwork() throws {
        var request = try PlanCase(network: "resnet50", extent: .head, mode: .frozen).request(exit: .loss)
        (request.capacity, request.cacheBytes) = (16, 8 << 20)
        let images = Planner.plan(request).chunks.map(\.images)
        #expect(images.first == 1 && images.last == 16 && images == images.sorted())
        request.cacheBytes = nil
        #expect(Planner.plan(request).chunks.map(\.images) == [16])
    }
}

/// ‖first − second‖ / ‖second‖.
func distance(_ first: [Float], _ second: [Float]) -> Float {
    let (difference, length) = zip(first, second).reduce((Float(0), Float(1e-30))) {
        ($0.0 + ($1.0 - $1.1) * ($1.0 - $1.1), $0.1 + $1.0 * $1.0)
    }
    return (difference / length).squareRoot()
}
