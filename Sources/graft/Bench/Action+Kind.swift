// The kinds of work that benchmarks tell apart.
import Execution
import Graphs
import Tensors

extension Action {
    /// The kind of work, for sums over steps.
    var kind: String {
        switch self {
        case .convolution(let step, _, _, _, _), .convolutionBackwardData(let step, _, _, _),
            .convolutionBackwardWeights(let step, _, _, _):
            if step.isLinear {
                if case .convolution = self { return "linear" }
                return "linear gradient"
            }
            let shape = step.groups == 1 ? "" : step.groups == step.source[2] ? "depthwise " : "grouped "
            let part =
                switch self {
                case .convolutionBackwardData: " data gradient"
                case .convolutionBackwardWeights: " weight gradient"
                default: ""
                }
            return "\(shape)\(step.window.height)×\(step.window.width) convolution\(part)"
        case .norm: return "batch norm"
        case .normBackward: return "batch norm gradient"
        case .linear: return "linear"
        case .linearBackwardData, .linearBackwardWeights: return "linear gradient"
        case .pool, .adaptiveAverage: return "pooling"
        case .poolBackward, .adaptiveAverageBackward: return "pooling gradient"
        case .activation: return "activation"
        case .add: return "add"
        case .combineGradients: return "gradient sums and masks"
        case .gate, .gateBackward: return "gate"
        case .concatenate, .slice, .transpose, .convert: return "copies"
        case .dropout: return "dropout"
        case .responseNorm, .responseNormBackward: return "local response norm"
        case .loss: return "loss"
        }
    }
}
