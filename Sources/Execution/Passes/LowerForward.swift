// Pass: nodes to forward steps.
import Graphs
import Tensors

/// What the backward lowering needs to know about a forward step.
struct ForwardRecord {
    let node: Int
    let action: Action
}

extension Lowering {
    /// Lowers every live node, in order.
    mutating func lowerForward(folded: [Int: Int], tails: [Int: FusedTail]) {
        var done = Set(folded.values)
        for tail in tails { if tail.value.result != tail.key { done.insert(tail.value.result) } }
        // Nodes between a step's own node and its result are part of it: an addition before a fused non-linearity.
        for (index, tail) in tails { done.formUnion(between(index, tail, folded)) }
        for index in graph.nodes.indices where live.isLive[index] {
            if live.starts.contains(index) {
                addEntry(for: index)
            } else if let tail = tails[index], !(done.contains(index) && tail.result == index) {
                lowerFused(index, tail, norm: folded[index])
            } else if !done.contains(index) {
                lowerPlain(index)
            }
        }
        if request.exit == .loss { lowerLoss() }
    }

    private func between(_ index: Int, _ tail: FusedTail, _ folded: [Int: Int]) -> [Int] {
        var inside: [Int] = []
        var node = folded[index] ?? index
        while node != tail.result {
            node = live.consumers[node][0]
            inside.append(node)
        }
        return inside
    }

    private mutating func lowerFused(_ index: Int, _ tail: FusedTail, norm: Int?) {
        let node = graph.nodes[index]
        let resultType = valueType(of: tail.result)
        let isConvolution = if case .convolution = node.operation { true } else { false }
        let source = value(of: node.inputs[0], as: isConvolution ? type(inWhich: index, reads: node.inputs[0]) : resultType)
        // A residual is read in the type of what it is added to, bytes in their own sign.
        let residual = tail.residual.map { value(of: $0, as: type(of: $0, addedTo: resultType)) }
        let epilogue = Epilogue(residual: residual, activation: tail.activation)
        let destination = addValue(for: tail.result)
        let action: Action
        if case .convolution(let window, _, let groups, let hasBias) = node.operation {
            let weight = node.parameters.lowerBound
            let weights = FoldedWeights(
                weight: weight, bias: hasBias ? weight + 1 : nil, norm: norm.map { self.norm(of: $0) },
                isTrained: isTrained(weight) || hasBias && isTrained(weight + 1))
            let step = WindowStep(
                window: window, source: graph.nodes[node.inputs[0]].shape, destination: node.shape, groups: groups)
            action = .convolution(step, weights, source: source, destination: destination, epilogue)
        } else {
            let mode = request.isTraining ? request.trainability.normMode(of: index) : .frozen
            action = .norm(self.norm(of: index), mode, source: source, destination: destination, epilogue)
        }
        record(index, action, multiplyAccumulates: graph.multiplyAccumulates(of: node))
    }

    private mutating func lowerPlain(_ index: Int) {
        let node = graph.nodes[index]
        let inputs = node.inputs.map { value(of: $0, as: type(inWhich: index, reads: $0)) }
        let destination = addValue(for: index)
        let action = plainAction(index, node, inputs, destination)
        record(index, action, multiplyAccumulates: graph.multiplyAccumulates(of: node))
    }

    private mutating func plainAction(_ index: Int, _ node: Node, _ inputs: [Int], _ destination: Int) -> Action {
        let first = node.parameters.lowerBound
        let differentiates = request.isTraining && regions.of[index] == .suffix
        switch node.operation {
        case .linear(let outputs, let hasBias):
            let bias = hasBias ? first + 1 : nil
            guard request.packsLinear(node) else {
                return .linear(weight: first, bias: bias, source: inputs[0], destination: destination)
            }
            let step = WindowStep(
                window: SlidingWindow(height: 1, width: 1, stride: 1, padding: Padding(0)),
                source: [1, 1, graph.nodes[node.inputs[0]].shape.count], destination: [1, 1, outputs], groups: 1)
            let weights = FoldedWeights(weight: first, bias: bias, norm: nil, isTrained: false)
            return .convolution(step, weights, source: inputs[0], destination: destination, .none)
        case .activation(let kind): return .activation(kind, source: inputs[0], destination: destination)
        case .add: return .add(inputs[0], inputs[1], destination: destination, nil)
        case .gate: return .gate(source: inputs[0], gate: inputs[1], destination: destination)
        case .concatenate: return .concatenate(inputs, destination: destination)
        case .maxPool(let window):
            // oneDNN remembers the place of each maximum in a byte if the window has less than 256 pixels.
            let type: ElementType = window.height * window.width < 256 ? .uint8 : .int32
            let memory =
                differentiates ? addValue("\(node.name)·places", node.shape, region: .prefix, type: type) : nil
            return .pool(windowStep(node, window), .max, source: inputs[0], destination: destination, memory: memory)
        case .averagePool(let window, let countsPadding):
            let method: PoolingMethod = countsPadding ? .averagePadded : .averageInside
            return .pool(windowStep(node, window), method, source: inputs[0], destination: destination, memory: nil)
        case .adaptiveAveragePool: return .adaptiveAverage(source: inputs[0], destination: destination)
        case .flatten: return .transpose(source: inputs[0], destination: destination, toChannelsFirst: true)
        case .dropout(let rate):
            return .dropout(rate: rate, layer: index, wholeImages: false, source: inputs[0], destination: destination)
        case .stochasticDepth(let rate):
            return .dropout(rate: rate, layer: index, wholeImages: true, source: inputs[0], destination: destination)
        case .localResponseNorm(let size, let alpha, let beta, let k):
            let memory =
                differentiates
                ? addValue("\(node.name)·sums", node.shape, region: .prefix, elementsPerImage: 2 * node.shape.count) : nil
            let constants = ResponseNorm(size: size, alpha: alpha, beta: beta, k: k)
            return .responseNorm(constants, source: inputs[0], destination: destination, memory: memory)
        case .input, .convolution, .batchNorm:
            preconditionFailure("\(node.operation.label) '\(node.name)' is not lowered by itself")
        }
    }

    private func windowStep(_ node: Node, _ window: SlidingWindow) -> WindowStep {
        WindowStep(window: window, source: graph.nodes[node.inputs[0]].shape, destination: node.shape, groups: 1)
    }

    private mutating func lowerLoss() {
        for node in [graph.logits] + graph.auxiliaryLogits {
            let isMain = node == graph.logits
            let gradient = addValue("\(graph.nodes[node].name)·gradient", graph.nodes[node].shape, region: .suffix)
            let weight = isMain ? 1 : graph.auxiliaryWeight
            record(node, .loss(logits: value(of: node), gradient: gradient, weight: weight, isMain: isMain))
        }
    }
}
