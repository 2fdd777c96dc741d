// Makes stages: the one place where a network, its weights and its photographs become something that trains.
import Collectives
import Execution
import Features
import Foundation
import Graphs
import ImageData
import Kernels
import Optimization
import PlanReports
import RunConfiguration
import Tensors
import Training

/// A stage that is ready to train, and what it was made of.
struct PreparedStage {
    let network: PlannedNetwork
    let store: ParameterStore
    let communication: CommunicationSetup
    let replica: ProgramReplica
    /// What batches are made of, in words: `generated`, `photographs`, or `cached features`.
    let input: String
    let stage: Stage
    let features: StageFeatures
}

/// Samples whose features are there already.
struct KnownFeatures {
    let training: SampleList
    let validation: SampleList?
    let features: StageFeatures
}

/// Makes the stage in which a network trains with the values of a store. For training, cached training and benchmarks alike.
struct StageMaker {
    let preparation: Preparation
    /// Of `training.phases`, from 0.
    private(set) var phase = 0
    /// That of the phase.
    private(set) var configuration: RunConfiguration
    var network: PlannedNetwork
    private(set) var store: ParameterStore
    /// The parameters that train in this phase or trained in an earlier one.
    private(set) var everTrained: Set<Int> = []

    var communicator: any Communicator { preparation.communicator }
    var placement: ThreadPlacement { preparation.placement }

    /// The stage of the first phase, or with the parameters as the weights have them that of a later one.
    init(_ preparation: Preparation, phase: Int = 0) {
        self.preparation = preparation
        configuration = preparation.configuration.phases[0]
        (network, store) = (preparation.network, preparation.store)
        noteTrained()
        // Through those between: what trains in one of them must not stand in a mapped file.
        for number in 0..<phase { enter(number + 1) }
    }

    private mutating func noteTrained() { everTrained.formUnion(store.graph.parameters.indices.filter { store.changes($0) }) }

    /// Goes on to another phase, with the parameters as they are.
    mutating func enter(_ phase: Int) {
        self.phase = phase
        configuration = preparation.configuration.phases[phase]
        network = preparation.networks[phase]
        let plan = network.trainingPlan()
        store = ParameterStore(trainability: plan.trainability, layout: plan.layout, carrying: store)
        noteTrained()
    }

    /// Settles precision, features and communication, and binds the programs. Every rank calls it.
    ///
    /// Throws `TrainingError.ranksDisagree` if ranks would fill different caches, `StoppedEarly` if a rank is asked to stop meanwhile.
    /// - Parameter checkpoint: what rank 0 resumes; ranges of an int8 prefix and the size of messages are kept as they were.
    /// - Parameter known: features that are there already, of a network whose prefix is the same.
    mutating func make(resuming checkpoint: Checkpoint? = nil, known: KnownFeatures? = nil) throws -> PreparedStage {
        try settlePrecision(checkpoint)
        try preparation.stop.check(communicator)
        let features = try known?.features ?? prepareFeatures()
        let communication = try settleCommunication(checkpoint, tells: known == nil)
        let training = known?.training ?? preparation.samples
        let validation = known?.validation ?? preparation.data?.validation?.sampleList(split: "validation")
        let replica = try makeReplica(features, isEvaluated: validation != nil, givesHeadInput: known == nil)
        let updates = TrainingSettings(configuration).updatesPerEpoch(images: training.count)
        var stage = Stage(
            replica: replica, source: source(features, training), optimizer: try makeOptimizer(replica),
            schedule: LearningRateSchedule(
                configuration, updatesPerEpoch: updates, epochsBefore: preparation.configuration.epochs(beforePhase: phase)),
            bucketBytes: communication.bucketBytes,
            evaluator: validation.map { evaluator($0, features, keepsFeatures: known == nil) }, computation: network.computation)
        stage.repeats = configuration.data.augmentation.recipe?.repeats ?? 1
        let input = preparation.data == nil ? "generated" : features.training == nil ? "photographs" : "cached features"
        return PreparedStage(
            network: network, store: store, communication: communication, replica: replica, input: input, stage: stage,
            features: features)
    }

    /// Computes frozen layers as another stage of the same network does, whose ranges are known.
    mutating func computePrefix(as other: StageMaker) {
        if let ranges = other.network.ranges { network.use(ranges) } else if network.wantsRanges { network.giveUpBytes() }
    }

    /// The programs of the loop, from images or from cached features.
    private func makeReplica(
        _ features: StageFeatures, isEvaluated: Bool, givesHeadInput: Bool
    ) throws -> ProgramReplica {
        let (network, threads) = (network, placement.threads)
        let entry: PlanEntry = features.training == nil ? .images : .boundary
        let training = network.plan(from: entry, to: .loss, capacity: network.trainingCapacity, threads: threads)
        try network.checkMemory(of: training, ranks: communicator.size)
        // Without validation images nothing is inferred: then the smaller program is made.
        let infersFromImages = features.validation == nil && (isEvaluated || features.training == nil)
        var request = network.request(
            from: infersFromImages ? .images : .boundary, to: .logits, capacity: isEvaluated ? network.evaluationCapacity : 1)
        request.givesHeadInput = isEvaluated && givesHeadInput
        let inference = Planner.plan(request)
        let last = network.lastCapacity.map { network.plan(from: entry, to: .loss, capacity: $0, threads: threads) }
        // A plan for fewer images may take more memory, where those do not divide into such good chunks.
        let plans = [training, inference] + (last.map { [$0] } ?? [])
        let resources = try ProgramResources(
            store: store, threads: threads, arenaBytes: plans.map(\.arenaBytes).max() ?? 0, groups: network.groupsSideBySide)
        let smaller = last.map { plan in
            SmallerProgram(capacity: plan.capacity) { try Program(plan, resources) }
        }
        return ProgramReplica(
            store: store, training: try Program(training, resources), inference: try Program(inference, resources),
            smaller: smaller, communicator: communicator)
    }

    /// Chooses how gradients travel, and the size of their messages.
    private func settleCommunication(_ checkpoint: Checkpoint?, tells: Bool) throws -> CommunicationSetup {
        let state = checkpoint?.state
        let own = state?.ranks == communicator.size ? state?.bucketBytes : nil
        let recorded = Int(String(decoding: try communicator.broadcast(Array("\(own ?? 0)".utf8)), as: UTF8.self)) ?? 0
        let setup = try CommunicationSetup(
            configuration.communication, gradientBytes: store.gradientsWithExtras.count * MemoryLayout<Float>.stride,
            recorded: recorded > 0 ? recorded : nil, communicator)
        if tells, communicator.isRoot, let line = setup.summary(communicator) { say("note: \(line)") }
        return setup
    }

    private func source(_ features: StageFeatures, _ samples: SampleList) -> any BatchSource {
        let capacity = network.trainingCapacity
        guard let folder = preparation.data?.training else { return generatedSource(capacity: capacity) }
        if let cached = features.training {
            return FeatureSource(
                cached.store, samples: samples, unreadable: cached.unreadable, capacity: capacity,
                givesTargets: preparation.givesTargets)
        }
        let (views, augmentation) = (features.decision.fixedViews, configuration.data.augmentation)
        let room =
            augmentation.mixing.isOn
            ? PairedShare.capacity(share: capacity, distance: augmentation.recipe?.repeats ?? 1) : capacity
        var options = preparation.loaderOptions(folder, capacity: room, augmentation.pipeline, fixedViews: views)
        options.decoding = configuration.data.trainingDecoding
        options.views = views
        let images = LoaderSource(BatchLoader(source: .folder(folder), options: options))
        guard augmentation.mixing.isOn else { return images }
        return MixingSource(
            images, augmentation.mixing, side: options.preprocessing.crop, classes: folder.classes.count, capacity: room,
            sampleCount: folder.samples.count, seed: options.seed)
    }

    func generatedSource(capacity: Int) -> SyntheticSource {
        SyntheticSource(
            capacity: capacity, shape: network.graph.inputShape, classes: preparation.samples.classes.count,
            seed: UInt64(configuration.run.seed), givesTargets: configuration.network.loss == .binaryCrossEntropy)
    }

    private func makeOptimizer(_ replica: ProgramReplica) throws -> Optimizer {
        let settings = configuration.optimizer
        var groups = ParameterGroups(
            multipliers: settings.multipliers.entries.map { .init($0.pattern, $0.factor) }, weightDecay: settings.weightDecay,
            decaysNormsAndBiases: settings.decayNormsAndBiases)
        groups.layerFactors = settings.layerDecay.map { network.graph.layerFactors(decay: $0) }
        let count = replica.trained.count
        return Optimizer(
            kind: OptimizerKind(settings),
            groups: try groups.resolve(
                parameters: replica.parameters, of: network.graph.name, slots: replica.slots, count: count),
            count: count)
    }

    private func validationImages(_ capacity: Int) -> LoaderSource {
        guard let folder = preparation.data?.validation else { preconditionFailure("samples without features are the config's") }
        let options = preparation.loaderOptions(folder, capacity: capacity, Augmentation(configuration.evaluation.views))
        return LoaderSource(BatchLoader(source: .folder(folder), options: options))
    }

    /// - Parameter keepsFeatures: for checkpoints, which trials have none of.
    private func evaluator(_ samples: SampleList, _ features: StageFeatures, keepsFeatures: Bool) -> Evaluator {
        let capacity = network.evaluationCapacity
        let views = configuration.evaluation.views
        let source: any BatchSource =
            features.validation.map {
                FeatureSource($0.store, samples: samples, unreadable: $0.unreadable, capacity: capacity)
            }
            ?? validationImages(capacity)
        var evaluator = Evaluator(
            samples: samples, source: source, batchSize: capacity,
            ranks: configuration.evaluation.ranks == .root ? .root : .all, views: views.count,
            unreadableLimit: configuration.data.unreadableLimit, loss: configuration.network.loss)
        evaluator.keepsFeatures = keepsFeatures
        return evaluator
    }
}
