// Squeeze-excitation: Hu et al., Squeeze-and-Excitation Networks, 2018.
import Graphs
import Tensors

extension GraphBuilder {
    /// Each channel scaled by what a small network makes of all channels' means; layers are named as torchvision's.
    mutating func squeezeExcitation(
        _ name: String, _ x: Value, squeezed: Int, inner: Activation, outer: Activation = .sigmoid
    ) -> Value {
        var y = adaptiveAveragePool("\(name).avgpool", x, to: 1)
        y = convolution("\(name).fc1", y, out: squeezed, kernel: 1, bias: true)
        y = activation(inner, y)
        y = convolution("\(name).fc2", y, out: x.channels, kernel: 1, bias: true)
        return gate("\(name).gate", x, by: activation(outer, y))
    }
}
