// Binding of convolutions that go through Winograd's algorithm.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindWinograd(
        _ step: PlanStep, _ layer: ConvolutionLayer, _ tile: WinogradConvolution.Tile, _ activation: Activation?
    ) throws -> BoundStep {
        let kernel = try winograd(.forward, layer, tile, source: step.source)
        let weights = resources.weights.prepared(layer.weights, WinogradForm(kernel, isTurned: false))
        let (x, y, activation) = (address(step.source), address(step.result), activation)
        let residual = step.residual.map { address($0) }
        return { frame in
            kernel.run(
                x.raw(frame), weights: weights.prepareFloats(), bias: weights.bias,
                residual: residual.map { UnsafeRawPointer($0.raw(frame)) }, y.raw(frame), activation)
        }
    }

    func bindWinogradInputGradient(
        _ step: PlanStep, _ layer: ConvolutionLayer, _ tile: WinogradConvolution.Tile
    ) throws -> BoundStep {
        let kernel = try winograd(.backwardData, layer, tile, source: step.result)
        let weights = resources.weights.prepared(layer.weights, WinogradForm(kernel, isTurned: true))
        let (dy, dx) = (address(step.source), address(step.result))
        return { frame in
            kernel.run(
                dy.raw(frame), weights: weights.prepareFloats(), bias: nil, residual: nil, dx.raw(frame),
                nil)
        }
    }

    func bindWinogradWeightGradient(
        _ step: PlanStep, _ layer: ConvolutionLayer, _ tile: WinogradConvolution.Tile
    ) throws -> BoundStep {
        guard let target = store.gradient(of: layer.weights.weight)?.baseAddress else {
            preconditionFailure("weights that do not train have no gradient")
        }
        let kernel = try winograd(.backwardWeights, layer, tile, source: step.source)
        let bias = layer.weights.bias.flatMap { store.gradient(of: $0)?.baseAddress }
        let (x, dy, unfold) = (address(step.reads[0]), address(step.reads[1]), unfolding(layer.weights))
        let rooms = resources.rooms
        rooms.reserve(.weights, byteCount: kernel.weightCount * MemoryLayout<Float>.stride)
        return { frame in
            let transformed = rooms[.weights].assumingMemoryBound(to: Float.self)
            kernel.backwardWeights(x(frame), dy(frame), transformed: transformed, target)
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
}
