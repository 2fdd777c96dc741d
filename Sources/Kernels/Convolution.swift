// Convolutions through oneDNN: geometry, forward with a fused epilogue, backward to data and to weights, packing of weights.
internal import COneDNN
package import Tensors

/// The extents of a convolution or pooling over a batch.
package struct WindowGeometry: Sendable, Hashable {
    package var images: Int
    /// `[H, W, C]` of one image.
    package var source: TensorShape
    package var destination: TensorShape
    package var kernelHeight: Int
    package var kernelWidth: Int
    package var stride: Int
    package var padTop: Int
    package var padLeft: Int
    package var groups: Int

    package init(
        images: Int, source: TensorShape, destination: TensorShape, kernelHeight: Int, kernelWidth: Int, stride: Int, padTop: Int,
        padLeft: Int, groups: Int = 1
    ) {
        self.images = images
        self.source = source
        self.destination = destination
        self.kernelHeight = kernelHeight
        self.kernelWidth = kernelWidth
        self.stride = stride
        self.padTop = padTop
        self.padLeft = padLeft
        self.groups = groups
    }

    /// The zeros at the far side follow from the extents; where the window does not reach the last pixels they are negative.
    private func padAfter(_ extent: Int, _ output: Int, _ kernel: Int, _ before: Int) -> Int {
        (output - 1) * stride + kernel - extent - before
    }

    var shim: graft_geometry {
        graft_geometry(
            images: Int64(images), in_channels: Int64(source[2]), in_height: Int64(source[0]), in_width: Int64(source[1]),
            out_channels: Int64(destination[2]), out_height: Int64(destination[0]), out_width: Int64(destination[1]),
            kernel_height: Int64(kernelHeight), kernel_width: Int64(kernelWidth), stride: Int64(stride), pad_top: Int64(padTop),
            pad_left: Int64(padLeft), pad_bottom: Int64(padAfter(source[0], destination[0], kernelHeight, padTop)),
            pad_right: Int64(padAfter(source[1], destination[1], kernelWidth, padLeft)), groups: Int64(groups))
    }

    var label: String {
        "a \(kernelHeight)×\(kernelWidth) window, stride \(stride), from \(images)×\(source) to \(destination), \(groups) groups"
    }
}

/// How a convolution's epilogue gets the value that it adds.
package enum FusedResidual: Sendable, Hashable {
    case none
    /// It lies where the result goes.
    case inPlace
    /// It lies elsewhere, in the destination's shape, and stays.
    case apart
}

extension ElementType {
    var shim: graft_type {
        switch self {
        case .bfloat16: graft_bfloat16
        case .int8: graft_int8
        case .uint8: graft_uint8
        case .int32: graft_int32
        default: graft_float32
        }
    }
}

/// Element types of one convolution.
package struct ConvolutionTypes: Sendable, Hashable {
    package var source: ElementType
    package var weights: ElementType
    package var destination: ElementType

    package init(source: ElementType = .float32, weights: ElementType = .float32, destination: ElementType = .float32) {
        self.source = source
        self.weights = weights
        self.destination = destination
    }

    func shim(
        bias: Bool, residual: FusedResidual = .none, activation: Activation? = nil,
        quantization: graft_quantization = graft_quantization()
    ) -> graft_convolution_options {
        let mode =
            switch residual {
            case .none: graft_no_residual
            case .inPlace: graft_residual_in_place
            case .apart: graft_residual_apart
            }
        return graft_convolution_options(
            source: source.shim, weights: weights.shim, destination: destination.shim, has_bias: bias ? 1 : 0, residual: mode,
            activation: activation.code, quantization: quantization)
    }
}

extension OneDNNKernel {
    /// destination = activation(source ∗ weights + bias + residual). Roles: source, weights, bias, destination, residual, scratchpad.
    package static func convolution(
        _ engine: OneDNNEngine, _ geometry: WindowGeometry, types: ConvolutionTypes = .init(), bias: Bool,
        residual: FusedResidual = .none, activation: Activation? = nil
    ) throws -> OneDNNKernel {
        var (shape, options) = (geometry.shim, types.shim(bias: bias, residual: residual, activation: activation))
        return try OneDNNKernel("a convolution with \(geometry.label)", engine) {
            graft_convolution_forward(engine.handle, &shape, &options, &$0)
        }
    }

    /// sourceGradient from destinationGradient and weights.
    package static func convolutionBackwardData(
        _ engine: OneDNNEngine, _ geometry: WindowGeometry, types: ConvolutionTypes = .init()
    ) throws -> OneDNNKernel {
        var (shape, options) = (geometry.shim, types.shim(bias: false))
        return try OneDNNKernel("a convolution's input gradient with \(geometry.label)", engine) {
            graft_convolution_backward_data(engine.handle, &shape, &options, &$0)
        }
    }

    /// weightsGradient (and biasGradient) from source and destinationGradient.
    package static func convolutionBackwardWeights(
        _ engine: OneDNNEngine, _ geometry: WindowGeometry, types: ConvolutionTypes = .init(), bias: Bool
    ) throws -> OneDNNKernel {
        var (shape, options) = (geometry.shim, types.shim(bias: bias))
        return try OneDNNKernel("a convolution's weight gradient with \(geometry.label)", engine) {
            graft_convolution_backward_weights(engine.handle, &shape, &options, &$0)
        }
    }

    /// Copies plain weights (source), float32 or int8, into the format of this kernel's weights (destination).
    package func weightPacking(_ geometry: WindowGeometry, from plain: ElementType = .float32) throws -> OneDNNKernel {
        var shape = geometry.shim
        return try OneDNNKernel("the packing of weights for \(geometry.label)", engine) {
            graft_pack_weights(engine.handle, &shape, handle, plain.shim, &$0)
        }
    }

    /// Copies this kernel's weight gradient (source) into plain float32 (destination).
    package func weightGradientUnpacking(_ geometry: WindowGeometry) throws -> OneDNNKernel {
        var shape = geometry.shim
        return try OneDNNKernel("the unpacking of weight gradients for \(geometry.label)", engine) {
            graft_unpack_weight_gradient(engine.handle, &shape, handle, &$0)
        }
    }

    /// Whether this kernel's weight gradient needs no unpacking.
    package func hasPlainWeightGradient(_ geometry: WindowGeometry) -> Bool {
        var shape = geometry.shim
        return graft_weight_gradient_is_plain(engine.handle, &shape, handle) != 0
    }
}
