// Steps in words and shapes, as plans print them.
internal import Graphs
internal import Tensors

extension PlanStep {
    /// What the step does, as in `3×3 conv /2 + norm + relu`. `/2` is the stride; `+` is done in the same pass over memory.
    package var words: String {
        switch action {
        case .convolution(let step, let weights, _, _, let epilogue):
            convolution(step) + (weights.norm == nil ? "" : " + norm") + tail(epilogue)
        case .convolutionBackwardData(let step, _, _, _): convolution(step) + ", input gradient"
        case .convolutionBackwardWeights(let step, _, _, _): convolution(step) + ", weight gradient"
        case .norm(_, let mode, _, _, let epilogue): "\(mode.rawValue) batch norm" + tail(epilogue)
        case .normBackward(_, let mode, _, _, _, let mask): gradientMask(mask) + "\(mode.rawValue) batch norm, gradient"
        case .linear: "linear"
        case .linearBackwardData: "linear, input gradient"
        case .linearBackwardWeights: "linear, weight gradient"
        case .activation(let kind, _, _): kind.rawValue
        case .add(_, _, _, let kind): "add" + (kind.map { " + \($0.rawValue)" } ?? "")
        case .combineGradients(_, let second, _, let kind, _):
            [second == nil ? nil : "add gradients", kind.map { "\($0.rawValue), gradient" }].compactMap { $0 }
                .joined(separator: " + ")
        case .gate: phase == .forward ? "gate" : "gate, input gradient"
        case .gateBackward: "gate, gate gradient"
        case .convert: "convert type"
        case .concatenate: "concatenate"
        case .slice: "concatenate, gradient"
        case .pool(let step, let method, _, _, _): pooling(step, method)
        case .poolBackward(let step, let method, _, _, _): pooling(step, method) + ", gradient"
        case .adaptiveAverage: "adaptive average pool"
        case .adaptiveAverageBackward: "adaptive average pool, gradient"
        case .transpose: phase == .forward ? "flatten" : "flatten, gradient"
        case .dropout(let rate, _, let wholeImages, _, _):
            "\(wholeImages ? "stochastic depth" : "dropout") \(Readable.fixed(Double(rate), 3).trimmingZeros)"
                + (phase == .forward ? "" : ", gradient")
        case .responseNorm: "response norm"
        case .responseNormBackward: "response norm, gradient"
        case .loss(_, _, let weight, let isMain):
            "softmax cross-entropy" + (isMain ? "" : " × \(Readable.fixed(Double(weight), 3).trimmingZeros)")
        }
    }

    /// The shapes of what goes in and what comes out, for one image. What a gradient of parameters comes out as is their shape.
    func shapes(_ values: [PlanValue], _ graph: Graph) -> (input: String, output: String) {
        var input = action.reads.first.map { values[$0].shape.description } ?? ""
        if case .concatenate(let sources, _) = action, let first = sources.first {
            let shape = values[first].shape
            input = "\(shape[0])×\(shape[1])×(\(sources.map { String(values[$0].shape[2]) }.joined(separator: "+")))"
        }
        if let written = action.writes.first { return (input, values[written].shape.description) }
        let parameter: Int? =
            switch action {
            case .convolutionBackwardWeights(_, let weights, _, _): weights.weight
            case .linearBackwardWeights(let weight, _, _, _): weight
            case .normBackward(let norm, _, _, _, _, _): norm.scale
            default: nil
            }
        return (input, parameter.map { graph.parameters[$0].shape.description } ?? "")
    }

    private func convolution(_ step: WindowStep) -> String {
        if step.isLinear { return "linear" }
        let isDepthwise = step.groups > 1 && step.groups == step.source[2]
        let kind = isDepthwise ? "depthwise conv" : "conv"
        let groups = step.groups > 1 && !isDepthwise ? " in \(step.groups) groups" : ""
        return window(step) + kind + stride(step) + groups
    }

    private func pooling(_ step: WindowStep, _ method: PoolingMethod) -> String {
        window(step) + (method == .max ? "max pool" : "average pool") + stride(step)
    }

    private func window(_ step: WindowStep) -> String { "\(step.window.height)×\(step.window.width) " }
    private func stride(_ step: WindowStep) -> String { step.window.stride == 1 ? "" : " /\(step.window.stride)" }

    private func tail(_ epilogue: Epilogue) -> String {
        (epilogue.residual == nil ? "" : " + add") + (epilogue.activation.map { " + \($0.rawValue)" } ?? "")
    }

    private func gradientMask(_ mask: ActivationKind?) -> String { mask.map { "\($0.rawValue) + " } ?? "" }
}

extension String {
    /// A decimal number without zeros at its end: `0.500` → `0.5`.
    fileprivate var trimmingZeros: String {
        guard contains(".") else { return self }
        var text = self[...]
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return String(text)
    }
}
