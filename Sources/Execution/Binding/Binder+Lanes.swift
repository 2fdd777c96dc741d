// Binding of convolutions that our own loops do.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindLanes(_ step: PlanStep, _ layer: ConvolutionLayer, _ activation: Activation?) -> BoundStep {
        let kernel = LaneConvolution(.forward, WindowGeometry(layer, images: images), resources.workers)
        let weights = resources.weights.prepared(layer.weights, LaneForm(kernel, isTurned: false))
        let (x, y, residual) = (address(step.source), address(step.result), step.residual.map { address($0) })
        return { frame in
            let packed = weights.prepareFloats()
            kernel.run(
                x(frame), packed: packed, bias: weights.bias, residual: residual.map { UnsafePointer($0(frame)) }, y(frame),
                activation)
        }
    }

    func bindLanesInputGradient(_ step: PlanStep, _ layer: ConvolutionLayer) -> BoundStep {
        let kernel = LaneConvolution(.backwardData, WindowGeometry(layer, images: images), resources.workers)
        let weights = resources.weights.prepared(layer.weights, LaneForm(kernel, isTurned: true))
        let (dy, dx) = (address(step.source), address(step.result))
        return { frame in
            kernel.run(dy(frame), packed: weights.prepareFloats(), bias: nil, residual: nil, dx(frame), nil)
        }
    }
}
