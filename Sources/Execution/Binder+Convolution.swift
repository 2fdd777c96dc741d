// Binding of convolutions.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindConvolution(_ action: Action) throws -> PreparedStep {
        if let depthwise = bindDepthwise(action) { return depthwise }
        if let winograd = try bindWinograd(action) { return winograd }
        switch action {
        case .convolution(let step, let weights, let source, let destination, let epilogue):
            if plan.values[source].type.isQuantized {
                return try bindQuantized(step, weights, source, destination, epilogue)
            }
            return try bindForward(step, weights, source, destination, epilogue)
        case .convolutionBackwardData(let step, let weights, let gradient, let sourceGradient):
            return try bindBackwardData(step, weights, gradient, sourceGradient)
        case .convolutionBackwardWeights(let step, let weights, let source, let gradient):
            return try bindBackwardWeights(step, weights, source, gradient)
        default: preconditionFailure("not a convolution")
        }
    }

    private func bindForward(
        _ step: WindowStep, _ weights: FoldedWeights, _ source: Int, _ destination: Int, _ epilogue: Epilogue
    ) throws -> PreparedStep {
        let geometry = geometry(step)
        let residual: FusedResidual =
            switch epilogue.residual {
            case nil: .none
            case .some(let value): plan.values[value].place == plan.values[destination].place ? .inPlace : .apart
            }
        let types = types(source: source, destination: destination)
        let kernel = try OneDNNKernel.convolution(
            resources.engine, geometry, types: types, bias: weights.bias != nil || weights.norm != nil, residual: residual,
            activation: epilogue.activation.fused)
        var roles: [KernelRole: Address] = [.source: address(source), .destination: address(destination)]
        if residual == .apart, let value = epilogue.residual { roles[.residual] = address(value) }
        let packed = try resources.packedWeights(weights, geometry, for: kernel)
        kernel.bind(.bias, packed.bias.base)
        let run = running(kernel, roles)
        return { frame in
            packed.bind(to: kernel)
            run(&frame)
        }
    }

    private func bindBackwardData(
        _ step: WindowStep, _ weights: FoldedWeights, _ gradient: Int, _ sourceGradient: Int
    ) throws -> PreparedStep {
        let geometry = geometry(step)
        let kernel = try OneDNNKernel.convolutionBackwardData(
            resources.engine, geometry, types: types(source: sourceGradient, destination: gradient, weights: gradient))
        let packed = try resources.packedWeights(weights, geometry, for: kernel)
        let run = running(kernel, [.destinationGradient: address(gradient), .sourceGradient: address(sourceGradient)])
        return { frame in
            packed.bind(to: kernel)
            run(&frame)
        }
    }

    private func bindBackwardWeights(
        _ step: WindowStep, _ weights: FoldedWeights, _ source: Int, _ gradient: Int
    ) throws -> PreparedStep {
        let geometry = geometry(step)
        let weightGradient = store.gradient(of: weights.weight)
        let biasGradient = weights.bias.flatMap { store.gradient(of: $0) }
        let isMatrixProduct = isMatrixProduct(step, weights, source, gradient)
        let kernel =
            isMatrixProduct
            ? try pointwiseGradient(step, plan.values[source].type)
            : try OneDNNKernel.convolutionBackwardWeights(
                resources.engine, geometry,
                types: ConvolutionTypes(source: plan.values[source].type, destination: plan.values[gradient].type),
                bias: weights.bias != nil)
        let run = running(
            kernel,
            isMatrixProduct
                ? [.left: address(gradient), .right: address(source)]
                : [.source: address(source), .destinationGradient: address(gradient)])
        let discarded = AlignedBuffer(floatCount: weights.bias == nil ? 0 : step.destination[2])
        kernel.bind(.biasGradient, biasGradient?.baseAddress ?? discarded.base.assumingMemoryBound(to: Float.self))
        let unfold = unfolding(weights)
        let target = weightGradient?.baseAddress
        if isMatrixProduct || kernel.hasPlainWeightGradient(geometry), let target {
            kernel.bind(isMatrixProduct ? .result : .weightsGradient, target)
            return { frame in
                run(&frame)
                unfold()
            }
        }
        let packedBytes = kernel.byteCount(of: .weightsGradient)
        let unpack = try target.map { target in
            let unpack = adopt(try kernel.weightGradientUnpacking(geometry), [:])
            unpack.bind(.destination, target)
            return unpack
        }
        return { [unowned resources] frame in
            withExtendedLifetime(discarded) {
                let packed = resources.room(.packed, byteCount: packedBytes)
                kernel.bind(.weightsGradient, packed)
                run(&frame)
                unpack?.bind(.source, packed)
                unpack?.run()
                unfold()
            }
        }
    }

    /// Where a trained convolution folds its batch norm: the gradient of w is s times that of w′ = s · w; likewise for the bias.
    func unfolding(_ weights: FoldedWeights) -> () -> Void {
        guard let norm = weights.norm else { return {} }
        let (store, elementwise) = (store, elementwise)
        let gradients = [store.gradient(of: weights.weight), weights.bias.flatMap { store.gradient(of: $0) }].compactMap { $0 }
        return {
            let scale = FoldedParameters.scale(of: norm, store)
            for gradient in gradients {
                guard let start = gradient.baseAddress else { continue }
                elementwise.scaleRows(start, by: scale, start, rows: scale.count, columns: gradient.count / scale.count)
            }
        }
    }

    /// The weight gradient of a pointwise convolution as one product: of the gradients' transpose and the sources.
    private func pointwiseGradient(_ step: WindowStep, _ type: ElementType) throws -> OneDNNKernel {
        var product = MatrixProduct(
            rows: step.destination[2], inner: images * step.source[0] * step.source[1], columns: step.source[2])
        (product.leftIsTransposed, product.type) = (true, type)
        return try OneDNNKernel.product(resources.engine, product)
    }

    /// Whether a weight gradient is better had as one product of matrices: of a pointwise convolution with enough weights to share out
    /// among the threads, which divide the result, not the sum over pixels. `graft bench --suite kernels` with everything trained, one
    /// thread: on ResNet-50's from 256 to 1,024 channels 252 GFLOP/s against 201. In bfloat16 only wide layers gain.
    private func isMatrixProduct(_ step: WindowStep, _ weights: FoldedWeights, _ source: Int, _ gradient: Int) -> Bool {
        let type = plan.values[source].type
        guard step.isPointwise, weights.bias == nil, plan.values[gradient].type == type else { return false }
        let tiles = step.source[2] * step.destination[2] / 4096
        return tiles >= max(type == .bfloat16 ? 64 : 4, 4 * resources.workers.count)
    }

    /// Weights are multiplied in the type of what is read; their gradients are float32.
    private func types(source: Int, destination: Int, weights: Int? = nil) -> ConvolutionTypes {
        ConvolutionTypes(
            source: plan.values[source].type, weights: plan.values[weights ?? source].type,
            destination: plan.values[destination].type)
    }
}
