// Activations under the names of the C world.
internal import COneDNN
internal import CVectorLoops
import Tensors

extension Activation? {
    /// As own loops know it.
    var loop: graft_loop_activation {
        switch self {
        case nil: graft_loop_identity
        case .relu: graft_loop_relu
        case .relu6: graft_loop_relu6
        case .silu: graft_loop_silu
        case .sigmoid: graft_loop_sigmoid
        case .hardSwish: graft_loop_hard_swish
        case .hardSigmoid: graft_loop_hard_sigmoid
        case .gelu: graft_loop_gelu
        }
    }

    /// As oneDNN's epilogues know it.
    var code: graft_activation {
        switch self {
        case nil: graft_no_activation
        case .relu: graft_relu
        case .relu6: graft_relu6
        case .silu: graft_silu
        case .sigmoid: graft_sigmoid
        case .hardSwish: graft_hard_swish
        case .hardSigmoid: graft_hard_sigmoid
        case .gelu: graft_gelu
        }
    }
}
