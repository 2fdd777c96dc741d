// What a run needs once, whatever trains in it: threads, photographs, weights.
import Collectives
import Execution
import Files
import Foundation
import Graphs
import ImageData
import Kernels
import RunConfiguration
import Tensors
import Training
import WeightFiles

/// A config's data and weights on one rank, from which stages are made. Every rank prepares the same.
struct Preparation {
    private(set) var configuration: RunConfiguration
    let communicator: any Communicator
    let stop: StopFlag
    let placement: ThreadPlacement
    /// What is trained on: the photographs of `data`, or names that stand for generated batches.
    private(set) var samples: SampleList
    /// Nil where batches are generated.
    let data: TrainingData?
    /// Whether photographs that stand in two classes were all looked for already.
    let knowsCopies: Bool
    private(set) var weights: LoadedWeights
    /// The network of each phase, not yet calibrated.
    private(set) var networks: [PlannedNetwork]
    /// The parameters of the first, with the weights in them.
    private(set) var store: ParameterStore
    /// Of the names, labels and sizes of the files, taken once: trainings that follow one another would look at each file again.
    private let digests: (training: String, validation: String?)?
    private let scan: SharedScan?
    private let file: WeightFile?
    private let abilities: ProcessorAbilities

    var network: PlannedNetwork { networks[0] }

    /// Scans and loads. Every rank does the same; what must agree is compared before the first step.
    ///
    /// Throws `StoppedEarly`, here as in everything before the first update, if a rank is asked to stop.
    /// - Parameter generated: samples for benchmarks that have no photographs; nil reads those of the config.
    init(
        _ configuration: RunConfiguration, _ communicator: any Communicator, environment: [String: String],
        stop: StopFlag = StopFlag(), generated: SampleList? = nil
    ) throws {
        self.configuration = configuration
        self.communicator = communicator
        self.stop = stop
        communicator.endStalls(after: configuration.communication.patience)
        let placements = try ThreadPlacement.settle(
            over: communicator, requested: configuration.compute.threads.given, environment: environment)
        placement = placements[communicator.rank]
        OneDNNEngine.onEveryThread(placement.threads, CrashNote.prepareThread)
        let tell = { (line: String?) in if communicator.isRoot, let line { say(line) } }
        for placement in placements { tell(placement.warning.map { "warning: \($0)" }) }
        try stop.check(communicator)
        let places = [configuration.data.train, configuration.data.validation ?? ""]
        let rootFirst = communicator.localSize < communicator.size && places.contains(where: ShardNames.areMeant)
        var scan = generated == nil ? try SharedScan.ofHost(configuration, communicator, rootFirst: rootFirst) : nil
        var found = scan?.data
        if let folder = configuration.data.stage {
            try found?.stage(in: folder, communicator, environment: environment, stop: stop)
        }
        data = found
        digests = scan.map { ($0.trainingDigest, $0.validationDigest) }
        samples =
            generated ?? data?.training.sampleList(split: "train")
            ?? SampleList(split: "train", classes: [], paths: [], labels: [])
        for note in data?.notes ?? [] { tell("note: \(note)") }
        if let data, communicator.isRoot {
            if scan?.checks != nil { tell("the list of photographs is the run's: no folder has changed since") }
            let checks = try scan?.checks ?? DataChecks(of: data, limit: configuration.data.unreadableLimit)
            for note in checks.formats + checks.copies { tell("warning: \(note)") }
            knowsCopies = checks.knowsCopies
            scan?.checks = checks
        } else {
            knowsCopies = true
        }
        self.scan = scan
        try stop.check(communicator)
        file = try weightFile(of: configuration.network, communicator, environment: environment, stop: stop)
        try stop.check(communicator)
        abilities = try ProcessorAbilities.ofAllRanks(configuration.compute.instructions, communicator)
        let images = (samples.count, data?.validation?.samples.count ?? 0)
        let loaded = try Self.load(configuration, file, samples.classes, images, abilities, communicator)
        (networks, store, weights) = (loaded.networks, loaded.store, loaded.weights)
        loaded.notes.forEach(tell)
    }

    /// The same photographs with another config of the same data: weights start anew.
    ///
    /// - Parameter subset: what is trained on and evaluated, if not all of them.
    func varied(
        _ configuration: RunConfiguration, subset: (training: SampleList, validation: SampleList?)? = nil
    ) throws -> Preparation {
        var other = self
        other.configuration = configuration
        if let subset { other.samples = subset.training }
        let evaluated = subset.map { $0.validation?.count ?? 0 } ?? data?.validation?.samples.count ?? 0
        let loaded = try Self.load(
            configuration, file, samples.classes, (other.samples.count, evaluated), abilities, communicator)
        (other.networks, other.store, other.weights) = (loaded.networks, loaded.store, loaded.weights)
        return other
    }

    /// Keeps the list of photographs in the run's folder. Rank 0 calls it.
    func keepList() { if let scan { KeptList(configuration).write(scan) } }

    /// The networks of all phases, and the first one's parameters with the weights in them; and what the user should know.
    private static func load(
        _ configuration: RunConfiguration, _ file: WeightFile?, _ classes: [String], _ images: (training: Int, validation: Int),
        _ abilities: ProcessorAbilities, _ communicator: any Communicator
    ) throws -> (networks: [PlannedNetwork], store: ParameterStore, weights: LoadedWeights, notes: [String]) {
        let side = try file?.statedPreprocessing()?.crop
        let memory = availableMemoryBytes() / communicator.localSize
        let networks = try configuration.phases.map {
            var network = try PlannedNetwork(
                $0, classes: classes.count, ranks: communicator.size, abilities: abilities, images: images, inputSize: side)
            network.fit(into: memory)
            return network
        }
        let network = networks[0]
        let store = ParameterStore(
            graph: network.graph, trainability: network.trainability, layout: network.trainingPlan().layout)
        var loaded = try loadWeights(
            from: file, into: store, of: network.entry, seed: UInt64(configuration.run.seed), fresh: configuration.network.fresh,
            classes: classes)
        let prepared = try configuration.network.prepares(loaded.preprocessing)
        loaded.preprocessing = prepared.preprocessing
        let notes = [network.precisionNote].compactMap(\.self) + loaded.notes + [prepared.warning].compactMap(\.self)
        return (networks, store, loaded, notes)
    }

    /// What the loop follows and compares; rank 0 adds where it saves and who watches.
    ///
    /// - Parameter tells: whether rank 0 tells the user what follows from the config.
    func trainerParts(tells: Bool = true) throws -> Trainer.Parts {
        let speaks = tells && communicator.isRoot
        var settings = TrainingSettings(configuration)
        settings.samplingShares = configuration.data.sampling.shares(samples)
        guard !samples.isWeighed || settings.loss == .crossEntropy && settings.focal == 0 else {
            throw UserError(
                "\(configuration.data.labels ?? ""): a column of weights is for cross-entropy; it excludes training.focal and "
                    + "network.loss: binary_cross_entropy")
        }
        settings.classWeights = try configuration.training.classWeights.resolve(samples, of: settings.loss)
        if let images = configuration.optimizer.rateFor, speaks {
            say(
                "learning rate: \(String(format: "%.4g", configuration.effectiveRate)) for updates of "
                    + "\(configuration.training.batchSize * configuration.training.accumulation) images, from "
                    + "\(configuration.optimizer.learningRate) for \(images)")
        }
        if samples.isWeighed {
            if speaks { say("note: photographs weigh as the list says, in means over weights") }
            // The mean is then over weights.
            settings.classWeights = settings.classWeights ?? samples.classes.map { _ in 1 }
        } else if let weights = settings.classWeights, speaks {
            let words = zip(samples.classes, weights).prefix(20).map { "\($0) \(String(format: "%.3g", $1))" }
            say(
                "\(settings.loss == .crossEntropy ? "class weights" : "weights of present classes"): \(words.joined(separator: ", "))\(weights.count > 20 ? ", …" : "")"
            )
        }
        return Trainer.Parts(
            settings: settings,
            identity: RunIdentity(
                name: configuration.run.name, architecture: network.graph.name, classes: samples.classes,
                preprocessing: weights.preprocessing, configDigest: digest(of: [configuration.yaml()]),
                filesDigest: digests?.training ?? "generated",
                validationDigest: digests?.validation,
                instructions: Instructions.level, loss: settings.loss),
            communicator: communicator, samples: samples, stop: stop, agreement: try agreement())
    }

    /// What ranks must have in common besides what the loop compares itself.
    func agreement() throws -> StartupAgreement {
        var agreement = StartupAgreement()
        agreement.add("config", digestOf: [configuration.yaml()])
        agreement.add("weight file", value: weights.checksum.map { String($0, radix: 16) } ?? "random")
        if let digests { agreement.add("list of training files", value: digests.training) }
        if let validation = digests?.validation { agreement.add("list of validation files", value: validation) }
        return agreement
    }

    /// Whether a label does not say all that the loss must know.
    var givesTargets: Bool { configuration.network.loss == .binaryCrossEntropy || samples.isWeighed }

    /// - Parameter fixedViews: where augmentation repeats itself it is keyed by paths, so that files that are added leave it as it was.
    func loaderOptions(
        _ folder: ImageFolder, capacity: Int, _ augmentation: ImageData.Augmentation, fixedViews: Int? = nil
    ) -> BatchLoader.Options {
        let threads = configuration.data.loaderThreads.given ?? max(1, placement.fairThreads)
        var options = BatchLoader.Options(
            capacity: capacity, threads: threads, slots: 3, seed: UInt64(configuration.run.seed),
            preprocessing: weights.preprocessing, augmentation: augmentation)
        options.appliesOrientation = configuration.data.exif == .apply
        options.givesTargets = givesTargets
        options.skipsDamaged = configuration.data.damaged == .skip
        if fixedViews != nil { options.keys = folder.sampleKeys }
        return options
    }
}

/// Prints a line for the user on standard error.
func say(_ line: String) {
    RankLog.note(line)
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
