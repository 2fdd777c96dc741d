// Element-wise kernels over whole activations, split over the rank's threads.
internal import CVectorLoops

extension FusedActivation {
    var loop: graft_loop_activation {
        switch self {
        case .none: graft_loop_identity
        case .relu: graft_loop_relu
        case .relu6: graft_loop_relu6
        case .silu: graft_loop_silu
        case .sigmoid: graft_loop_sigmoid
        }
    }
}

/// Element-wise arithmetic. All arrays have `count` elements; a result may stand on an operand.
package struct Elementwise: Sendable {
    private let workers: Workers

    package init(_ workers: Workers) { self.workers = workers }

    /// y = f(x).
    package func activate(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, _ kind: FusedActivation) {
        workers.run(elements: count) { graft_activate(x + $0.lowerBound, y + $0.lowerBound, $0.count, kind.loop) }
    }

    /// y = f(a + b).
    package func add(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int,
        _ kind: FusedActivation
    ) {
        workers.run(elements: count) {
            graft_add_activate(a + $0.lowerBound, b + $0.lowerBound, y + $0.lowerBound, $0.count, kind.loop)
        }
    }

    /// dx = (a + b) · f′, where `b` may be missing and `kept` is f's input for SiLU, its output else (unused without f).
    package func combineGradients(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>?, kept: UnsafePointer<Float>?, _ dx: UnsafeMutablePointer<Float>,
        _ count: Int, _ kind: FusedActivation
    ) {
        workers.run(elements: count) { range in
            let start = range.lowerBound
            graft_combine_gradients(
                a + start, b.map { $0 + start }, kept.map { $0 + start }, dx + start, range.count, kind.loop)
        }
    }

    /// y = x · factor.
    package func scale(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, by factor: Float) {
        workers.run(elements: count) { graft_scale(x + $0.lowerBound, y + $0.lowerBound, $0.count, factor) }
    }

    /// y[r, :] = scale[r] · x[r, :].
    package func scaleRows(
        _ x: UnsafePointer<Float>, by scale: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int, columns: Int
    ) {
        workers.run(rows) { range in
            let start = range.lowerBound * columns
            graft_scale_rows(x + start, scale + range.lowerBound, y + start, range.count, columns)
        }
    }

    /// Squeeze-excitation's gate: y `[images, pixels, channels]` = x · gate `[images, channels]`.
    package func gate(
        _ x: UnsafePointer<Float>, by gate: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, images: Int, pixels: Int,
        channels: Int
    ) {
        workers.run(images) { range in
            for image in range {
                let start = image * pixels * channels
                graft_gate(x + start, gate + image * channels, y + start, pixels, channels)
            }
        }
    }

    /// The gate's own gradient, `[images, channels]`: Σ over pixels of dy · x.
    package func gateBackward(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ gateGradient: UnsafeMutablePointer<Float>, images: Int,
        pixels: Int,
        channels: Int
    ) {
        workers.run(images) { range in
            for image in range {
                let start = image * pixels * channels
                graft_gate_backward(dy + start, x + start, gateGradient + image * channels, pixels, channels)
            }
        }
    }

    /// `[images, pixels, channels]` to `[images, channels, pixels]`, or back.
    package func transpose(
        _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, images: Int, pixels: Int, channels: Int,
        toChannelsFirst: Bool
    ) {
        let convert = toChannelsFirst ? graft_channels_first : graft_channels_last
        workers.run(images) { range in
            for image in range { convert(x + image * pixels * channels, y + image * pixels * channels, pixels, channels) }
        }
    }

    /// Dropout of one image's elements; the same key gives the same mask, in backward too.
    package func dropout(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, key: UInt64, rate: Float) {
        graft_dropout(x, y, count, key, rate)
    }

    /// Copies `width` of `sourceChannels` columns into `width` of `destinationChannels` columns, row by row: concatenation along the
    /// channels, and its gradient.
    package func copyColumns(
        _ x: UnsafePointer<Float>, _ sourceChannels: Int, _ y: UnsafeMutablePointer<Float>, _ destinationChannels: Int,
        width: Int,
        rows: Int
    ) {
        workers.run(rows) { range in
            for row in range { (y + row * destinationChannels).update(from: x + row * sourceChannels, count: width) }
        }
    }
}
