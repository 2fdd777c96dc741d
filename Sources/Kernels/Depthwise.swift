// Depthwise convolutions by our own loops: oneDNN runs them far below the machine's speed over NHWC, above all their weight gradient.
internal import CVectorLoops
package import Tensors

/// One depthwise convolution: each channel is filtered by itself. Pointers are to `[images, H, W, C]` activations of the geometry.
package struct DepthwiseKernel: Sendable {
    private let images: Int
    private let shape: graft_depthwise
    private let workers: Workers

    /// Whether a convolution is one that these loops do: one square filter a channel.
    package static func covers(_ geometry: WindowGeometry) -> Bool {
        geometry.groups > 1 && geometry.groups == geometry.source[2] && geometry.groups == geometry.destination[2]
            && geometry.kernelHeight == geometry.kernelWidth
    }

    package init(_ geometry: WindowGeometry, _ workers: Workers) {
        precondition(Self.covers(geometry), "\(geometry.label) is not a depthwise convolution")
        images = geometry.images
        self.workers = workers
        shape = graft_depthwise(
            channels: geometry.groups, in_height: geometry.source[0], in_width: geometry.source[1],
            out_height: geometry.destination[0], out_width: geometry.destination[1], kernel: geometry.kernelHeight,
            stride: geometry.stride, pad_top: geometry.padTop, pad_left: geometry.padLeft)
    }

    /// Floats of packed weights. They depend on the kernel's size and the channels alone.
    package var packedCount: Int { withUnsafePointer(to: shape) { graft_depthwise_packed_count($0) } }

    /// Floats that the weights' gradient needs for its sums: one packed copy a worker.
    package var sumCount: Int { packedCount * workers.count }

    /// Packs `[C, 1, k, k]` weights, each channel times its scale.
    package func pack(_ weights: UnsafePointer<Float>, scale: UnsafePointer<Float>?, _ packed: UnsafeMutablePointer<Float>) {
        withUnsafePointer(to: shape) { graft_depthwise_pack($0, weights, scale, packed) }
    }

    /// y = f(x ∗ weights + bias), with one bias a channel.
    package func forward(
        _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
        _ activation: Activation?
    ) {
        forward(UnsafeRawPointer(x), packed, bias, UnsafeMutableRawPointer(y), activation, graft_full)
    }

    /// The same over bfloat16 activations, given by their bits; weights, bias and sums stay float32.
    package func forward(
        bfloat16 x: UnsafePointer<UInt16>, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>,
        _ y: UnsafeMutablePointer<UInt16>, _ activation: Activation?
    ) {
        forward(UnsafeRawPointer(x), packed, bias, UnsafeMutableRawPointer(y), activation, graft_half)
    }

    /// The same from uint8 activations to uint8, which keeps results within 0 … 255 of the destination's steps. Weights are packed, and
    /// the bias given, in steps: of the source, per one of the destination.
    package func forward(
        bytes x: UnsafePointer<UInt8>, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt8>
    ) {
        forward(UnsafeRawPointer(x), packed, bias, UnsafeMutableRawPointer(y), nil, graft_unsigned_bytes)
    }

    private func forward(
        _ x: UnsafeRawPointer, _ packed: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ y: UnsafeMutableRawPointer,
        _ activation: Activation?, _ format: graft_format
    ) {
        workers.run(images * shape.out_height) { rows in
            withUnsafePointer(to: shape) {
                graft_depthwise_forward(
                    $0, x, packed, bias, y, rows.lowerBound, rows.upperBound, activation.loop, format)
            }
        }
    }

    /// dx from dy.
    package func backwardData(
        _ dy: UnsafePointer<Float>, packed: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
    ) {
        workers.run(images * shape.in_height) { rows in
            withUnsafePointer(to: shape) {
                graft_depthwise_backward_data($0, dy, packed, dx, rows.lowerBound, rows.upperBound)
            }
        }
    }

    /// The gradient of the `[C, 1, k, k]` weights, each channel times its scale, by way of `sumCount` floats. The order of additions
    /// depends on the number of workers and on nothing else.
    package func backwardWeights(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, scale: UnsafePointer<Float>?, sums: UnsafeMutablePointer<Float>,
        _ gradient: UnsafeMutablePointer<Float>
    ) {
        let (count, rows, pieces) = (packedCount, images * shape.out_height, workers.count)
        sums.update(repeating: 0, count: sumCount)
        workers.run(pieces) { range in
            for piece in range {
                withUnsafePointer(to: shape) {
                    graft_depthwise_backward_weights(
                        $0, x, dy, sums + piece * count, rows * piece / pieces, rows * (piece + 1) / pieces)
                }
            }
        }
        for piece in 1..<max(pieces, 1) { graft_accumulate(sums + piece * count, sums, count) }
        withUnsafePointer(to: shape) { graft_depthwise_unpack($0, sums, scale, gradient) }
    }

    /// The gradient of a bias: the sum of dy over all pixels.
    package func backwardBias(_ dy: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>) {
        graft_column_sums(dy, gradient, images * shape.out_height * shape.out_width, shape.channels)
    }
}
