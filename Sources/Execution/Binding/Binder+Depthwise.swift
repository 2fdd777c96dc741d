// Binding of depthwise convolutions, which our own loops do.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindDepthwise(_ step: PlanStep, _ layer: ConvolutionLayer, _ activation: Activation?) -> BoundStep {
        precondition(step.residual == nil, "a depthwise convolution adds no residual")
        let kernel = depthwise(layer)
        if plan.values[step.source].type.isQuantized { return bindBytes(kernel, step, layer) }
        let weights = resources.weights.prepared(layer.weights, DepthwiseForm(kernel))
        let (x, y, activation) = (address(step.source), address(step.result), activation)
        return { frame in
            kernel.forward(x(frame), packed: weights.prepareFloats(), bias: weights.bias, y(frame), activation)
        }
    }

    /// Bytes are filtered by float32 weights, in which the steps of both sides are folded.
    private func bindBytes(_ kernel: DepthwiseKernel, _ step: PlanStep, _ layer: ConvolutionLayer) -> BoundStep {
        let (from, to, weights) = (plan.values[step.source], plan.values[step.result], layer.weights)
        precondition(from.type == .uint8 && to.type == .uint8, "a depthwise convolution in bytes has no negative numbers")
        let form = DepthwiseBytesForm(
            kernel, channels: layer.place.source[2], from: from.quantizationStep, to: to.quantizationStep)
        let prepared = resources.weights.prepared(weights, form)
        let bias = AlignedBuffer(floatCount: layer.place.source[2])
        prepared.folded.refresh()
        for channel in bias.floats.indices { bias.floats[channel] = prepared.bias[channel] / to.quantizationStep }
        let (x, y) = (address(step.source), address(step.result))
        return { frame in
            let bytes = x.raw(frame).assumingMemoryBound(to: UInt8.self)
            kernel.forward(
                bytes: bytes, packed: prepared.prepareFloats(), bias: bias.floatBase,
                y.raw(frame).assumingMemoryBound(to: UInt8.self))
        }
    }

    func bindDepthwiseInputGradient(_ step: PlanStep, _ layer: ConvolutionLayer) -> BoundStep {
        let kernel = depthwise(layer)
        let weights = resources.weights.prepared(layer.weights, DepthwiseForm(kernel))
        let (dy, dx) = (address(step.source), address(step.result))
        return { frame in
            kernel.backwardData(dy(frame), packed: weights.prepareFloats(), dx(frame))
        }
    }

    func bindDepthwiseWeightGradient(_ step: PlanStep, _ layer: ConvolutionLayer) -> BoundStep {
        let (kernel, weights) = (depthwise(layer), layer.weights)
        let (x, dy) = (address(step.reads[0]), address(step.reads[1]))
        let weightGradient = store.gradient(of: weights.weight)?.baseAddress
        let biasGradient = weights.bias.flatMap { store.gradient(of: $0)?.baseAddress }
        let sums = AlignedBuffer(floatCount: weightGradient == nil ? 0 : kernel.sumCount)
        let (folded, elementwise) = (resources.weights.folded(weights), elementwise)
        return { frame in
            folded.refresh()
            // The gradient of w is s times that of w′ = s · w; likewise for the bias.
            let scale = folded.factors
            if let weightGradient {
                kernel.backwardWeights(
                    x(frame), dy(frame), scale: scale, sums: sums.floatBase, weightGradient)
            }
            guard let biasGradient else { return }
            kernel.backwardBias(dy(frame), biasGradient)
            if let scale { elementwise.scaleRows(biasGradient, by: scale, biasGradient, rows: folded.channels, columns: 1) }
        }
    }

    private func depthwise(_ layer: ConvolutionLayer) -> DepthwiseKernel {
        DepthwiseKernel(WindowGeometry(layer, images: images), resources.workers)
    }
}
