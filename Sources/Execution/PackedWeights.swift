// Convolution weights in the format a kernel asks for, with their batch norm folded in.
import Graphs
import Kernels
import Tensors

/// One layer's weights, folded and packed: made once if frozen, anew whenever the store has changed if trained.
final class PackedWeights {
    struct Key: Hashable {
        let weight: Int
        let norm: NormParameters?
    }

    /// The kernel whose format this is.
    let kernel: OneDNNKernel
    let packed: AlignedBuffer
    /// The folded bias, zeros if the layer has neither bias nor norm.
    let bias: AlignedBuffer
    /// s in w′ = s · w; ones without a norm.
    private(set) var scale: [Float]
    private let weights: FoldedWeights
    private let packing: OneDNNKernel
    // The programs share their resources and own them; a strong reference back would be a cycle.
    private unowned let resources: ProgramResources
    private let changes: Bool
    private var version = -1

    init(_ weights: FoldedWeights, _ geometry: WindowGeometry, for kernel: OneDNNKernel, _ resources: ProgramResources) throws {
        self.kernel = kernel
        self.weights = weights
        self.resources = resources
        packing = try kernel.weightPacking(geometry)
        packed = AlignedBuffer(byteCount: kernel.byteCount(of: .weights))
        let channels = resources.store.graph.parameters[weights.weight].shape[0]
        bias = AlignedBuffer(floatCount: channels)
        scale = Array(repeating: 1, count: channels)
        let norm = weights.norm.map { [$0.scale, $0.shift, $0.mean, $0.variance] } ?? []
        changes = ([weights.weight] + norm + (weights.bias.map { [$0] } ?? [])).contains { resources.store.changes($0) }
        packing.bind(.destination, packed.base)
        packing.bind(.scratchpad, resources.foldingRoom(floatCount: packing.byteCount(of: .scratchpad)))
    }

    /// Folds and packs if the store has changed since the last time.
    func refresh() {
        let current = changes ? resources.store.version : 0
        guard version != current else { return }
        version = current
        let store = resources.store
        let plain = store.values(of: weights.weight)
        foldBias()
        if weights.norm == nil {
            packing.bind(.source, plain.baseAddress)
        } else {
            let room = resources.foldingRoom(floatCount: plain.count)
            if let start = plain.baseAddress {
                Elementwise(resources.workers).scaleRows(
                    start, by: scale, room, rows: scale.count, columns: plain.count / scale.count)
            }
            packing.bind(.source, room)
        }
        packing.run()
    }

    /// scale = γ / √(variance + ε), bias = (own bias − mean) · scale + β.
    private func foldBias() {
        let store = resources.store
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
