// The blocks that a network is a chain of, from the names of its parameters: what `unfrozen: {last: N}` counts and layer-wise decay of
// the learning rate steps over.

/// Layers that the network's names put together: a residual block, an inception module, or a convolution that stands alone with its norm.
package struct LayerBlock: Sendable, Hashable {
    /// The names of the layers around its parameters.
    package var names: [String]
    /// Indices of its parameters.
    package var parameters: [Int]
}

extension Graph {
    /// The blocks from the first layers to the last before the head, auxiliary heads left out.
    package var blocks: [LayerBlock] {
        let heads = Set([head] + auxiliaryLogits.compactMap { LayerPattern.ancestors(of: nodes[$0].name).last })
        var blocks: [LayerBlock] = []
        for (index, parameter) in parameters.enumerated() {
            guard !LayerPattern.ancestors(of: parameter.name).contains(where: heads.contains) else { continue }
            let name = Self.block(of: parameter.name)
            if let place = blocks.firstIndex(where: { $0.names.contains(name) }) {
                blocks[place].parameters.append(index)
            } else {
                blocks.append(LayerBlock(names: [name], parameters: [index]))
            }
        }
        return withoutStragglers(joinedNorms(blocks))
    }

    /// A factor on the learning rate of each parameter: 1 in the heads, and `decay` times smaller with each block before them, as
    /// timm's `param_groups_layer_decay`.
    package func layerFactors(decay: Double) -> [Double] {
        var factors = parameters.map { _ in 1.0 }
        var factor = 1.0
        for block in blocks.reversed() {
            factor *= decay
            for index in block.parameters { factors[index] = factor }
        }
        return factors
    }

    /// `layer1.0.conv1.weight` → `layer1.0`; `features.2.1.block.0.0.weight` → `features.2.1`; `features.0.0.weight`, a layer of a
    /// numbered pair → `features.0`; `features.3.weight` → `features.3`.
    private static func block(of parameter: String) -> String {
        let parts = parameter.split(whereSeparator: { $0 == "." || $0 == "/" })
        // ConvNeXt's `layer_scale` is a layer by itself.
        let path = parts.last == "layer_scale" ? parts[...] : parts.dropLast()
        guard let first = path.firstIndex(where: { $0.contains(where: \.isNumber) }) else { return path.joined(separator: ".") }
        var own = path[...first]
        while own.count < path.count, path[own.endIndex].allSatisfy(\.isNumber) { own = path[...own.endIndex] }
        if own.count == path.count, own.count > 2 { own = own.dropLast() }
        return own.joined(separator: ".")
    }

    /// A last convolution behind blocks of several goes with the last of them, as the one before an EfficientNet's head in timm.
    private func withoutStragglers(_ blocks: [LayerBlock]) -> [LayerBlock] {
        guard blocks.count > 1 else { return blocks }
        func convolutions(_ block: LayerBlock) -> Int { block.parameters.count { parameters[$0].role == .convolutionWeight } }
        let (last, before) = (blocks[blocks.count - 1], blocks[blocks.count - 2])
        guard convolutions(last) == 1, convolutions(before) > 1 else { return blocks }
        let joined = LayerBlock(names: before.names + last.names, parameters: before.parameters + last.parameters)
        return blocks.dropLast(2) + [joined]
    }

    /// A norm goes with the layer before it.
    private func joinedNorms(_ blocks: [LayerBlock]) -> [LayerBlock] {
        var norms: Set<Int> = []
        for node in nodes {
            switch node.operation {
            case .batchNorm, .layerNorm: norms.formUnion(node.parameters)
            case .input, .convolution, .layerScale, .activation, .add, .gate, .concatenate, .channelSlice, .channelShuffle,
                .maxPool, .averagePool,
                .adaptiveAveragePool, .flatten, .linear, .dropout, .stochasticDepth, .localResponseNorm:
                break
            }
        }
        return blocks.reduce(into: []) { joined, block in
            if !joined.isEmpty, block.parameters.allSatisfy(norms.contains) {
                joined[joined.count - 1].names += block.names
                joined[joined.count - 1].parameters += block.parameters
            } else {
                joined.append(block)
            }
        }
    }
}
