// Binding of batch norms and pooling.
import Graphs
import Kernels
import Tensors

extension Binder {
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

    func bindNorm(_ step: PlanStep, _ norm: NormParameters, _ mode: NormMode, _ activation: Activation?) -> BoundStep {
        let shape = plan.values[step.source].shape
        let channels = shape[shape.rank - 1]
        let (pixels, capacity) = (shape.count / channels, images)
        // Again means with the statistics of the first time: they are not counted twice, nor summed over the ranks.
        let isRepeated = step.phase == .again
        precondition(!isRepeated || norms[norm.scale] != nil, "a batch norm again that was not there before")
        let kernel =
            norms[norm.scale]
            ?? BatchNormKernel(
                channels: channels, epsilon: norm.epsilon, momentum: norm.momentum, activation: activation, resources.workers)
        norms[norm.scale] = kernel
        let (x, y, residual) = (address(step.source), address(step.result), step.residual.map { address($0) })
        let parameters = parameters(norm)
        return { frame in
            if !mode.usesBatchStatistics {
                kernel.useRunningStatistics(parameters)
            } else if !isRepeated {
                let total = frame.join(kernel, mode) {
                    kernel.addUpMoments(x.activations(frame), rows: frame.input.count * pixels)
                }
                if total { kernel.useBatchStatistics(parameters) }
            }
            guard frame.parts.contains(.application) else { return }
            kernel.forward(
                x.activations(frame), residual: residual.map { $0.activations(frame) }, y.activations(frame),
                rows: capacity * pixels)
        }
    }

    func bindNormGradient(
        _ step: PlanStep, _ norm: NormParameters, _ mode: NormMode, _ masks: Activation?
    ) -> BoundStep {
        guard let kernel = norms[norm.scale] else { preconditionFailure("a batch norm's backward step without its forward step") }
        let shape = plan.values[step.source].shape
        let channels = shape[shape.rank - 1]
        let (pixels, capacity) = (shape.count / channels, images)
        let discarded = AlignedBuffer(floatCount: channels)
        let unused = discarded.base.assumingMemoryBound(to: Float.self)
        let scaleGradient = store.gradient(of: norm.scale)?.baseAddress ?? unused
        let shiftGradient = store.gradient(of: norm.shift)?.baseAddress ?? unused
        let (x, dy, dx) = (address(step.reads[0]), address(step.reads[1]), step.writes.first.map { address($0) })
        return { frame in
            let rows = frame.count(ofChunk: capacity) * pixels
            frame.join(kernel, mode) {
                withExtendedLifetime(discarded) {
                    kernel.addUpGradients(
                        dy: dy.activations(frame), x.activations(frame), rows: rows, scaleGradient: scaleGradient,
                        shiftGradient: shiftGradient, masks: masks != nil)
                }
            }
            guard let dx, frame.parts.contains(.application) else { return }
            kernel.backward(
                dy: dy.activations(frame), x.activations(frame), dx.activations(frame), rows: rows, capacity: capacity * pixels,
                masks: masks != nil, usesBatchStatistics: mode.usesBatchStatistics)
        }
    }

    func bindPooling(_ step: PlanStep, _ place: PlacedWindow, _ method: PoolingMethod) throws -> BoundStep {
        if step.kernel == .loops {
            let (pool, workers) = (MaxPool(WindowGeometry(place, images: images)), resources.workers)
            let (x, y, places) = (address(step.source), address(step.result), step.memory.map { address($0) })
            return { frame in
                let places = places?.raw(frame).assumingMemoryBound(to: UInt8.self)
                pool.forward(x.activations(frame), y.raw(frame), places: places, workers)
            }
        }
        let kernel = try OneDNNKernel.pooling(
            resources.engine, WindowGeometry(place, images: images), method, training: step.memory != nil,
            type: plan.values[step.source].type)
        let roles: [KernelRole: Address] = [.source: address(step.source), .destination: address(step.result)]
        return running(kernel, remembering(step.memory, kernel, roles))
    }

    func bindPoolingGradient(_ step: PlanStep, _ place: PlacedWindow, _ method: PoolingMethod) throws -> BoundStep {
        if step.kernel == .loops {
            let (pool, workers) = (MaxPool(WindowGeometry(place, images: images)), resources.workers)
            let (dy, places, dx) = (address(step.reads[0]), address(step.reads[1]), address(step.result))
            return { frame in
                let places = places.raw(frame).assumingMemoryBound(to: UInt8.self)
                pool.backward(dy.activations(frame), places: places, dx.raw(frame), workers)
            }
        }
        let kernel = try OneDNNKernel.poolingBackward(
            resources.engine, WindowGeometry(place, images: images), method, type: plan.values[step.source].type)
        let roles: [KernelRole: Address] = [.destinationGradient: address(step.source), .sourceGradient: address(step.result)]
        return running(kernel, remembering(step.reads.dropFirst().first, kernel, roles))
    }

    func bindAdaptiveAverage(_ step: PlanStep) -> BoundStep {
        let (images, workers) = (images, resources.workers)
        let pool = AdaptiveAveragePool(source: plan.values[step.source].shape, destination: plan.values[step.result].shape)
        let (x, y) = (address(step.source), address(step.result))
        return { pool.forward(x.activations($0), y($0), images: images, workers) }
    }

    func bindAdaptiveAverageGradient(_ step: PlanStep) -> BoundStep {
        let (images, workers) = (images, resources.workers)
        // Scores that are averages have the shape of scores.
        let averages = plan.values[step.source].shape
        let pool = AdaptiveAveragePool(
            source: plan.values[step.result].shape, destination: averages.rank == 1 ? [1, 1, averages.count] : averages)
        let (dy, dx) = (address(step.source), address(step.result))
        return { pool.backward(dy($0), dx.activations($0), images: images, workers) }
    }

    func bindResponseNorm(_ step: PlanStep, _ norm: ResponseNorm) throws -> BoundStep {
        let kernel = try OneDNNKernel.responseNorm(
            resources.engine, images: images, shape: plan.values[step.source].shape, norm, training: step.memory != nil)
        let roles: [KernelRole: Address] = [.source: address(step.source), .destination: address(step.result)]
        return running(kernel, remembering(step.memory, kernel, roles))
    }

    func bindResponseNormGradient(_ step: PlanStep, _ norm: ResponseNorm) throws -> BoundStep {
        let kernel = try OneDNNKernel.responseNormBackward(
            resources.engine, images: images, shape: plan.values[step.source].shape, norm)
        let roles: [KernelRole: Address] = [
            .source: address(step.source), .destinationGradient: address(step.reads[1]), .sourceGradient: address(step.result),
        ]
        return running(kernel, remembering(step.reads[2], kernel, roles))
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
