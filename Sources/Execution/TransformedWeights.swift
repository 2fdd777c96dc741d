// Weights as Winograd's algorithm multiplies them, with their batch norm folded in: two to four times as many numbers.
import Kernels
import Tensors

/// One layer's transformed weights. Those of a frozen layer are made once and kept; those of a trained one, which change with every step,
/// are made anew for every run in room that all layers share.
final class TransformedWeights {
    private let folded: FoldedParameters
    private let store: ParameterStore
    private let kept: AlignedBuffer?

    /// - Parameter kernel: any of those that read them; they all want the same.
    init(_ weights: FoldedWeights, for kernel: WinogradConvolution, _ store: ParameterStore) {
        self.store = store
        folded = FoldedParameters(weights, store)
        kept = store.changes(weights.weight) ? nil : AlignedBuffer(floatCount: kernel.weightCount)
    }

    var bias: UnsafePointer<Float> { UnsafePointer(folded.bias.base.assumingMemoryBound(to: Float.self)) }

    /// The weights as the kernel multiplies them; `room` has space for as many.
    func ready(for kernel: WinogradConvolution, room: () -> UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
        let changed = folded.refresh(store)
        let result = kept?.base.assumingMemoryBound(to: Float.self) ?? room()
        if changed || kept == nil, let plain = store.values(of: folded.weights.weight).baseAddress {
            kernel.transform(plain, scale: folded.weights.norm == nil ? nil : folded.scale, result)
            if kept != nil { store.setAside(folded.weights.weight) }
        }
        return result
    }
}
