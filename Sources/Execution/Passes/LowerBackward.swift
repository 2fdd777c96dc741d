// Pass: forward steps of the suffix to backward steps, in reverse.
import Graphs
import Tensors

/// Gradients on their way: for each value the parts that its consumers have contributed so far.
private struct PendingGradients {
    var parts: [Int: [Int]] = [:]
}

extension Lowering {
    /// Adds the backward steps for forward steps in reverse order. A step's input gets a gradient iff it lies in the suffix.
    mutating func lowerBackward() {
        var pending = PendingGradients()
        for record in records.reversed() where regions.of[record.node] == .suffix {
            if case .loss(let logits, let gradient, _, _) = record.action {
                pending.parts[logits, default: []].append(gradient)
            } else {
                differentiate(record, &pending)
            }
        }
    }

    private mutating func differentiate(_ record: ForwardRecord, _ pending: inout PendingGradients) {
        let node = record.node
        switch record.action {
        case .convolution(let step, let weights, let source, let destination, let epilogue):
            guard let gradient = gradient(of: destination, node, &pending, masking: epilogue.activation) else { return }
            if let residual = epilogue.residual { contribute(gradient, to: residual, &pending) }
            let factor = converted(gradient, node, to: computeType(of: node))
            let work = graph.multiplyAccumulates(of: graph.nodes[node])
            if weights.isTrained {
                addStep(
                    node, .backward, .convolutionBackwardWeights(step, weights, source: source, gradient: factor),
                    multiplyAccumulates: work)
            }
            propagate(node, to: source, &pending, multiplyAccumulates: work) {
                .convolutionBackwardData(step, weights, gradient: factor, sourceGradient: $0)
            }
        case .norm(let norm, let mode, let source, let destination, let epilogue):
            differentiateNorm(node, norm, mode, source, destination, epilogue, &pending)
        case .linear(let weight, let bias, let source, let destination):
            guard let gradient = gradient(of: destination, node, &pending) else { return }
            let work = graph.multiplyAccumulates(of: graph.nodes[node])
            if isTrained(weight) || bias.map({ isTrained($0) }) == true {
                addStep(
                    node, .backward, .linearBackwardWeights(weight: weight, bias: bias, source: source, gradient: gradient),
                    multiplyAccumulates: work)
            }
            propagate(node, to: source, &pending, multiplyAccumulates: work) {
                .linearBackwardData(weight: weight, gradient: gradient, sourceGradient: $0)
            }
        case .activation(let kind, let source, let destination):
            let kept = kind.derivativeFollowsFromOutput ? destination : source
            guard hasGradient(source), let gradient = gradient(of: destination, node, &pending, masking: kind, kept: kept) else {
                return
            }
            contribute(gradient, to: source, &pending)
        case .add(let first, let second, let destination, let kind):
            guard let gradient = gradient(of: destination, node, &pending, masking: kind) else { return }
            contribute(gradient, to: first, &pending)
            contribute(gradient, to: second, &pending)
        default: differentiateShapeAndPooling(record, &pending)
        }
    }

    private mutating func differentiateNorm(
        _ node: Int, _ norm: NormParameters, _ mode: NormMode, _ source: Int, _ destination: Int, _ epilogue: Epilogue,
        _ pending: inout PendingGradients
    ) {
        // Without a residual the step applies the activation's mask itself, computed again from its input: one pass fewer.
        let masks = epilogue.residual == nil ? epilogue.activation : nil
        let masking = masks == nil ? epilogue.activation : nil
        guard let gradient = gradient(of: destination, node, &pending, masking: masking) else { return }
        if let residual = epilogue.residual { contribute(gradient, to: residual, &pending) }
        if hasGradient(source) {
            propagate(node, to: source, &pending) {
                .normBackward(norm, mode, source: source, gradient: gradient, sourceGradient: $0, masks: masks)
            }
        } else if mode != .frozen {
            addStep(
                node, .backward,
                .normBackward(norm, mode, source: source, gradient: gradient, sourceGradient: nil, masks: masks))
        }
    }

    private mutating func differentiateShapeAndPooling(_ record: ForwardRecord, _ pending: inout PendingGradients) {
        let node = record.node
        guard let gradient = gradient(of: destination(of: record.action), node, &pending) else { return }
        switch record.action {
        case .gate(let source, let gate, _):
            if hasGradient(gate) {
                propagate(node, to: gate, &pending) { .gateBackward(gradient: gradient, source: source, gateGradient: $0) }
            }
            propagate(node, to: source, &pending) { .gate(source: gradient, gate: gate, destination: $0) }
        case .concatenate(let sources, _):
            var channel = 0
            for source in sources {
                let first = channel
                channel += values[source].shape[2]
                propagate(node, to: source, &pending) { .slice(source: gradient, firstChannel: first, destination: $0) }
            }
        case .pool(let step, let method, let source, _, let memory):
            propagate(node, to: source, &pending) {
                .poolBackward(step, method, gradient: gradient, sourceGradient: $0, memory: memory)
            }
        case .adaptiveAverage(let source, _):
            propagate(node, to: source, &pending) { .adaptiveAverageBackward(gradient: gradient, sourceGradient: $0) }
        case .convert(let source, _):
            propagate(node, to: source, &pending) { .convert(source: gradient, destination: $0) }
        case .transpose(let source, _, let toChannelsFirst):
            propagate(node, to: source, &pending) {
                .transpose(source: gradient, destination: $0, toChannelsFirst: !toChannelsFirst)
            }
        case .dropout(let rate, let layer, let wholeImages, let source, _):
            propagate(node, to: source, &pending) {
                .dropout(rate: rate, layer: layer, wholeImages: wholeImages, source: gradient, destination: $0)
            }
        case .responseNorm(let constants, let source, _, let memory):
            guard let memory else { preconditionFailure("'\(graph.nodes[node].name)' kept nothing for its backward step") }
            propagate(node, to: source, &pending) {
                .responseNormBackward(constants, source: source, gradient: gradient, sourceGradient: $0, memory: memory)
            }
        default: preconditionFailure("'\(graph.nodes[node].name)' has no backward step")
        }
    }

    private func destination(of action: Action) -> Int {
        switch action {
        case .gate(_, _, let destination), .concatenate(_, let destination), .pool(_, _, _, let destination, _),
            .adaptiveAverage(_, let destination), .transpose(_, let destination, _), .dropout(_, _, _, _, let destination),
            .responseNorm(_, _, let destination, _), .convert(_, let destination):
            destination
        default: preconditionFailure("only steps of one result are asked for it")
        }
    }

    private func hasGradient(_ value: Int) -> Bool { regionOfValue[value] == .suffix }

    private func contribute(_ gradient: Int, to value: Int, _ pending: inout PendingGradients) {
        if hasGradient(value) { pending.parts[value, default: []].append(gradient) }
    }

    /// Adds a step that writes a new part of the gradient of `value`, if that has one.
    private mutating func propagate(
        _ node: Int, to value: Int, _ pending: inout PendingGradients, multiplyAccumulates: Int = 0, _ action: (Int) -> Action
    ) {
        guard hasGradient(value) else { return }
        let gradient = addGradient(of: value)
        addStep(node, .backward, action(gradient), multiplyAccumulates: multiplyAccumulates)
        contribute(gradient, to: value, &pending)
    }

    /// A gradient in the type in which a step multiplies with it.
    private mutating func converted(_ gradient: Int, _ node: Int, to type: ElementType) -> Int {
        guard values[gradient].type != type else { return gradient }
        let copy = addValue("\(values[gradient].name)·\(type)", values[gradient].shape, region: .suffix, type: type)
        addStep(node, .backward, .convert(source: gradient, destination: copy))
        return copy
    }

    private mutating func addGradient(of value: Int) -> Int {
        addValue("\(values[value].name)·gradient", values[value].shape, region: .suffix, type: values[value].type)
    }

    /// The sum of the parts of a value's gradient, times the derivative of `activation`; nil if nothing reads the value.
    private mutating func gradient(
        of value: Int, _ node: Int, _ pending: inout PendingGradients, masking activation: ActivationKind? = nil, kept: Int? = nil
    ) -> Int? {
        guard var parts = pending.parts.removeValue(forKey: value) else { return nil }
        while parts.count > 2 {
            let sum = addGradient(of: value)
            addStep(node, .backward, .combineGradients(parts[0], parts[1], kept: nil, nil, destination: sum))
            parts = [sum] + parts[2...]
        }
        guard parts.count == 2 || activation != nil else { return parts[0] }
        let result = addGradient(of: value)
        let second = parts.count == 2 ? parts[1] : nil
        let keptValue = activation == nil ? nil : kept ?? value
        addStep(node, .backward, .combineGradients(parts[0], second, kept: keptValue, activation, destination: result))
        return result
    }
}
