// Which code does a step.
package import Kernels

/// The kernel of a step, chosen once by `chooseKernels`: what binds, digests or describes a plan reads it here.
package enum KernelChoice: Sendable, Hashable {
    /// Graft's own loops over elements, channels or pixels.
    case loops
    /// Graft's own loops of depthwise convolutions, over float32 or bytes.
    case depthwise
    /// Graft's own convolutions by packed weights, over float32.
    case lanes
    /// oneDNN's kernel for the operation as it is.
    case direct
    /// oneDNN's convolution kernel with the images as pixels: a linear layer.
    case packedLinear
    /// oneDNN's convolution kernel over bytes.
    case bytes
    /// Winograd's algorithm over tiles of a size.
    case winograd(WinogradConvolution.Tile)
    /// oneDNN's product of matrices: a pointwise convolution's gradient of weights, or a linear layer over plain weights.
    case matrixProduct

    /// A short name that does not change: digests hold it.
    package var label: String {
        switch self {
        case .loops: "loops"
        case .depthwise: "depthwise"
        case .lanes: "lanes"
        case .direct: "direct"
        case .packedLinear: "packed linear"
        case .bytes: "bytes"
        case .winograd(let tile): "winograd \(tile.rawValue)"
        case .matrixProduct: "matrix product"
        }
    }

    /// Pixels of a tile's side, where Winograd's algorithm does it.
    package var tileSide: Int? { if case .winograd(let tile) = self { tile.rawValue } else { nil } }
}
