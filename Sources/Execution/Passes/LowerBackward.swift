// Pass: forward steps of the suffix to backward steps, in reverse.
import Graphs
import Tensors

/// Gradients on their way: for each value the parts that its consumers have contributed so far.
private struct PendingGradients {
    var parts: [Int: [Int]] = [:]
}

extension Lowering {
    /// Adds the backward steps for forward steps in reverse order. A step's input gets a gradient iff it lies in the suffix, or is watched.
    /// Returns the gradient of the watched node's value.
    mutating func lowerBackward() -> Int? {
        var pending = PendingGradients()
        if request.watched != nil { pending.parts[value(of: graph.logits)] = [addScoreWeights()] }
        for record in records.reversed() where regions.of[record.node] == .suffix { differentiate(record, &pending) }
        return request.watched.map { node in
            guard let gradient = gradient(of: value(of: node), node, &pending) else {
                preconditionFailure("no class score depends on '\(graph.nodes[node].name)'")
            }
            return gradient
        }
    }

    private mutating func differentiate(_ record: ForwardRecord, _ pending: inout PendingGradients) {
        let (node, step) = (record.node, record.step)
        switch step.operation {
        case .loss: pending.parts[step.source, default: []].append(step.result)
        case .convolution(let layer, let activation): differentiateConvolution(node, step, layer, activation, &pending)
        case .norm(let norm, let mode, let activation): differentiateNorm(node, step, norm, mode, activation, &pending)
        case .layerNorm(let norm):
            guard let gradient = gradient(of: step.result, node, &pending) else { return }
            addNormGradient(node, step, .layerNormGradient(norm), gradient, [norm.scale, norm.shift], &pending)
        case .layerScale(let parameter):
            guard let gradient = gradient(of: step.result, node, &pending) else { return }
            if let residual = step.residual { contribute(gradient, to: residual, &pending) }
            addWeightGradient(node, step, .layerScaleGradient(parameter: parameter), gradient: gradient, [parameter])
            propagate(node, to: step.source, [gradient], &pending, .layerScaleInputGradient(parameter: parameter))
        case .activation(let kind):
            let kept = kind.derivativeFollowsFromOutput ? step.result : step.source
            guard hasGradient(step.source), let gradient = gradient(of: step.result, node, &pending, masking: kind, kept: kept)
            else { return }
            contribute(gradient, to: step.source, &pending)
        case .add(let kind):
            guard let gradient = gradient(of: step.result, node, &pending, masking: kind) else { return }
            for operand in step.reads { contribute(gradient, to: operand, &pending) }
        case .gate: differentiateGate(node, step, &pending)
        case .concatenate: differentiateConcatenation(node, step, &pending)
        case .slice(let first): turnBack(node, step, &pending, .sliceGradient(firstChannel: first))
        case .shuffle(let groups): turnBack(node, step, &pending, .shuffle(groups: values[step.result].shape[2] / groups))
        case .pool(let place, let method): turnBack(node, step, &pending, with: step.memory, .poolGradient(place, method))
        case .adaptiveAverage: turnBack(node, step, &pending, .adaptiveAverageGradient)
        case .convert: turnBack(node, step, &pending, .convert)
        case .transpose(let toChannelsFirst): turnBack(node, step, &pending, .transpose(toChannelsFirst: !toChannelsFirst))
        // Its own gradient.
        case .dropout: turnBack(node, step, &pending, step.operation)
        case .responseNorm(let constants):
            guard let memory = step.memory else { preconditionFailure("'\(step.name)' kept nothing for its gradient") }
            guard let gradient = gradient(of: step.result, node, &pending) else { return }
            propagate(node, to: step.source, [step.source, gradient, memory], &pending, .responseNormGradient(constants))
        case .convolutionInputGradient, .convolutionWeightGradient, .normGradient, .layerNormGradient, .layerScaleInputGradient,
            .layerScaleGradient, .combineGradients, .gateGradient, .sliceGradient, .poolGradient, .adaptiveAverageGradient,
            .responseNormGradient:
            preconditionFailure("'\(step.name)': a gradient is not differentiated")
        }
    }

    private mutating func differentiateConvolution(
        _ node: Int, _ step: PlanStep, _ layer: ConvolutionLayer, _ activation: Activation?, _ pending: inout PendingGradients
    ) {
        guard let gradient = gradient(of: step.result, node, &pending, masking: activation) else { return }
        if let residual = step.residual { contribute(gradient, to: residual, &pending) }
        let factor = converted(gradient, node, to: computeType(of: node))
        addWeightGradient(
            node, step, .convolutionWeightGradient(layer), gradient: factor, [layer.weights.weight, layer.weights.bias])
        propagate(
            node, to: step.source, [factor], &pending, multiplyAccumulates: step.multiplyAccumulates,
            .convolutionInputGradient(layer))
    }

    private mutating func addWeightGradient(
        _ node: Int, _ step: PlanStep, _ operation: PlanOperation, gradient: Int, _ parameters: [Int?]
    ) {
        let parameters = parameters.compactMap { $0 }
        guard parameters.contains(where: { isTrained($0) }) else { return }
        addStep(
            node, .backward, operation, [step.source, gradient], [], gradientsOf: parameters,
            multiplyAccumulates: step.multiplyAccumulates)
    }

    private mutating func differentiateNorm(
        _ node: Int, _ step: PlanStep, _ norm: NormParameters, _ mode: NormMode, _ activation: Activation?,
        _ pending: inout PendingGradients
    ) {
        // Without a residual the step applies the activation's mask itself, computed again from its input: one pass fewer.
        let masks = step.residual == nil ? activation : nil
        let masking = masks == nil ? activation : nil
        guard let gradient = gradient(of: step.result, node, &pending, masking: masking) else { return }
        if let residual = step.residual { contribute(gradient, to: residual, &pending) }
        addNormGradient(
            node, step, .normGradient(norm, mode, masks: masks), gradient, mode == .frozen ? [] : [norm.scale, norm.shift],
            &pending)
    }

    /// Adds a norm's backward step, unless neither its source nor its parameters want one.
    private mutating func addNormGradient(
        _ node: Int, _ step: PlanStep, _ operation: PlanOperation, _ gradient: Int, _ parameters: [Int],
        _ pending: inout PendingGradients
    ) {
        let reads = [step.source, gradient]
        if hasGradient(step.source) {
            propagate(node, to: step.source, reads, &pending, gradientsOf: parameters, operation)
        } else if parameters.contains(where: { isTrained($0) }) {
            addStep(node, .backward, operation, reads, [], gradientsOf: parameters)
        }
    }

    private mutating func differentiateGate(_ node: Int, _ step: PlanStep, _ pending: inout PendingGradients) {
        guard let gradient = gradient(of: step.result, node, &pending) else { return }
        let gate = step.reads[1]
        propagate(node, to: gate, [step.source, gradient], &pending, .gateGradient)
        propagate(node, to: step.source, [gradient, gate], &pending, .gate)
    }

    private mutating func differentiateConcatenation(_ node: Int, _ step: PlanStep, _ pending: inout PendingGradients) {
        guard let gradient = gradient(of: step.result, node, &pending) else { return }
        var channel = 0
        for source in step.reads {
            let first = channel
            channel += values[source].shape[2]
            propagate(node, to: source, [gradient], &pending, .slice(firstChannel: first))
        }
    }

    /// Adds the gradient of a step of one input, which needs no more than the result's, and what the step has kept.
    private mutating func turnBack(
        _ node: Int, _ step: PlanStep, _ pending: inout PendingGradients, with memory: Int? = nil, _ operation: PlanOperation
    ) {
        guard let gradient = gradient(of: step.result, node, &pending) else { return }
        propagate(node, to: step.source, [gradient] + (memory.map { [$0] } ?? []), &pending, operation)
    }

    private func hasGradient(_ value: Int) -> Bool {
        regionOfValue[value] == .suffix || request.watched.map { self.value(of: $0) == value } ?? false
    }

    private func contribute(_ gradient: Int, to value: Int, _ pending: inout PendingGradients) {
        if hasGradient(value) { pending.parts[value, default: []].append(gradient) }
    }

    /// Adds a step that writes a new part of the gradient of `value`, if that has one.
    private mutating func propagate(
        _ node: Int, to value: Int, _ reads: [Int], _ pending: inout PendingGradients, gradientsOf parameters: [Int] = [],
        multiplyAccumulates: Int = 0, _ operation: PlanOperation
    ) {
        guard hasGradient(value) else { return }
        let gradient = addGradient(of: value)
        addStep(
            node, .backward, operation, reads, [gradient], gradientsOf: parameters, multiplyAccumulates: multiplyAccumulates)
        contribute(gradient, to: value, &pending)
    }

    /// A gradient in the type in which a step multiplies with it.
    private mutating func converted(_ gradient: Int, _ node: Int, to type: ElementType) -> Int {
        guard values[gradient].type != type else { return gradient }
        let copy = addValue("\(values[gradient].name)·\(type)", values[gradient].shape, region: .suffix, type: type)
        addStep(node, .backward, .convert, [gradient], [copy])
        return copy
    }

    private mutating func addGradient(of value: Int) -> Int {
        addValue("\(values[value].name)·gradient", values[value].shape, region: .suffix, type: values[value].type)
    }

    /// The sum of the parts of a value's gradient, times the derivative of `activation`; nil if nothing reads the value.
    private mutating func gradient(
        of value: Int, _ node: Int, _ pending: inout PendingGradients, masking activation: Activation? = nil, kept: Int? = nil
    ) -> Int? {
        guard var parts = pending.parts.removeValue(forKey: value) else { return nil }
        while parts.count > 2 {
            let sum = addGradient(of: value)
            addStep(node, .backward, .combineGradients(derivative: nil), [parts[0], parts[1]], [sum])
            parts = [sum] + parts[2...]
        }
        guard parts.count == 2 || activation != nil else { return parts[0] }
        let result = addGradient(of: value)
        let kept = activation == nil ? [] : [kept ?? value]
        addStep(node, .backward, .combineGradients(derivative: activation), parts + kept, [result])
        return result
    }
}
