// Binding of depthwise convolutions, which our own loops do.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindDepthwise(_ step: PlanStep, _ layer: ConvolutionLayer, _ activation: Activation?) -> PreparedStep {
        precondition(step.residual == nil, "a depthwise convolution adds no residual")
        let kernel = depthwise(layer)
        if plan.values[step.source].type.isQuantized { return bindBytes(kernel, step, layer) }
        let packed = resources.packedWeights(layer.weights, for: kernel)
        let (x, y, activation) = (address(step.source), address(step.result), activation)
        return { frame in
            packed.refresh()
            kernel.forward(x(frame), packed: packed.packed, bias: packed.bias, y(frame), activation)
        }
    }

    /// Bytes are filtered by float32 weights, in which the steps of both sides are folded.
    private func bindBytes(_ kernel: DepthwiseKernel, _ step: PlanStep, _ layer: ConvolutionLayer) -> PreparedStep {
        let (from, to, weights) = (plan.values[step.source], plan.values[step.result], layer.weights)
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
        let (x, y) = (address(step.source), address(step.result))
        return { frame in
            withExtendedLifetime((packed, folded)) {
                let bytes = x.raw(frame).assumingMemoryBound(to: UInt8.self)
                kernel.forward(bytes: bytes, packed: start, bias: bias, y.raw(frame).assumingMemoryBound(to: UInt8.self))
            }
        }
    }

    func bindDepthwiseInputGradient(_ step: PlanStep, _ layer: ConvolutionLayer) -> PreparedStep {
        let kernel = depthwise(layer)
        let packed = resources.packedWeights(layer.weights, for: kernel)
        let (dy, dx) = (address(step.source), address(step.result))
        return { frame in
            packed.refresh()
            kernel.backwardData(dy(frame), packed: packed.packed, dx(frame))
        }
    }

    func bindDepthwiseWeightGradient(_ step: PlanStep, _ layer: ConvolutionLayer) -> PreparedStep {
        let (kernel, weights) = (depthwise(layer), layer.weights)
        let (x, dy) = (address(step.reads[0]), address(step.reads[1]))
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

    private func depthwise(_ layer: ConvolutionLayer) -> DepthwiseKernel {
        DepthwiseKernel(WindowGeometry(layer, images: images), resources.workers)
    }
}
