// Batch normalisation that is not folded into a convolution: with fixed, local or synchronised statistics, forward and backward.
internal import CVectorLoops
import Foundation
package import Tensors

/// One batch-norm layer over rows of channels (`[images, H, W]` run together), with its statistics of the current batch.
///
/// Ioffe and Szegedy 2015; running statistics as torch keeps them: new = (1 − m) · old + m · batch, with the unbiased variance.
package final class BatchNormKernel {
    /// The layer's parameters, each with one number a channel.
    package struct Parameters {
        package var scale: UnsafePointer<Float>
        package var shift: UnsafePointer<Float>
        package var runningMean: UnsafeMutablePointer<Float>
        package var runningVariance: UnsafeMutablePointer<Float>

        package init(
            scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, runningMean: UnsafeMutablePointer<Float>,
            runningVariance: UnsafeMutablePointer<Float>
        ) {
            self.scale = scale
            self.shift = shift
            self.runningMean = runningMean
            self.runningVariance = runningVariance
        }
    }

    private let channels: Int
    private let epsilon: Float
    private let momentum: Float
    private let activation: Activation?
    private let workers: Workers
    /// Sums over rows: [Σ x, Σ x², rows], then in backward [Σ g, Σ g·(x − mean), rows].
    private var sums: [Double]
    private var partials: [Double]
    private let vectors: AlignedBuffer
    /// y = x · factor + offset; mean and 1 / deviation of what normalised the last batch; dx = a · g + b · x + d.
    private let factor, offset, mean, inverse, a, b, d: UnsafeMutablePointer<Float>

    /// `activation`, which must fuse with norms, is applied after normalisation, and in backward its derivative is computed again from x.
    package init(channels: Int, epsilon: Float, momentum: Float, activation: Activation?, _ workers: Workers) {
        precondition(activation?.fusesWithNorm ?? true, "batch norm does not fuse every activation")
        self.channels = channels
        self.epsilon = epsilon
        self.momentum = momentum
        self.activation = activation
        self.workers = workers
        sums = Array(repeating: 0, count: 2 * channels + 1)
        partials = Array(repeating: 0, count: 2 * channels * RowPieces.most)
        let stride = (channels + 15) / 16 * 16
        vectors = AlignedBuffer(floatCount: 7 * stride)
        let base = vectors.base.assumingMemoryBound(to: Float.self)
        (factor, offset, mean, inverse) = (base, base + stride, base + 2 * stride, base + 3 * stride)
        (a, b, d) = (base + 4 * stride, base + 5 * stride, base + 6 * stride)
    }

    /// Normalises with the running statistics.
    package func useRunningStatistics(_ parameters: Parameters) {
        for channel in 0..<channels {
            mean[channel] = parameters.runningMean[channel]
            inverse[channel] = 1 / (parameters.runningVariance[channel] + epsilon).squareRoot()
        }
        prepare(parameters)
    }

    /// Adds up the moments of the first `rows` rows of x, for `useBatchStatistics`.
    package func addUpMoments(_ x: Activations, rows: Int) {
        reduce(rows) { range, first, second in
            graft_channel_moments((x + range.lowerBound * channels).base, range.count, channels, first, second, x.format)
        }
    }

    /// The sums of the present half of the pass, for whoever joins them with those of other rows.
    package func withSums(_ body: (UnsafeMutableBufferPointer<Double>) -> Void) {
        sums.withUnsafeMutableBufferPointer { body($0) }
    }

    /// Normalises with the statistics that were added up, and moves the running statistics towards them.
    package func useBatchStatistics(_ parameters: Parameters) {
        let total = sums[2 * channels]
        guard total > 0 else { return useRunningStatistics(parameters) }
        for channel in 0..<channels {
            let average = sums[channel] / total
            let variance = max(0, sums[channels + channel] / total - average * average)
            mean[channel] = Float(average)
            inverse[channel] = Float(1 / (variance + Double(epsilon)).squareRoot())
            let unbiased = total > 1 ? variance * total / (total - 1) : variance
            parameters.runningMean[channel] += momentum * (Float(average) - parameters.runningMean[channel])
            parameters.runningVariance[channel] += momentum * (Float(unbiased) - parameters.runningVariance[channel])
        }
        prepare(parameters)
    }

    /// y = f(normalised x + residual) for `rows` rows; `residual` may be missing.
    package func forward(_ x: Activations, residual: Activations?, _ y: Activations, rows: Int) {
        workers.run(rows) { range in
            let start = range.lowerBound * channels
            let (from, added, to) = (x + start, residual.map { $0 + start }, y + start)
            graft_normalize(
                from.base, factor, offset, added?.base, to.base, range.count, channels, activation.loop, x.format)
        }
    }

    /// The gradients of scale and shift from `rows` rows, whose sums stay for `backward`. `dy` is the gradient of y, not masked yet if
    /// `masks`.
    package func addUpGradients(
        dy: Activations, _ x: Activations, rows: Int, scaleGradient: UnsafeMutablePointer<Float>,
        shiftGradient: UnsafeMutablePointer<Float>, masks: Bool
    ) {
        let kind = (masks ? activation : nil).loop
        reduce(rows) { range, first, second in
            let start = range.lowerBound * channels
            let (gradient, from, count) = (dy + start, x + start, range.count)
            graft_normalize_backward_sums(
                gradient.base, from.base, mean, factor, offset, count, channels, kind, first, second, x.format)
        }
        for channel in 0..<channels {
            shiftGradient[channel] = Float(sums[channel])
            scaleGradient[channel] = Float(sums[channels + channel]) * inverse[channel]
        }
    }

    /// dx for `rows` of `capacity` rows, zeros for the rest; with `usesBatchStatistics` it accounts for mean and variance depending on
    /// all the rows whose sums there are.
    package func backward(
        dy: Activations, _ x: Activations, _ dx: Activations, rows: Int, capacity: Int, masks: Bool, usesBatchStatistics: Bool
    ) {
        let kind = (masks ? activation : nil).loop
        let total = usesBatchStatistics ? max(1, sums[2 * channels]) : 1
        for channel in 0..<channels {
            a[channel] = factor[channel]
            let curvature = Float(sums[channels + channel] / total) * inverse[channel] * inverse[channel]
            b[channel] = usesBatchStatistics ? -a[channel] * curvature : 0
            d[channel] = usesBatchStatistics ? -a[channel] * Float(sums[channel] / total) - b[channel] * mean[channel] : 0
        }
        workers.run(rows) { range in
            let start = range.lowerBound * channels
            let (gradient, from, to, count) = (dy + start, x + start, dx + start, range.count)
            graft_normalize_backward(
                gradient.base, from.base, factor, offset, a, b, d, to.base, count, channels, kind, x.format)
        }
        (dx + rows * channels).clear((capacity - rows) * channels)
    }

    private func prepare(_ parameters: Parameters) {
        for channel in 0..<channels {
            factor[channel] = parameters.scale[channel] * inverse[channel]
            offset[channel] = parameters.shift[channel] - mean[channel] * factor[channel]
        }
    }

    /// Adds up two sums a channel over the rows.
    private func reduce(_ rows: Int, _ body: (Range<Int>, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>) -> Void) {
        sums.withUnsafeMutableBufferPointer { sums in
            let channelSums = UnsafeMutableBufferPointer(rebasing: sums[..<(2 * channels)])
            RowPieces.add(rows, into: channelSums, by: &partials, workers) { body($0, $1, $1 + channels) }
        }
        sums[2 * channels] = Double(rows)
    }
}
