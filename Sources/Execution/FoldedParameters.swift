// What a batch norm makes of the convolution before it: a factor a channel on the weights, and a bias.
import Graphs
import Kernels
import Tensors

/// One layer's folded scale and bias, worked out once if frozen, anew whenever the store has changed if trained.
final class FoldedParameters {
    let weights: FoldedWeights
    /// s in w′ = s · w; ones without a norm.
    private(set) var scale: [Float]
    /// The folded bias, zeros if the layer has neither bias nor norm.
    let bias: AlignedBuffer
    private let changes: Bool
    private var version = -1

    init(_ weights: FoldedWeights, _ store: ParameterStore) {
        self.weights = weights
        let channels = store.graph.parameters[weights.weight].shape[0]
        bias = AlignedBuffer(floatCount: channels)
        scale = Array(repeating: 1, count: channels)
        let norm = weights.norm.map { [$0.scale, $0.shift, $0.mean, $0.variance] } ?? []
        changes = ([weights.weight] + norm + (weights.bias.map { [$0] } ?? [])).contains { store.changes($0) }
    }

    /// Folds again if the store has changed since the last time. Returns whether it did, so that packed copies must be made anew.
    func refresh(_ store: ParameterStore) -> Bool {
        let current = changes ? store.version : 0
        guard version != current else { return false }
        version = current
        fold(store)
        return true
    }

    /// γ / √(variance + ε) a channel.
    static func scale(of norm: NormParameters, _ store: ParameterStore) -> [Float] {
        let (gamma, variance) = (store.values(of: norm.scale), store.values(of: norm.variance))
        return gamma.indices.map { gamma[$0] / (variance[$0] + norm.epsilon).squareRoot() }
    }

    /// scale = γ / √(variance + ε), bias = (own bias − mean) · scale + β.
    private func fold(_ store: ParameterStore) {
        let own = weights.bias.map { store.values(of: $0) }
        let result = bias.floats
        guard let norm = weights.norm else {
            for channel in scale.indices { result[channel] = own?[channel] ?? 0 }
            return
        }
        let (gamma, beta) = (store.values(of: norm.scale), store.values(of: norm.shift))
        let (mean, variance) = (store.values(of: norm.mean), store.values(of: norm.variance))
        for channel in scale.indices {
            scale[channel] = gamma[channel] / (variance[channel] + norm.epsilon).squareRoot()
            result[channel] = ((own?[channel] ?? 0) - mean[channel]) * scale[channel] + beta[channel]
        }
    }
}
