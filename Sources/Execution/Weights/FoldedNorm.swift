// What a batch norm makes of the convolution before it: a factor a channel on the weights, and a bias.
import Graphs
import Kernels
import Tensors

/// One layer's folded scale and bias, worked out once if frozen, anew whenever the store has changed if not.
final class FoldedNorm {
    /// s in w′ = s · w; ones without a norm.
    let scale: UnsafeMutablePointer<Float>
    /// The folded bias, zeros if the layer has neither bias nor norm.
    let bias: UnsafeMutablePointer<Float>
    let channels: Int
    /// Tells states apart: what is made from these numbers is made anew when it has moved.
    private(set) var version = -1

    private let weights: FoldedWeights
    private let memory: AlignedBuffer
    private let store: ParameterStore
    private let changes: Bool

    init(_ weights: FoldedWeights, _ store: ParameterStore) {
        (self.weights, self.store) = (weights, store)
        channels = store.graph.parameters[weights.weight].shape[0]
        let stride = (channels + 15) / 16 * 16
        memory = AlignedBuffer(floatCount: 2 * stride)
        (scale, bias) = (memory.floatBase, memory.floatBase + stride)
        let norm = weights.norm.map { [$0.scale, $0.shift, $0.mean, $0.variance] } ?? []
        changes = ([weights.weight] + norm + (weights.bias.map { [$0] } ?? [])).contains { store.changes($0) }
    }

    var byteCount: Int { memory.byteCount }
    /// The factors, or nil where they are all 1.
    var factors: UnsafePointer<Float>? { weights.norm == nil ? nil : UnsafePointer(scale) }

    /// Folds again if the store has changed since the last time.
    func refresh() {
        let current = changes ? store.version : 0
        guard version != current else { return }
        version = current
        fold()
    }

    /// scale = γ / √(variance + ε), bias = (own bias − mean) · scale + β.
    private func fold() {
        let own = weights.bias.map { store.values(of: $0) }
        guard let norm = weights.norm else {
            for channel in 0..<channels { (scale[channel], bias[channel]) = (1, own?[channel] ?? 0) }
            return
        }
        let (gamma, beta) = (store.values(of: norm.scale), store.values(of: norm.shift))
        let (mean, variance) = (store.values(of: norm.mean), store.values(of: norm.variance))
        for channel in 0..<channels {
            scale[channel] = gamma[channel] / (variance[channel] + norm.epsilon).squareRoot()
            bias[channel] = ((own?[channel] ?? 0) - mean[channel]) * scale[channel] + beta[channel]
        }
    }
}
