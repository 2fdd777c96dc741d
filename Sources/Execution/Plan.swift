// A plan: the steps of one program with their values, memory and gradients. A printable value; nothing in it computes.
package import Graphs
package import Tensors

/// An array that steps read and write: activations, gradients of activations, what pooling remembers.
package struct PlanValue: Sendable {
    package enum Place: Sendable, Hashable {
        /// Given by the caller at every run: the n-th entry.
        case entry(Int)
        /// Bytes from the arena's start.
        case arena(Int)
    }

    package let name: String
    /// For one image, `[H, W, C]` or `[C]`.
    package let shape: TensorShape
    package let type: ElementType
    /// What one stands for in 8-bit values, 1 in others; 0 if the request brought no ranges.
    package let quantizationStep: Float
    package let bytesPerImage: Int
    /// Images that it has room for: the capacity, or those of the chunk that alone uses it.
    package var images: Int
    package var byteCount: Int { bytesPerImage * images }
    package var place: Place = .arena(0)
    /// The steps from the one that writes it to the last that reads it.
    package var lifetime: ClosedRange<Int> = 0...0
}

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
    /// Whether the weight (and bias) trains, so that it is folded and packed anew after every update.
    package let isTrained: Bool
}

/// What stands in a fused step behind the main operation.
package struct Epilogue: Sendable, Hashable {
    /// Added after the main operation: a value of the destination's shape.
    package var residual: Int?
    package var activation: ActivationKind?

    package static let none = Epilogue()
}

/// The geometry of a convolution or pooling step.
package struct WindowStep: Sendable, Hashable {
    package let window: SlidingWindow
    package let source: TensorShape
    package let destination: TensorShape
    package let groups: Int

    /// Whether each pixel is multiplied by one matrix, and by itself.
    package var isPointwise: Bool {
        window.height == 1 && window.width == 1 && groups == 1 && source[0] == destination[0] && source[1] == destination[1]
    }

    /// Whether there is one pixel an image as well: then it is a linear layer over the images, whichever the network calls it.
    package var isLinear: Bool { isPointwise && source[0] * source[1] == 1 }
}

/// One thing a program does. Numbers named source, destination … are indices into `Plan.values`; gradients of values are values too.
package enum Action: Sendable, Hashable {
    /// Frozen linear layers are convolutions over one pixel: their weights are packed once, as frozen convolutions' are.
    case convolution(WindowStep, FoldedWeights, source: Int, destination: Int, Epilogue)
    case convolutionBackwardData(WindowStep, FoldedWeights, gradient: Int, sourceGradient: Int)
    case convolutionBackwardWeights(WindowStep, FoldedWeights, source: Int, gradient: Int)
    case norm(NormParameters, NormMode, source: Int, destination: Int, Epilogue)
    /// `masks` is the activation whose mask the step applies itself; `sourceGradient` is missing where nothing before it trains.
    case normBackward(NormParameters, NormMode, source: Int, gradient: Int, sourceGradient: Int?, masks: ActivationKind?)
    case linear(weight: Int, bias: Int?, source: Int, destination: Int)
    case linearBackwardData(weight: Int, gradient: Int, sourceGradient: Int)
    case linearBackwardWeights(weight: Int, bias: Int?, source: Int, gradient: Int)
    case activation(ActivationKind, source: Int, destination: Int)
    case add(Int, Int, destination: Int, ActivationKind?)
    /// destination = (first + second) · activation′, told from `kept`.
    case combineGradients(Int, Int?, kept: Int?, ActivationKind?, destination: Int)
    case gate(source: Int, gate: Int, destination: Int)
    case gateBackward(gradient: Int, source: Int, gateGradient: Int)
    case concatenate([Int], destination: Int)
    /// The part of a concatenation's gradient that starts at a channel.
    case slice(source: Int, firstChannel: Int, destination: Int)
    case pool(WindowStep, PoolingMethod, source: Int, destination: Int, memory: Int?)
    case poolBackward(WindowStep, PoolingMethod, gradient: Int, sourceGradient: Int, memory: Int?)
    case adaptiveAverage(source: Int, destination: Int)
    case adaptiveAverageBackward(gradient: Int, sourceGradient: Int)
    /// From float32 to another element type, or back.
    case convert(source: Int, destination: Int)
    /// Pixels before channels to channels before pixels, or back.
    case transpose(source: Int, destination: Int, toChannelsFirst: Bool)
    /// Also its own gradient: the mask follows from the layer's key.
    case dropout(rate: Float, layer: Int, wholeImages: Bool, source: Int, destination: Int)
    case responseNorm(ResponseNorm, source: Int, destination: Int, memory: Int?)
    case responseNormBackward(ResponseNorm, source: Int, gradient: Int, sourceGradient: Int, memory: Int)
    /// Softmax cross-entropy; writes the gradient of the scores, times `weight`.
    case loss(logits: Int, gradient: Int, weight: Float, isMain: Bool)
}

/// What a pooling window computes.
package enum PoolingMethod: String, Sendable, Hashable {
    case max, averageInside, averagePadded
}

/// Constants of local response normalisation.
package struct ResponseNorm: Sendable, Hashable {
    package let size: Int
    package let alpha, beta, k: Float
}

/// One step of a plan.
package struct PlanStep: Sendable {
    package enum Phase: String, Sendable { case forward, backward }

    package let name: String
    package let region: Region
    package let phase: Phase
    package let action: Action
    /// For one image.
    package let multiplyAccumulates: Int
}

/// Consecutive steps, and how many images they run over before they start again with the next ones.
package struct PlanChunk: Sendable, Hashable {
    package let steps: Range<Int>
    /// From 1 to the plan's capacity.
    package let images: Int
}

/// Trained parameters in one flat array, in the order in which backward finishes their gradients.
package struct GradientLayout: Sendable, Hashable {
    package struct Slot: Sendable, Hashable {
        /// Index into `Graph.parameters`.
        package let parameter: Int
        /// Its floats in the flat arrays.
        package let range: Range<Int>
    }

    package let slots: [Slot]
    /// Floats of the flat arrays: each slot starts at a multiple of 16 floats, a cache line; what is between stays 0.
    package let count: Int

    package static let none = GradientLayout(slots: [], count: 0)
}

/// Steps, values, memory and gradients: everything a Program needs besides the numbers themselves.
package struct Plan: Sendable {
    package let graph: Graph
    package let trainability: Trainability
    package let regions: Regions
    package let capacity: Int
    package let entry: PlanEntry
    package let exit: PlanExit
    package let steps: [PlanStep]
    /// All steps, in order: each chunk runs over its images until it has done the capacity.
    package let chunks: [PlanChunk]
    package let values: [PlanValue]
    package let layout: GradientLayout
    /// For every step, how many floats of the flat gradient array are complete when it has run.
    package let completedGradients: [Int]
    /// The values given at every run: the photographs, or the boundary's values in the order of `regions.boundary`.
    package let entryValues: [Int]
    /// The values that the plan is run for: class scores, or the boundary's values.
    package let exitValues: [Int]
    /// Bytes of the arena that all other values share.
    package let arenaBytes: Int
    package let winograd: WinogradUse
}
