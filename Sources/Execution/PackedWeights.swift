// Convolution weights in the format a kernel asks for, with their batch norm folded in.
import Graphs
import Kernels
import Tensors

/// One layer's weights, folded and packed for oneDNN. Those of a frozen layer are packed once and kept. Those of a trained one change with
/// every step; they are packed anew for every run, in room that all layers share, where the kernel finds them in the cache.
final class PackedWeights {
    struct Key: Hashable {
        let weight: Int
        let norm: NormParameters?

        init(_ weights: FoldedWeights) { (weight, norm) = (weights.weight, weights.norm) }
    }

    /// The kernel whose format this is.
    let kernel: OneDNNKernel
    var bias: AlignedBuffer { folded.bias }
    private let folded: FoldedParameters
    private let packing: OneDNNKernel
    private let kept: AlignedBuffer?
    // The programs share their resources and own them; a strong reference back would be a cycle.
    private unowned let resources: ProgramResources

    init(_ weights: FoldedWeights, _ geometry: WindowGeometry, for kernel: OneDNNKernel, _ resources: ProgramResources) throws {
        self.kernel = kernel
        self.resources = resources
        folded = FoldedParameters(weights, resources.store)
        packing = try kernel.weightPacking(geometry)
        let byteCount = kernel.byteCount(of: .weights)
        kept = resources.store.changes(weights.weight) ? nil : AlignedBuffer(byteCount: byteCount)
        kept.map { packing.bind(.destination, $0.base) }
    }

    /// Binds a kernel that wants this format to the weights as they are now.
    func bind(to kernel: OneDNNKernel) {
        let changed = folded.refresh(resources.store)
        let packed = kept?.base ?? resources.room(.packed, byteCount: kernel.byteCount(of: .weights))
        if kept == nil { packing.bind(.destination, packed) }
        if changed || kept == nil { pack() }
        kernel.bind(.weights, packed)
    }

    private func pack() {
        let plain = resources.store.values(of: folded.weights.weight)
        if folded.weights.norm == nil {
            packing.bind(.source, plain.baseAddress)
        } else {
            let room = resources.room(.folded, byteCount: plain.count * MemoryLayout<Float>.stride)
            let (scale, result) = (folded.scale, room.assumingMemoryBound(to: Float.self))
            if let start = plain.baseAddress {
                Elementwise(resources.workers).scaleRows(
                    start, by: scale, result, rows: scale.count, columns: plain.count / scale.count)
            }
            packing.bind(.source, room)
        }
        packing.bind(.scratchpad, resources.room(.packingScratch, byteCount: packing.byteCount(of: .scratchpad)))
        packing.run()
        if kept != nil { resources.store.setAside(folded.weights.weight) }
    }
}

/// The same for a depthwise convolution, which our own loops do.
final class PackedDepthwiseWeights {
    let packed: UnsafeMutablePointer<Float>
    let bias: UnsafeMutablePointer<Float>
    /// s in w′ = s · w; nil without a norm.
    var scale: [Float]? { folded.weights.norm == nil ? nil : folded.scale }
    private let memory: AlignedBuffer
    private let folded: FoldedParameters
    private let kernel: DepthwiseKernel
    private let store: ParameterStore

    init(_ weights: FoldedWeights, for kernel: DepthwiseKernel, _ store: ParameterStore) {
        self.kernel = kernel
        self.store = store
        folded = FoldedParameters(weights, store)
        memory = AlignedBuffer(floatCount: kernel.packedCount)
        packed = memory.base.assumingMemoryBound(to: Float.self)
        bias = folded.bias.base.assumingMemoryBound(to: Float.self)
    }

    /// Folds and packs if the store has changed since the last time.
    func refresh() {
        guard folded.refresh(store), let plain = store.values(of: folded.weights.weight).baseAddress else { return }
        kernel.pack(plain, scale: folded.scale, packed)
    }
}
