// Binding of linear layers, and of pointwise convolutions' gradients, as products of matrices over plain weights.
import Graphs
import Kernels
import Tensors

extension Binder {
    /// A linear layer: y = x · Wᵀ + b over plain `[out, in]` weights.
    func bindProduct(_ step: PlanStep, _ layer: ConvolutionLayer) throws -> BoundStep {
        let place = layer.place
        var product = MatrixProduct(rows: images, inner: place.source[2], columns: place.destination[2])
        (product.rightIsTransposed, product.hasBias) = (true, layer.weights.bias != nil)
        let kernel = try OneDNNKernel.product(resources.engine, product)
        kernel.bind(.right, store.values(of: layer.weights.weight).baseAddress)
        layer.weights.bias.map { kernel.bind(.bias, store.values(of: $0).baseAddress) }
        return running(kernel, [.left: address(step.source), .result: address(step.result)])
    }

    /// dx = dy · W.
    func bindProductInputGradient(_ step: PlanStep, _ layer: ConvolutionLayer) throws -> BoundStep {
        let place = layer.place
        let product = MatrixProduct(rows: images, inner: place.destination[2], columns: place.source[2])
        let kernel = try OneDNNKernel.product(resources.engine, product)
        kernel.bind(.right, store.values(of: layer.weights.weight).baseAddress)
        return running(kernel, [.left: address(step.source), .result: address(step.result)])
    }

    /// dW = dyᵀ · x over the pixels of all images, and db the sums of dy.
    func bindProductWeightGradient(_ step: PlanStep, _ layer: ConvolutionLayer) throws -> BoundStep {
        let (source, gradient, place) = (step.reads[0], step.reads[1], layer.place)
        let (pixels, outputs) = (images * place.source[0] * place.source[1], place.destination[2])
        var runs: [BoundStep] = []
        if let target = store.gradient(of: layer.weights.weight)?.baseAddress {
            var product = MatrixProduct(rows: outputs, inner: pixels, columns: place.source[2])
            (product.leftIsTransposed, product.type) = (true, plan.values[source].type)
            let kernel = try OneDNNKernel.product(resources.engine, product)
            kernel.bind(.result, target)
            runs.append(running(kernel, [.left: address(gradient), .right: address(source)]))
        }
        if let target = layer.weights.bias.flatMap({ store.gradient(of: $0)?.baseAddress }) {
            let (dy, elementwise) = (address(gradient), elementwise)
            runs.append { elementwise.sumColumns(dy($0), target, rows: pixels, columns: outputs) }
        }
        let unfold = unfolding(layer.weights)
        return { [runs] frame in
            for run in runs { run(&frame) }
            unfold()
        }
    }
}
