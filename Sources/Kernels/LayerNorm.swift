// Layer normalisation over the channels of each pixel, and layer scale: what ConvNeXt has in the places of batch norms.
internal import CVectorLoops
import Tensors

/// One layer-norm layer over rows of channels (Ba et al. 2016); images do not touch each other.
package final class LayerNormKernel {
    private let channels: Int
    private let epsilon: Float
    private let workers: Workers
    private var sums: [Double]
    private var partials: [Double]

    package init(channels: Int, epsilon: Float, _ workers: Workers) {
        self.channels = channels
        self.epsilon = epsilon
        self.workers = workers
        sums = Array(repeating: 0, count: 2 * channels)
        partials = Array(repeating: 0, count: 2 * channels * RowPieces.most)
    }

    /// y = normalised x · scale + shift for `rows` rows.
    package func forward(
        _ x: Activations, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, _ y: Activations, rows: Int
    ) {
        workers.run(rows) { range in
            let start = range.lowerBound * channels
            graft_layer_norm((x + start).base, scale, shift, (y + start).base, range.count, channels, epsilon, x.format)
        }
    }

    /// The gradients of scale and shift, and dx for `rows` of `capacity` rows, zeros for the rest.
    package func backward(
        dy: Activations, _ x: Activations, scale: UnsafePointer<Float>, _ dx: Activations?, rows: Int, capacity: Int,
        scaleGradient: UnsafeMutablePointer<Float>?, shiftGradient: UnsafeMutablePointer<Float>?
    ) {
        sums.withUnsafeMutableBufferPointer { sums in
            RowPieces.add(rows, into: sums, by: &partials, clears: true, workers) { range, sums in
                let start = range.lowerBound * channels
                graft_layer_norm_backward(
                    (dy + start).base, (x + start).base, scale, dx.map { ($0 + start).base }, range.count, channels, epsilon,
                    sums,
                    sums + channels, x.format)
            }
        }
        for channel in 0..<channels {
            scaleGradient?[channel] = Float(sums[channel])
            shiftGradient?[channel] = Float(sums[channels + channel])
        }
        dx.map { ($0 + rows * channels).clear((capacity - rows) * channels) }
    }
}

/// One layer-scale layer (Touvron et al. 2021): every channel times a number that is trained.
package final class LayerScaleKernel {
    private let channels: Int
    private let workers: Workers
    private var sums: [Double]
    private var partials: [Double]
    private let zeros: AlignedBuffer

    package init(channels: Int, _ workers: Workers) {
        self.channels = channels
        self.workers = workers
        sums = Array(repeating: 0, count: 2 * channels)
        partials = Array(repeating: 0, count: 2 * channels * RowPieces.most)
        zeros = AlignedBuffer(floatCount: channels)
        zeros.floatBase.update(repeating: 0, count: channels)
    }

    /// y = x · scale + residual for `rows` rows; `residual` may be missing. Its own gradient, too: dx from dy.
    package func apply(
        _ x: Activations, scale: UnsafePointer<Float>, residual: Activations? = nil, _ y: Activations, rows: Int
    ) {
        workers.run(rows) { range in
            let start = range.lowerBound * channels
            graft_normalize(
                (x + start).base, scale, zeros.floatBase, residual.map { ($0 + start).base }, (y + start).base, range.count,
                channels,
                Activation?.none.loop, x.format)
        }
    }

    /// The gradient of the scale: Σ dy · x over `rows` rows.
    package func scaleGradient(dy: Activations, _ x: Activations, rows: Int, _ gradient: UnsafeMutablePointer<Float>) {
        let zeros = zeros.floatBase
        sums.withUnsafeMutableBufferPointer { sums in
            RowPieces.add(rows, into: sums, by: &partials, workers) { range, sums in
                let start = range.lowerBound * channels
                graft_normalize_backward_sums(
                    (dy + start).base, (x + start).base, zeros, zeros, zeros, range.count, channels, Activation?.none.loop, sums,
                    sums + channels, x.format)
            }
        }
        for channel in 0..<channels { gradient[channel] = Float(sums[channels + channel]) }
    }
}
