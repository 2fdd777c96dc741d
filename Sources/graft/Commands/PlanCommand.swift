// `graft plan`: what a config will do, before anything is done.
import ArgumentParser
import Execution
import Foundation
import ImageData
import Kernels
import Optimization
import PlanReports
import RunConfiguration
import Training

/// Prints the plan of a config's training. Needs no weights, no images and no MPI.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what a config will do: what trains, work, memory, messages, and every step.",
        discussion: """
            Reads the config only: weights and photographs may still be missing. The classes are counted in data.train if that \
            folder is there.
            """)

    @Argument(help: "The config file.")
    var config: String
    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Replaces a value of the config; may be repeated.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(help: ArgumentHelp("Plan for this many processes.", valueName: "n"))
    var ranks = 1
    @Option(help: ArgumentHelp("Plan for this many classes instead of those of data.train.", valueName: "n"))
    var classes: Int?
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

    private func describe() throws -> PlanDescription {
        let configuration = try RunConfiguration.load(path: config, overrides: overrides)
        let counted = try countClasses(configuration)
        let network = try PlannedNetwork(
            configuration, classes: counted.count, ranks: ranks, abilities: .own(configuration.compute.instructions))
        let plan = network.trainingPlan()
        let buckets = GradientBuckets(
            slots: plan.layout.slots.map(\.range), count: plan.layout.count, bytes: bucketBytes(configuration),
            extraCount: ParameterStore.extraCount, separatesExtras: configuration.communication.compression != .none)
        var setting = PlanSetting(
            classesFrom: counted.source, batchSize: configuration.training.batchSize, buckets: buckets.ranges)
        setting.ranks = ranks
        setting.accumulation = configuration.training.accumulation
        setting.optimizerStates = OptimizerKind(configuration.optimizer).stateNames.count
        setting.evaluation = network.evaluationPlan()
        setting.features = try features(configuration, network)
        setting.instructions = Instructions.level
        var description = try PlanDescription(plan, setting)
        description.scaling = scaling.report(description, compresses: configuration.communication.compression != .none)
        return description
    }

    /// The decision about the feature cache, as if all ranks ran on this host; nil where there are no images to count.
    private func features(_ configuration: RunConfiguration, _ network: PlannedNetwork) throws -> FeatureDecision? {
        guard FileManager.default.fileExists(atPath: configuration.data.train) else { return nil }
        let data = try TrainingData(configuration)
        return FeatureDecision(
            network.featureCircumstances(
                configuration, trainingImages: data.training.samples.count,
                validationImages: data.validation?.samples.count ?? 0, localRanks: ranks))
    }

    /// What the config says; where it leaves that to a measurement, what one machine comes to.
    private func bucketBytes(_ configuration: RunConfiguration) -> Int {
        configuration.communication.bucketBytes.given ?? CommunicationSetup.unmeasuredBytes
    }

    /// The classes asked for, else those of the training folder, else two.
    private func countClasses(_ configuration: RunConfiguration) throws -> (count: Int, source: String) {
        if let classes { return (classes, "--classes") }
        let folder = configuration.data.train
        guard FileManager.default.fileExists(atPath: folder) else {
            return (2, "assumed: there is no \(folder); --classes N says otherwise")
        }
        return (try ImageFolder.scan(folder, allowEmptyClasses: true).classes.count, "of \(folder)")
    }
}
