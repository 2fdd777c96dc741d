// Which values of a network a file in 8 bits rounds, in the form that runtimes fuse: integers that are widened at once ("QDQ").
//
// Convolutions and linear layers read bytes and bytes of weights with a scale for each output channel; what is between them and the next
// layer's input (a batch norm, a ReLU) is done before rounding.
package import Graphs
package import Tensors

/// What a network's values are rounded to.
package struct ONNXQuantization: Sendable {
    /// How far each rounded node's value reaches, by the node's name. Larger numbers are clipped.
    package var limits: [String: Float]

    package init(limits: [String: Float]) { self.limits = limits }

    /// The nodes whose values are rounded.
    package static func points(of graph: Graph) -> [Int] {
        let (reached, allReaders) = (ONNXTranslation.reached(graph), readers(graph))
        let folded = Set(Self.folded(graph).values)
        return graph.nodes.indices.filter { index in
            guard reached.contains(index), index != graph.logits else { return false }
            let readers = allReaders[index] ?? []
            // A clipping activation behind is part of the rounding, and a batch norm behind a convolution part of that.
            let isPassing =
                readers.count == 1 && readers.allSatisfy { graph.nodes[$0].operation.isClipping || folded.contains($0) }
            switch graph.nodes[index].operation {
            case .maxPool, .flatten, .dropout, .stochasticDepth, .channelSlice, .channelShuffle: return false
            case .convolution, .batchNorm, .add, .linear: return !isPassing
            case .input, .layerNorm, .layerScale, .activation, .gate, .concatenate, .averagePool, .adaptiveAveragePool,
                .localResponseNorm:
                return true
            }
        }
    }

    /// The nodes that read each node's value, as far as the scores depend on them.
    private static func readers(_ graph: Graph) -> [Int: Set<Int>] {
        var readers: [Int: Set<Int>] = [:]
        for index in ONNXTranslation.reached(graph) {
            for input in graph.nodes[index].inputs { readers[input, default: []].insert(index) }
        }
        return readers
    }

    /// For each convolution whose only reader is a batch norm: that.
    static func folded(_ graph: Graph) -> [Int: Int] {
        readers(graph).reduce(into: [:]) { found, entry in
            guard case .convolution = graph.nodes[entry.key].operation, entry.value.count == 1, let reader = entry.value.first,
                case .batchNorm = graph.nodes[reader].operation
            else { return }
            found[entry.key] = reader
        }
    }

    /// What stands for a value: bytes times a step, or 128 more than them for values of either sign.
    struct Grid {
        let step: Float
        let zero: UInt8
    }

    /// The grid of every value that has one, by node; what only passes numbers on has that of its input.
    func grids(_ graph: Graph) -> [Int: Grid] {
        let types = Self.types(of: graph)
        var grids: [Int: Grid] = [:]
        for (index, node) in graph.nodes.enumerated() {
            switch node.operation {
            case .maxPool, .flatten, .channelSlice, .channelShuffle, .dropout, .stochasticDepth:
                grids[index] = grids[node.inputs[0]]
            default:
                guard let limit = limits[node.name] else { continue }
                grids[index] = Grid(step: limit / types[index].largestInteger, zero: types[index] == .int8 ? 128 : 0)
            }
        }
        return grids
    }

    /// The type of each node's value as bytes.
    package static func types(of graph: Graph) -> [ElementType] { graph.signedNodes.map { $0 ? .int8 : .uint8 } }
}

extension Operation {
    fileprivate var isClipping: Bool {
        guard case .activation(let kind) = self else { return false }
        return kind == .relu || kind == .relu6
    }
}

/// A layer's weights in bytes, each output channel with a scale of its own, and what a batch norm behind it makes of them.
struct ONNXByteWeights {
    let values: [Int8]
    let scales: [Float]
    let biases: [Float]?

    /// - Parameters:
    ///   - weights: `[channels, …]`.
    ///   - norm: scale, shift, mean and variance of each channel.
    init(
        _ weights: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?,
        norm: (parameters: [UnsafeBufferPointer<Float>], epsilon: Float)?, channels: Int
    ) {
        let count = weights.count / channels
        var (values, scales, biases) = ([Int8](), [Float](), [Float]())
        values.reserveCapacity(weights.count)
        for channel in 0..<channels {
            let own = weights[channel * count..<(channel + 1) * count]
            var (factor, offset) = (Float(1), bias?[channel] ?? 0)
            if let norm {
                factor = norm.parameters[0][channel] / (norm.parameters[3][channel] + norm.epsilon).squareRoot()
                offset = (offset - norm.parameters[2][channel]) * factor + norm.parameters[1][channel]
            }
            let largest = own.reduce(Float(0)) { max($0, abs($1)) } * abs(factor)
            let scale = largest > 0 ? largest / 127 : 1
            scales.append(scale)
            values += own.map { Int8(max(-127, min(127, ($0 * factor / scale).rounded(.toNearestOrEven)))) }
            biases.append(offset)
        }
        (self.values, self.scales, self.biases) = (values, scales, bias == nil && norm == nil ? nil : biases)
    }
}
