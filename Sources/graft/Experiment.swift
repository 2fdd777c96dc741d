// The one place where everything is put together: config, data, network, weights, communicator, loop, observers.
import Collectives
import Execution
import Features
import Files
import Foundation
import Graphs
import ImageData
import Kernels
import Networks
import Optimization
import PlanReports
import Reporting
import RunConfiguration
import Tensors
import Training
import WeightFiles

/// One run of `graft train` on one rank.
struct Experiment {
    let configuration: RunConfiguration
    let communicator: any Communicator
    let data: ExperimentData
    let placement: ThreadPlacement
    private(set) var network: PlannedNetwork
    let store: ParameterStore
    let weights: LoadedWeights

    /// Scans, plans, binds and loads. Every rank does the same; what must agree is compared before the first step.
    init(_ configuration: RunConfiguration, _ communicator: any Communicator, environment: [String: String]) throws {
        self.configuration = configuration
        self.communicator = communicator
        let requested: Int? = if case .exactly(let threads) = configuration.compute.threads { threads } else { nil }
        let placements = try ThreadPlacement.settle(over: communicator, requested: requested, environment: environment)
        placement = placements[communicator.rank]
        OneDNNEngine.onEveryThread(placement.threads, CrashNote.prepareThread)
        if communicator.isRoot { for placement in placements { placement.warning.map { say("warning: \($0)") } } }
        data = try ExperimentData(configuration)
        if communicator.isRoot { for note in data.notes { say("note: \(note)") } }
        let file = try weightFile(of: configuration.network, communicator, environment: environment)
        network = try PlannedNetwork(
            configuration, classes: data.training.classes.count, ranks: communicator.size,
            abilities: try .ofAllRanks(configuration.compute.instructions, communicator),
            inputSize: try file?.statedPreprocessing()?.crop)
        if communicator.isRoot, let note = network.precisionNote { say(note) }
        store = ParameterStore(
            graph: network.graph, trainability: network.trainability, layout: network.trainingPlan().layout)
        var loaded = try loadWeights(
            from: file, into: store, of: network.entry, seed: UInt64(configuration.run.seed), fresh: configuration.network.fresh)
        if communicator.isRoot { for note in loaded.notes { say(note) } }
        let prepared = try configuration.network.prepares(loaded.preprocessing)
        loaded.preprocessing = prepared.preprocessing
        if communicator.isRoot, let warning = prepared.warning { say(warning) }
        weights = loaded
    }

    /// Trains to the end or until asked to stop. With `resuming`, continues the newest whole checkpoint, if there is one.
    func run(resuming: Bool, stop: StopFlag) throws -> TrainingOutcome {
        let folder = RunFolder(folder: configuration.run.folder, name: configuration.run.name)
        let opened = try communicator.isRoot ? folder.open(resuming: resuming) : nil
        if let target = opened?.movedTo { say("note: the earlier run of this name is kept as \(target)") }
        let checkpoints = CheckpointFolder(
            path: folder.checkpoints, retention: Retention(keeping: configuration.checkpoints.keep))
        let start = resuming ? try newest(checkpoints) : nil
        var settled = self
        settled.network = try settledNetwork(start?.found?.checkpoint)
        return try withExtendedLifetime(opened) { try settled.train(folder, checkpoints, from: start, stop: stop) }
    }

    private func train(
        _ folder: RunFolder, _ checkpoints: CheckpointFolder,
        from start: (found: (checkpoint: Checkpoint, refused: [String])?, Void)?, stop: StopFlag
    ) throws -> TrainingOutcome {
        guard let features = try prepareFeatures(stop: stop) else { return .stopped }
        let bucketBytes = try settleCommunication(start?.found?.checkpoint).bucketBytes
        var parts = try trainerParts(features, try makeReplica(features), stop: stop, bucketBytes: bucketBytes)
        if communicator.isRoot {
            try checkpoints.recover()
            parts.checkpoints = checkpoints
            parts.observers = observers(folder)
            try writeConfiguration(folder)
        }
        let trainer = Trainer(parts)
        if let start { try trainer.resume(from: start.found?.checkpoint, refused: start.found?.refused ?? []) }
        return try trainer.run()
    }

    /// What `graft bench` measures: the loop as it would train, without a run's folder. Every rank calls it.
    func benchRun() throws -> BenchRun? {
        var settled = self
        settled.network = try settledNetwork(nil)
        let stop = StopFlag()
        guard let features = try settled.prepareFeatures(stop: stop) else { return nil }
        let replica = try settled.makeReplica(features)
        let communication = try settleCommunication(nil)
        var parts = try settled.trainerParts(features, replica, stop: stop, bucketBytes: communication.bucketBytes)
        parts.evaluator = nil
        return BenchRun(
            input: features.training == nil ? "photographs" : "cached features", network: settled.network, placement: placement,
            communication: communication, replica: replica, parts: parts)
    }

    /// The checkpoint to continue, on rank 0; nil on all ranks if there is none yet, as in a job's first start.
    private func newest(
        _ folder: CheckpointFolder
    ) throws -> (found: (checkpoint: Checkpoint, refused: [String])?, Void)? {
        var found: (checkpoint: Checkpoint, refused: [String])?
        if communicator.isRoot {
            try folder.recover()
            if !folder.steps.isEmpty { found = try newestSettingAside(folder) }
            if let before = found?.checkpoint.state.instructions, before != Instructions.level.rawValue {
                say(
                    "note: the checkpoint was computed with \(before), this run goes on with \(Instructions.level.rawValue): "
                        + "last digits differ from those of a run that was not interrupted")
            }
            if found == nil { say("note: there is no checkpoint to resume yet; starting from the beginning") }
        }
        let exists = try communicator.broadcast([found == nil ? 0 : 1])
        return exists == [1] ? (found, ()) : nil
    }

    private func newestSettingAside(_ folder: CheckpointFolder) throws -> (checkpoint: Checkpoint, refused: [String]) {
        var newest = try folder.newest()
        let names = try folder.setAside(after: newest.checkpoint.state.progress.step)
        newest.refused = zip(newest.refused, names).map { "\($0) (set aside as \($1))" }
        return newest
    }

    /// The programs of the loop, from images or from cached features.
    private func makeReplica(_ features: ExperimentFeatures) throws -> ProgramReplica {
        let training = network.plan(
            from: features.training == nil ? .images : .boundary, to: .loss, capacity: network.trainingCapacity,
            threads: placement.threads)
        // Without validation images nothing is inferred: then the smaller program is made.
        let infersFromImages = features.validation == nil && (data.validation != nil || features.training == nil)
        let inference = network.plan(
            from: infersFromImages ? .images : .boundary, to: .logits, capacity: network.evaluationCapacity)
        let resources = try ProgramResources(
            store: store, threads: placement.threads, arenaBytes: max(training.arenaBytes, inference.arenaBytes))
        return ProgramReplica(
            store: store, training: try Program(training, resources), inference: try Program(inference, resources),
            communicator: communicator)
    }

    /// Chooses how gradients travel, and the size of their messages. Rank 0 brings the checkpoint that is continued.
    private func settleCommunication(_ checkpoint: Checkpoint?) throws -> CommunicationSetup {
        let state = checkpoint?.state
        let own = state?.ranks == communicator.size ? state?.bucketBytes : nil
        let recorded = Int(String(decoding: try communicator.broadcast(Array("\(own ?? 0)".utf8)), as: UTF8.self)) ?? 0
        let setup = try CommunicationSetup(
            configuration.communication, gradientBytes: store.gradientsWithExtras.count * MemoryLayout<Float>.stride,
            recorded: recorded > 0 ? recorded : nil, communicator)
        if communicator.isRoot, let line = setup.summary(communicator) { say("note: \(line)") }
        return setup
    }

    private func trainerParts(
        _ features: ExperimentFeatures, _ replica: ProgramReplica, stop: StopFlag, bucketBytes: Int
    ) throws -> Trainer.Parts {
        let training = data.training.sampleList(split: "train")
        let settings = TrainingSettings(configuration, bucketBytes: bucketBytes)
        let updates = settings.updatesPerEpoch(images: training.count)
        let identity = RunIdentity(
            name: configuration.run.name, architecture: network.graph.name, classes: data.training.classes,
            preprocessing: weights.preprocessing, configDigest: digest(of: [configuration.yaml()]),
            filesDigest: String(try data.training.digest(), radix: 16),
            computation: network.computation, instructions: Instructions.level)
        var parts = Trainer.Parts(
            settings: settings, identity: identity, replica: replica, communicator: communicator, samples: training,
            source: source(training, features), optimizer: try makeOptimizer(replica),
            schedule: LearningRateSchedule(configuration, updatesPerEpoch: updates), stop: stop)
        parts.evaluator = data.validation.map { evaluator($0, features) }
        parts.agreement = try agreement()
        return parts
    }

    /// What ranks must have in common besides what the loop compares itself.
    func agreement() throws -> StartupAgreement {
        var agreement = StartupAgreement()
        agreement.add("config", digestOf: [configuration.yaml()])
        agreement.add("weight file", value: weights.checksum.map { String($0, radix: 16) } ?? "random")
        agreement.add("list of training files", value: String(try data.training.digest(), radix: 16))
        agreement.add("element types and ranges", value: "\(network.computation.prefix) \(network.ranges?.digest ?? 0)")
        if let validation = data.validation {
            agreement.add("list of validation files", value: String(try validation.digest(), radix: 16))
        }
        return agreement
    }

    private func source(_ samples: SampleList, _ features: ExperimentFeatures) -> any BatchSource {
        if let cached = features.training {
            return FeatureSource(
                cached.store, samples: samples, unreadable: cached.unreadable, capacity: network.trainingCapacity)
        }
        let views = features.decision.fixedViews
        var options = loaderOptions(
            data.training, capacity: network.trainingCapacity, configuration.data.augmentation.pipeline, fixedViews: views)
        options.decoding = configuration.data.trainingDecoding
        return LoaderSource(BatchLoader(source: .folder(data.training), options: options), views: views)
    }

    private func makeOptimizer(_ replica: ProgramReplica) throws -> Optimizer {
        let settings = configuration.optimizer
        let groups = ParameterGroups(
            multipliers: settings.multipliers.entries.map { .init($0.pattern, $0.factor) }, weightDecay: settings.weightDecay,
            decaysNormsAndBiases: settings.decayNormsAndBiases)
        let count = replica.trained.count
        return Optimizer(
            kind: OptimizerKind(settings),
            groups: try groups.resolve(
                parameters: replica.parameters, of: network.graph.name, slots: replica.slots, count: count),
            count: count)
    }

    private func evaluator(_ folder: ImageFolder, _ features: ExperimentFeatures) -> Evaluator {
        let samples = folder.sampleList(split: "validation")
        let capacity = network.evaluationCapacity
        let source: any BatchSource =
            features.validation.map {
                FeatureSource($0.store, samples: samples, unreadable: $0.unreadable, capacity: capacity)
            } ?? LoaderSource(BatchLoader(source: .folder(folder), options: loaderOptions(folder, capacity: capacity, .none)))
        return Evaluator(
            samples: samples, source: source, batchSize: capacity,
            ranks: configuration.evaluation.ranks == .root ? .root : .all, unreadableLimit: configuration.data.unreadableLimit)
    }

    /// - Parameter fixedViews: where augmentation repeats itself it is keyed by paths, so that files that are added leave it as it was.
    func loaderOptions(
        _ folder: ImageFolder, capacity: Int, _ augmentation: ImageData.Augmentation, fixedViews: Int? = nil
    ) -> BatchLoader.Options {
        let threads: Int =
            if case .exactly(let count) = configuration.data.loaderThreads { count } else { max(1, placement.fairThreads) }
        var options = BatchLoader.Options(
            capacity: capacity, threads: threads, slots: 3, seed: UInt64(configuration.run.seed),
            preprocessing: weights.preprocessing, augmentation: augmentation)
        options.appliesOrientation = configuration.data.exif == .apply
        if fixedViews != nil { options.keys = folder.sampleKeys }
        return options
    }

    private func writeConfiguration(_ folder: RunFolder) throws {
        try AtomicFile.write(Array(configuration.yaml().utf8), to: folder.configuration)
    }

    private func observers(_ folder: RunFolder) -> [any TrainingObserver] {
        [
            ConsoleProgress(results: folder.path), JSONLines(path: folder.metrics), PredictionsFile(path: folder.predictions),
            TensorBoardEvents(folder: folder.path), HTMLReport(path: folder.report, metrics: folder.metrics),
        ]
    }
}

/// Prints a line for the user on standard error.
func say(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
