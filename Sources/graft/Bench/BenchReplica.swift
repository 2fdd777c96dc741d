// The replica that benchmarks run: a config's network with random weights, bound as in training.
import Collectives
import Execution
import Graphs
import Foundation
import ImageData
import Networks
import RunConfiguration
import Tensors
import Training

/// A config's network, ready for training passes over generated images.
struct BenchReplica {
    let network: PlannedNetwork
    let plan: Plan
    let program: Program
    let replica: ProgramReplica
    let placement: ThreadPlacement
    let source: SyntheticSource
    let communication: CommunicationSetup

    init(_ configuration: RunConfiguration, classes: Int, _ communicator: any Communicator) throws {
        let environment = ProcessInfo.processInfo.environment
        let requested: Int? = if case .exactly(let threads) = configuration.compute.threads { threads } else { nil }
        let placements = try ThreadPlacement.settle(over: communicator, requested: requested, environment: environment)
        placement = placements[communicator.rank]
        var network = try PlannedNetwork(
            configuration, classes: classes, ranks: communicator.size,
            abilities: try .ofAllRanks(configuration.compute.instructions, communicator))
        if communicator.isRoot, let note = network.precisionNote { say(note) }
        let store = ParameterStore(
            graph: network.graph, trainability: network.trainability, layout: network.trainingPlan().layout)
        for parameter in network.graph.parameters.indices { store.initialize(parameter, seed: UInt64(configuration.run.seed)) }
        source = SyntheticSource(
            capacity: max(network.trainingCapacity, PrefixCalibrator.capacity), shape: network.graph.inputShape, classes: classes,
            seed: UInt64(configuration.run.seed))
        if network.wantsRanges {
            let found = try Calibration.run(
                network.request(to: .boundary, capacity: 1), store, threads: placement.threads, communicator
            ) { [source] in CalibrationSample(source: source, samples: Array(0..<PrefixCalibrator.capacity)) }
            network.use(found.ranges)
        }
        self.network = network
        plan = network.trainingPlan(threads: placement.threads)
        let evaluation = network.plan(to: .logits, capacity: 1)
        communication = try CommunicationSetup(
            configuration.communication, gradientBytes: store.gradientsWithExtras.count * MemoryLayout<Float>.stride, communicator
        )
        let resources = try ProgramResources(
            store: store, threads: placement.threads, arenaBytes: max(plan.arenaBytes, evaluation.arenaBytes))
        program = try Program(plan, resources)
        replica = ProgramReplica(
            store: store, training: program, inference: try Program(evaluation, resources), communicator: communicator)
    }
}
