// Binding of convolutions that multiply bytes.
import Graphs
import Kernels
import Tensors

extension Binder {
    /// A frozen convolution whose source is bytes. Its result is bytes or float32.
    func bindQuantized(
        _ step: PlanStep, _ layer: ConvolutionLayer, _ kind: Activation?
    ) throws -> BoundStep {
        let (geometry, weights) = (WindowGeometry(layer, images: images), layer.weights)
        precondition(!store.changes(weights.weight), "only frozen weights become integers")
        let folded = resources.weights.folded(weights)
        folded.refresh()
        let quantized = IntegerForm.quantized(
            store.values(of: weights.weight), folded.factors, channels: folded.channels, resources.workers)
        let (from, to) = (plan.values[step.source], plan.values[step.result])
        let residual = step.residual.map { plan.values[$0] }
        let steps = ConvolutionSteps(
            source: from.quantizationStep, weights: quantized.steps, destination: to.quantizationStep,
            residualType: residual?.type ?? .float32, residual: residual?.quantizationStep ?? 1)
        let kernel = try OneDNNKernel.quantizedConvolution(
            resources.engine, geometry, source: from.type, destination: to.type, steps, addsResidual: residual != nil,
            activation: activation(kind, to))
        let prepared = resources.weights.prepared(weights, try IntegerForm(kernel, geometry, resources.workers))
        let bias = steps.bias(folded.bias)
        kernel.bind(.bias, bias.base)
        let run = running(kernel, [.source: address(step.source), .destination: address(step.result)])
        guard let value = step.residual, plan.values[value].place != to.place else {
            return { frame in
                kernel.bind(.weights, prepared.prepare())
                withExtendedLifetime(bias) { run(&frame) }
            }
        }
        // The kernel adds to what lies in its destination.
        let (x, y, bytes) = (address(value), address(step.result), to.bytesPerImage * images)
        return { frame in
            kernel.bind(.weights, prepared.prepare())
            withExtendedLifetime(bias) {
                y.raw(frame).copyMemory(from: x.raw(frame), byteCount: bytes)
                run(&frame)
            }
        }
    }

    /// Bytes that reach no further than 6 are kept within their type anyway: then ReLU6 is ReLU, which is cheaper.
    private func activation(_ kind: Activation?, _ destination: PlanValue) -> Activation? {
        let isClipped = destination.type == .uint8 && destination.quantizationStep * 255 <= 6
        return kind == .relu6 && isClipped ? .relu : kind
    }
}
