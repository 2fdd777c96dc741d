// What a config makes of its network: the graph, what trains in it, and the plans of one rank. Needs no weights, no images, no MPI.
import Execution
import Foundation
import Graphs
import Networks
import Optimization
import PlanReports
import RunConfiguration
import Tensors
import Training

/// A config's network for a number of classes and ranks. Every rank makes the same one.
struct PlannedNetwork {
    let entry: NetworkEntry
    let graph: Graph
    let trainability: Trainability
    /// Images that a rank holds in one training pass: the largest share of a batch.
    let trainingCapacity: Int
    /// The same of an epoch's last batch, where that is so much smaller that a program of its own saves time.
    let lastCapacity: Int?
    /// With `training.reproducible: ranks`, the most groups of images that a rank computes in a pass; 0 without.
    let groups: Int
    /// Images that a rank holds in one pass of evaluation.
    let evaluationCapacity: Int
    /// The types of activations before and behind the boundary.
    private(set) var prefixPrecision = ElementType.float32
    let suffixPrecision: ElementType
    private let winograd: WinogradUse
    private let isOptimizerAdaptive: Bool
    /// Of an int8 prefix, once it is calibrated.
    private(set) var ranges: QuantizationRanges?
    /// Why the prefix is not computed as the config says.
    private(set) var precisionNote: String?
    private let recompute: RunConfiguration.Recompute
    /// Bytes of weights, their average, gradients and the optimizer's state, about.
    private let weightBytes: Int
    /// What a rank's activations may take; nil where nothing is known.
    private(set) var arenaLimit: Int?
    /// Patterns of the layers that train besides the head.
    let unfrozen: [String]
    private let normMode: NormMode
    private let halfPrecision: ElementType

    /// - Parameters:
    ///   - configuration: only `network`, `training.batch_size`, `evaluation.batch_size` and the names of multipliers count.
    ///   - classes: outputs of the head.
    ///   - ranks: processes that share a batch.
    ///   - abilities: what the processors of all ranks do natively; else float32 stands for other types.
    ///   - images: of the training split and of the validation split, where they are known: no pass holds more.
    ///   - inputSize: side of the input in pixels, where weights ask for another than the network's own; the config's crop comes first.
    /// - Throws: `NetworkError` for an unknown architecture, `LayerPatternError` for a pattern that matches no layer, `UserError` for
    ///   auxiliary heads of a network that has none.
    init(
        _ configuration: RunConfiguration, classes: Int, ranks: Int, abilities: ProcessorAbilities,
        images: (training: Int, validation: Int)? = nil, inputSize: Int? = nil
    ) throws {
        entry = try NetworkCatalog.entry(named: configuration.network.architecture)
        let network = configuration.network
        guard !network.auxiliary || entry.family.hasAuxiliaryHeads else {
            throw UserError("network.auxiliary: \(entry.name) has no auxiliary heads; only the GoogLeNets do")
        }
        let side = network.preprocessing?.crop ?? inputSize ?? entry.inputSize
        guard !network.auxiliary || side >= 96 else {
            throw UserError("network.auxiliary: auxiliary heads need an input of 96 pixels or more, not \(side)")
        }
        let graph = entry.build(
            BuildOptions(
                classes: classes, inputSize: side, auxiliary: network.auxiliary,
                dropout: network.dropout.map { Float($0) }, stochasticDepth: network.stochasticDepth.map { Float($0) }))
        // Auxiliary heads are new, and train like the head itself.
        let auxiliaryLayers = graph.auxiliaryLogits.compactMap { LayerPattern.ancestors(of: graph.nodes[$0].name).last }
        let unfrozen = try network.unfrozen.patterns(in: graph)
        let policy = FreezePolicy(unfrozen: unfrozen + auxiliaryLayers, batchNorm: network.batchNorm)
        self.graph = graph
        trainability = try policy.resolve(graph)
        try Self.check(network.fresh, "network.fresh", graph)
        try Self.check(configuration.optimizer.multipliers.entries.map(\.pattern), "optimizer.multipliers", graph)
        let group = configuration.training.reproducible == .ranks ? configuration.training.group : nil
        trainingCapacity = EpochPlan.shareCapacity(
            batchSize: min(configuration.training.batchSize, max(1, images?.training ?? .max)), size: ranks, group: group)
        let remainder = (images?.training ?? 0) % configuration.training.batchSize
        let last = EpochPlan.shareCapacity(batchSize: remainder, size: ranks)
        groups = group.map { EpochPlan.shareGroups(batchSize: configuration.training.batchSize, size: ranks, group: $0) } ?? 0
        // Groups are computed alike wherever they stand: by one plan.
        lastCapacity = group == nil && last > 0 && 4 * last <= 3 * trainingCapacity ? last : nil
        evaluationCapacity = min(configuration.evaluation.batchSize, max(1, images?.validation ?? .max))
        (self.unfrozen, normMode) = (unfrozen, policy.batchNorm)
        halfPrecision = abilities.multipliesBFloat16 ? .bfloat16 : .float32
        suffixPrecision = configuration.compute.precision == .float32 ? .float32 : halfPrecision
        winograd = configuration.compute.winograd
        recompute = configuration.compute.recompute
        let optimizer = OptimizerKind(configuration.optimizer)
        isOptimizerAdaptive = optimizer.isAdaptive
        let states = optimizer.stateNames.count + (configuration.training.average == nil ? 0 : 1)
        let isTrained = trainability.isTrained
        weightBytes = graph.parameters.indices.reduce(0) {
            // Trained ones with gradients and state; frozen ones once as they are and once as kernels read them.
            $0 + graph.parameters[$1].shape.count * MemoryLayout<Float>.stride * (isTrained[$1] ? 2 + states : 2)
        }
        prefixPrecision = .int8
        let settled = PrefixPrecision(network.precision, abilities) {
            plan(to: .boundary, capacity: 1).shareOfByteProducts
        }
        (prefixPrecision, precisionNote) = (settled.type, settled.note)
        if precisionNote == nil, configuration.compute.precision == .bfloat16, halfPrecision == .float32 {
            precisionNote = "warning: not every processor here multiplies bfloat16 natively; computing in float32"
        }
    }

    /// Refuses patterns that name no layer, before any work is done for a run that would end with them.
    private static func check(_ patterns: [String], _ setting: String, _ graph: Graph) throws(LayerPatternError) {
        for pattern in patterns {
            _ = try LayerPattern(pattern).parameters(among: graph.parameters, of: graph.name, setting: setting)
        }
    }

    /// Whether the prefix is to be computed in bytes whose ranges are not known yet.
    var wantsRanges: Bool { prefixPrecision == .int8 && ranges == nil }

    /// Lets activations take what is left of so many bytes, with a tenth for all else.
    mutating func fit(into memoryBytes: Int) {
        arenaLimit = memoryBytes > 0 ? max(1, (memoryBytes * 9 / 10 - weightBytes) / groupsSideBySide) : nil
    }

    /// Groups whose activations a rank holds at once: their batch norms meet.
    var groupsSideBySide: Int { normMode == .synchronized ? max(1, groups) : 1 }

    /// Throws `UserError` for a training plan that takes more memory than there is, with the batch that would fit.
    ///
    /// Only where the config leaves that to the program: whoever says `off` or a number has swap, or knows better.
    func checkMemory(of plan: Plan, ranks: Int) throws {
        guard recompute == .automatic, let limit = arenaLimit, plan.arenaBytes > limit else { return }
        var (fits, tooMany) = (0, plan.capacity)
        while tooMany - fits > 1 {
            let middle = (fits + tooMany) / 2
            let smaller = self.plan(from: plan.entry, to: .loss, capacity: middle)
            if smaller.arenaBytes <= limit { fits = middle } else { tooMany = middle }
        }
        let unit = groupsSideBySide > 1 ? "a group" : "a rank"
        let advice =
            groupsSideBySide > 1
            ? "take fewer images an update or a rank (training.batch_size): with training.group and synchronized batch norms all groups of a pass are in memory"
            : fits > 0
                ? "a training.batch_size of \(fits * ranks) would fit (with training.accumulation an update sees as many images)"
                : "not even one image a rank would fit: train less of the network, or smaller images"
        throw UserError(
            "activations of \(plan.capacity) images \(unit) take \(Readable.bytes(plan.arenaBytes)), and \(Readable.bytes(limit)) are free "
                + "for them; \(advice); compute.recompute: off does not ask")
    }

    /// Takes over the ranges of a calibration.
    mutating func use(_ ranges: QuantizationRanges) { self.ranges = ranges }

    /// Leaves bytes for what is closer to float32.
    mutating func giveUpBytes() { (prefixPrecision, ranges) = (halfPrecision, nil) }

    /// What evaluation and prediction need to compute as training does.
    var computation: NetworkComputation {
        NetworkComputation(
            prefix: prefixPrecision, suffix: suffixPrecision, unfrozen: unfrozen, batchNorm: normMode, ranges: ranges,
            winograd: winograd)
    }

    /// Images to loss and gradients. Planned anew at each call.
    func trainingPlan(threads: Int = 1) -> Plan { plan(to: .loss, capacity: trainingCapacity, threads: threads) }

    /// Images to class scores. Planned anew at each call.
    func evaluationPlan() -> Plan { plan(to: .logits, capacity: evaluationCapacity) }

    /// A plan of any part of the network, for a rank of so many threads.
    func plan(from entry: PlanEntry = .images, to exit: PlanExit, capacity: Int, threads: Int = 1) -> Plan {
        Planner.plan(request(from: entry, to: exit, capacity: capacity, threads: threads))
    }

    /// What such a plan is made from.
    func request(from entry: PlanEntry = .images, to exit: PlanExit, capacity: Int, threads: Int = 1) -> PlanRequest {
        var request = PlanRequest(
            graph: graph, trainability: trainability, capacity: capacity, entry: entry, exit: exit)
        request.prefixPrecision = prefixPrecision
        request.suffixPrecision = suffixPrecision
        request.ranges = ranges
        request.cacheBytes = PlanRequest.usualCacheBytes
        request.winograd = winograd
        request.isOptimizerAdaptive = isOptimizerAdaptive
        request.threads = threads
        request.again =
            switch recompute {
            case .off: .nothing
            case .automatic: arenaLimit.map { .within(arenaBytes: $0) } ?? .nothing
            case .parts(let count): .parts(count)
            }
        return request
    }
}

extension RunConfiguration.UnfrozenLayers {
    /// The patterns that name these layers in a network. Throws `UserError` where it has fewer blocks.
    func patterns(in graph: Graph) throws -> [String] {
        switch self {
        case .named(let names): return names
        case .last(let count):
            let blocks = graph.blocks
            guard count <= blocks.count else {
                throw UserError(
                    "network.unfrozen: \(graph.name) has \(blocks.count) blocks before its head, not \(count); [\"*\"] is everything"
                )
            }
            return blocks.suffix(count).flatMap(\.names)
        }
    }

    /// As a sentence lists them.
    var words: String {
        switch self {
        case .named(let names): names.isEmpty ? "the head alone" : "the head and \(names.joined(separator: ", "))"
        case .last(let count): "the head and the last \(count == 1 ? "block" : "\(count) blocks")"
        }
    }
}
