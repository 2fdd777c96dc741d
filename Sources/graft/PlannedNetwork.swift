// What a config makes of its network: the graph, what trains in it, and the plans of one rank. Needs no weights, no images, no MPI.
import Execution
import Foundation
import Graphs
import Networks
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
    /// Images that a rank holds in one pass of evaluation.
    let evaluationCapacity: Int
    /// The types of activations before and behind the boundary.
    let prefixPrecision: ElementType
    let suffixPrecision: ElementType

    /// - Parameters:
    ///   - configuration: only `network`, `training.batch_size` and `evaluation.batch_size` count.
    ///   - classes: outputs of the head.
    ///   - ranks: processes that share a batch.
    ///   - multipliesBFloat16: whether the processors of all ranks do so natively; else float32 stands for bfloat16.
    ///   - inputSize: side of the input in pixels, where weights ask for another than the network's own.
    /// - Throws: `NetworkError` for an unknown architecture, `FreezeError` for a pattern that matches no layer, `UserError` for
    ///   auxiliary heads of a network that has none.
    init(_ configuration: RunConfiguration, classes: Int, ranks: Int, multipliesBFloat16: Bool, inputSize: Int? = nil) throws {
        entry = try NetworkCatalog.entry(named: configuration.network.architecture)
        let network = configuration.network
        guard !network.auxiliary || entry.family.hasAuxiliaryHeads else {
            throw UserError("network.auxiliary: \(entry.name) has no auxiliary heads; only the GoogLeNets do")
        }
        let graph = entry.build(
            BuildOptions(
                classes: classes, inputSize: inputSize, auxiliary: network.auxiliary, dropout: network.dropout.map { Float($0) }))
        // Auxiliary heads are new, and train like the head itself.
        let auxiliaryLayers = graph.auxiliaryLogits.compactMap { FreezePolicy.ancestors(of: graph.nodes[$0].name).last }
        let policy = FreezePolicy(
            unfrozen: network.unfrozen + auxiliaryLayers, batchNorm: NormMode(network.batchNorm))
        self.graph = graph
        trainability = try policy.resolve(graph)
        trainingCapacity = EpochPlan.shareCapacity(batchSize: configuration.training.batchSize, size: ranks)
        evaluationCapacity = configuration.evaluation.batchSize
        prefixPrecision = configuration.network.precision == .float32 || !multipliesBFloat16 ? .float32 : .bfloat16
        suffixPrecision = configuration.compute.precision == .float32 || !multipliesBFloat16 ? .float32 : .bfloat16
    }

    /// Images to loss and gradients. Planned anew at each call.
    func trainingPlan() -> Plan { plan(to: .loss, capacity: trainingCapacity) }

    /// Images to class scores. Planned anew at each call.
    func evaluationPlan() -> Plan { plan(to: .logits, capacity: evaluationCapacity) }

    /// A plan of any part of the network.
    func plan(from entry: PlanEntry = .images, to exit: PlanExit, capacity: Int) -> Plan {
        var request = PlanRequest(
            graph: graph, trainability: trainability, capacity: capacity, entry: entry, exit: exit)
        request.prefixPrecision = prefixPrecision
        request.suffixPrecision = suffixPrecision
        return Planner.plan(request)
    }
}

extension NormMode {
    /// The config's word for it.
    init(_ batchNorm: RunConfiguration.BatchNorm) {
        switch batchNorm {
        case .frozen: self = .frozen
        case .affine: self = .affine
        case .local: self = .local
        case .synchronized: self = .synchronized
        }
    }
}

/// Whether this processor multiplies bfloat16 natively (AVX-512 BF16 or AMX): elsewhere it would be slower than float32.
func processorMultipliesBFloat16() -> Bool {
    let facts = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let flags = facts.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    return flags.contains("avx512_bf16") || flags.contains("amx_bf16")
}
