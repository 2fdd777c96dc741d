// A frozen convolution's weights as integers, in the formats that kernels ask for.
import Graphs
import Kernels
import Tensors

/// One layer's weights with their batch norm folded in, rounded to int8 once.
final class QuantizedLayer {
    /// What one stands for, for each output channel.
    let steps: [Float]
    private let folded: FoldedParameters
    private let weights: QuantizedWeights
    private var packed: [(kernel: OneDNNKernel, memory: AlignedBuffer)] = []

    init(_ weights: FoldedWeights, _ store: ParameterStore, _ workers: Workers) {
        precondition(!store.changes(weights.weight), "only frozen weights become integers")
        folded = FoldedParameters(weights, store)
        _ = folded.refresh(store)
        let plain = store.values(of: weights.weight)
        let (channels, scale) = (folded.scale.count, folded.scale)
        guard let start = plain.baseAddress else { preconditionFailure("a convolution has weights") }
        let room = AlignedBuffer(floatCount: plain.count)
        let folding = room.base.assumingMemoryBound(to: Float.self)
        Elementwise(workers).scaleRows(start, by: scale, folding, rows: channels, columns: plain.count / channels)
        self.weights = QuantizedWeights(folding, channels: channels, count: plain.count / channels)
        steps = self.weights.steps
    }

    /// The folded bias, float32.
    var bias: UnsafePointer<Float> { UnsafePointer(folded.bias.base.assumingMemoryBound(to: Float.self)) }

    /// The integers as a kernel reads them; kernels of one format share a copy.
    func packed(_ geometry: WindowGeometry, for kernel: OneDNNKernel) throws -> AlignedBuffer {
        if let shared = packed.first(where: { $0.kernel.hasSameWeightFormat(as: kernel) }) { return shared.memory }
        let packing = try kernel.weightPacking(geometry, from: .int8)
        let memory = AlignedBuffer(byteCount: kernel.byteCount(of: .weights))
        let scratch = AlignedBuffer(byteCount: packing.byteCount(of: .scratchpad))
        packing.bind(.destination, memory.base)
        packing.bind(.scratchpad, scratch.base)
        weights.integers.withUnsafeBytes { integers in
            packing.bind(.source, UnsafeMutableRawPointer(mutating: integers.baseAddress))
            packing.run()
        }
        packed.append((kernel, memory))
        return memory
    }
}
