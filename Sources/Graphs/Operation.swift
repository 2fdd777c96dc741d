// What a network's nodes do. Attributes only: shapes come from shape inference, arithmetic from kernels.
package import Tensors

/// The operation of a node. Activations are NHWC; every node has one output.
package enum Operation: Sendable, Hashable {
    /// The normalised photographs, `[H, W, 3]` an image.
    case input
    /// Cross-correlation; weights `[out, in / groups, height, width]`, bias optional.
    case convolution(SlidingWindow, outputChannels: Int, groups: Int, hasBias: Bool)
    /// Per-channel normalisation with scale, shift, running mean and running variance.
    case batchNorm(epsilon: Float, momentum: Float)
    /// Each pixel normalised over its channels, with scale and shift.
    case layerNorm(epsilon: Float)
    /// Each channel times a parameter.
    case layerScale
    case activation(Activation)
    /// The sum of two values of one shape.
    case add
    /// The first input, each channel multiplied with the second, `[1, 1, C]` an image (squeeze-excitation's gate).
    case gate
    /// Inputs side by side along the channels.
    case concatenate
    /// `count` channels from one on.
    case channelSlice(first: Int, count: Int)
    /// Channels in `groups` groups: the first of each, then the second of each, and so on.
    case channelShuffle(groups: Int)
    case maxPool(SlidingWindow)
    /// Averages; `countsPadding` divides by the window's size everywhere.
    case averagePool(SlidingWindow, countsPadding: Bool)
    /// torch's adaptive average pooling to `[height, width]`.
    case adaptiveAveragePool(height: Int, width: Int)
    /// To one vector an image in the order C, H, W, which published weights expect.
    case flatten
    /// `x · weightᵀ + bias`; weights `[out, in]`.
    case linear(outputs: Int, hasBias: Bool)
    /// Zeroes elements with probability `rate` while training, and scales the rest by 1 / (1 − rate).
    case dropout(rate: Float)
    /// Zeroes whole images of a residual branch with probability `rate` while its block trains.
    case stochasticDepth(rate: Float)
    /// Divides by (k + α / size · Σ x² over neighbouring channels)^β.
    case localResponseNorm(size: Int, alpha: Float, beta: Float, k: Float)

    /// The operation's short name, as plans print it.
    package var label: String {
        switch self {
        case .input: "input"
        case .convolution: "convolution"
        case .batchNorm: "batch norm"
        case .layerNorm: "layer norm"
        case .layerScale: "layer scale"
        case .activation(let kind): kind.rawValue
        case .add: "add"
        case .gate: "gate"
        case .concatenate: "concatenate"
        case .channelSlice: "channel slice"
        case .channelShuffle: "channel shuffle"
        case .maxPool: "max pool"
        case .averagePool, .adaptiveAveragePool: "average pool"
        case .flatten: "flatten"
        case .linear: "linear"
        case .dropout: "dropout"
        case .stochasticDepth: "stochastic depth"
        case .localResponseNorm: "local response norm"
        }
    }
}
