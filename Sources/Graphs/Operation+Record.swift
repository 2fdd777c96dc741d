// Operations as keys on disk have them.
import Tensors

extension Operation {
    /// The operation with all its attributes, written out: it stays as it is when Swift's names for them change, for caches of computed
    /// features are found by it.
    package var record: String {
        switch self {
        case .input: "input"
        case .convolution(let window, let outputs, let groups, let hasBias):
            "convolution \(Self.record(window)) outputs \(outputs) groups \(groups)\(hasBias ? " bias" : "")"
        case .batchNorm(let epsilon, let momentum): "batch norm epsilon \(epsilon) momentum \(momentum)"
        case .layerNorm(let epsilon): "layer norm epsilon \(epsilon)"
        case .layerScale: "layer scale"
        case .activation(let kind): kind.rawValue
        case .add: "add"
        case .gate: "gate"
        case .concatenate: "concatenate"
        case .channelSlice(let first, let count): "channel slice first \(first) count \(count)"
        case .channelShuffle(let groups): "channel shuffle groups \(groups)"
        case .maxPool(let window): "max pool \(Self.record(window))"
        case .averagePool(let window, let countsPadding):
            "average pool \(Self.record(window))\(countsPadding ? " counts padding" : "")"
        case .adaptiveAveragePool(let height, let width): "adaptive average pool \(height)×\(width)"
        case .flatten: "flatten"
        case .linear(let outputs, let hasBias): "linear outputs \(outputs)\(hasBias ? " bias" : "")"
        case .dropout(let rate): "dropout rate \(rate)"
        case .stochasticDepth(let rate): "stochastic depth rate \(rate)"
        case .localResponseNorm(let size, let alpha, let beta, let k):
            "local response norm size \(size) alpha \(alpha) beta \(beta) k \(k)"
        }
    }

    private static func record(_ window: SlidingWindow) -> String {
        let padding = window.padding
        return "\(window.height)×\(window.width) stride \(window.stride) "
            + "padding \(padding.top) \(padding.left) \(padding.bottom) \(padding.right)\(window.roundsUp ? " rounds up" : "")"
    }
}
