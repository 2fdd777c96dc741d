// Which values can be negative: what decides how they become bytes.
internal import Tensors

extension Graph {
    /// For each node whether its value can be negative.
    package var signedNodes: [Bool] {
        nodes.reduce(into: []) { signed, node in
            switch node.operation {
            case .activation(let kind): signed.append(kind.isSigned)
            case .maxPool, .averagePool, .adaptiveAveragePool, .concatenate, .add, .gate, .flatten, .dropout, .stochasticDepth,
                .localResponseNorm, .channelSlice, .channelShuffle:
                signed.append(node.inputs.contains { signed[$0] })
            case .input, .convolution, .batchNorm, .layerNorm, .layerScale, .linear: signed.append(true)
            }
        }
    }
}
