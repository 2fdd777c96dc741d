// Convolutions by our own loops equal a slow one: channels that fill no block, rows that fill no kernel, residuals apart and in place, any number
// of threads, which changes no bit.
import Kernels
import TestSupport
import Tensors
import Testing

/// One pointwise convolution, with the reference in double precision.
struct PointwiseCase: CustomTestStringConvertible, Sendable {
    var images = 2
    var height, width: Int
    var inputs, outputs: Int
    var threads = 1

    var testDescription: String { "\(images)×\(height)×\(width), \(inputs)→\(outputs), \(threads) threads" }
    var geometry: WindowGeometry {
        WindowGeometry(
            images: images, source: [height, width, inputs], destination: [height, width, outputs], kernelHeight: 1,
            kernelWidth: 1, stride: 1, padTop: 0, padLeft: 0)
    }
    var pixels: Int { images * height * width }

    /// The product of `[rows, inner]` and `[inner, columns]`, each told by its elements.
    static func product(
        rows: Int, inner: Int, columns: Int, _ left: (Int, Int) -> Float, _ right: (Int, Int) -> Float
    ) -> [Double] {
        (0..<rows * columns).map { index in
            (0..<inner).reduce(0) { $0 + Double(left(index / columns, $1)) * Double(right($1, index % columns)) }
        }
    }

    static let all = [
        PointwiseCase(images: 1, height: 1, width: 1, inputs: 1, outputs: 1),
        PointwiseCase(images: 1, height: 7, width: 7, inputs: 16, outputs: 64),
        PointwiseCase(height: 5, width: 3, inputs: 17, outputs: 31),
        PointwiseCase(height: 9, width: 11, inputs: 40, outputs: 24, threads: 2),
        PointwiseCase(images: 3, height: 13, width: 8, inputs: 24, outputs: 144, threads: 3),
        PointwiseCase(images: 1, height: 2, width: 2, inputs: 70, outputs: 113, threads: 3),
        // More pixels than are taken at once, on all ways.
        PointwiseCase(images: 1, height: 21, width: 20, inputs: 300, outputs: 20, threads: 2),
    ]
}

struct LaneConvolutionTests {
    private func worst(_ found: [Float], _ expected: [Double]) -> Double {
        let largest = expected.reduce(1e-30) { max($0, abs($1)) }
        return zip(found, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / largest
    }

    private func packed(_ kernel: LaneConvolution, _ weights: [Float], scale: [Float]?) -> [Float] {
        var packed = [Float](repeating: .nan, count: kernel.packedCount)
        packed.withUnsafeMutableBufferPointer { packed in
            weights.withUnsafeBufferPointer { weights in
                if let scale {
                    kernel.pack(weights.baseAddress!, scale: scale, packed.baseAddress!)
                } else {
                    kernel.pack(weights.baseAddress!, scale: nil, packed.baseAddress!)
                }
            }
        }
        return packed
    }

    @Test(arguments: PointwiseCase.all, [nil, .relu, .relu6, .silu, .hardSwish, .gelu] as [Activation?])
    func forward(_ example: PointwiseCase, _ activation: Activation?) {
        var numbers = Numbers(seed: 1)
        let (inputs, outputs) = (example.inputs, example.outputs)
        let (x, weights) = (numbers.list(example.pixels * inputs), numbers.list(outputs * inputs))
        let (scale, bias) = (numbers.list(outputs, 0.5, 2), numbers.list(outputs))
        let residual = numbers.list(example.pixels * outputs)
        let sums = PointwiseCase.product(rows: example.pixels, inner: inputs, columns: outputs) {
            x[$0 * inputs + $1]
        } _: {
            weights[$1 * inputs + $0]
        }
        let expected = sums.enumerated().map { index, sum in
            let channel = index % outputs
            return activation.reference(sum * Double(scale[channel]) + Double(bias[channel]) + Double(residual[index]))
        }
        func run(threads: Int, inPlace: Bool) -> [Float] {
            let kernel = LaneConvolution(.forward, example.geometry, Workers(count: threads))
            let packed = packed(kernel, weights, scale: scale)
            var result = inPlace ? residual : [Float](repeating: .nan, count: residual.count)
            result.withUnsafeMutableBufferPointer { result in
                residual.withUnsafeBufferPointer { elsewhere in
                    kernel.run(
                        x, packed: packed, bias: bias,
                        residual: inPlace ? UnsafePointer(result.baseAddress!) : elsewhere.baseAddress!,
                        result.baseAddress!, activation)
                }
            }
            return result
        }
        let found = run(threads: example.threads, inPlace: false)
        #expect(worst(found, expected) < 2e-6)
        #expect(found == run(threads: example.threads, inPlace: true))
        #expect(found == run(threads: 5 - example.threads, inPlace: false))
    }

    @Test(arguments: PointwiseCase.all)
    func backwardData(_ example: PointwiseCase) {
        var numbers = Numbers(seed: 2)
        let (inputs, outputs) = (example.inputs, example.outputs)
        let (dy, weights) = (numbers.list(example.pixels * outputs), numbers.list(outputs * inputs))
        let scale = numbers.list(outputs, 0.5, 2)
        let expected = PointwiseCase.product(rows: example.pixels, inner: outputs, columns: inputs) {
            dy[$0 * outputs + $1] * scale[$1]
        } _: {
            weights[$0 * inputs + $1]
        }
        let kernel = LaneConvolution(.backwardData, example.geometry, Workers(count: example.threads))
        let packed = packed(kernel, weights, scale: scale)
        var result = [Float](repeating: .nan, count: example.pixels * inputs)
        result.withUnsafeMutableBufferPointer {
            kernel.run(dy, packed: packed, bias: nil, residual: nil, $0.baseAddress!, nil)
        }
        #expect(worst(result, expected) < 2e-6)
    }

    /// Windows of all sizes: what they reach outside counts as zeros, also beyond what a step leaves over.
    @Test(
        arguments: [
            (kernel: [3, 3], stride: 2, pad: [1, 1], height: 15, width: 12, inputs: 16, outputs: 33, threads: 1),
            (kernel: [3, 3], stride: 2, pad: [0, 0], height: 30, width: 31, inputs: 20, outputs: 16, threads: 2),
            (kernel: [1, 1], stride: 2, pad: [0, 0], height: 29, width: 30, inputs: 300, outputs: 70, threads: 3),
            (kernel: [1, 7], stride: 1, pad: [0, 3], height: 9, width: 5, inputs: 270, outputs: 24, threads: 1),
            (kernel: [7, 7], stride: 4, pad: [3, 3], height: 23, width: 23, inputs: 3, outputs: 17, threads: 2),
        ])
    func windows(
        kernel: [Int], stride: Int, pad: [Int], height: Int, width: Int, inputs: Int, outputs: Int, threads: Int
    ) {
        var numbers = Numbers(seed: 3)
        let images = 2, places = kernel[0] * kernel[1]
        let (rows, columns) = ((height + 2 * pad[0] - kernel[0]) / stride + 1, (width + 2 * pad[1] - kernel[1]) / stride + 1)
        let (x, weights) = (numbers.list(images * height * width * inputs), numbers.list(outputs * inputs * places))
        let (scale, bias) = (numbers.list(outputs, 0.5, 2), numbers.list(outputs))
        let residual = numbers.list(images * rows * columns * outputs)
        // The window's source at a place, and zeros outside.
        func source(_ pixel: Int, _ place: Int, _ channel: Int) -> Double {
            let y = pixel / columns % rows * stride + place / kernel[1] - pad[0]
            let across = pixel % columns * stride + place % kernel[1] - pad[1]
            guard 0..<height ~= y, 0..<width ~= across else { return 0 }
            return Double(x[((pixel / columns / rows * height + y) * width + across) * inputs + channel])
        }
        let expected = residual.indices.map { index in
            let (pixel, out) = (index / outputs, index % outputs)
            let sum = (0..<inputs * places).reduce(0.0) { sum, at in
                sum + source(pixel, at % places, at / places) * Double(weights[out * inputs * places + at])
            }
            return max(0, sum * Double(scale[out]) + Double(bias[out]) + Double(residual[index]))
        }
        let geometry = WindowGeometry(
            images: images, source: [height, width, inputs], destination: [rows, columns, outputs], kernelHeight: kernel[0],
            kernelWidth: kernel[1], stride: stride, padTop: pad[0], padLeft: pad[1])
        func run(threads: Int) -> [Float] {
            let kernel = LaneConvolution(.forward, geometry, Workers(count: threads))
            let packed = packed(kernel, weights, scale: scale)
            var result = residual
            result.withUnsafeMutableBufferPointer {
                kernel.run(x, packed: packed, bias: bias, residual: UnsafePointer($0.baseAddress!), $0.baseAddress!, .relu)
            }
            return result
        }
        let found = run(threads: threads)
        #expect(worst(found, expected) < 2e-6)
        #expect(found == run(threads: 4 - threads))
    }
}
