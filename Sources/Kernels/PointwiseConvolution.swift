// Pointwise convolutions by our own loops, with packed weights: what stands behind the product is done while its sums are in the cache.
internal import CVectorLoops
package import Tensors

/// A convolution with a window of one pixel, or the gradient of its source: every pixel's channels by one matrix. Pointers are to float32
/// `[images, H, W, C]` activations.
package struct PointwiseConvolution: Sendable {
    package enum Pass: Sendable, Hashable { case forward, backwardData }

    private let pass: Pass
    private let pixels, inputs, outputs: Int
    private let workers: Workers

    /// Whether these loops do a convolution.
    package static func covers(_ geometry: WindowGeometry) -> Bool {
        geometry.groups == 1 && geometry.stride == 1 && geometry.kernelHeight == 1 && geometry.kernelWidth == 1
            && geometry.source[0] == geometry.destination[0] && geometry.source[1] == geometry.destination[1]
    }

    /// - Parameter geometry: the convolution's, whichever pass it is.
    package init(_ pass: Pass, _ geometry: WindowGeometry, _ workers: Workers) {
        precondition(Self.covers(geometry), "\(geometry.label) is not a pointwise convolution")
        self.pass = pass
        self.workers = workers
        pixels = geometry.images * geometry.source[0] * geometry.source[1]
        let (from, to) = (geometry.source[2], geometry.destination[2])
        (inputs, outputs) = pass == .forward ? (from, to) : (to, from)
    }

    /// Floats of packed weights.
    package var packedCount: Int { graft_pointwise_packed_count(inputs, outputs) }

    private var blocks: Int { packedCount / (inputs * Int(graft_lane_count)) }

    /// Packs plain `[O, I, 1, 1]` weights, each output channel times its scale, for this pass.
    package func pack(_ weights: UnsafePointer<Float>, scale: UnsafePointer<Float>?, _ packed: UnsafeMutablePointer<Float>) {
        workers.run(blocks) { range in
            let (first, last) = (range.lowerBound, range.upperBound)
            switch pass {
            case .forward: graft_pointwise_pack(weights, scale, inputs, outputs, first, last, packed)
            case .backwardData: graft_pointwise_pack_turned(weights, scale, inputs, outputs, first, last, packed)
            }
        }
    }

    /// y = f(x · weights + bias + residual) of packed weights; the residual may lie where the result goes. To the data, x is the
    /// gradient that comes in and y the one that goes out. No number depends on the threads.
    package func run(
        _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?,
        _ y: UnsafeMutablePointer<Float>, _ activation: Activation?
    ) {
        let blocks = blocks
        // Threads share out what there is more of: pixels, each with all weights, or blocks of channels, each over all pixels.
        if pixels >= Self.pixelsForThread * workers.count {
            workers.run(pixels) { range in
                let first = range.lowerBound
                graft_pointwise(
                    x + first * inputs, packed, bias, residual.map { $0 + first * outputs }, y + first * outputs, inputs, outputs,
                    range.count, 0, blocks, activation.loop)
            }
        } else {
            workers.run(blocks) { range in
                graft_pointwise(
                    x, packed, bias, residual, y, inputs, outputs, pixels, range.lowerBound, range.upperBound, activation.loop)
            }
        }
    }

    /// Several times as many as the loops take at once.
    private static let pixelsForThread = 96
}
