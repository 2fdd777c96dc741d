// Binding of convolutions that go through Winograd's algorithm.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindWinograd(
        _ step: PlanStep, _ layer: ConvolutionLayer, _ tile: WinogradConvolution.Tile, _ activation: Activation?
    ) throws -> PreparedStep {
        let kernel = try winograd(.forward, layer, tile, source: step.source)
        let transformed = resources.transformedWeights(layer.weights, for: kernel)
        let (x, y, activation) = (address(step.source), address(step.result), activation)
        let residual = step.residual.map { address($0) }
        let room = weightRoom(kernel)
        return { frame in
            kernel.run(
                x.raw(frame), weights: transformed.ready(for: kernel, room: room), bias: transformed.bias,
                residual: residual.map { UnsafeRawPointer($0.raw(frame)) }, y.raw(frame), activation)
        }
    }

    func bindWinogradInputGradient(
        _ step: PlanStep, _ layer: ConvolutionLayer, _ tile: WinogradConvolution.Tile
    ) throws -> PreparedStep {
        let kernel = try winograd(.backwardData, layer, tile, source: step.result)
        let transformed = TransformedWeights(layer.weights, for: kernel, store)
        let (dy, dx) = (address(step.source), address(step.result))
        let room = weightRoom(kernel)
        return { frame in
            kernel.run(
                dy.raw(frame), weights: transformed.ready(for: kernel, room: room), bias: nil, residual: nil, dx.raw(frame),
                nil)
        }
    }

    func bindWinogradWeightGradient(
        _ step: PlanStep, _ layer: ConvolutionLayer, _ tile: WinogradConvolution.Tile
    ) throws -> PreparedStep {
        guard let target = store.gradient(of: layer.weights.weight)?.baseAddress else {
            preconditionFailure("weights that do not train have no gradient")
        }
        let kernel = try winograd(.backwardWeights, layer, tile, source: step.source)
        let bias = layer.weights.bias.flatMap { store.gradient(of: $0)?.baseAddress }
        let (x, dy, unfold) = (address(step.reads[0]), address(step.reads[1]), unfolding(layer.weights))
        let room = weightRoom(kernel)
        return { frame in
            kernel.backwardWeights(x(frame), dy(frame), transformed: room(), target)
            if let bias { kernel.backwardBias(dy(frame), bias) }
            unfold()
        }
    }

    private func winograd(
        _ pass: WinogradConvolution.Pass, _ layer: ConvolutionLayer, _ tile: WinogradConvolution.Tile, source: Int
    ) throws -> WinogradConvolution {
        adopt(
            try WinogradConvolution(
                pass, WindowGeometry(layer, images: images), tile, type: plan.values[source].type, resources.engine,
                resources.workers))
    }

    /// Room for one layer's transformed weights, or their gradient, used within one run.
    private func weightRoom(_ kernel: WinogradConvolution) -> () -> UnsafeMutablePointer<Float> {
        let byteCount = kernel.weightCount * MemoryLayout<Float>.stride
        return { [unowned resources] in resources.room(.packed, byteCount: byteCount).assumingMemoryBound(to: Float.self) }
    }
}
