// Steps in words and shapes, as plans print them.
package import Execution
internal import Graphs
internal import Tensors

extension PlanStep {
    /// What the step does, as in `3×3 conv /2 + norm + relu`. `/2` is the stride; `+` is done in the same pass over memory.
    package var words: String {
        switch operation {
        case .convolution(let layer, let activation):
            convolution(layer) + (layer.weights.norm == nil ? "" : " + norm") + tail(activation)
        case .convolutionInputGradient(let layer): convolution(layer) + ", input gradient"
        case .convolutionWeightGradient(let layer): convolution(layer) + ", weight gradient"
        case .norm(_, let mode, let activation): "\(mode.rawValue) batch norm" + tail(activation)
        case .normGradient(_, let mode, let mask): gradientMask(mask) + "\(mode.rawValue) batch norm, gradient"
        case .layerNorm: "layer norm"
        case .layerNormGradient: "layer norm, gradient"
        case .layerScale: "layer scale" + tail(nil)
        case .layerScaleInputGradient: "layer scale, input gradient"
        case .layerScaleGradient: "layer scale, weight gradient"
        case .activation(let kind): kind.rawValue
        case .add(let kind): "add" + (kind.map { " + \($0.rawValue)" } ?? "")
        case .combineGradients(let kind):
            [reads.count - (kind == nil ? 0 : 1) < 2 ? nil : "add gradients", kind.map { "\($0.rawValue), gradient" }]
                .compactMap { $0 }.joined(separator: " + ")
        case .gate: phase == .forward ? "gate" : "gate, input gradient"
        case .gateGradient: "gate, gate gradient"
        case .convert: "convert type"
        case .concatenate: "concatenate"
        case .slice: phase == .forward ? "slice channels" : "concatenate, gradient"
        case .sliceGradient: "slice channels, gradient"
        case .shuffle: phase == .forward ? "shuffle channels" : "shuffle channels, gradient"
        case .pool(let place, let method): pooling(place.window, method)
        case .poolGradient(let place, let method): pooling(place.window, method) + ", gradient"
        case .adaptiveAverage: "adaptive average pool"
        case .adaptiveAverageGradient: "adaptive average pool, gradient"
        case .transpose: phase == .forward ? "flatten" : "flatten, gradient"
        case .dropout(let rate, _, let wholeImages):
            "\(wholeImages ? "stochastic depth" : "dropout") \(Readable.fixed(Double(rate), 3).trimmingZeros)"
                + (phase == .forward ? "" : ", gradient")
        case .responseNorm: "response norm"
        case .responseNormGradient: "response norm, gradient"
        case .loss(let weight, let isMain):
            "softmax cross-entropy" + (isMain ? "" : " × \(Readable.fixed(Double(weight), 3).trimmingZeros)")
        }
    }

    /// The kind of work, for sums over steps.
    package var kind: String {
        switch operation {
        case .convolution(let layer, _): layer.isLinear ? "linear" : kind(layer)
        case .convolutionInputGradient(let layer): layer.isLinear ? "linear gradient" : kind(layer) + " data gradient"
        case .convolutionWeightGradient(let layer): layer.isLinear ? "linear gradient" : kind(layer) + " weight gradient"
        case .norm: "batch norm"
        case .normGradient: "batch norm gradient"
        case .layerNorm, .layerScale: "layer norm"
        case .layerNormGradient, .layerScaleInputGradient, .layerScaleGradient: "layer norm gradient"
        case .pool, .adaptiveAverage: "pooling"
        case .poolGradient, .adaptiveAverageGradient: "pooling gradient"
        case .activation: "activation"
        case .add: "add"
        case .combineGradients: "gradient sums and masks"
        case .gate, .gateGradient: "gate"
        case .concatenate, .slice, .sliceGradient, .shuffle, .transpose, .convert: "copies"
        case .dropout: "dropout"
        case .responseNorm, .responseNormGradient: "local response norm"
        case .loss: "loss"
        }
    }

    private func kind(_ layer: ConvolutionLayer) -> String {
        let groups = layer.isDepthwise ? "depthwise " : layer.groups > 1 ? "grouped " : ""
        return groups + size(layer.place.window) + "convolution"
    }

    /// The shapes of what goes in and what comes out, for one image. What a gradient of parameters comes out as is their shape.
    func shapes(_ values: [PlanValue], _ graph: Graph) -> (input: String, output: String) {
        var input = reads.first.map { values[$0].shape.description } ?? ""
        if operation == .concatenate, let first = reads.first {
            let shape = values[first].shape
            input = "\(shape[0])×\(shape[1])×(\(reads.map { String(values[$0].shape[2]) }.joined(separator: "+")))"
        }
        let output = writes.first.map { values[$0].shape } ?? completes.first.map { graph.parameters[$0].shape }
        return (input, output?.description ?? "")
    }

    private func convolution(_ layer: ConvolutionLayer) -> String {
        if layer.isLinear { return "linear" }
        let groups = layer.groups > 1 && !layer.isDepthwise ? " in \(layer.groups) groups" : ""
        let window = layer.place.window
        return size(window) + (layer.isDepthwise ? "depthwise conv" : "conv") + stride(window) + groups
    }

    private func pooling(_ window: SlidingWindow, _ method: PoolingMethod) -> String {
        size(window) + (method == .max ? "max pool" : "average pool") + stride(window)
    }

    private func size(_ window: SlidingWindow) -> String { "\(window.height)×\(window.width) " }
    private func stride(_ window: SlidingWindow) -> String { window.stride == 1 ? "" : " /\(window.stride)" }

    private func tail(_ activation: Activation?) -> String {
        (reads.count == 1 ? "" : " + add") + (activation.map { " + \($0.rawValue)" } ?? "")
    }

    private func gradientMask(_ mask: Activation?) -> String { mask.map { "\($0.rawValue) + " } ?? "" }
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
