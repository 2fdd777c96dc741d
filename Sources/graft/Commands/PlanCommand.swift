// `graft plan`: what a config will do, before anything is done.
import ArgumentParser
import Execution
import Files
import Foundation
import Graphs
import ImageData
import Kernels
import Networks
import Optimization
import PlanReports
import RunConfiguration
import Tensors
import Training
import WeightFiles

/// Prints the plan of a config's training. Computes nothing and needs no MPI.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what a config will do: what trains, work, memory, messages, and every step.",
        discussion: """
            Looks at the weights and the photographs too, and refuses what train would refuse. With --classes N or --hosts the \
            photographs may still be missing, with --set network.weights=random the weights.
            """)

    @Argument(help: "The config file; - for standard input.")
    var config: String
    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Replaces a value of the config; may be repeated.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(help: ArgumentHelp("Plan for this many processes.", valueName: "n"))
    var ranks = 1
    @Option(help: ArgumentHelp("Plan for this many classes instead of those of data.train.", valueName: "n"))
    var classes: Int?
    @Option(help: ArgumentHelp("Plan this part of training.phases, from 1.", valueName: "n"))
    var phase = 1
    @OptionGroup(title: "Scaling on paper")
    var scaling: ScalingOptions
    @Flag(help: "Leave the step table out.")
    var summary = false
    @Flag(help: "Print one JSON object instead of text.")
    var json = false

    func validate() throws {
        guard ranks >= 1 else { throw ValidationError("--ranks must be at least 1, found \(ranks)") }
        try scaling.check()
        if let classes, classes < 1 { throw ValidationError("--classes must be at least 1, found \(classes)") }
    }

    func run() throws {
        try reportingErrors {
            var description = try describe()
            if summary || !scaling.hosts.isEmpty { description.steps = [] }
            print(json ? try description.jsonLine() : description.text())
        }
    }

    /// Whether the photographs may still be missing.
    private var isOnPaper: Bool { classes != nil || !scaling.hosts.isEmpty }

    private func describe() throws -> PlanDescription {
        let phases = try RunConfiguration.load(config, overrides: overrides).phases
        guard phases.indices.contains(phase - 1) else {
            throw UserError("--phase \(phase): the config has \(phases.count == 1 ? "one phase" : "\(phases.count) phases")")
        }
        let configuration = phases[phase - 1]
        let data = try isOnPaper ? nil : TrainingData(configuration)
        let counted = try countClasses(configuration, data)
        for note in try data?.checkFormats(limit: configuration.data.unreadableLimit) ?? [] { say("warning: \(note)") }
        let file = try weights(of: configuration.network)
        var network = try PlannedNetwork(
            configuration, classes: counted.count, ranks: ranks, abilities: .own(configuration.compute.instructions),
            images: data.map { ($0.training.samples.count, $0.validation?.samples.count ?? 0) },
            inputSize: try file?.statedPreprocessing()?.crop)
        try file.map { try check($0, network, configuration, data) }
        // On paper it is another machine's memory that counts.
        if !isOnPaper { network.fit(into: availableMemoryBytes() / ranks) }
        let plan = network.trainingPlan()
        // From cached features training may take less than this plan.
        do { try network.checkMemory(of: plan, ranks: ranks) } catch { say("warning: \(error)") }
        let buckets = GradientBuckets(
            slots: plan.layout.slots.map(\.range), count: plan.layout.count, bytes: bucketBytes(configuration),
            extraCount: ParameterStore.extraCount, separatesExtras: configuration.communication.compression != .none)
        var setting = PlanSetting(
            classesFrom: counted.source, batchSize: configuration.training.batchSize, buckets: buckets.ranges)
        setting.ranks = ranks
        setting.accumulation = configuration.training.accumulation
        (setting.groups, setting.groupsSideBySide) = (network.groups, network.groupsSideBySide)
        setting.optimizerStates = OptimizerKind(configuration.optimizer).stateNames.count
        setting.evaluation = network.evaluationPlan()
        setting.features = data.map { features(configuration, network, $0) }
        setting.instructions = Instructions.level
        var description = try PlanDescription(plan, setting)
        description.scaling = scaling.report(description, compresses: configuration.communication.compression != .none)
        return description
    }

    /// The weight file, opened; nil for random weights and for published ones that are still to be fetched.
    private func weights(of network: RunConfiguration.Network) throws -> WeightFile? {
        switch network.weightsOrigin {
        case .random: return nil
        case .file(let path): return try WeightFile.open(path)
        case .hub(let name):
            let fetch = HubFetch(try HubReference(name), environment: ProcessInfo.processInfo.environment)
            return try fetch.found().map { try WeightFile.open($0) }
        case .torchvision:
            let published = try PublishedWeights.required(for: network.architecture)
            let cache = WeightCache(environment: ProcessInfo.processInfo.environment)
            return cache.holds(published) ? try WeightFile.open(cache.path(of: published)) : nil
        }
    }

    /// Loads the weights as a run would, for what it would refuse.
    private func check(
        _ file: WeightFile, _ network: PlannedNetwork, _ configuration: RunConfiguration, _ data: TrainingData?
    ) throws {
        let store = ParameterStore(
            graph: network.graph, trainability: network.trainability, layout: network.trainingPlan().layout)
        let loaded = try loadWeights(
            from: file, into: store, of: network.entry, seed: UInt64(configuration.run.seed), fresh: configuration.network.fresh,
            classes: data?.training.classes ?? (0..<network.graph.classCount).map { "class \($0)" })
        if data != nil { for note in loaded.notes { say(note) } }
    }

    /// The decision about the feature cache, as if all ranks ran on this host.
    private func features(_ configuration: RunConfiguration, _ network: PlannedNetwork, _ data: TrainingData) -> FeatureDecision {
        FeatureDecision(
            network.featureCircumstances(
                configuration, trainingImages: data.training.samples.count,
                validationImages: data.validation?.samples.count ?? 0, localRanks: ranks))
    }

    /// What the config says; where it leaves that to a measurement, what one machine comes to.
    private func bucketBytes(_ configuration: RunConfiguration) -> Int {
        configuration.communication.bucketBytes.given ?? CommunicationSetup.unmeasuredBytes
    }

    /// The classes asked for, else those of the training images, else two.
    private func countClasses(_ configuration: RunConfiguration, _ data: TrainingData?) throws -> (count: Int, source: String) {
        if let classes { return (classes, "--classes") }
        let settings = configuration.data
        let source = settings.labels ?? settings.train
        let several = configuration.network.loss == .binaryCrossEntropy
        if let data { return (data.training.classes.count, "of \(source)") }
        guard FileManager.default.fileExists(atPath: source) || ShardNames.areMeant(by: source) else {
            return (2, "assumed; --classes N says otherwise")
        }
        // Neither photographs nor validation images need to be complete yet.
        let count =
            try settings.labels.map { path in
                let table = try LabelTable(path: path, columns: .init(settings, several: several))
                return table.classes?.count ?? Set(table.rows.flatMap(\.labels)).count
            } ?? TrainingData.scan(source, settings, several: several, allowEmptyClasses: true).classes.count
        return (count, "of \(source)")
    }
}
