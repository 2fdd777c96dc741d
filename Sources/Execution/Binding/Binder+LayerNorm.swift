// Binding of layer norms and layer scales.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindLayerNorm(_ step: PlanStep, _ norm: LayerNormParameters) -> BoundStep {
        let (channels, rows) = rows(of: step.source)
        let kernel = LayerNormKernel(channels: channels, epsilon: norm.epsilon, resources.workers)
        let (scale, shift) = (values(of: norm.scale), values(of: norm.shift))
        let (x, y) = (address(step.source), address(step.result))
        let all = images * rows
        return { kernel.forward(x.activations($0), scale: scale, shift: shift, y.activations($0), rows: all) }
    }

    func bindLayerNormGradient(_ step: PlanStep, _ norm: LayerNormParameters) -> BoundStep {
        let (channels, rows) = rows(of: step.source)
        let kernel = LayerNormKernel(channels: channels, epsilon: norm.epsilon, resources.workers)
        let scale = values(of: norm.scale)
        let scaleGradient = store.gradient(of: norm.scale)?.baseAddress
        let shiftGradient = store.gradient(of: norm.shift)?.baseAddress
        let (x, dy, dx) = (address(step.reads[0]), address(step.reads[1]), step.writes.first.map { address($0) })
        let images = images
        return { frame in
            kernel.backward(
                dy: dy.activations(frame), x.activations(frame), scale: scale, dx.map { $0.activations(frame) },
                rows: frame.count(ofChunk: images) * rows, capacity: images * rows, scaleGradient: scaleGradient,
                shiftGradient: shiftGradient)
        }
    }

    /// Forward and the gradient of the source are the same product.
    func bindLayerScale(_ step: PlanStep, _ parameter: Int) -> BoundStep {
        let (channels, rows) = rows(of: step.source)
        let kernel = LayerScaleKernel(channels: channels, resources.workers)
        let scale = values(of: parameter)
        let (x, y, residual) = (address(step.source), address(step.result), step.residual.map { address($0) })
        let all = images * rows
        return { frame in
            kernel.apply(
                x.activations(frame), scale: scale, residual: residual.map { $0.activations(frame) }, y.activations(frame),
                rows: all)
        }
    }

    func bindLayerScaleGradient(_ step: PlanStep, _ parameter: Int) -> BoundStep {
        let (channels, rows) = rows(of: step.source)
        let kernel = LayerScaleKernel(channels: channels, resources.workers)
        guard let gradient = store.gradient(of: parameter)?.baseAddress else {
            preconditionFailure("a gradient for a parameter that is not trained")
        }
        let (x, dy) = (address(step.reads[0]), address(step.reads[1]))
        return { kernel.scaleGradient(dy: dy.activations($0), x.activations($0), rows: $0.input.count * rows, gradient) }
    }

    /// Channels, and pixels an image.
    private func rows(of value: Int) -> (channels: Int, rows: Int) {
        let shape = plan.values[value].shape
        let channels = shape[shape.rank - 1]
        return (channels, shape.count / channels)
    }

    private func values(of parameter: Int) -> UnsafeMutablePointer<Float> {
        guard let start = store.values(of: parameter).baseAddress else { preconditionFailure("a norm without channels") }
        return start
    }
}
