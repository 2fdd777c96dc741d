// Pass: which nodes a request needs at all, and which of them do nothing in it.
import Graphs
import Tensors

/// The nodes that must run, and for each node the one whose output stands for its own.
struct LiveNodes {
    /// Needed, and not merely another name for its input.
    var isLive: [Bool]
    /// Where a node's value comes from: itself, or the input it passes through (dropout while evaluating, flattening one pixel).
    var standIn: [Int]
    /// Live consumers of each node's value, in order.
    var consumers: [[Int]]
    /// Nodes whose values the caller gives: the images, or the boundary.
    var starts: Set<Int>
    /// Nodes whose values are wanted beyond the plan's own steps.
    var exits: [Int]
}

/// Walks back from the exit to the entry.
func pruneUnreachable(_ request: PlanRequest, _ regions: Regions) -> LiveNodes {
    let graph = request.graph
    var standIn = Array(graph.nodes.indices)
    for (index, node) in graph.nodes.enumerated() where passesThrough(node, index, request, regions) {
        standIn[index] = standIn[node.inputs[0]]
    }
    let exits: [Int] =
        switch request.exit {
        case .loss: [graph.logits] + graph.auxiliaryLogits
        case .logits: [graph.logits] + (request.givesHeadInput ? graph.headInput.map { [$0] } ?? [] : [])
        case .boundary: regions.boundary
        case .sensitivity(let node): [graph.logits, node]
        }
    let starts: Set<Int> = request.entry == .images ? [0] : Set(regions.boundary.map { standIn[$0] })
    var isLive = Array(repeating: false, count: graph.nodes.count)
    var stack = exits.map { standIn[$0] }
    while let index = stack.popLast() {
        guard !isLive[index] else { continue }
        isLive[index] = true
        if !starts.contains(index) { stack.append(contentsOf: graph.nodes[index].inputs.map { standIn[$0] }) }
    }
    var consumers = Array(repeating: [Int](), count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() where isLive[index] && !starts.contains(index) {
        for input in node.inputs { consumers[standIn[input]].append(index) }
    }
    return LiveNodes(
        isLive: isLive, standIn: standIn, consumers: consumers, starts: starts, exits: exits.map { standIn[$0] })
}

private func passesThrough(_ node: Node, _ index: Int, _ request: PlanRequest, _ regions: Regions) -> Bool {
    let graph = request.graph
    switch node.operation {
    case .dropout(let rate): return !request.isTraining || rate == 0
    case .stochasticDepth(let rate): return !request.isTraining || rate == 0 || regions.of[index] != .suffix
    case .flatten:
        let source = graph.nodes[node.inputs[0]].shape
        return source.rank == 1 || source[0] * source[1] == 1
    case .adaptiveAveragePool: return graph.nodes[node.inputs[0]].shape == node.shape
    case .input, .convolution, .batchNorm, .layerNorm, .layerScale, .activation, .add, .gate, .concatenate, .channelSlice,
        .channelShuffle, .maxPool,
        .averagePool, .linear,
        .localResponseNorm:
        return false
    }
}
