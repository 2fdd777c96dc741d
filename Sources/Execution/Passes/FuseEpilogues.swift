// Pass: which additions and non-linearities are done by the step before them, while its result is still in registers.
import Tensors
import Graphs

/// What a node's step does besides its own operation.
struct FusedTail {
    /// The node whose value the step produces.
    var result: Int
    /// The node whose value it adds.
    var residual: Int?
    var activation: Activation?
}

/// For each convolution, batch norm and layer scale that is a step of its own: the folded norm, the residual and the non-linearity that go with it.
///
/// Only values with a single consumer are fused away, and only within one region. Where gradients pass, a SiLU's backward needs its input:
/// it stays a step, but for one behind a batch norm without residual, which computes it again from its own.
/// A depthwise convolution takes no residual: no network adds one there, and its loops have none.
func fuseEpilogues(_ request: PlanRequest, _ regions: Regions, _ live: LiveNodes, folded: [Int: Int]) -> [Int: FusedTail] {
    var tails: [Int: FusedTail] = [:]
    var taken = Set(folded.values)
    for (index, node) in request.graph.nodes.enumerated() where live.isLive[index] && !taken.contains(index) {
        guard !live.starts.contains(index) else { continue }
        guard let allowed = fusableActivations(node.operation) else { continue }
        var tail = FusedTail(result: folded[index] ?? index)
        if request.optimizes {
            absorb(&tail, from: index, allowed, request, regions, live)
        }
        for absorbed in [tail.result] where absorbed != index { taken.insert(absorbed) }
        tails[index] = tail
    }
    return tails
}

private func fusableActivations(_ operation: Operation) -> Set<Activation>? {
    switch operation {
    case .convolution: Set(Activation.allCases)
    case .batchNorm: Set(Activation.allCases.filter(\.fusesWithNorm))
    case .layerScale: []
    case .input, .layerNorm, .activation, .add, .gate, .concatenate, .channelSlice, .channelShuffle, .maxPool, .averagePool,
        .adaptiveAveragePool, .flatten,
        .linear,
        .dropout, .stochasticDepth, .localResponseNorm:
        nil
    }
}

private func absorb(
    _ tail: inout FusedTail, from producer: Int, _ allowed: Set<Activation>, _ request: PlanRequest, _ regions: Regions,
    _ live: LiveNodes
) {
    let graph = request.graph
    func soleConsumer(of node: Int) -> Int? {
        guard live.consumers[node].count == 1, !live.exits.contains(node) else { return nil }
        let consumer = live.consumers[node][0]
        return regions.of[consumer] == regions.of[producer] ? consumer : nil
    }
    if !graph.isDepthwise(producer), let next = soleConsumer(of: tail.result), graph.nodes[next].operation == .add {
        let operands = graph.nodes[next].inputs.map { live.standIn[$0] }
        let other = operands[0] == tail.result ? operands[1] : operands[0]
        // The other operand must be there when this step runs.
        if other != tail.result && other < producer {
            tail.residual = other
            tail.result = next
        }
    }
    if let next = soleConsumer(of: tail.result), case .activation(let kind) = graph.nodes[next].operation, allowed.contains(kind)
    {
        let differentiates = request.goesBack && regions.of[producer] == .suffix
        let isNorm = if case .batchNorm = graph.nodes[producer].operation { true } else { false }
        if !differentiates || kind.derivativeFollowsFromOutput || isNorm && tail.residual == nil {
            tail.activation = kind
            tail.result = next
        }
    }
}
