// Batch normalisation equals its definition in double precision, and its sums are the same bits for any number of threads.
import Kernels
import Tensors
import Testing

@Suite struct BatchNormTests {
    /// What normalises: numbers that stay, or the batch's own.
    enum Statistics: CaseIterable { case running, batch }

    /// One layer with its numbers, and what the kernel makes of them.
    struct Layer {
        static let (epsilon, momentum): (Float, Float) = (1e-3, 0.1)
        let rows: Int
        let channels: Int
        var x, scale, shift, mean, variance, dy: [Float]

        init(rows: Int, channels: Int) {
            (self.rows, self.channels) = (rows, channels)
            var numbers = Numbers(seed: rows * 1000 + channels)
            (x, dy) = (numbers.list(rows * channels, -1, 2), numbers.list(rows * channels))
            (scale, shift) = (numbers.list(channels, 0.5, 1.5), numbers.list(channels))
            (mean, variance) = (numbers.list(channels), numbers.list(channels, 0.5, 1.5))
        }

        struct Result: Equatable {
            var y, dx, scaleGradient, shiftGradient, runningMean, runningVariance: [Float]
        }

        func run(_ statistics: Statistics, _ activation: Activation?, workers: Int) -> Result {
            let kernel = BatchNormKernel(
                channels: channels, epsilon: Self.epsilon, momentum: Self.momentum, activation: activation,
                Workers(count: workers))
            let (source, gradient) = (Floats(x), Floats(dy))
            let (scale, shift, mean, variance) = (Floats(scale), Floats(shift), Floats(mean), Floats(variance))
            let (y, dx) = (Floats(zeros: x.count), Floats(zeros: x.count))
            let (scaleGradient, shiftGradient) = (Floats(zeros: channels), Floats(zeros: channels))
            let parameters = BatchNormKernel.Parameters(
                scale: scale.pointer, shift: shift.pointer, runningMean: mean.pointer, runningVariance: variance.pointer)
            switch statistics {
            case .running: kernel.useRunningStatistics(parameters)
            case .batch:
                kernel.addUpMoments(source.activations, rows: rows)
                kernel.useBatchStatistics(parameters)
            }
            kernel.forward(source.activations, residual: nil, y.activations, rows: rows)
            kernel.addUpGradients(
                dy: gradient.activations, source.activations, rows: rows, scaleGradient: scaleGradient.pointer,
                shiftGradient: shiftGradient.pointer, masks: true)
            kernel.backward(
                dy: gradient.activations, source.activations, dx.activations, rows: rows, capacity: rows, masks: true,
                usesBatchStatistics: statistics == .batch)
            return Result(
                y: y.values, dx: dx.values, scaleGradient: scaleGradient.values, shiftGradient: shiftGradient.values,
                runningMean: mean.values, runningVariance: variance.values)
        }

        /// Mean and variance of a channel that normalise.
        func moments(_ channel: Int, _ x: [Float], _ statistics: Statistics) -> (mean: Double, variance: Double) {
            guard statistics == .batch else { return (Double(mean[channel]), Double(variance[channel])) }
            let values = (0..<rows).map { Double(x[$0 * channels + channel]) }
            let average = values.reduce(0, +) / Double(rows)
            return (average, values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(rows))
        }

        /// f(scale · (x − mean) / √(variance + ε) + shift).
        func reference(x: [Float], scale: [Float], shift: [Float], _ statistics: Statistics, _ activation: Activation?) -> [Float]
        {
            var y = x
            for channel in 0..<channels {
                let (mean, variance) = moments(channel, x, statistics)
                for row in 0..<rows {
                    let index = row * channels + channel
                    let normalised = (Double(x[index]) - mean) / (variance + Double(Self.epsilon)).squareRoot()
                    y[index] = Float(activation.reference(Double(scale[channel]) * normalised + Double(shift[channel])))
                }
            }
            return y
        }
    }

    static let shapes = [(1, 3), (7, 16), (65, 17), (130, 40), (4500, 5)]

    @Test(arguments: Statistics.allCases, [nil, Activation.silu] as [Activation?])
    func equalsItsDefinition(_ statistics: Statistics, _ activation: Activation?) {
        for (rows, channels) in Self.shapes {
            let layer = Layer(rows: rows, channels: channels)
            let found = layer.run(statistics, activation, workers: 2)
            func loss(_ x: [Float], _ scale: [Float], _ shift: [Float]) -> Double {
                dot(layer.reference(x: x, scale: scale, shift: shift, statistics, activation), layer.dy)
            }
            let y = layer.reference(x: layer.x, scale: layer.scale, shift: layer.shift, statistics, activation)
            #expect(zip(found.y, y).allSatisfy { abs($0 - $1) < 1e-4 }, "\(rows)×\(channels)")
            #expect(gradientError(found.scaleGradient, at: layer.scale) { loss(layer.x, $0, layer.shift) } < 1e-3)
            #expect(gradientError(found.shiftGradient, at: layer.shift) { loss(layer.x, layer.scale, $0) } < 1e-3)
            // One row has no variance of its own: its gradient is zero, and nothing else can be asked of it.
            guard rows > 1 else { continue }
            #expect(
                gradientError(found.dx, at: layer.x) { loss($0, layer.scale, layer.shift) } < 2e-3, "\(rows)×\(channels)")
        }
    }

    @Test func runningStatisticsMoveAsTorchMovesThem() {
        for (rows, channels) in Self.shapes {
            let layer = Layer(rows: rows, channels: channels)
            let found = layer.run(.batch, nil, workers: 2)
            for channel in 0..<channels {
                let (mean, variance) = layer.moments(channel, layer.x, .batch)
                let unbiased = rows > 1 ? variance * Double(rows) / Double(rows - 1) : variance
                #expect(abs(Double(found.runningMean[channel]) - (0.9 * Double(layer.mean[channel]) + 0.1 * mean)) < 1e-5)
                #expect(
                    abs(Double(found.runningVariance[channel]) - (0.9 * Double(layer.variance[channel]) + 0.1 * unbiased)) < 1e-5)
            }
            #expect(layer.run(.running, nil, workers: 2).runningMean == layer.mean)
        }
    }

    @Test(arguments: Statistics.allCases) func anyNumberOfThreadsGivesTheSameBits(_ statistics: Statistics) {
        for (rows, channels) in Self.shapes {
            let layer = Layer(rows: rows, channels: channels)
            let one = layer.run(statistics, .relu, workers: 1)
            for workers in [2, 3, 7] {
                #expect(layer.run(statistics, .relu, workers: workers) == one, "\(workers) threads, \(rows)×\(channels)")
            }
        }
    }
}
