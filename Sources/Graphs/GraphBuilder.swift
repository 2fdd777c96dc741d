// Builds a Graph with code that reads like the network's own description.
package import Tensors

/// A node under construction: what layers take and return.
package struct Value: Sendable {
    package let node: Int
    package let shape: TensorShape
    package var channels: Int { shape.extents[shape.rank - 1] }
}

/// Collects nodes and parameters in order. Methods add a layer and return its output.
package struct GraphBuilder {
    private var nodes: [Node] = []
    private var parameters: [ParameterSpec] = []
    private var names: Set<String> = []
    /// How convolution weights start when the network is not pretrained.
    package var convolutionInitialization: ConvolutionInitialization = .kaimingFanOut

    /// The rules by which published networks initialise their convolutions.
    package enum ConvolutionInitialization: Sendable {
        /// Normal with variance 2 / (out · height · width), biases 0: torchvision's ResNet, VGG, EfficientNet (He et al. 2015). As in
        /// torch, groups do not divide the fan.
        case kaimingFanOut
        /// Normal with variance 2 / (in / groups · height · width), biases 0: torchvision's DenseNet.
        case kaimingFanIn
        /// Uniform in ±1 / √(in / groups · height · width), biases too: torch's default, AlexNet.
        case torchDefault
        /// Normal with a fixed deviation and a fixed bias: torchvision's GoogLeNet, Caffe's AlexNet.
        case normal(deviation: Float, bias: Float)
        /// Uniform in ±√(3 / (in / groups · height · width)) and a fixed bias: Caffe's `xavier`, its GoogLeNet.
        case xavier(bias: Float)
    }

    package init() {}

    package mutating func input(height: Int, width: Int) -> Value {
        append("input", .input, [], inputShape: [height, width, 3])
    }

    /// A square convolution with symmetric padding.
    package mutating func convolution(
        _ name: String, _ x: Value, out: Int, kernel: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1, bias: Bool = false
    ) -> Value {
        let window = SlidingWindow(height: kernel, width: kernel, stride: stride, padding: Padding(padding))
        return convolution(name, x, out: out, window: window, groups: groups, bias: bias)
    }

    package mutating func convolution(
        _ name: String, _ x: Value, out: Int, window: SlidingWindow, groups: Int = 1, bias: Bool = false,
        weightShape: TensorShape? = nil
    ) -> Value {
        precondition(x.channels % groups == 0 && out % groups == 0, "\(name): \(groups) groups do not divide its channels")
        let shape: TensorShape = [out, x.channels / groups, window.height, window.width]
        let fanIn = Float(shape[1] * shape[2] * shape[3])
        let initialization: Initialization =
            switch convolutionInitialization {
            case .kaimingFanOut: .normal(deviation: (2 / Float(out * shape[2] * shape[3])).squareRoot())
            case .kaimingFanIn: .normal(deviation: (2 / fanIn).squareRoot())
            case .torchDefault: .uniform(bound: 1 / fanIn.squareRoot())
            case .normal(let deviation, _): .normal(deviation: deviation)
            case .xavier: .uniform(bound: (3 / fanIn).squareRoot())
            }
        var specs = [spec(name, "weight", weightShape ?? shape, .convolutionWeight, initialization)]
        if bias {
            let start: Initialization =
                switch convolutionInitialization {
                case .kaimingFanOut, .kaimingFanIn: .constant(0)
                case .torchDefault: .uniform(bound: 1 / fanIn.squareRoot())
                case .normal(_, let bias), .xavier(let bias): .constant(bias)
                }
            specs.append(spec(name, "bias", [out], .bias, start))
        }
        return append(name, .convolution(window, outputChannels: out, groups: groups, hasBias: bias), [x], specs)
    }

    package mutating func batchNorm(_ name: String, _ x: Value, epsilon: Float = 1e-5, momentum: Float = 0.1) -> Value {
        let shape: TensorShape = [x.channels]
        return append(
            name, .batchNorm(epsilon: epsilon, momentum: momentum), [x],
            [
                spec(name, "weight", shape, .normScale, .constant(1)), spec(name, "bias", shape, .normShift, .constant(0)),
                spec(name, "running_mean", shape, .runningMean, .constant(0)),
                spec(name, "running_var", shape, .runningVariance, .constant(1)),
            ])
    }

    /// A linear layer over each pixel's channels: a 1×1 convolution whose weights are a matrix, `[out, in]`.
    package mutating func pixelLinear(_ name: String, _ x: Value, out: Int) -> Value {
        convolution(
            name, x, out: out, window: SlidingWindow(height: 1, width: 1, stride: 1, padding: Padding(0)), bias: true,
            weightShape: [out, x.channels])
    }

    package mutating func layerNorm(_ name: String, _ x: Value, epsilon: Float = 1e-6) -> Value {
        let shape: TensorShape = [x.channels]
        return append(
            name, .layerNorm(epsilon: epsilon), [x],
            [spec(name, "weight", shape, .normScale, .constant(1)), spec(name, "bias", shape, .normShift, .constant(0))])
    }

    /// Layer scale: `[C, 1, 1]` numbers named `layer.layer_scale`.
    package mutating func layerScale(_ layer: String, _ x: Value, start: Float) -> Value {
        append(
            "\(layer).scaled", .layerScale, [x],
            [spec(layer, "layer_scale", [x.channels, 1, 1], .normScale, .constant(start))])
    }

    /// A linear layer. Weight and bias start as torch's do, uniform in ±1 / √in, unless told otherwise.
    package mutating func linear(
        _ name: String, _ x: Value, out: Int, weightStart: Initialization? = nil, biasStart: Initialization? = nil,
        bias: Bool = true
    ) -> Value {
        let torchDefault = Initialization.uniform(bound: 1 / Float(x.shape.count).squareRoot())
        var specs = [spec(name, "weight", [out, x.shape.count], .linearWeight, weightStart ?? torchDefault)]
        if bias { specs.append(spec(name, "bias", [out], .bias, biasStart ?? torchDefault)) }
        return append(name, .linear(outputs: out, hasBias: bias), [x], specs)
    }

    /// An activation, named after what it follows unless it has a name of its own.
    package mutating func activation(_ kind: Activation, _ x: Value, name: String? = nil) -> Value {
        append(name ?? follower(of: x, kind.rawValue), .activation(kind), [x])
    }

    package mutating func relu(_ x: Value, name: String? = nil) -> Value { activation(.relu, x, name: name) }

    package mutating func add(_ name: String, _ x: Value, _ y: Value) -> Value { append(name, .add, [x, y]) }

    package mutating func gate(_ name: String, _ x: Value, by gate: Value) -> Value { append(name, .gate, [x, gate]) }

    package mutating func concatenate(_ name: String, _ inputs: [Value]) -> Value { append(name, .concatenate, inputs) }

    package mutating func channelSlice(_ name: String, _ x: Value, first: Int, count: Int) -> Value {
        append(name, .channelSlice(first: first, count: count), [x])
    }

    package mutating func channelShuffle(_ name: String, _ x: Value, groups: Int) -> Value {
        precondition(x.channels % groups == 0, "\(name): \(groups) groups do not divide its channels")
        return append(name, .channelShuffle(groups: groups), [x])
    }

    package mutating func maxPool(
        _ name: String, _ x: Value, kernel: Int, stride: Int, padding: Int = 0, roundsUp: Bool = false
    ) -> Value {
        let window = SlidingWindow(height: kernel, width: kernel, stride: stride, padding: Padding(padding), roundsUp: roundsUp)
        return append(name, .maxPool(window), [x])
    }

    package mutating func averagePool(
        _ name: String, _ x: Value, kernel: Int, stride: Int, padding: Int = 0, roundsUp: Bool = false, countsPadding: Bool = true
    ) -> Value {
        let window = SlidingWindow(height: kernel, width: kernel, stride: stride, padding: Padding(padding), roundsUp: roundsUp)
        return append(name, .averagePool(window, countsPadding: countsPadding), [x])
    }

    package mutating func adaptiveAveragePool(_ name: String, _ x: Value, to side: Int) -> Value {
        append(name, .adaptiveAveragePool(height: side, width: side), [x])
    }

    package mutating func flatten(_ x: Value) -> Value { append(follower(of: x, "flatten"), .flatten, [x]) }

    package mutating func dropout(_ name: String, _ x: Value, rate: Float) -> Value { append(name, .dropout(rate: rate), [x]) }

    package mutating func stochasticDepth(_ name: String, _ x: Value, rate: Float) -> Value {
        rate == 0 ? x : append(name, .stochasticDepth(rate: rate), [x])
    }

    package mutating func localResponseNorm(
        _ name: String, _ x: Value, size: Int = 5, alpha: Float = 1e-4, beta: Float = 0.75, k: Float = 1
    ) -> Value {
        append(name, .localResponseNorm(size: size, alpha: alpha, beta: beta, k: k), [x])
    }

    /// Closes the graph.
    package func finish(
        name: String, logits: Value, head: String, auxiliaryLogits: [Value] = [], auxiliaryWeight: Float = 0.3
    ) -> Graph {
        Graph(
            name: name, nodes: nodes, parameters: parameters, logits: logits.node, auxiliaryLogits: auxiliaryLogits.map(\.node),
            auxiliaryWeight: auxiliaryWeight, head: head)
    }

    private func spec(
        _ layer: String, _ part: String, _ shape: TensorShape, _ role: ParameterRole, _ initialization: Initialization
    ) -> ParameterSpec {
        ParameterSpec(name: "\(layer).\(part)", shape: shape, role: role, initialization: initialization)
    }

    /// A name for a node without parameters: `conv1` → `conv1·relu`.
    private func follower(of x: Value, _ suffix: String) -> String { "\(nodes[x.node].name)·\(suffix)" }

    private mutating func append(
        _ name: String, _ operation: Operation, _ inputs: [Value], _ specs: [ParameterSpec] = [], inputShape: TensorShape? = nil
    ) -> Value {
        precondition(names.insert(name).inserted, "two nodes are named '\(name)'")
        let range = parameters.count..<parameters.count + specs.count
        parameters.append(contentsOf: specs)
        let shape = inputShape ?? operation.outputShape(of: inputs.map(\.shape))
        nodes.append(Node(name: name, operation: operation, inputs: inputs.map(\.node), parameters: range, shape: shape))
        return Value(node: nodes.count - 1, shape: shape)
    }
}
