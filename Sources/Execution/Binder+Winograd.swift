// Binding of convolutions that go through Winograd's algorithm.
import Graphs
import Kernels
import Tensors

extension Binder {
    /// The step of a convolution or its gradients if Winograd's algorithm does it faster; nil for others.
    func bindWinograd(_ action: Action) throws -> PreparedStep? {
        switch action {
        case .convolution(let step, let weights, let source, let destination, let epilogue):
            guard let kernel = try winograd(.forward, step, source, destination) else { return nil }
            let transformed = resources.transformedWeights(weights, for: kernel)
            let (x, y, activation) = (address(source), address(destination), epilogue.activation.fused)
            let residual = epilogue.residual.map { address($0) }
            let room = weightRoom(kernel)
            return { frame in
                kernel.run(
                    x.raw(frame), weights: transformed.ready(for: kernel, room: room), bias: transformed.bias,
                    residual: residual.map { UnsafeRawPointer($0.raw(frame)) }, y.raw(frame), activation)
            }
        case .convolutionBackwardData(let step, let weights, let gradient, let sourceGradient):
            guard let kernel = try winograd(.backwardData, step, sourceGradient, gradient) else { return nil }
            let transformed = TransformedWeights(weights, for: kernel, store)
            let (dy, dx) = (address(gradient), address(sourceGradient))
            let room = weightRoom(kernel)
            return { frame in
                kernel.run(
                    dy.raw(frame), weights: transformed.ready(for: kernel, room: room), bias: nil, residual: nil, dx.raw(frame),
                    .none)
            }
        case .convolutionBackwardWeights(let step, let weights, let source, let gradient):
            guard let kernel = try winograd(.backwardWeights, step, source, gradient) else { return nil }
            return bindWeightGradient(kernel, weights, source, gradient)
        default: preconditionFailure("not a convolution")
        }
    }

    private func bindWeightGradient(
        _ kernel: WinogradConvolution, _ weights: FoldedWeights, _ source: Int, _ gradient: Int
    ) -> PreparedStep? {
        guard let target = store.gradient(of: weights.weight)?.baseAddress else { return nil }
        let bias = weights.bias.flatMap { store.gradient(of: $0)?.baseAddress }
        let (x, dy, unfold) = (address(source), address(gradient), unfolding(weights))
        let room = weightRoom(kernel)
        return { frame in
            kernel.backwardWeights(x(frame), dy(frame), transformed: room(), target)
            if let bias { kernel.backwardBias(dy(frame), bias) }
            unfold()
        }
    }

    private func winograd(
        _ pass: WinogradConvolution.Pass, _ step: WindowStep, _ source: Int, _ destination: Int
    ) throws -> WinogradConvolution? {
        let tile = plan.winogradTile(pass, step, source: source, destination: destination, region: region)
        return try tile.map {
            adopt(
                try WinogradConvolution(
                    pass, geometry(step), $0, type: plan.values[source].type, resources.engine, resources.workers))
        }
    }

    /// Room for one layer's transformed weights, or their gradient, used within one run.
    private func weightRoom(_ kernel: WinogradConvolution) -> () -> UnsafeMutablePointer<Float> {
        let byteCount = kernel.weightCount * MemoryLayout<Float>.stride
        return { [unowned resources] in resources.room(.packed, byteCount: byteCount).assumingMemoryBound(to: Float.self) }
    }
}
