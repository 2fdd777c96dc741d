// Pass: nodes to forward steps.
import Graphs
import Tensors

/// What the backward lowering needs to know about a forward step.
struct ForwardRecord {
    let node: Int
    let step: PlanStep
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
        let reads = [source] + (residual.map { [$0] } ?? [])
        let operation: PlanOperation
        if case .convolution(let window, _, let groups, let hasBias) = node.operation {
            let weight = node.parameters.lowerBound
            let weights = FoldedWeights(
                weight: weight, bias: hasBias ? weight + 1 : nil, norm: norm.map { self.norm(of: $0) })
            operation = .convolution(
                ConvolutionLayer(
                    place: place(node, window), groups: groups, isDepthwise: graph.isDepthwise(index), weights: weights),
                tail.activation)
        } else if case .layerScale = node.operation {
            operation = .layerScale(parameter: node.parameters.lowerBound)
        } else {
            let mode = request.isTraining ? request.trainability.normMode(of: index) : .frozen
            operation = .norm(self.norm(of: index), mode, tail.activation)
        }
        record(
            index, operation, reads, [addValue(for: tail.result)], multiplyAccumulates: graph.multiplyAccumulates(of: node))
    }

    private mutating func lowerPlain(_ index: Int) {
        let node = graph.nodes[index]
        let inputs = node.inputs.map { value(of: $0, as: type(inWhich: index, reads: $0)) }
        let result = addValue(for: index)
        let memory = memory(of: index, node)
        record(
            index, plainOperation(index, node), inputs, [result] + (memory.map { [$0] } ?? []),
            multiplyAccumulates: graph.multiplyAccumulates(of: node))
    }

    private func plainOperation(_ index: Int, _ node: Node) -> PlanOperation {
        let first = node.parameters.lowerBound
        switch node.operation {
        case .linear(let outputs, let hasBias):
            let bias = hasBias ? first + 1 : nil
            let place = PlacedWindow(
                window: SlidingWindow(height: 1, width: 1, stride: 1, padding: Padding(0)),
                source: [1, 1, graph.nodes[node.inputs[0]].shape.count], destination: [1, 1, outputs])
            let weights = FoldedWeights(weight: first, bias: bias, norm: nil)
            return .convolution(ConvolutionLayer(place: place, groups: 1, isDepthwise: false, weights: weights), nil)
        case .layerNorm(let epsilon):
            return .layerNorm(LayerNormParameters(scale: first, shift: first + 1, epsilon: epsilon))
        case .activation(let kind): return .activation(kind)
        case .add: return .add(nil)
        case .gate: return .gate
        case .concatenate: return .concatenate
        case .channelSlice(let first, _): return .slice(firstChannel: first)
        case .channelShuffle(let groups): return .shuffle(groups: groups)
        case .maxPool(let window): return .pool(place(node, window), .max)
        case .averagePool(let window, let countsPadding):
            return .pool(place(node, window), countsPadding ? .averagePadded : .averageInside)
        case .adaptiveAveragePool: return .adaptiveAverage
        case .flatten: return .transpose(toChannelsFirst: true)
        case .dropout(let rate): return .dropout(rate: rate, layer: index, wholeImages: false)
        case .stochasticDepth(let rate): return .dropout(rate: rate, layer: index, wholeImages: true)
        case .localResponseNorm(let size, let alpha, let beta, let k):
            return .responseNorm(ResponseNorm(size: size, alpha: alpha, beta: beta, k: k))
        case .input, .convolution, .batchNorm, .layerScale:
            preconditionFailure("\(node.operation.label) '\(node.name)' is not lowered by itself")
        }
    }

    /// What a trained node's step keeps for its gradient besides its result.
    private mutating func memory(of index: Int, _ node: Node) -> Int? {
        guard request.goesBack, regions.of[index] == .suffix else { return nil }
        switch node.operation {
        case .maxPool(let window):
            // The place of each maximum is a byte if the window has less than 256 pixels; in oneDNN's kernel, too.
            let type: ElementType = window.height * window.width < 256 ? .uint8 : .int32
            return addValue("\(node.name)·places", node.shape, region: .prefix, type: type)
        case .localResponseNorm:
            return addValue("\(node.name)·sums", node.shape, region: .prefix, elementsPerImage: 2 * node.shape.count)
        case .input, .convolution, .batchNorm, .layerNorm, .layerScale, .activation, .add, .gate, .concatenate, .channelSlice,
            .channelShuffle, .averagePool,
            .adaptiveAveragePool,
            .flatten, .linear, .dropout, .stochasticDepth:
            return nil
        }
    }

    private func place(_ node: Node, _ window: SlidingWindow) -> PlacedWindow {
        PlacedWindow(window: window, source: graph.nodes[node.inputs[0]].shape, destination: node.shape)
    }

    private mutating func lowerLoss() {
        for node in [graph.logits] + graph.auxiliaryLogits {
            let isMain = node == graph.logits
            let gradient = addValue("\(graph.nodes[node].name)·gradient", graph.nodes[node].shape, region: .suffix)
            let weight = isMain ? 1 : graph.auxiliaryWeight
            record(node, .loss(weight: weight, isMain: isMain), [value(of: node)], [gradient])
        }
    }
}
