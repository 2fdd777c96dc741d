// A form in which kernels read weights, and its name.
import Kernels

/// A form in which a kernel reads the weights of a convolution.
protocol WeightForm {
    /// Forms with one key hold the same numbers in the same places.
    var key: WeightFormKey { get }
    /// Of one layer's weights in this form.
    var byteCount: Int { get }
    /// Writes plain weights there, each output channel times its factor. It allocates nothing, unless only frozen weights take the form.
    func prepare(_ plain: UnsafeMutableBufferPointer<Float>, _ factors: UnsafePointer<Float>?, at place: UnsafeMutableRawPointer)
}

/// Names a form.
enum WeightFormKey: Hashable {
    case packed(WeightFormat)
    case integers(WeightFormat)
    case depthwise
    /// Turned over for gradients of inputs.
    case lanes(isTurned: Bool)
    /// With what one stands for on both sides.
    case depthwiseBytes(from: Float, to: Float)
    /// Turned over for gradients of inputs.
    case winograd(WinogradConvolution.Tile, isTurned: Bool)
}
