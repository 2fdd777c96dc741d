// Depthwise convolutions equal a slow reference: odd sizes, strides, paddings, channels that fill no block, any number of threads.
import Kernels
import TestSupport
import Tensors
import Testing

/// One depthwise convolution, with the reference in double precision.
struct DepthwiseCase: CustomTestStringConvertible, Sendable {
    var images = 2
    var height: Int
    var width: Int
    var channels: Int
    var kernel: Int
    var stride: Int
    var before: Int
    var after: Int

    var testDescription: String {
        "\(channels) channels of \(height)×\(width), kernel \(kernel), stride \(stride), padding \(before) and \(after)"
    }
    private func outputs(_ extent: Int) -> Int { (extent + before + after - kernel) / stride + 1 }
    var geometry: WindowGeometry {
        WindowGeometry(
            images: images, source: [height, width, channels], destination: [outputs(height), outputs(width), channels],
            kernelHeight: kernel, kernelWidth: kernel, stride: stride, padTop: before, padLeft: before, groups: channels)
    }
    var sourceCount: Int { images * height * width * channels }
    var destinationCount: Int { images * outputs(height) * outputs(width) * channels }
    var weightCount: Int { channels * kernel * kernel }

    /// Calls `body` with the indices of an output, an input and a weight that meet.
    func forEachProduct(_ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void) {
        let (rows, columns) = (outputs(height), outputs(width))
        for index in 0..<images * rows * columns * kernel * kernel {
            let (tap, pixel) = (index % (kernel * kernel), index / (kernel * kernel))
            let y = pixel / columns % rows * stride + tap / kernel - before
            let x = pixel % columns * stride + tap % kernel - before
            guard (0..<height).contains(y), (0..<width).contains(x) else { continue }
            let source = (pixel / (rows * columns) * height + y) * width + x
            for channel in 0..<channels {
                body(pixel * channels + channel, source * channels + channel, channel * kernel * kernel + tap)
            }
        }
    }

    static let all: [DepthwiseCase] = {
        var cases: [DepthwiseCase] = []
        for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1)] {
            for channels in [16, 40, 96] {
                for (height, width) in [(1, 1), (5, 9), (7, 7), (14, 15), (13, 30)] {
                    let half = kernel / 2
                    cases.append(
                        DepthwiseCase(
                            height: height, width: width, channels: channels, kernel: kernel, stride: stride, before: half,
                            after: half))
                    // TensorFlow's SAME: one zero more behind than before.
                    cases.append(
                        DepthwiseCase(
                            images: 1, height: height, width: width, channels: channels, kernel: kernel, stride: stride,
                            before: half - 1, after: half))
                }
            }
        }
        // What the fast loops leave to plain ones, and no padding at all.
        for (channels, kernel, stride) in [(2, 3, 1), (7, 5, 2), (24, 7, 2), (17, 3, 3), (16, 1, 1)] {
            for padding in Set([0, kernel / 2]) {
                cases.append(
                    DepthwiseCase(
                        height: 11, width: 8, channels: channels, kernel: kernel, stride: stride, before: padding, after: padding)
                )
            }
        }
        return cases.filter { $0.height + $0.before + $0.after >= $0.kernel && $0.width + $0.before + $0.after >= $0.kernel }
    }()
}

@Suite struct DepthwiseTests {
    @Test(arguments: DepthwiseCase.all, workerCounts)
    func forward(_ test: DepthwiseCase, workers: Int) {
        var numbers = Numbers(seed: 1)
        let (x, weights, bias) = (numbers.list(test.sourceCount), numbers.list(test.weightCount), numbers.list(test.channels))
        let kernel = DepthwiseKernel(test.geometry, Workers(count: workers))
        var packed = [Float](repeating: .nan, count: kernel.packedCount)
        kernel.pack(weights, scale: nil, &packed)
        var sums = (0..<test.destinationCount).map { Double(bias[$0 % test.channels]) }
        test.forEachProduct { sums[$0] += Double(x[$1]) * Double(weights[$2]) }
        for activation in Activation?.all {
            var y = [Float](repeating: .nan, count: test.destinationCount)
            kernel.forward(x, packed: packed, bias: bias, &y, activation)
            #expect(relativeDifference(y.map(Double.init), sums.map(activation.reference)) < 1e-6, "\(activation)")
        }
    }

    @Test(arguments: DepthwiseCase.all, workerCounts)
    func backward(_ test: DepthwiseCase, workers: Int) {
        var numbers = Numbers(seed: 2)
        let (x, weights) = (numbers.list(test.sourceCount), numbers.list(test.weightCount))
        let (dy, scale) = (numbers.list(test.destinationCount), numbers.list(test.channels, 0.5, 2))
        let kernel = DepthwiseKernel(test.geometry, Workers(count: workers))
        var packed = [Float](repeating: .nan, count: kernel.packedCount)
        kernel.pack(weights, scale: scale, &packed)
        var dx = [Float](repeating: .nan, count: test.sourceCount)
        kernel.backwardData(dy, packed: packed, &dx)
        var sums = [Float](repeating: .nan, count: kernel.sumCount)
        var gradient = [Float](repeating: .nan, count: test.weightCount)
        kernel.backwardWeights(x, dy, scale: scale, sums: &sums, &gradient)
        var (sourceSums, weightSums) = ([Double](repeating: 0, count: dx.count), [Double](repeating: 0, count: gradient.count))
        test.forEachProduct { output, input, weight in
            let factor = Double(scale[output % test.channels]) * Double(dy[output])
            sourceSums[input] += factor * Double(weights[weight])
            weightSums[weight] += factor * Double(x[input])
        }
        #expect(relativeDifference(dx.map(Double.init), sourceSums) < 1e-6)
        #expect(relativeDifference(gradient.map(Double.init), weightSums) < 1e-6)
        var biasGradient = [Float](repeating: .nan, count: test.channels)
        kernel.backwardBias(dy, &biasGradient)
        let expected = (0..<test.channels).map { channel in
            stride(from: channel, to: dy.count, by: test.channels).reduce(0.0) { $0 + Double(dy[$1]) }
        }
        #expect(relativeDifference(biasGradient.map(Double.init), expected) < 1e-5)
    }

    /// Rounded sources give what float32 gives for the same numbers, rounded once.
    @Test(arguments: DepthwiseCase.all.filter { $0.images == 2 })
    func bfloat16(_ test: DepthwiseCase) {
        var numbers = Numbers(seed: 3)
        let bits = numbers.list(test.sourceCount).map { UInt16($0.bitPattern >> 16) }
        let (weights, bias) = (numbers.list(test.weightCount), numbers.list(test.channels))
        let kernel = DepthwiseKernel(test.geometry, Workers(count: 2))
        var packed = [Float](repeating: 0, count: kernel.packedCount)
        kernel.pack(weights, scale: nil, &packed)
        let x = bits.map { Float(bitPattern: UInt32($0) << 16) }
        var (exact, rounded) = (
            [Float](repeating: 0, count: test.destinationCount), [UInt16](repeating: 0, count: test.destinationCount)
        )
        kernel.forward(x, packed: packed, bias: bias, &exact, .silu)
        kernel.forward(bfloat16: bits, packed: packed, bias: bias, &rounded, .silu)
        let expected = exact.map { value in
            let bits = value.bitPattern
            return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
        }
        #expect(rounded == expected)
    }

    /// Bytes give what float32 gives for the same numbers, rounded and kept within a byte.
    @Test(arguments: DepthwiseCase.all.filter { $0.images == 2 })
    func bytes(_ test: DepthwiseCase) {
        var numbers = Numbers(seed: 4)
        let bytes = numbers.list(test.sourceCount, 0, 255).map { UInt8($0) }
        let (weights, bias) = (numbers.list(test.weightCount), numbers.list(test.channels, -100, 100))
        let kernel = DepthwiseKernel(test.geometry, Workers(count: 2))
        var packed = [Float](repeating: 0, count: kernel.packedCount)
        kernel.pack(weights, scale: nil, &packed)
        var (exact, rounded) = (
            [Float](repeating: 0, count: test.destinationCount), [UInt8](repeating: 0, count: test.destinationCount)
        )
        kernel.forward(bytes.map(Float.init), packed: packed, bias: bias, &exact, nil)
        kernel.forward(bytes: bytes, packed: packed, bias: bias, &rounded)
        #expect(rounded == exact.map { UInt8(min(max($0, 0), 255).rounded(.toNearestOrEven)) })
    }

    @Test func otherConvolutionsAreNotCovered() {
        var geometry = DepthwiseCase.all[0].geometry
        #expect(DepthwiseKernel.covers(geometry))
        geometry.groups = 1
        #expect(!DepthwiseKernel.covers(geometry))
        geometry.groups = 8
        #expect(!DepthwiseKernel.covers(geometry))
        geometry = DepthwiseCase.all[0].geometry
        geometry.kernelWidth = 1
        #expect(!DepthwiseKernel.covers(geometry))
    }
}
