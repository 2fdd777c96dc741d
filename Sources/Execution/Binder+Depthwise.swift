// Binding of depthwise convolutions, which our own loops do.
import Graphs
import Kernels
import Tensors

extension Binder {
    /// The step of a depthwise convolution or its gradients; nil for other convolutions.
    func bindDepthwise(_ action: Action) -> PreparedStep? {
        switch action {
        case .convolution(let step, let weights, let source, let destination, let epilogue):
            guard let kernel = depthwise(step) else { return nil }
            precondition(epilogue.residual == nil, "a depthwise convolution adds no residual")
            if plan.values[source].type.isQuantized { return bindBytes(kernel, weights, source, destination) }
            let packed = resources.packedWeights(weights, for: kernel)
            let (x, y, activation) = (address(source), address(destination), epilogue.activation.fused)
            return { frame in
                packed.refresh()
                kernel.forward(x(frame), packed: packed.packed, bias: packed.bias, y(frame), activation)
            }
        case .convolutionBackwardData(let step, let weights, let gradient, let sourceGradient):
            guard let kernel = depthwise(step) else { return nil }
            let packed = resources.packedWeights(weights, for: kernel)
            let (dy, dx) = (address(gradient), address(sourceGradient))
            return { frame in
                packed.refresh()
                kernel.backwardData(dy(frame), packed: packed.packed, dx(frame))
            }
        case .convolutionBackwardWeights(let step, let weights, let source, let gradient):
            return depthwise(step).map { bindWeightGradient($0, weights, source, gradient) }
        default: preconditionFailure("not a convolution")
        }
    }

    private func depthwise(_ step: WindowStep) -> DepthwiseKernel? {
        let geometry = geometry(step)
        return DepthwiseKernel.covers(geometry) ? DepthwiseKernel(geometry, resources.workers) : nil
    }

    /// Bytes are filtered by float32 weights, in which the steps of both sides are folded.
    private func bindBytes(
        _ kernel: DepthwiseKernel, _ weights: FoldedWeights, _ source: Int, _ destination: Int
    ) -> PreparedStep {
        let (from, to) = (plan.values[source], plan.values[destination])
        precondition(from.type == .uint8 && to.type == .uint8, "a depthwise convolution in bytes has no negative numbers")
        let folded = FoldedParameters(weights, store)
        _ = folded.refresh(store)
        let packed = AlignedBuffer(floatCount: kernel.packedCount)
        let start = packed.base.assumingMemoryBound(to: Float.self)
        if let plain = store.values(of: weights.weight).baseAddress {
            kernel.pack(plain, scale: folded.scale.map { $0 * from.quantizationStep / to.quantizationStep }, start)
        }
        let bias = folded.bias.base.assumingMemoryBound(to: Float.self)
        for channel in folded.scale.indices { bias[channel] /= to.quantizationStep }
        let (x, y) = (address(source), address(destination))
        return { frame in
            withExtendedLifetime((packed, folded)) {
                let bytes = x.raw(frame).assumingMemoryBound(to: UInt8.self)
                kernel.forward(bytes: bytes, packed: start, bias: bias, y.raw(frame).assumingMemoryBound(to: UInt8.self))
            }
        }
    }

    private func bindWeightGradient(
        _ kernel: DepthwiseKernel, _ weights: FoldedWeights, _ source: Int, _ gradient: Int
    ) -> PreparedStep {
        let (x, dy) = (address(source), address(gradient))
        let weightGradient = store.gradient(of: weights.weight)?.baseAddress
        let biasGradient = weights.bias.flatMap { store.gradient(of: $0)?.baseAddress }
        let sums = AlignedBuffer(floatCount: weightGradient == nil ? 0 : kernel.sumCount)
        let packed = resources.packedWeights(weights, for: kernel)
        let elementwise = elementwise
        return { frame in
            packed.refresh()
            // The gradient of w is s times that of w′ = s · w; likewise for the bias.
            let scale = packed.scale
            if let weightGradient {
                kernel.backwardWeights(
                    x(frame), dy(frame), scale: scale, sums: sums.base.assumingMemoryBound(to: Float.self), weightGradient)
            }
            guard let biasGradient else { return }
            kernel.backwardBias(dy(frame), biasGradient)
            if let scale { elementwise.scaleRows(biasGradient, by: scale, biasGradient, rows: scale.count, columns: 1) }
        }
    }
}
