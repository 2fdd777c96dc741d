// An update asks for no memory: passes, sums, clipping and the optimizer, from images and from cached features.
import AllocationCounter
import Collectives
import Execution
import Graphs
import ImageData
import Optimization
import Tensors
import Testing

@testable import Training

@Suite struct AllocationTests {
    struct Example: Sendable {
        var batchNorm = NormMode.frozen
        var entry = PlanEntry.images
        var accumulation = 1
        var unfrozen = ["block"]
        var kind = OptimizerKind.sgd(momentum: 0.9, nesterov: true)
    }

    @Test(arguments: [
        Example(), Example(unfrozen: []), Example(unfrozen: ["*"]), Example(batchNorm: .synchronized), Example(batchNorm: .local),
        Example(entry: .boundary), Example(entry: .boundary, unfrozen: []), Example(accumulation: 2),
        Example(kind: .adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)),
    ]) func anUpdateAllocatesNothing(_ example: Example) throws {
        let updater = try updater(example)
        let plan = EpochPlan(sampleCount: 12, batchSize: 3, accumulation: example.accumulation)
        func update(_ number: Int) throws {
            _ = try updater.make(plan.updates[0], number: number, epoch: 0, learningRate: 0.001, isSaveDue: false)
        }
        for number in 1...3 { try update(number) }
        allocation_counter_start()
        try update(4)
        #expect(String(cString: allocation_counter_stop()) == "")
    }

    private func updater(_ example: Example) throws -> Updater {
        let graph = ProgramReplicaTests.network()
        let trainability = try FreezePolicy(unfrozen: example.unfrozen, batchNorm: example.batchNorm).resolve(graph)
        func plan(_ exit: PlanExit) -> Plan {
            Planner.plan(PlanRequest(graph: graph, trainability: trainability, capacity: 3, entry: example.entry, exit: exit))
        }
        let plans = [plan(.loss), plan(.logits)]
        let store = ParameterStore(graph: graph, trainability: trainability, layout: plans[0].layout)
        for index in graph.parameters.indices { store.initialize(index, seed: 7) }
        let resources = try ProgramResources(store: store, threads: 1, arenaBytes: max(plans[0].arenaBytes, plans[1].arenaBytes))
        let communicator = SingleProcess()
        let replica = ProgramReplica(
            store: store, training: try Program(plans[0], resources), inference: try Program(plans[1], resources),
            communicator: communicator)
        let count = replica.trained.count
        return Updater(
            Trainer.Parts(
                settings: TrainingSettings(
                    epochs: 1, batchSize: 3, accumulation: example.accumulation, stepLimit: nil, labelSmoothing: 0.1, clipNorm: 1,
                    seed: 4, shuffle: true, evaluationEpochs: 1, checkpointEpochs: 0, checkpointSteps: nil, unreadableLimit: 0,
                    overlap: true),
                identity: RunIdentity(
                    name: "small", architecture: "small", classes: ["a", "b", "c"], preprocessing: .imageNet(), configDigest: "",
                    filesDigest: ""),
                communicator: communicator,
                samples: SampleList(split: "train", classes: ["a", "b", "c"], paths: ["a", "b", "c"], labels: [0, 1, 2])),
            Stage(
                replica: replica, source: SameBatch(plans[0]),
                optimizer: Optimizer(
                    kind: example.kind,
                    groups: try ParameterGroups(weightDecay: 0.01).resolve(
                        parameters: replica.parameters, of: "small", slots: replica.slots, count: count),
                    count: count),
                schedule: LearningRateSchedule(baseRate: 0.01, shape: .constant), bucketBytes: 1024))
    }
}

/// Gives one batch again and again.
private final class SameBatch: BatchSource {
    private let batch: Batch
    private let values: [AlignedBuffer]
    private let keys = AlignedBuffer(byteCount: 64)

    init(_ plan: Plan) {
        values = plan.entryValues.map { AlignedBuffer(byteCount: plan.values[$0].byteCount) }
        var random = CounterRandom(seed: 3, purpose: .synthetic)
        for value in values { for index in value.floats.indices { value.floats[index] = random.uniform(-1, 1) } }
        let labels = UnsafePointer(keys.base.assumingMemoryBound(to: Int32.self))
        let samples = UnsafePointer(keys.base.assumingMemoryBound(to: Int.self))
        batch =
            plan.entry == .boundary
            ? Batch(features: values.map(\.base), labels: labels, samples: samples, count: 3)
            : Batch(images: UnsafePointer(values[0].floatBase), labels: labels, samples: samples, count: 3)
    }

    func order(_ batches: [[Int]], epoch: Int) {}
    func next() -> Batch { batch }
}
