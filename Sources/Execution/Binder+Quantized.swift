// Binding of convolutions that multiply bytes.
import Graphs
import Kernels
import Tensors

extension Binder {
    /// A frozen convolution whose source is bytes. Its result is bytes or float32.
    func bindQuantized(
        _ step: PlanStep, _ convolution: ConvolutionLayer, _ kind: Activation?
    ) throws -> PreparedStep {
        let (geometry, layer) = (
            WindowGeometry(convolution, images: images), resources.quantizedLayer(convolution.weights)
        )
        let (from, to) = (plan.values[step.source], plan.values[step.result])
        let residual = step.residual.map { plan.values[$0] }
        let steps = ConvolutionSteps(
            source: from.quantizationStep, weights: layer.steps, destination: to.quantizationStep,
            residualType: residual?.type ?? .float32, residual: residual?.quantizationStep ?? 1)
        let kernel = try OneDNNKernel.quantizedConvolution(
            resources.engine, geometry, source: from.type, destination: to.type, steps, addsResidual: residual != nil,
            activation: activation(kind, to))
        let packed = try layer.packed(geometry, for: kernel)
        let bias = steps.bias(layer.bias)
        kernel.bind(.weights, packed.base)
        kernel.bind(.bias, bias.base)
        let run = running(kernel, [.source: address(step.source), .destination: address(step.result)])
        guard let value = step.residual, plan.values[value].place != to.place else {
            return { frame in withExtendedLifetime((packed, bias)) { run(&frame) } }
        }
        // The kernel adds to what lies in its destination.
        let (x, y, bytes) = (address(value), address(step.result), to.bytesPerImage * images)
        return { frame in
            withExtendedLifetime((packed, bias)) {
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
