// What holds for every plan of every network, however it is trained.
import Execution
import Graphs
import Networks
import PlanReports
import Tensors
import Testing

struct PlanInvariantTests {
    static let networks = NetworkCatalog.entries.map(\.name)
    /// One of each kind of layer and of structure; the others only have more of them.
    static let various = [
        "alexnet", "vgg11_bn", "googlenet", "googlenet_2014", "resnet18", "resnet50", "keras_resnet50", "efficientnet_b0",
        "tf_efficientnet_b0", "efficientnet_lite0",
    ]

    @Test(arguments: networks)
    func trainingPlansHold(_ network: String) throws {
        for example in try PlanCase.all(
            of: network, modes: Self.various.contains(network) ? NormMode.allCases : [.frozen, .local])
        {
            let plan = Planner.plan(try example.request(exit: .loss))
            #expect(MemoryWalk(plan).problems == [], "\(example)")
            checkLayout(plan, example)
            if example.extent == .head { checkHead(plan, example) }
        }
    }

    @Test(arguments: networks)
    func evaluationIsDeterministicAndForwardOnly(_ network: String) throws {
        for example in try PlanCase.all(of: network, modes: [.frozen]) {
            let plan = Planner.plan(try example.request(exit: .logits))
            #expect(MemoryWalk(plan).problems == [], "\(example)")
            #expect(plan.steps.allSatisfy { $0.phase == .forward && !isDropout($0) }, "\(example)")
            #expect(plan.layout == .none && plan.exitValues.count == 1, "\(example)")
        }
    }

    @Test(arguments: various)
    func plansHoldWhereNothingIsFused(_ network: String) throws {
        for example in try PlanCase.all(of: network, modes: [.frozen, .local]) {
            var request = try example.request(exit: .loss)
            request.optimizes = false
            let plan = Planner.plan(request)
            #expect(MemoryWalk(plan).problems == [], "\(example)")
            checkLayout(plan, example)
        }
    }

    @Test(arguments: various)
    func plansInBFloat16Hold(_ network: String) throws {
        for example in try PlanCase.all(of: network, modes: [.frozen, .local]) {
            var request = try example.request(exit: .loss)
            (request.prefixPrecision, request.suffixPrecision) = (.bfloat16, .bfloat16)
            #expect(MemoryWalk(Planner.plan(request)).problems == [], "\(example)")
        }
    }

    @Test(arguments: various)
    func theBoundaryCutsAPlanInTwo(_ network: String) throws {
        for example in try PlanCase.all(of: network, modes: NormMode.allCases) {
            let whole = Planner.plan(try example.request(exit: .loss))
            let prefix = Planner.plan(try example.request(exit: .boundary))
            let rest = Planner.plan(try example.request(entry: .boundary, exit: .loss))
            #expect(lines(prefix.steps) == lines(whole.steps.filter { $0.region == .prefix }), "\(example)")
            #expect(lines(rest.steps) == lines(whole.steps.filter { $0.region != .prefix }), "\(example)")
            #expect(rest.layout == whole.layout, "\(example)")
            let evaluation = Planner.plan(try example.request(entry: .boundary, exit: .logits))
            for plan in [prefix, rest, evaluation] { #expect(MemoryWalk(plan).problems == [], "\(example) to \(plan.exit)") }
            let shapes = prefix.exitValues.map { prefix.values[$0].shape }
            #expect(rest.entryValues.map { rest.values[$0].shape } == shapes, "\(example)")
            #expect(evaluation.entryValues.map { evaluation.values[$0].shape } == shapes, "\(example)")
        }
    }

    @Test(arguments: ["resnet50", "googlenet", "efficientnet_b0"])
    func theSameRequestGivesTheSamePlan(_ network: String) throws {
        let example = PlanCase(network: network, extent: .all, mode: .local)
        let (first, second) = (Planner.plan(try example.request(exit: .loss)), Planner.plan(try example.request(exit: .loss)))
        #expect(first.layout == second.layout && first.steps == second.steps)
        #expect(first.values.map(\.place) == second.values.map(\.place))
    }

    /// Every trained parameter has one slot; slots follow one another on cache lines, and count as complete once their step has run.
    private func checkLayout(_ plan: Plan, _ example: PlanCase) {
        let trained = plan.trainability.isTrained.indices.filter { plan.trainability.isTrained[$0] }
        #expect(plan.layout.slots.map(\.parameter).sorted() == trained, "\(example)")
        var writers: [Int: Int] = [:]
        for (index, step) in plan.steps.enumerated() {
            for parameter in step.completes { writers[parameter] = index }
        }
        var end = 0
        for slot in plan.layout.slots {
            let isPlaced =
                slot.range.lowerBound == end && end % 16 == 0
                && slot.range.count == plan.graph.parameters[slot.parameter].shape.count
            #expect(isPlaced, "\(example)")
            end = (slot.range.upperBound + 15) / 16 * 16
            let completed = plan.completedGradients.firstIndex { $0 >= slot.range.upperBound }
            #expect(completed != nil && completed == writers[slot.parameter], "\(example)")
        }
        #expect(plan.layout.count == end && plan.completedGradients.last == end, "\(example)")
        let isAscending = zip(plan.completedGradients, plan.completedGradients.dropFirst()).allSatisfy { $0 <= $1 }
        #expect(isAscending && plan.completedGradients.count == plan.steps.count, "\(example)")
    }

    /// Nothing goes backward beyond the head, and its input needs no gradient.
    private func checkHead(_ plan: Plan, _ example: PlanCase) {
        let backward = plan.steps.filter { $0.phase == .backward }
        let ofHead = backward.filter { LayerPattern.ancestors(of: $0.name).contains(plan.graph.head) }
        func isOfInput(_ step: PlanStep) -> Bool { if case .convolutionInputGradient = step.operation { true } else { false } }
        #expect(!ofHead.isEmpty && !backward.contains(where: isOfInput), "\(example)")
        // SqueezeNet's scores are averages of what its head gives.
        let behind = Set(plan.graph.nodes.drop { $0.name != plan.graph.head }.map(\.name))
        for step in backward where !ofHead.contains(where: { $0.name == step.name }) {
            #expect(behind.contains { step.name.hasPrefix($0) }, "\(step.name)")
        }
    }

    private func isDropout(_ step: PlanStep) -> Bool { if case .dropout = step.operation { true } else { false } }

    private func lines(_ steps: [PlanStep]) -> [String] { steps.map { "\($0.phase) \($0.name): \($0.words)" } }
}
