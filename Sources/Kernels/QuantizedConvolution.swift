// Convolutions in 8 bits: bytes in, products summed as int32, and one factor an output channel back to bytes or float32.
internal import COneDNN
internal import CVectorLoops
package import Tensors

/// Weights as integers: w ≈ integer · step, with a step of its own for every output channel, symmetric about zero.
package struct QuantizedWeights: Sendable {
    /// In the order of the weights.
    package let integers: [Int8]
    /// `[channels]`.
    package let steps: [Float]

    /// - Parameter weights: `[channels, …]`, `channels × count` numbers. The largest magnitude of a channel becomes ±127.
    package init(_ weights: UnsafePointer<Float>, channels: Int, count: Int) {
        var steps = [Float](repeating: 1, count: channels)
        integers = [Int8](unsafeUninitializedCapacity: channels * count) { integers, written in
            if let start = integers.baseAddress { graft_quantize_channels(weights, start, &steps, channels, count) }
            written = channels * count
        }
        self.steps = steps
    }
}

/// What the integers of an 8-bit convolution stand for.
package struct ConvolutionSteps: Sendable {
    package let source: Float
    /// One an output channel.
    package let weights: [Float]
    /// 1 where the destination is float32.
    package let destination: Float
    /// Of a residual that lies where the result goes.
    package let residualType: ElementType
    package let residual: Float

    package init(
        source: Float, weights: [Float], destination: Float = 1, residualType: ElementType = .float32, residual: Float = 1
    ) {
        self.source = source
        self.weights = weights
        self.destination = destination
        self.residualType = residualType
        self.residual = residual
    }

    fileprivate func withShim<Result>(_ body: (inout graft_quantization) throws -> Result) rethrows -> Result {
        try weights.map { source * $0 / destination }.withUnsafeBufferPointer { scales in
            var shim = graft_quantization(
                scales: scales.baseAddress, destination_step: destination, residual_type: residualType.shim,
                residual_scale: residual / destination)
            return try body(&shim)
        }
    }

    /// The bias that a kernel with these steps is to be bound to, from the bias itself.
    package func bias(_ bias: UnsafePointer<Float>) -> AlignedBuffer {
        let scaled = AlignedBuffer(floatCount: weights.count)
        withShim { graft_quantized_bias(&$0, bias, scaled.base.assumingMemoryBound(to: Float.self), weights.count) }
        return scaled
    }
}

extension OneDNNKernel {
    /// destination = activation(source ∗ weights + bias + residual), rounded to nearest even and kept within the destination's type.
    /// Weights are int8; a residual lies where the result goes. Roles: source, weights, bias (`ConvolutionSteps.bias`), destination,
    /// scratchpad.
    package static func quantizedConvolution(
        _ engine: OneDNNEngine, _ geometry: WindowGeometry, source: ElementType, destination: ElementType,
        _ steps: ConvolutionSteps,
        addsResidual: Bool = false, activation: Activation? = nil
    ) throws -> OneDNNKernel {
        precondition(steps.weights.count == geometry.destination[2], "every output channel has its step")
        precondition(activation?.isClipping ?? true, "an 8-bit convolution can only clip")
        let types = ConvolutionTypes(source: source, weights: .int8, destination: destination)
        var shape = geometry.shim
        return try steps.withShim { quantization in
            var options = types.shim(
                bias: true, residual: addsResidual ? .inPlace : .none, activation: activation, quantization: quantization)
            return try OneDNNKernel("an 8-bit convolution with \(geometry.label)", engine) {
                graft_convolution_forward(engine.handle, &shape, &options, &$0)
            }
        }
    }
}
