// Binding of batch norms, linear layers and pooling.
import Graphs
import Kernels
import Tensors

extension Binder {
    func bindNorm(_ action: Action) -> PreparedStep {
        switch action {
        case .norm(let norm, let mode, let source, let destination, let epilogue):
            bindNormForward(norm, mode, source, destination, epilogue)
        case .normBackward(let norm, let mode, let source, let gradient, let sourceGradient, let masks):
            bindNormBackward(norm, mode, source, gradient, sourceGradient, masks)
        default: preconditionFailure("not a batch norm")
        }
    }

    private func parameters(_ norm: NormParameters) -> BatchNormKernel.Parameters {
        func start(_ parameter: Int) -> UnsafeMutablePointer<Float> {
            guard let address = store.values(of: parameter).baseAddress else {
                preconditionFailure("a batch norm without channels")
            }
            return address
        }
        return BatchNormKernel.Parameters(
            scale: start(norm.scale), shift: start(norm.shift), runningMean: start(norm.mean),
            runningVariance: start(norm.variance))
    }

    private func bindNormForward(
        _ norm: NormParameters, _ mode: NormMode, _ source: Int, _ destination: Int, _ epilogue: Epilogue
    ) -> PreparedStep {
        let shape = plan.values[source].shape
        let channels = shape[shape.rank - 1]
        let (pixels, capacity) = (shape.count / channels, images)
        let kernel = BatchNormKernel(
            channels: channels, epsilon: norm.epsilon, momentum: norm.momentum, activation: epilogue.activation.fused,
            resources.workers)
        norms[norm.scale] = kernel
        let (x, y, residual) = (address(source), address(destination), epilogue.residual.map { address($0) })
        let parameters = parameters(norm)
        return { frame in
            if mode.usesBatchStatistics {
                let synchronize = mode == .synchronized ? frame.input.synchronize : nil
                kernel.useBatchStatistics(
                    x.activations(frame), rows: frame.input.count * pixels, parameters, synchronize: synchronize)
            } else {
                kernel.useRunningStatistics(parameters)
            }
            kernel.forward(
                x.activations(frame), residual: residual.map { $0.activations(frame) }, y.activations(frame),
                rows: capacity * pixels)
        }
    }

    private func bindNormBackward(
        _ norm: NormParameters, _ mode: NormMode, _ source: Int, _ gradient: Int, _ sourceGradient: Int?, _ masks: ActivationKind?
    ) -> PreparedStep {
        guard let kernel = norms[norm.scale] else { preconditionFailure("a batch norm's backward step without its forward step") }
        let shape = plan.values[source].shape
        let channels = shape[shape.rank - 1]
        let (pixels, capacity) = (shape.count / channels, images)
        let discarded = AlignedBuffer(floatCount: channels)
        let unused = discarded.base.assumingMemoryBound(to: Float.self)
        let scaleGradient = store.gradient(of: norm.scale)?.baseAddress ?? unused
        let shiftGradient = store.gradient(of: norm.shift)?.baseAddress ?? unused
        let (x, dy, dx) = (address(source), address(gradient), sourceGradient.map { address($0) })
        let parameters = parameters(norm)
        return { frame in
            withExtendedLifetime(discarded) {
                kernel.backward(
                    dy: dy.activations(frame), x.activations(frame), dx.map { $0.activations(frame) },
                    rows: frame.input.count * pixels, capacity: capacity * pixels,
                    parameters, scaleGradient: scaleGradient, shiftGradient: shiftGradient, masks: masks != nil,
                    usesBatchStatistics: mode.usesBatchStatistics,
                    synchronize: mode == .synchronized ? frame.input.synchronize : nil)
            }
        }
    }

    func bindLinear(_ action: Action) -> PreparedStep {
        let images = images
        func kernel(_ weight: Int) -> (LinearKernel, UnsafeMutablePointer<Float>) {
            let shape = store.graph.parameters[weight].shape
            guard let start = store.values(of: weight).baseAddress else { preconditionFailure("a linear layer without weights") }
            return (LinearKernel(inputs: shape[1], outputs: shape[0]), start)
        }
        switch action {
        case .linear(let weight, let bias, let source, let destination):
            let (linear, weights) = kernel(weight)
            let (x, y, start) = (address(source), address(destination), bias.flatMap { store.values(of: $0).baseAddress })
            return { linear.forward(x($0), weights, start, y($0), images: images) }
        case .linearBackwardData(let weight, let gradient, let sourceGradient):
            let (linear, weights) = kernel(weight)
            let (dy, dx) = (address(gradient), address(sourceGradient))
            return { linear.backwardData(dy($0), weights, dx($0), images: images) }
        case .linearBackwardWeights(let weight, let bias, let source, let gradient):
            let (linear, _) = kernel(weight)
            let (x, dy) = (address(source), address(gradient))
            let weightGradient = store.gradient(of: weight)?.baseAddress
            let biasGradient = bias.flatMap { store.gradient(of: $0)?.baseAddress }
            return { frame in
                if let weightGradient { linear.backwardWeights(dy(frame), x(frame), weightGradient, images: images) }
                if let biasGradient { linear.backwardBias(dy(frame), biasGradient, images: images) }
            }
        default: preconditionFailure("not a linear layer")
        }
    }

    func bindPooling(_ action: Action) throws -> PreparedStep {
        let (images, workers) = (images, resources.workers)
        switch action {
        case .pool(let step, let method, let source, let destination, let memory):
            let kernel = try OneDNNKernel.pooling(
                resources.engine, geometry(step), method.kind, training: memory != nil, type: plan.values[source].type)
            return running(kernel, remembering(memory, kernel, [.source: address(source), .destination: address(destination)]))
        case .poolBackward(let step, let method, let gradient, let sourceGradient, let memory):
            let kernel = try OneDNNKernel.poolingBackward(
                resources.engine, geometry(step), method.kind, type: plan.values[gradient].type)
            let roles: [KernelRole: Address] = [
                .destinationGradient: address(gradient), .sourceGradient: address(sourceGradient),
            ]
            return running(kernel, remembering(memory, kernel, roles))
        case .adaptiveAverage(let source, let destination):
            let pool = AdaptiveAveragePool(source: plan.values[source].shape, destination: plan.values[destination].shape)
            let (x, y) = (address(source), address(destination))
            return { pool.forward(x.activations($0), y($0), images: images, workers) }
        case .adaptiveAverageBackward(let gradient, let sourceGradient):
            let pool = AdaptiveAveragePool(source: plan.values[sourceGradient].shape, destination: plan.values[gradient].shape)
            let (dy, dx) = (address(gradient), address(sourceGradient))
            return { pool.backward(dy($0), dx.activations($0), images: images, workers) }
        case .responseNorm(let norm, let source, let destination, let memory):
            let kernel = try OneDNNKernel.responseNorm(
                resources.engine, images: images, shape: plan.values[source].shape, norm.constants, training: memory != nil)
            return running(kernel, remembering(memory, kernel, [.source: address(source), .destination: address(destination)]))
        case .responseNormBackward(let norm, let source, let gradient, let sourceGradient, let memory):
            let kernel = try OneDNNKernel.responseNormBackward(
                resources.engine, images: images, shape: plan.values[source].shape, norm.constants)
            let roles: [KernelRole: Address] = [
                .source: address(source), .destinationGradient: address(gradient), .sourceGradient: address(sourceGradient),
            ]
            return running(kernel, remembering(memory, kernel, roles))
        default: preconditionFailure("not pooling")
        }
    }

    /// Adds the workspace, if the kernel has one, and holds the planner's estimate of its size to account.
    private func remembering(_ memory: Int?, _ kernel: OneDNNKernel, _ roles: [KernelRole: Address]) -> [KernelRole: Address] {
        guard let memory else { return roles }
        precondition(
            kernel.byteCount(of: .workspace) <= plan.values[memory].byteCount, "\(kernel.implementation) wants a larger workspace"
        )
        return roles.merging([.workspace: address(memory)]) { $1 }
    }
}

extension PoolingMethod {
    var kind: PoolingKind {
        switch self {
        case .max: .max
        case .averageInside: .averageInside
        case .averagePadded: .averagePadded
        }
    }
}

extension ResponseNorm {
    var constants: ResponseNormConstants { ResponseNormConstants(size: size, alpha: alpha, beta: beta, k: k) }
}
