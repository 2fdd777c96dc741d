// Binding of convolutions, each to the kernel that its step names.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindConvolution(_ step: PlanStep, _ layer: ConvolutionLayer, _ activation: Activation?) throws -> BoundStep {
        switch step.kernel {
        case .depthwise: return bindDepthwise(step, layer, activation)
        case .lanes: return bindLanes(step, layer, activation)
        case .winograd(let tile): return try bindWinograd(step, layer, tile, activation)
        case .bytes: return try bindQuantized(step, layer, activation)
        case .direct, .packedLinear: return try bindDirect(step, layer, activation)
        case .matrixProduct: return try bindProduct(step, layer)
        case .loops: preconditionFailure("\(step.kernel) is no kernel of a convolution")
        }
    }

    func bindInputGradient(_ step: PlanStep, _ layer: ConvolutionLayer) throws -> BoundStep {
        switch step.kernel {
        case .depthwise: return bindDepthwiseInputGradient(step, layer)
        case .lanes: return bindLanesInputGradient(step, layer)
        case .winograd(let tile): return try bindWinogradInputGradient(step, layer, tile)
        case .direct, .packedLinear: return try bindDirectInputGradient(step, layer)
        case .matrixProduct: return try bindProductInputGradient(step, layer)
        case .loops, .bytes: preconditionFailure("\(step.kernel) is no kernel of a convolution's input gradient")
        }
    }

    func bindWeightGradient(_ step: PlanStep, _ layer: ConvolutionLayer) throws -> BoundStep {
        switch step.kernel {
        case .depthwise: return bindDepthwiseWeightGradient(step, layer)
        case .winograd(let tile): return try bindWinogradWeightGradient(step, layer, tile)
        case .matrixProduct: return try bindProductWeightGradient(step, layer)
        case .direct, .packedLinear: return try bindDirectWeightGradient(step, layer)
        case .loops, .lanes, .bytes:
            preconditionFailure("\(step.kernel) is no kernel of a convolution's weight gradient")
        }
    }

    private func bindDirect(
        _ step: PlanStep, _ layer: ConvolutionLayer, _ activation: Activation?
    ) throws -> BoundStep {
        let geometry = WindowGeometry(layer, images: images)
        let residual: FusedResidual =
            switch step.residual {
            case nil: .none
            case .some(let value): plan.values[value].place == plan.values[step.result].place ? .inPlace : .apart
            }
        let kernel = try OneDNNKernel.convolution(
            resources.engine, geometry, types: types(source: step.source, destination: step.result, weights: step.source),
            bias: layer.weights.bias != nil || layer.weights.norm != nil, residual: residual, activation: activation)
        var roles: [KernelRole: Address] = [.source: address(step.source), .destination: address(step.result)]
        if residual == .apart, let value = step.residual { roles[.residual] = address(value) }
        let weights = try packed(layer, geometry, for: kernel)
        kernel.bind(.bias, weights.bias)
        let run = running(kernel, roles)
        return { frame in
            kernel.bind(.weights, weights.prepare())
            run(&frame)
        }
    }

    private func bindDirectInputGradient(_ step: PlanStep, _ layer: ConvolutionLayer) throws -> BoundStep {
        let geometry = WindowGeometry(layer, images: images)
        let kernel = try OneDNNKernel.convolutionBackwardData(
            resources.engine, geometry, types: types(source: step.result, destination: step.source, weights: step.source))
        let weights = try packed(layer, geometry, for: kernel)
        let run = running(kernel, [.destinationGradient: address(step.source), .sourceGradient: address(step.result)])
        return { frame in
            kernel.bind(.weights, weights.prepare())
            run(&frame)
        }
    }

    private func bindDirectWeightGradient(_ step: PlanStep, _ layer: ConvolutionLayer) throws -> BoundStep {
        let (source, gradient) = (step.reads[0], step.reads[1])
        let (geometry, weights) = (WindowGeometry(layer, images: images), layer.weights)
        let kernel = try OneDNNKernel.convolutionBackwardWeights(
            resources.engine, geometry,
            types: ConvolutionTypes(source: plan.values[source].type, destination: plan.values[gradient].type),
            bias: weights.bias != nil)
        let run = running(kernel, [.source: address(source), .destinationGradient: address(gradient)])
        let discarded = AlignedBuffer(floatCount: weights.bias == nil ? 0 : layer.place.destination[2])
        let biasGradient = weights.bias.flatMap { store.gradient(of: $0)?.baseAddress }
        kernel.bind(.biasGradient, biasGradient ?? discarded.base.assumingMemoryBound(to: Float.self))
        let unfold = unfolding(weights)
        let target = store.gradient(of: weights.weight)?.baseAddress
        if kernel.hasPlainWeightGradient(geometry), let target {
            kernel.bind(.weightsGradient, target)
            return { frame in
                withExtendedLifetime(discarded) { run(&frame) }
                unfold()
            }
        }
        let rooms = resources.rooms
        rooms.reserve(.weights, byteCount: kernel.byteCount(of: .weightsGradient))
        let unpack = try target.map { target in
            let unpack = adopt(try kernel.weightGradientUnpacking(geometry), [:])
            unpack.bind(.destination, target)
            return unpack
        }
        return { frame in
            withExtendedLifetime(discarded) {
                kernel.bind(.weightsGradient, rooms[.weights])
                run(&frame)
                unpack?.bind(.source, rooms[.weights])
                unpack?.run()
                unfold()
            }
        }
    }

    /// Where a trained convolution folds its batch norm: the gradient of w is s times that of w′ = s · w; likewise for the bias.
    func unfolding(_ weights: FoldedWeights) -> () -> Void {
        guard weights.norm != nil else { return {} }
        let (folded, elementwise) = (resources.weights.folded(weights), elementwise)
        let gradients = [store.gradient(of: weights.weight), weights.bias.flatMap { store.gradient(of: $0) }].compactMap { $0 }
        return {
            folded.refresh()
            for gradient in gradients {
                guard let start = gradient.baseAddress else { continue }
                let columns = gradient.count / folded.channels
                elementwise.scaleRows(start, by: folded.scale, start, rows: folded.channels, columns: columns)
            }
        }
    }

    private func packed(
        _ layer: ConvolutionLayer, _ geometry: WindowGeometry, for kernel: OneDNNKernel
    ) throws -> PreparedWeights {
        let form = try PackedForm(kernel, geometry, folds: layer.weights.norm != nil, resources)
        return resources.weights.prepared(layer.weights, form)
    }

    /// Weights are multiplied in the type of what is read; their gradients are float32.
    private func types(source: Int, destination: Int, weights: Int) -> ConvolutionTypes {
        ConvolutionTypes(
            source: plan.values[source].type, weights: plan.values[weights].type, destination: plan.values[destination].type)
    }
}
