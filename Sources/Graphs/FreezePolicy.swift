// Which parameters train: patterns of the config resolved against a network's names.
package import Tensors

/// The resolved answer for one graph.
package struct Trainability: Sendable, Hashable {
    /// For every parameter: is it trained by gradients?
    package let isTrained: [Bool]
    /// For every node that is a batch norm of a trained layer: its mode. Others are frozen.
    package let normModes: [Int: NormMode]

    package func normMode(of node: Int) -> NormMode { normModes[node] ?? .frozen }

    /// Nothing trains: evaluation and prediction.
    package static func frozen(_ graph: Graph) -> Trainability {
        Trainability(isTrained: graph.parameters.map { _ in false }, normModes: [:])
    }
}

/// Patterns that name the layers to train, and what becomes of their batch norms. The head always trains.
package struct FreezePolicy: Sendable, Hashable {
    /// Each a `LayerPattern`.
    package let unfrozen: [String]
    package let batchNorm: NormMode

    package init(unfrozen: [String], batchNorm: NormMode) {
        self.unfrozen = unfrozen
        self.batchNorm = batchNorm
    }

    /// Resolves the patterns. Throws for the first pattern that matches nothing, with the nearest names.
    package func resolve(_ graph: Graph) throws(LayerPatternError) -> Trainability {
        let head = LayerPattern(graph.head)
        var isUnfrozen = graph.parameters.map { head.matches($0.name) }
        for pattern in unfrozen {
            let meant = try LayerPattern(pattern).parameters(
                among: graph.parameters, of: graph.name, setting: "network.unfrozen")
            for index in meant { isUnfrozen[index] = true }
        }
        return trainability(of: graph, isUnfrozen: isUnfrozen)
    }

    private func trainability(of graph: Graph, isUnfrozen: [Bool]) -> Trainability {
        var isTrained = isUnfrozen
        var modes: [Int: NormMode] = [:]
        for (index, node) in graph.nodes.enumerated() {
            guard case .batchNorm = node.operation else { continue }
            for parameter in node.parameters {
                isTrained[parameter] =
                    isUnfrozen[parameter] && batchNorm != .frozen && !graph.parameters[parameter].role.isStatistic
            }
            if isTrained[node.parameters].contains(true) { modes[index] = batchNorm }
        }
        return Trainability(isTrained: isTrained, normModes: modes)
    }
}
