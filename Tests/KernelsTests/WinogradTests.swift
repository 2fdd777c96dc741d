// Winograd's convolutions equal a slow direct one: both tiles, windows of 3 and 5, odd sizes, channels that fill no block, several lots of
// tiles, any number of threads.
import Kernels
import TestSupport
import Tensors
import Testing

/// One convolution of stride 1, with the reference in double precision.
struct WinogradCase: CustomTestStringConvertible, Sendable {
    var images = 2
    var height, width: Int
    var inputs, outputs: Int
    var kernel = 3
    var before = 1
    var tile = WinogradConvolution.Tile.large
    var threads = 1

    var testDescription: String {
        "\(images)×\(height)×\(width), \(inputs)→\(outputs), window \(kernel) from −\(before), \(tile) tiles, \(threads) threads"
    }
    /// As many zeros behind as make up for the window, but for the one of `before` that there may be more.
    private func extent(_ source: Int) -> Int { source + before + kernel / 2 - kernel + 1 }
    var geometry: WindowGeometry {
        WindowGeometry(
            images: images, source: [height, width, inputs], destination: [extent(height), extent(width), outputs],
            kernelHeight: kernel, kernelWidth: kernel, stride: 1, padTop: before, padLeft: before)
    }
    var sourceCount: Int { images * height * width * inputs }
    var destinationCount: Int { images * extent(height) * extent(width) * outputs }
    var weightCount: Int { outputs * inputs * kernel * kernel }

    /// Calls `body` with the indices of an output, an input and a weight that meet.
    private func forEachProduct(_ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void) {
        let (rows, columns, taps) = (extent(height), extent(width), kernel * kernel)
        for index in 0..<images * rows * columns * taps {
            let (tap, pixel) = (index % taps, index / taps)
            let y = pixel / columns % rows + tap / kernel - before
            let x = pixel % columns + tap % kernel - before
            guard (0..<height).contains(y), (0..<width).contains(x) else { continue }
            let source = (pixel / (rows * columns) * height + y) * width + x
            for output in 0..<outputs {
                for input in 0..<inputs {
                    body(pixel * outputs + output, source * inputs + input, (output * inputs + input) * taps + tap)
                }
            }
        }
    }

    func forward(_ x: [Float], _ weights: [Float]) -> [Double] {
        var y = [Double](repeating: 0, count: destinationCount)
        forEachProduct { y[$0] += Double(x[$1]) * Double(weights[$2]) }
        return y
    }

    func backwardData(_ dy: [Float], _ weights: [Float]) -> [Double] {
        var dx = [Double](repeating: 0, count: sourceCount)
        forEachProduct { dx[$1] += Double(dy[$0]) * Double(weights[$2]) }
        return dx
    }

    func backwardWeights(_ x: [Float], _ dy: [Float]) -> [Double] {
        var gradient = [Double](repeating: 0, count: weightCount)
        forEachProduct { gradient[$2] += Double(dy[$0]) * Double(x[$1]) }
        return gradient
    }

    static let all: [WinogradCase] = {
        var cases = [
            WinogradCase(height: 8, width: 8, inputs: 16, outputs: 16),
            WinogradCase(images: 1, height: 5, width: 14, inputs: 17, outputs: 40),
            WinogradCase(images: 3, height: 13, width: 7, inputs: 48, outputs: 33, threads: 3),
            WinogradCase(height: 9, width: 10, inputs: 20, outputs: 16, before: 0),
            WinogradCase(height: 6, width: 11, inputs: 16, outputs: 32, before: 2, threads: 2),
            // More tiles than are transformed at once, and no whole number of lots.
            WinogradCase(images: 1, height: 126, width: 123, inputs: 16, outputs: 16, threads: 2),
        ]
        cases += cases.map { example in
            var small = example
            small.tile = .small
            return small
        }
        cases += [
            WinogradCase(height: 8, width: 8, inputs: 16, outputs: 16, kernel: 5, before: 2),
            WinogradCase(images: 1, height: 9, width: 15, inputs: 31, outputs: 18, kernel: 5, before: 2, threads: 2),
            WinogradCase(height: 12, width: 7, inputs: 16, outputs: 24, kernel: 5, before: 1),
        ]
        return cases
    }()
}

struct WinogradTests {
    /// Of the largest result: what rounding may make of tiles.
    private func tolerance(_ tile: WinogradConvolution.Tile) -> Double { tile == .small ? 1e-6 : 5e-6 }

    private func worst(_ found: UnsafeMutableBufferPointer<Float>, _ expected: [Double]) -> Double {
        let largest = expected.reduce(0) { max($0, abs($1)) }
        return zip(found, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / largest
    }

    private func make(
        _ pass: WinogradConvolution.Pass, _ example: WinogradCase, _ type: ElementType = .float32
    ) throws -> (WinogradConvolution, AlignedBuffer) {
        let kernel = try WinogradConvolution(
            pass, example.geometry, example.tile, type: type, try OneDNNEngine(threads: example.threads),
            Workers(count: example.threads))
        let room = AlignedBuffer(byteCount: kernel.roomBytes)
        // What an earlier run left must not matter.
        for index in room.floats.indices { room.floats[index] = .nan }
        kernel.bind(room: room.base)
        return (kernel, room)
    }

    private func buffer(_ numbers: [Float]) -> AlignedBuffer {
        let buffer = AlignedBuffer(floatCount: numbers.count)
        for (index, number) in numbers.enumerated() { buffer.floats[index] = number }
        return buffer
    }

    @Test(arguments: WinogradCase.all, [nil, .relu] as [Activation?])
    func forward(_ example: WinogradCase, _ activation: Activation?) throws {
        var numbers = Numbers(seed: 1)
        let (x, weights) = (numbers.list(example.sourceCount), numbers.list(example.weightCount))
        let (scale, bias) = (numbers.list(example.outputs, 0.5, 2), numbers.list(example.outputs))
        let residual = numbers.list(example.destinationCount)
        let expected = example.forward(x, weights).enumerated().map { index, sum in
            let channel = index % example.outputs
            return activation.reference(sum * Double(scale[channel]) + Double(bias[channel]) + Double(residual[index]))
        }
        let (kernel, room) = try make(.forward, example)
        let transformed = AlignedBuffer(floatCount: kernel.weightCount)
        kernel.transform(weights, scale: scale, transformed.floats.baseAddress!)
        let (source, apart, inPlace) = (buffer(x), AlignedBuffer(floatCount: residual.count), buffer(residual))
        withExtendedLifetime(room) {
            for result in [apart, inPlace] {
                let added = result === inPlace ? UnsafePointer(result.floats.baseAddress!) : nil
                residual.withUnsafeBufferPointer { elsewhere in
                    kernel.run(
                        source.floats.baseAddress!, weights: transformed.floats.baseAddress!, bias: bias,
                        residual: added ?? elsewhere.baseAddress!, result.floats.baseAddress!, activation)
                }
            }
        }
        #expect(worst(apart.floats, expected) < tolerance(example.tile))
        #expect(worst(inPlace.floats, expected) < tolerance(example.tile))
    }

    /// Activations in bfloat16 are read exactly and rounded once.
    @Test(arguments: WinogradCase.all)
    func bfloat16(_ example: WinogradCase) throws {
        var numbers = Numbers(seed: 4)
        // Multiples of 1/64 are exact in bfloat16.
        func halves(_ count: Int) -> ([Float], [UInt16]) {
            let list = numbers.list(count).map { ($0 * 64).rounded() / 64 }
            return (list, list.map { UInt16($0.bitPattern >> 16) })
        }
        let ((x, source), (added, residual)) = (halves(example.sourceCount), halves(example.destinationCount))
        let (weights, bias) = (numbers.list(example.weightCount), numbers.list(example.outputs))
        let expected = example.forward(x, weights).enumerated().map { index, sum in
            sum + Double(bias[index % example.outputs]) + Double(added[index])
        }
        let (kernel, room) = try make(.forward, example, .bfloat16)
        let transformed = AlignedBuffer(floatCount: kernel.weightCount)
        kernel.transform(weights, scale: nil, transformed.floats.baseAddress!)
        var result = residual
        withExtendedLifetime(room) {
            result.withUnsafeMutableBufferPointer { result in
                kernel.run(
                    source, weights: transformed.floats.baseAddress!, bias: bias, residual: UnsafeRawPointer(result.baseAddress!),
                    result.baseAddress!, nil)
            }
        }
        for (found, wanted) in zip(result, expected) {
            let value = Double(Float(bitPattern: UInt32(found) << 16))
            #expect(abs(value - wanted) <= abs(wanted) / 256 + 1e-4)
        }
    }

    @Test(arguments: WinogradCase.all)
    func backwardData(_ example: WinogradCase) throws {
        var numbers = Numbers(seed: 2)
        let (dy, weights) = (numbers.list(example.destinationCount), numbers.list(example.weightCount))
        let (kernel, room) = try make(.backwardData, example)
        let transformed = AlignedBuffer(floatCount: kernel.weightCount)
        kernel.transform(weights, scale: nil, transformed.floats.baseAddress!)
        let (gradient, result) = (buffer(dy), AlignedBuffer(floatCount: example.sourceCount))
        withExtendedLifetime(room) {
            kernel.run(
                gradient.floats.baseAddress!, weights: transformed.floats.baseAddress!, bias: nil, residual: nil,
                result.floats.baseAddress!, nil)
        }
        #expect(worst(result.floats, example.backwardData(dy, weights)) < tolerance(example.tile))
    }

    @Test(arguments: WinogradCase.all)
    func backwardWeights(_ example: WinogradCase) throws {
        var numbers = Numbers(seed: 3)
        let (x, dy) = (numbers.list(example.sourceCount), numbers.list(example.destinationCount))
        let (kernel, room) = try make(.backwardWeights, example)
        let transformed = AlignedBuffer(floatCount: kernel.weightCount)
        let (source, gradient) = (buffer(x), buffer(dy))
        let (weights, bias) = (AlignedBuffer(floatCount: example.weightCount), AlignedBuffer(floatCount: example.outputs))
        withExtendedLifetime(room) {
            kernel.backwardWeights(
                source.floats.baseAddress!, gradient.floats.baseAddress!, transformed: transformed.floats.baseAddress!,
                weights.floats.baseAddress!)
            kernel.backwardBias(gradient.floats.baseAddress!, bias.floats.baseAddress!)
        }
        #expect(worst(weights.floats, example.backwardWeights(x, dy)) < tolerance(example.tile))
        var sums = [Double](repeating: 0, count: example.outputs)
        for (index, slope) in dy.enumerated() { sums[index % example.outputs] += Double(slope) }
        #expect(worst(bias.floats, sums) < 1e-6)
    }

    /// What it does not do faster, or at all, is left to direct convolutions.
    @Test func leavesWhatDoesNotPay() {
        func tile(_ change: (inout WindowGeometry) -> Void, largest: WinogradConvolution.Tile = .large) -> WinogradConvolution
            .Tile?
        {
            var geometry = WinogradCase(height: 14, width: 14, inputs: 32, outputs: 64).geometry
            change(&geometry)
            return WinogradConvolution.tile(geometry, source: .float32, destination: .float32, largest: largest)
        }
        #expect(tile { _ in } == .large)
        #expect(tile({ _ in }, largest: .small) == .small)
        #expect(
            WinogradConvolution.tile(
                WinogradCase(height: 14, width: 14, inputs: 64, outputs: 256).geometry, source: .bfloat16, destination: .bfloat16,
                largest: .large) == nil)
        #expect(tile { $0.stride = 2 } == nil)
        #expect(tile { $0.groups = 2 } == nil)
        #expect(tile { ($0.kernelHeight, $0.kernelWidth) = (1, 1) } == nil)
        #expect(tile { $0.kernelWidth = 1 } == nil)
        #expect(tile { ($0.source, $0.destination) = ([14, 14, 3], [14, 14, 64]) } == nil)
        // One output of a 6×6 tile, four of a 4×4 one.
        #expect(tile { ($0.source, $0.destination) = ([1, 1, 32], [1, 1, 64]) } == nil)
        #expect(tile { ($0.source, $0.destination) = ([2, 2, 32], [2, 2, 64]) } == .small)
    }
}
