// What backward computes again is what forward had, bit for bit, in less memory.
import Execution
import Graphs
import Networks
import Tensors
import Testing

struct ComputeAgainTests {
    static let cases = [
        BoundaryTests.Case(network: "resnet18", unfrozen: ["*"], norm: .local),
        BoundaryTests.Case(network: "resnet50", unfrozen: ["*"], norm: .affine),
        BoundaryTests.Case(network: "resnet50", unfrozen: ["layer3", "layer4"], norm: .frozen),
        BoundaryTests.Case(network: "efficientnet_b0", unfrozen: ["*"], norm: .local),
        BoundaryTests.Case(network: "efficientnet_lite0", unfrozen: ["*"], norm: .synchronized),
        BoundaryTests.Case(network: "googlenet", unfrozen: ["*"], norm: .local),
        BoundaryTests.Case(network: "googlenet", unfrozen: ["inception5b.branch2"]),
        BoundaryTests.Case(network: "vgg11", unfrozen: ["*"]),
        BoundaryTests.Case(network: "alexnet", unfrozen: ["*"], side: 96),
        BoundaryTests.Case(network: "alexnet_2012", unfrozen: ["*"], side: 96),
    ]

    @Test(arguments: cases) func gradientsAreTheSame(_ example: BoundaryTests.Case) throws {
        let kept = try Bench(example)
        let first = kept.trainingPass(entries: [kept.images.base], kept.whole)
        for again in [ComputeAgain.everything, .parts(3), .within(arenaBytes: kept.whole.plan.arenaBytes * 3 / 4)] {
            let repeated = try Bench(example, again: again)
            let second = repeated.trainingPass(entries: [repeated.images.base], repeated.whole)
            #expect(first.loss == second.loss && first.gradients == second.gradients, "\(again)")
            #expect(repeated.whole.plan.arenaBytes <= kept.whole.plan.arenaBytes)
            let statistics = (Array(kept.store.statistics), Array(repeated.store.statistics))
            #expect(statistics.0 == statistics.1, "running statistics are counted once")
        }
    }

    static let networks = [
        "alexnet", "alexnet_2012", "vgg16_bn", "googlenet", "googlenet_2014", "resnet18", "resnet50", "efficientnet_b0",
        "efficientnet_lite4",
    ]

    @Test(arguments: networks) func plansHold(_ network: String) throws {
        for example in try PlanCase.all(of: network, modes: [.local, .synchronized]) {
            var request = try example.request(exit: .loss)
            let kept = Planner.plan(request)
            for again in [ComputeAgain.everything, .parts(2), .within(arenaBytes: kept.arenaBytes / 2)] {
                request.again = again
                let plan = Planner.plan(request)
                #expect(MemoryWalk(plan).problems == [], "\(example), \(again)")
                #expect(plan.layout == kept.layout && plan.arenaBytes <= kept.arenaBytes, "\(example), \(again)")
                let others = plan.steps.filter { $0.phase != .again }
                #expect(others.map(\.name) == kept.steps.map(\.name) && others.map(\.writes) == kept.steps.map(\.writes))
            }
        }
    }

    /// Where everything trains, what is kept is a part of what was.
    @Test(arguments: ["efficientnet_b0", "efficientnet_b4", "resnet50", "vgg16"]) func memoryFalls(_ network: String) throws {
        var request = try PlanCase(network: network, extent: .all, mode: .local).request(exit: .loss)
        request.capacity = 16
        let kept = Planner.plan(request).arenaBytes
        request.again = .everything
        let plan = Planner.plan(request)
        #expect(Double(plan.arenaBytes) <= (network == "vgg16" ? 0.75 : 0.4) * Double(kept), "\(plan.arenaBytes) of \(kept)")
        let work = plan.steps.reduce(into: [PlanStep.Phase: Int]()) { $0[$1.phase, default: 0] += $1.multiplyAccumulates }
        #expect((work[.again] ?? 0) <= (work[.forward] ?? 0))
    }
}
