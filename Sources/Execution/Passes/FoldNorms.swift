// Pass: which batch norms vanish into the convolution before them.
import Tensors
import Graphs

/// For each convolution whose only consumer is a batch norm with fixed statistics, scale and shift: that batch norm.
///
/// This holds before a *trained* convolution too: the step then multiplies with weights w′ = s · w, made anew from w after every update,
/// and the gradient of w is s times that of w′, by the chain rule. The parameter that is trained, decayed and saved stays w, so the
/// learning rate means what it meant, and the norm costs no pass over activations.
func foldNorms(_ request: PlanRequest, _ live: LiveNodes) -> [Int: Int] {
    guard request.optimizes else { return [:] }
    let graph = request.graph
    var folded: [Int: Int] = [:]
    // A convolution that the caller ran already has written its own result, not that of the norm behind it.
    for (index, node) in graph.nodes.enumerated() where live.isLive[index] && !live.starts.contains(index) {
        guard case .convolution = node.operation, live.consumers[index].count == 1, !live.exits.contains(index) else { continue }
        let consumer = live.consumers[index][0]
        guard case .batchNorm = graph.nodes[consumer].operation, live.isLive[consumer] else { continue }
        let isFixed = !request.isTraining || request.trainability.normMode(of: consumer) == .frozen
        if isFixed { folded[index] = consumer }
    }
    return folded
}
