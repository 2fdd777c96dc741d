// Convolutions by our own loops, with packed weights: what stands behind the product is done while its sums are in registers.
internal import CVectorLoops
package import Tensors

/// A convolution, or the gradient of its source: under every place of the window, pixels' channels by a matrix. Pointers are to float32
/// `[images, H, W, C]` activations.
package struct LaneConvolution: Sendable {
    package enum Pass: Sendable, Hashable { case forward, backwardData }

    private let pass: Pass
    private let pixels: Int
    private let shape: graft_lane_shape
    private let workers: Workers

    /// Whether these loops do a pass of a convolution: gradients where every pixel is multiplied by itself alone.
    private static func covers(_ pass: Pass, _ geometry: WindowGeometry) -> Bool {
        geometry.groups == 1 && (pass == .forward || isPointwise(geometry))
    }

    /// Whether they are faster than oneDNN's: where every pixel is multiplied by itself alone; and without AVX-512 in windows whose rows
    /// are long (`graft bench --suite plan`, one thread of a Zen 3: a ResNet-50's of stride 2 at 70, 68 and 59 GFLOP/s against 42, 50 and
    /// 47, AlexNet's first one at 60 against 34; a ResNet's first one, of 21 numbers a row, is slower).
    package static func isFaster(_ pass: Pass, _ geometry: WindowGeometry) -> Bool {
        guard covers(pass, geometry) else { return false }
        if isPointwise(geometry) { return true }
        return Instructions.level < .avx512 && geometry.kernelWidth > 1 && geometry.kernelWidth * geometry.source[2] >= 32
    }

    private static func isPointwise(_ geometry: WindowGeometry) -> Bool {
        geometry.stride == 1 && geometry.kernelHeight == 1 && geometry.kernelWidth == 1
            && geometry.source[0] == geometry.destination[0] && geometry.source[1] == geometry.destination[1]
    }

    /// - Parameter geometry: the convolution's, whichever pass it is.
    package init(_ pass: Pass, _ geometry: WindowGeometry, _ workers: Workers) {
        precondition(Self.covers(pass, geometry), "\(geometry.label) is no convolution for these loops")
        self.pass = pass
        self.workers = workers
        let (from, to) =
            pass == .forward ? (geometry.source, geometry.destination) : (geometry.destination, geometry.source)
        pixels = geometry.images * to[0] * to[1]
        shape = graft_lane_shape(
            inputs: from[2], in_height: from[0], in_width: from[1], outputs: to[2], out_height: to[0], out_width: to[1],
            kernel_height: geometry.kernelHeight, kernel_width: geometry.kernelWidth, stride: geometry.stride,
            pad_top: geometry.padTop, pad_left: geometry.padLeft)
    }

    /// Floats of packed weights.
    package var packedCount: Int { withUnsafePointer(to: shape) { graft_lane_packed_count($0) } }

    private var blocks: Int { (shape.outputs + Int(graft_lane_count) - 1) / Int(graft_lane_count) }

    /// Packs plain `[O, I, kH, kW]` weights, each output channel times its scale, for this pass.
    package func pack(_ weights: UnsafePointer<Float>, scale: UnsafePointer<Float>?, _ packed: UnsafeMutablePointer<Float>) {
        workers.run(blocks) { range in
            let (first, last) = (range.lowerBound, range.upperBound)
            withUnsafePointer(to: shape) { shape in
                switch pass {
                case .forward: graft_lane_pack(shape, weights, scale, first, last, packed)
                case .backwardData: graft_lane_pack_turned(shape, weights, scale, first, last, packed)
                }
            }
        }
    }

    /// y = f(x ∗ weights + bias + residual) of packed weights; the residual may lie where the result goes. To the data, x is the
    /// gradient that comes in and y the one that goes out. No number depends on the threads.
    package func run(
        _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?,
        _ y: UnsafeMutablePointer<Float>, _ activation: Activation?
    ) {
        // Threads share out what there is more of: pixels, each with all weights, or blocks of channels, each over all pixels.
        let sharesPixels = pixels >= Self.pixelsForThread * workers.count
        workers.run(sharesPixels ? pixels : blocks) { range in
            let (ofPixels, ofBlocks) = sharesPixels ? (range, 0..<blocks) : (0..<pixels, range)
            withUnsafePointer(to: shape) { shape in
                graft_lane_convolution(
                    shape, x, packed, bias, residual, y, ofPixels.lowerBound, ofPixels.upperBound, ofBlocks.lowerBound,
                    ofBlocks.upperBound, activation.loop)
            }
        }
    }

    /// Several times as many as the loops take at once.
    private static let pixelsForThread = 96
}
