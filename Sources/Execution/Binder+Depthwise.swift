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
