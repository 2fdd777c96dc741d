// What the steps of a plan do. Attributes only: which values a step reads and writes stands in the step.
import Graphs
package import Tensors

/// The parameters of a batch norm, as indices into the graph's.
package struct NormParameters: Sendable, Hashable {
    package let scale, shift, mean, variance: Int
    package let epsilon: Float
    package let momentum: Float
}

/// Convolution weights, with the batch norm that is folded into them.
package struct FoldedWeights: Sendable, Hashable {
    package let weight: Int
    package let bias: Int?
    package let norm: NormParameters?
}

/// A window that slides over values of fixed shapes.
package struct PlacedWindow: Sendable, Hashable {
    package let window: SlidingWindow
    package let source: TensorShape
    package let destination: TensorShape
}

/// A convolution: its window, its weights, and how channels belong together.
package struct ConvolutionLayer: Sendable, Hashable {
    package let place: PlacedWindow
    package let groups: Int
    /// Whether every channel is filtered by itself (`Graph.isDepthwise`).
    package let isDepthwise: Bool
    package let weights: FoldedWeights

    /// Whether each pixel is multiplied by one matrix, and by itself.
    package var isPointwise: Bool {
        let (window, source, destination) = (place.window, place.source, place.destination)
        return window.height == 1 && window.width == 1 && groups == 1 && source[0] == destination[0]
            && source[1] == destination[1]
    }

    /// Whether there is one pixel an image as well: then it is a linear layer over the images, whichever the network calls it.
    package var isLinear: Bool { isPointwise && place.source[0] * place.source[1] == 1 }
}

/// The parameters of a layer norm, as indices into the graph's.
package struct LayerNormParameters: Sendable, Hashable {
    package let scale, shift: Int
    package let epsilon: Float
}

/// What one step does. Each case says which values its step reads → writes, in their order; gradients of values are values too.
package enum PlanOperation: Sendable, Hashable {
    /// Source, perhaps a residual to add → result. Linear layers are convolutions over one pixel.
    case convolution(ConvolutionLayer, Activation?)
    /// Gradient → the source's gradient.
    case convolutionInputGradient(ConvolutionLayer)
    /// Source, gradient → nothing but gradients of parameters.
    case convolutionWeightGradient(ConvolutionLayer)
    /// Source, perhaps a residual to add → result.
    case norm(NormParameters, NormMode, Activation?)
    /// Source, gradient → the source's gradient, or nothing where nothing before it trains. `masks` is the activation whose derivative
    /// the step applies itself.
    case normGradient(NormParameters, NormMode, masks: Activation?)
    /// Source → result.
    case layerNorm(LayerNormParameters)
    /// Source, gradient → the source's gradient, or nothing where nothing before it trains.
    case layerNormGradient(LayerNormParameters)
    /// Source, perhaps a residual to add → result.
    case layerScale(parameter: Int)
    /// Gradient → the source's gradient.
    case layerScaleInputGradient(parameter: Int)
    /// Source, gradient → nothing but the parameter's gradient.
    case layerScaleGradient(parameter: Int)
    /// Source → result.
    case activation(Activation)
    /// Two sources → result.
    case add(Activation?)
    /// One or two gradients, and with a `derivative` what it is told from → their sum, times the derivative.
    case combineGradients(derivative: Activation?)
    /// Source, gate → result.
    case gate
    /// Source, gradient → the gate's gradient.
    case gateGradient
    /// Sources → result.
    case concatenate
    /// Source → the part of it that starts at a channel: also of a concatenation's gradient.
    case slice(firstChannel: Int)
    /// A slice's gradient → the source's: it starts at a channel, and all others are zeros.
    case sliceGradient(firstChannel: Int)
    /// Source → its channels, of each of the groups in turn. Its gradient is a shuffle, too.
    case shuffle(groups: Int)
    /// Source → result, and while training what the gradient needs.
    case pool(PlacedWindow, PoolingMethod)
    /// Gradient, perhaps what `pool` has left → the source's gradient.
    case poolGradient(PlacedWindow, PoolingMethod)
    /// Source → result.
    case adaptiveAverage
    /// Gradient → the source's gradient.
    case adaptiveAverageGradient
    /// From float32 to another element type, or back: source → result.
    case convert
    /// Pixels before channels to channels before pixels, or back: source → result.
    case transpose(toChannelsFirst: Bool)
    /// Source → result. Also its own gradient: the mask follows from the layer's key.
    case dropout(rate: Float, layer: Int, wholeImages: Bool)
    /// Source → result, and while training what the gradient needs.
    case responseNorm(ResponseNorm)
    /// Source, gradient, what `responseNorm` has left → the source's gradient.
    case responseNormGradient(ResponseNorm)
    /// Softmax cross-entropy: logits → their gradient, times `weight`.
    case loss(weight: Float, isMain: Bool)

    /// The convolution that the step does, or whose gradient.
    package var convolution: ConvolutionLayer? {
        switch self {
        case .convolution(let layer, _), .convolutionInputGradient(let layer), .convolutionWeightGradient(let layer): layer
        case .norm, .normGradient, .layerNorm, .layerNormGradient, .layerScale, .layerScaleInputGradient, .layerScaleGradient,
            .activation, .add, .combineGradients,
            .gate, .gateGradient, .concatenate, .slice, .sliceGradient, .shuffle, .pool, .poolGradient, .adaptiveAverage,
            .adaptiveAverageGradient,
            .convert, .transpose, .dropout, .responseNorm, .responseNormGradient, .loss:
            nil
        }
    }
}
