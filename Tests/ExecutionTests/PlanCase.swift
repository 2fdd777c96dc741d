// The plans that invariants are held over: every network, trained in several ways.
import Tensors
import Execution
import Graphs
import Networks

/// How much of a network trains.
enum Extent: CaseIterable {
    case head, middle, all
}

/// One network trained in one way.
struct PlanCase: CustomStringConvertible, Sendable {
    let network: String
    let extent: Extent
    let mode: NormMode

    var description: String { "\(network), \(extent), \(mode.rawValue)" }

    /// The ways to train a network; `modes` of batch norm where norms train.
    static func all(of network: String, modes: [NormMode]) throws -> [PlanCase] {
        let graph = try NetworkCatalog.entry(named: network).build()
        let hasNorms = graph.parameters.contains { $0.role.isNorm }
        return Extent.allCases.flatMap { extent in
            (extent == .head || !hasNorms ? [.frozen] : modes).map { PlanCase(network: network, extent: extent, mode: $0) }
        }
    }

    /// The request for a plan of this case. GoogLeNet is taken with its auxiliary heads where all trains.
    func request(entry: PlanEntry = .images, exit: PlanExit) throws -> PlanRequest {
        let graph = try NetworkCatalog.entry(named: network).build(BuildOptions(classes: 5, auxiliary: extent == .all))
        let policy = FreezePolicy(unfrozen: patterns(of: graph), batchNorm: mode)
        return PlanRequest(
            graph: graph, trainability: try policy.resolve(graph), capacity: 3, entry: entry, exit: exit)
    }

    /// Of the middle only one block: layers stay frozen before and behind it.
    private func patterns(of graph: Graph) -> [String] {
        switch extent {
        case .head: return []
        case .all: return ["*"]
        case .middle:
            let names = LayerPattern.ancestors(of: graph.parameters[graph.parameters.count / 2].name)
            return [names[max(0, names.count - 2)]]
        }
    }
}
