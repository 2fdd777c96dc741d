// Pooling and local response normalisation equal their definitions, with odd sizes, channels and paddings, forward and backward.
import Foundation
import Kernels
import TestSupport
import Tensors
import Testing

@Suite struct PoolingTests {
    struct Window: Sendable {
        var (height, width, channels): (Int, Int, Int)
        var (kernel, stride, padding): (Int, Int, Int)
        var roundsUp = false

        static let images = 2
        func extent(_ input: Int) -> Int {
            // As `SlidingWindow` counts, written again: a window that would begin in the far padding is left out.
            let room = input + 2 * padding - kernel
            let count = (roundsUp ? (room + stride - 1) / stride : room / stride) + 1
            return (count - 1) * stride >= input + padding ? count - 1 : count
        }
        var source: TensorShape { [height, width, channels] }
        var destination: TensorShape { [extent(height), extent(width), channels] }
        var geometry: WindowGeometry {
            WindowGeometry(
                images: Self.images, source: source, destination: destination, kernelHeight: kernel, kernelWidth: kernel,
                stride: stride, padTop: padding, padLeft: padding)
        }

        /// Calls with each output's index, the indices of the inputs under its window, and the window's pixels in all.
        func forEach(_ body: (Int, [Int], Int) -> Void) {
            for image in 0..<Self.images {
                for (row, column) in (0..<destination[0]).flatMap({ row in (0..<destination[1]).map { (row, $0) } }) {
                    for channel in 0..<channels {
                        let rows = (row * stride - padding..<row * stride - padding + kernel)
                        let columns = (column * stride - padding..<column * stride - padding + kernel)
                        let inside = rows.filter { (0..<height).contains($0) }.flatMap { y in
                            columns.filter { (0..<width).contains($0) }.map {
                                ((image * height + y) * width + $0) * channels + channel
                            }
                        }
                        // Torch counts padding up to the padded image's end only.
                        let padded =
                            rows.filter { $0 < height + padding }.count * columns.filter { $0 < width + padding }.count
                        body(
                            ((image * destination[0] + row) * destination[1] + column) * channels + channel, inside, padded)
                    }
                }
            }
        }

        func reference(_ x: [Float], _ method: PoolingMethod) -> [Float] {
            var y = [Float](repeating: 0, count: Self.images * destination.count)
            forEach { output, inputs, padded in
                let sum = inputs.reduce(0.0) { $0 + Double(x[$1]) }
                switch method {
                case .max: y[output] = inputs.map { x[$0] }.max() ?? 0
                case .averageInside: y[output] = Float(sum / Double(inputs.count))
                case .averagePadded: y[output] = Float(sum / Double(padded))
                }
            }
            return y
        }
    }

    static let windows = [
        Window(height: 7, width: 9, channels: 3, kernel: 3, stride: 2, padding: 1),
        Window(height: 8, width: 5, channels: 17, kernel: 2, stride: 2, padding: 0),
        Window(height: 6, width: 6, channels: 33, kernel: 3, stride: 1, padding: 1),
        Window(height: 8, width: 10, channels: 5, kernel: 3, stride: 2, padding: 0, roundsUp: true),
    ]

    static let ownWindows =
        windows.filter { $0.channels >= 16 } + [
            Window(height: 9, width: 7, channels: 16, kernel: 3, stride: 2, padding: 0, roundsUp: true),
            Window(height: 11, width: 8, channels: 40, kernel: 5, stride: 3, padding: 2),
            Window(height: 3, width: 2, channels: 20, kernel: 3, stride: 1, padding: 1),
            Window(height: 9, width: 8, channels: 19, kernel: 2, stride: 3, padding: 0),
        ]

    /// Zeros that only rounding up adds do not count in torch, and do in oneDNN: no published network averages so.
    static let cases = windows.flatMap { window in
        [PoolingMethod.max, .averageInside, .averagePadded].filter { !(window.roundsUp && $0 == .averagePadded) }.map {
            (window, $0)
        }
    }

    @Test(arguments: cases) func equalsItsDefinition(_ window: Window, _ method: PoolingMethod) throws {
        let count = Window.images * window.source.count
        var numbers = Numbers(seed: count)
        // The values under a window are apart: no difference quotient moves another one to its top.
        let x = (0..<count).map { Float(($0 * 7919) % 211) * 0.05 - 5 }
        let dy = numbers.list(Window.images * window.destination.count)
        let engine = try OneDNNEngine(threads: 1)
        let forward = try OneDNNKernel.pooling(engine, window.geometry, method, training: true)
        let backward = try OneDNNKernel.poolingBackward(engine, window.geometry, method)
        let workspace = AlignedBuffer(byteCount: max(64, forward.byteCount(of: .workspace)))
        let scratchpad = AlignedBuffer(
            byteCount: max(64, forward.byteCount(of: .scratchpad), backward.byteCount(of: .scratchpad)))
        let (source, y, gradient, dx) = (Floats(x), Floats(zeros: dy.count), Floats(dy), Floats(zeros: count))
        forward.bind(.source, source.pointer)
        forward.bind(.destination, y.pointer)
        backward.bind(.destinationGradient, gradient.pointer)
        backward.bind(.sourceGradient, dx.pointer)
        for kernel in [forward, backward] {
            kernel.bind(.workspace, workspace.base)
            kernel.bind(.scratchpad, scratchpad.base)
            kernel.run()
        }
        #expect(relativeDifference(y.values, window.reference(x, method)) < 1e-6)
        #expect(gradientError(dx.values, at: x) { dot(window.reference($0, method), dy) } < 1e-3)
        withExtendedLifetime((source, gradient, workspace, scratchpad)) {}
    }

    /// Our own loops give the same, to the bit, in float32 and in bfloat16.
    @Test(arguments: ownWindows, workerCounts)
    func ownLoopsEqualTheDefinition(_ window: Window, workers: Int) {
        var numbers = Numbers(seed: 5)
        let x = numbers.list(Window.images * window.source.count)
        let pool = MaxPool(window.geometry)
        let (source, y) = (Floats(x), Floats(zeros: Window.images * window.destination.count))
        pool.forward(source.activations, y.pointer, places: nil, Workers(count: workers))
        #expect(y.values == window.reference(x, .max))
        let narrow = x.map { UInt16($0.bitPattern >> 16) }
        var found = [UInt16](repeating: 0, count: y.values.count)
        narrow.withUnsafeBufferPointer { narrow in
            found.withUnsafeMutableBytes { found in
                let from = Activations(UnsafeMutableRawPointer(mutating: narrow.baseAddress!), .bfloat16)
                pool.forward(from, found.baseAddress!, places: nil, Workers(count: workers))
            }
        }
        let wide = narrow.map { Float(bitPattern: UInt32($0) << 16) }
        #expect(found.map { Float(bitPattern: UInt32($0) << 16) } == window.reference(wide, .max))
    }

    /// A gradient goes to the first of a window's largest numbers, of which there are many here.
    @Test(arguments: ownWindows, workerCounts)
    func ownGradientsGoToTheFirstOfTheLargest(_ window: Window, workers: Int) {
        var numbers = Numbers(seed: 6)
        let x = numbers.list(Window.images * window.source.count).map { ($0 * 2).rounded() }
        let dy = numbers.list(Window.images * window.destination.count)
        var expected = [Double](repeating: 0, count: x.count)
        window.forEach { output, inputs, _ in
            let largest = inputs.map { x[$0] }.max()
            if let first = inputs.first(where: { x[$0] == largest }) { expected[first] += Double(dy[output]) }
        }
        let pool = MaxPool(window.geometry)
        let (source, gradient, y, dx) = (Floats(x), Floats(dy), Floats(zeros: dy.count), Floats(zeros: x.count))
        var places = [UInt8](repeating: .max, count: dy.count)
        places.withUnsafeMutableBufferPointer { places in
            pool.forward(source.activations, y.pointer, places: places.baseAddress!, Workers(count: workers))
            pool.backward(gradient.activations, places: places.baseAddress!, dx.pointer, Workers(count: workers))
        }
        #expect(y.values == window.reference(x, .max))
        #expect(relativeDifference(dx.values, expected.map { Float($0) }) < 1e-6)
    }

    /// From one pixel to many, where windows overlap and where they do not.
    @Test(arguments: [(7, 5, 3, 1), (7, 5, 17, 3), (4, 6, 33, 2), (6, 6, 5, 6), (2, 3, 4, 6)], workerCounts)
    func adaptiveAveragesAreTorchs(_ shape: (height: Int, width: Int, channels: Int, side: Int), workers: Int) {
        let (height, width, channels, side) = shape
        let (source, destination) = (TensorShape([height, width, channels]), TensorShape([side, side, channels]))
        let images = 3
        func range(_ index: Int, _ inputs: Int) -> Range<Int> {
            Int(floor(Double(index * inputs) / Double(side)))..<Int(ceil(Double((index + 1) * inputs) / Double(side)))
        }
        func reference(_ x: [Float]) -> [Float] {
            (0..<images * destination.count).map { output in
                let (image, channel) = (output / destination.count, output % channels)
                let (row, column) = (output / channels / side % side, output / channels % side)
                let inputs = range(row, height).flatMap { y in
                    range(column, width).map { Double(x[((image * height + y) * width + $0) * channels + channel]) }
                }
                return Float(inputs.reduce(0, +) / Double(inputs.count))
            }
        }
        var numbers = Numbers(seed: channels)
        let (x, dy) = (numbers.list(images * source.count), numbers.list(images * destination.count))
        let (from, gradient, y, dx) = (Floats(x), Floats(dy), Floats(zeros: dy.count), Floats(zeros: x.count))
        let kernel = AdaptiveAveragePool(source: source, destination: destination)
        kernel.forward(from.activations, y.pointer, images: images, Workers(count: workers))
        kernel.backward(gradient.pointer, dx.activations, images: images, Workers(count: workers))
        #expect(relativeDifference(y.values, reference(x)) < 1e-6)
        #expect(gradientError(dx.values, at: x) { dot(reference($0), dy) } < 1e-3)
    }

    /// y = x / (k + α / n · Σ x²)^β over the n channels around, as torch and Caffe have it.
    @Test(arguments: [(5, 3), (5, 17), (3, 8)]) func responseNormEqualsItsDefinition(_ shape: (size: Int, channels: Int)) throws {
        let constants = ResponseNorm(size: shape.size, alpha: 0.4, beta: 0.75, k: 1.5)
        let (images, channels, place) = (2, shape.channels, TensorShape([3, 5, shape.channels]))
        func reference(_ x: [Float]) -> [Float] {
            x.indices.map { index in
                let channel = index % channels
                let around = max(0, channel - shape.size / 2)...min(channels - 1, channel + shape.size / 2)
                let squares = around.reduce(0.0) { $0 + pow(Double(x[index - channel + $1]), 2) }
                return Float(Double(x[index]) / pow(1.5 + 0.4 / Double(shape.size) * squares, 0.75))
            }
        }
        var numbers = Numbers(seed: channels)
        let (x, dy) = (numbers.list(images * place.count, -2, 2), numbers.list(images * place.count))
        let engine = try OneDNNEngine(threads: 1)
        let forward = try OneDNNKernel.responseNorm(engine, images: images, shape: place, constants, training: true)
        let backward = try OneDNNKernel.responseNormBackward(engine, images: images, shape: place, constants)
        let workspace = AlignedBuffer(byteCount: max(64, forward.byteCount(of: .workspace)))
        let scratchpad = AlignedBuffer(
            byteCount: max(64, forward.byteCount(of: .scratchpad), backward.byteCount(of: .scratchpad)))
        let (source, gradient, y, dx) = (Floats(x), Floats(dy), Floats(zeros: x.count), Floats(zeros: x.count))
        forward.bind(.destination, y.pointer)
        backward.bind(.destinationGradient, gradient.pointer)
        backward.bind(.sourceGradient, dx.pointer)
        for kernel in [forward, backward] {
            kernel.bind(.source, source.pointer)
            kernel.bind(.workspace, workspace.base)
            kernel.bind(.scratchpad, scratchpad.base)
            kernel.run()
        }
        #expect(relativeDifference(y.values, reference(x)) < 1e-6)
        #expect(gradientError(dx.values, at: x) { dot(reference($0), dy) } < 2e-3)
        withExtendedLifetime((source, gradient, workspace, scratchpad)) {}
    }
}
