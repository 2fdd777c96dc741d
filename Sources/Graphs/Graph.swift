// A network as data: named nodes in topological order. Nothing here computes.
package import Tensors

/// One operation with its inputs and parameters.
package struct Node: Sendable {
    /// The layer's dotted name, as in `layer1.0.conv1`; nodes without parameters are named after what they follow.
    package let name: String
    package let operation: Operation
    /// Indices of the nodes whose outputs this one reads; all smaller than its own.
    package let inputs: [Int]
    /// Indices into `Graph.parameters`, in the operation's order: weight, bias; scale, shift, mean, variance.
    package let parameters: Range<Int>
    /// The output's shape for one image: `[H, W, C]` or `[C]`.
    package let shape: TensorShape
}

/// A network: a flat list of nodes in topological order, its parameters, and where its outputs are.
package struct Graph: Sendable {
    /// The architecture's name in the catalogue.
    package let name: String
    package let nodes: [Node]
    package let parameters: [ParameterSpec]
    /// The node of the class scores, `[classes]` an image.
    package let logits: Int
    /// Auxiliary class scores used while training (GoogLeNet), each weighted `auxiliaryWeight` in the loss.
    package let auxiliaryLogits: [Int]
    package let auxiliaryWeight: Float
    /// Name of the layer that is replaced for new classes; always trained.
    package let head: String

    package var classCount: Int { nodes[logits].shape[0] }
    /// The input's shape for one image, `[H, W, 3]`.
    package var inputShape: TensorShape { nodes[0].shape }
    /// Trainable numbers (statistics left out), as papers count them.
    package var parameterCount: Int { parameters.filter { !$0.role.isStatistic }.reduce(0) { $0 + $1.shape.count } }

    /// The parameters of a node, in the operation's order.
    package func parameters(of node: Node) -> ArraySlice<ParameterSpec> { parameters[node.parameters] }

    /// The layer whose parameters scores come from: that of the node itself, or of the nearest before it that has some (SqueezeNet pools
    /// its scores).
    package func layer(behind node: Int) -> Node {
        var node = nodes[node]
        while node.parameters.isEmpty, node.inputs.count == 1 { node = nodes[node.inputs[0]] }
        return node
    }

    /// The parameters of the layer that gives the class scores: weight, and bias if it has one.
    package var headParameters: Range<Int> { layer(behind: logits).parameters }

    /// Multiply-accumulates of one image in a node: convolutions and linear layers, as papers count them.
    package func multiplyAccumulates(of node: Node) -> Int {
        switch node.operation {
        case .convolution(_, let outputChannels, _, _):
            node.shape.count / outputChannels * parameters[node.parameters.lowerBound].shape.count
        case .linear: parameters[node.parameters.lowerBound].shape.count
        case .input, .batchNorm, .layerNorm, .layerScale, .activation, .add, .gate, .concatenate, .channelSlice, .channelShuffle,
            .maxPool, .averagePool,
            .adaptiveAveragePool, .flatten,
            .dropout, .stochasticDepth, .localResponseNorm:
            0
        }
    }

    /// Whether a node is a convolution with one square filter for every channel by itself.
    package func isDepthwise(_ node: Int) -> Bool {
        guard case .convolution(let window, let outputChannels, let groups, _) = nodes[node].operation, groups > 1 else {
            return false
        }
        return groups == outputChannels && groups == nodes[nodes[node].inputs[0]].shape[2] && window.height == window.width
    }

    package var multiplyAccumulates: Int { nodes.reduce(0) { $0 + multiplyAccumulates(of: $1) } }
}
