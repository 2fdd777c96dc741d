// The feature cache of a stage: decided, filled, and handed to the loop as the source of its batches.
import Collectives
import Execution
import Features
import Foundation
import Graphs
import ImageData
import Kernels
import Networks
import PlanReports
import RunConfiguration
import Tensors
import Training

/// What a stage trains and evaluates from.
struct StageFeatures {
    var decision: FeatureDecision
    /// Nil where training runs from images.
    var training: CachedFeatures?
    /// Nil where evaluation runs from images.
    var validation: CachedFeatures?
}

/// One split on its way into the cache.
private struct FeatureSplit {
    let folder: ImageFolder
    let samples: SampleList
    let options: BatchLoader.Options
    let views: Int
    let disk: FeatureFolder
}

extension StageMaker {
    /// Decides about the cache and fills it. Every rank calls it.
    ///
    /// Throws `TrainingError.ranksDisagree` if ranks would fill different caches, `StoppedEarly` if a rank is asked to stop meanwhile.
    func prepareFeatures() throws -> StageFeatures {
        guard let data = preparation.data else { return StageFeatures(decision: FeatureDecision(FeatureCircumstances())) }
        var given = network.featureCircumstances(
            configuration, trainingImages: data.training.samples.count,
            validationImages: (data.validation?.samples.count ?? 0) * configuration.evaluation.views.count,
            localRanks: communicator.localSize)
        guard given.hasPrefix, given.wanted != .off else { return StageFeatures(decision: announce(FeatureDecision(given))) }
        let plan = network.plan(to: .boundary, capacity: 1)
        let layout = network.featureLayout(configuration.features)
        let prefix = plan.prefixDigest(of: store)
        let tentative = FeatureDecision(given)
        let training = split(data.training, "train", tentative, layout, prefix: prefix)
        let validation = data.validation.map { split($0, "validation", nil, layout, prefix: prefix) }
        given.isOnDisk = (given.augments && tentative.fixedViews == nil ? validation ?? training : training).disk.exists
        let decision = announce(try agree(on: given))
        var features = StageFeatures(decision: decision)
        guard decision.place != .off else { return features }
        var agreement = try preparation.agreement()
        agreement.add("feature cache", value: "\(training.disk.key.digest) \(validation?.disk.key.digest ?? 0)")
        try agreement.check(communicator)
        for (split, isWanted) in [(training, decision.training), (validation, decision.validation)] {
            guard let split, isWanted else { continue }
            switch try fill(split, layout, onDisk: decision.place == .disk) {
            case .filled(let filled):
                if split.samples.split == "train" { features.training = filled } else { features.validation = filled }
            case .stopped: throw StoppedEarly()
            case .refused(let reason):
                if communicator.isRoot { say("warning: \(reason); going on without the feature cache") }
                return StageFeatures(decision: decision)
            }
        }
        return features
    }

    /// The same decision on all ranks: from the least that any of them has free.
    private func agree(on given: FeatureCircumstances) throws -> FeatureDecision {
        var given = given
        let own = [given.freeMemoryBytes, given.freeDiskBytes ?? -1, given.isOnDisk ? 1 : 0]
        let all = try communicator.gather([UInt8](try JSONEncoder().encode(own))).map {
            try JSONDecoder().decode([Int].self, from: Data($0))
        }
        given.freeMemoryBytes = all.map { $0[0] }.min() ?? 0
        given.freeDiskBytes = all.contains { $0[1] < 0 } ? nil : all.map { $0[1] }.min()
        given.isOnDisk = all.contains { $0[2] == 1 }
        return FeatureDecision(given)
    }

    private func announce(_ decision: FeatureDecision) -> FeatureDecision {
        if communicator.isRoot { for line in decision.text { say(line) } }
        return decision
    }

    /// - Parameter decision: for training images, which may be augmented.
    private func split(
        _ folder: ImageFolder, _ name: String, _ decision: FeatureDecision?, _ layout: FeatureLayout, prefix: UInt64
    ) -> FeatureSplit {
        let views = configuration.evaluation.views
        let augmentation = decision == nil ? Augmentation(views) : configuration.data.augmentation.pipeline
        // In the passes in which images would be computed without the cache: a kernel may round otherwise in larger ones.
        let capacity = decision == nil ? network.evaluationCapacity : network.trainingCapacity
        var options = preparation.loaderOptions(folder, capacity: capacity, augmentation, fixedViews: decision?.fixedViews)
        if decision != nil { options.decoding = configuration.data.trainingDecoding }
        var key = FeatureKey()
        key.add("network", network.graph.name)
        key.add("boundary", boundaryValues.map { "\($0.name) \($0.shape)" }.joined(separator: ", "))
        key.add("element type", layout.type.rawValue)
        key.add("prefix precision", network.prefixPrecision.rawValue)
        key.add("instructions", Instructions.summary)
        key.add("frozen layers and weights", String(prefix, radix: 16))
        key.add(options)
        return FeatureSplit(
            folder: folder, samples: folder.sampleList(split: name), options: options, views: decision?.views ?? views.count,
            disk: FeatureFolder(root: configuration.featureFolder, key: key, layout: layout))
    }

    /// In the order in which training takes them.
    private var boundaryValues: [PlanValue] {
        let plan = network.plan(from: .boundary, to: .loss, capacity: 1)
        return plan.entryValues.map { plan.values[$0] }
    }

    /// Photographs that stand in more than one class, byte for byte: one of the labels is wrong.
    private static func sharedPictures(_ samples: SampleList, _ digests: [UInt64?]) -> String? {
        var first: [UInt64: Int] = [:]
        var shared: [(Int, Int)] = []
        for (sample, digest) in digests.enumerated() {
            guard let digest else { continue }
            guard let other = first[digest] else {
                first[digest] = sample
                continue
            }
            if samples.labels[other] != samples.labels[sample] { shared.append((other, sample)) }
        }
        guard let pair = shared.first else { return nil }
        return
            "\(shared.count) \(samples.split) images stand in two classes, such as \(samples.paths[pair.0]) and \(samples.paths[pair.1])"
    }

    private func fill(
        _ split: FeatureSplit, _ layout: FeatureLayout, onDisk: Bool
    ) throws -> FeatureFilling {
        // Arena and packed weights of the prefix are given back when all features are there.
        let plan = network.plan(to: .boundary, capacity: split.options.capacity)
        let resources = try ProgramResources(store: store, threads: placement.threads, arenaBytes: plan.arenaBytes)
        let program = try Program(plan, resources)
        var disk: FeatureDisk?
        if onDisk {
            let digests = try FeatureIdentities.digests(
                of: (0..<split.samples.count).lazy.map { split.samples.part(of: $0) },
                rememberedIn: "\(configuration.featureFolder)/digests", communicator,
                stop: preparation.stop)
            if communicator.isRoot, !preparation.knowsCopies, let warning = Self.sharedPictures(split.samples, digests) {
                say("warning: \(warning)")
            }
            let ids = FeatureIdentities.ids(of: digests, views: split.views, keys: split.options.keys)
            disk = FeatureDisk(folder: split.disk, ids: ids)
        }
        let cache = FeatureCache(
            samples: split.samples, layout: layout, views: split.views, disk: disk, communicator, say: say)
        let loader = BatchLoader(source: .folder(split.folder), options: split.options)
        defer { loader.stop() }
        // The boundary's values by name: the order in which a plan leaves them need not be that in which another takes them.
        let wanted = boundaryValues.map(\.name)
        let exits = plan.exitValues.map { plan.values[$0].name }
        let order = wanted.map { name -> Int in
            guard let index = exits.firstIndex(of: name) else { preconditionFailure("the boundary is the same in all plans") }
            return index
        }
        return try cache.fill(from: LoaderSource(loader), capacity: split.options.capacity, stop: preparation.stop) {
            batch in
            program.forward(PassInput(entries: [UnsafeMutableRawPointer(mutating: batch.images)], count: batch.count))
            return order.map { UnsafePointer(program.exitValue($0)) }
        }
    }
}
