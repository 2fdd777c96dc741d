// Prefix, bridge, suffix: what a node's place relative to the trained layers allows.

/// Where a node stands relative to the trained layers.
package enum Region: String, Sendable, Hashable, CaseIterable {
    /// Frozen and deterministic: inference, cacheable.
    case prefix
    /// Frozen, but behind something random: forward only, different every time.
    case bridge
    /// Trained, or behind something trained: forward and backward.
    case suffix
}

/// The regions of a graph's nodes, and the boundary between what is the same every epoch and what is not.
package struct Regions: Sendable, Hashable {
    /// For every node its region.
    package let of: [Region]
    /// The prefix nodes whose outputs bridge or suffix read, in order. It may cut inside a residual block.
    package let boundary: [Int]

    package init(_ graph: Graph, _ trainability: Trainability) {
        var regions: [Region] = []
        for (index, node) in graph.nodes.enumerated() {
            let trains = node.parameters.contains { trainability.isTrained[$0] } || trainability.normModes[index] != nil
            let inputs = node.inputs.map { regions[$0] }
            if trains || inputs.contains(.suffix) {
                regions.append(.suffix)
            } else if inputs.contains(.bridge) || Self.isActiveInBridge(node.operation) {
                regions.append(.bridge)
            } else {
                regions.append(.prefix)
            }
        }
        self.init(of: regions, graph)
    }

    /// Nothing trains, and what depends on a node's output is the suffix.
    package init(_ graph: Graph, behind watched: Int) {
        var regions = graph.nodes.map { _ in Region.prefix }
        for (index, node) in graph.nodes.enumerated()
        where node.inputs.contains(where: { $0 == watched || regions[$0] == .suffix }) {
            regions[index] = .suffix
        }
        self.init(of: regions, graph)
    }

    private init(of regions: [Region], _ graph: Graph) {
        of = regions
        var boundary: Set<Int> = []
        for (index, node) in graph.nodes.enumerated() where regions[index] != .prefix {
            boundary.formUnion(node.inputs.filter { regions[$0] == .prefix })
        }
        self.boundary = boundary.sorted()
    }

    /// Dropout before frozen layers stays active, as published heads were trained with it; stochastic depth belongs to the training
    /// of its own block and rests in a frozen one, which keeps a frozen prefix deterministic and cacheable.
    private static func isActiveInBridge(_ operation: Operation) -> Bool {
        if case .dropout(let rate) = operation { rate > 0 } else { false }
    }
}
