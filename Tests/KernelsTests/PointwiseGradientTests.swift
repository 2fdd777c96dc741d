// The weight gradient of a 1×1 convolution is the product of two matrices, whatever their sizes.
import Kernels
import TestSupport
import Tensors
import Testing

struct PointwiseGradientTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let pixels, inputs, outputs: Int
        let type: ElementType
        var testDescription: String { "\(pixels) pixels, \(inputs)→\(outputs), \(type)" }
    }

    static func cases(_ type: ElementType) -> [Case] {
        [(1, 16, 16), (49, 64, 256), (37, 33, 65), (300, 7, 130)].map {
            Case(pixels: $0.0, inputs: $0.1, outputs: $0.2, type: type)
        }
    }

    @Test(arguments: cases(.float32))
    func equalsTheSumOverPixels(_ example: Case) throws { try compare(example) }

    @Test(.enabled(if: processorMultipliesBFloat16, Comment(rawValue: needsBFloat16)), arguments: cases(.bfloat16))
    func equalsTheSumOverPixelsInBFloat16(_ example: Case) throws { try compare(example) }

    private func compare(_ example: Case) throws {
        let (pixels, inputs, outputs) = (example.pixels, example.inputs, example.outputs)
        var numbers = Numbers(seed: 5)
        // Multiples of 1/64 are exact in bfloat16.
        func exact(_ count: Int) -> [Float] { numbers.list(count).map { ($0 * 64).rounded() / 64 } }
        let (source, gradient) = (exact(pixels * inputs), exact(pixels * outputs))
        var product = MatrixProduct(rows: outputs, inner: pixels, columns: inputs)
        (product.leftIsTransposed, product.type) = (true, example.type)
        let kernel = try OneDNNKernel.product(try OneDNNEngine(threads: 1), product)
        let result = AlignedBuffer(floatCount: outputs * inputs)
        let scratch = AlignedBuffer(byteCount: kernel.byteCount(of: .scratchpad))
        let (x, dy) = (Self.buffer(source, example.type), Self.buffer(gradient, example.type))
        kernel.bind(.right, x.base)
        kernel.bind(.left, dy.base)
        kernel.bind(.result, result.base)
        kernel.bind(.scratchpad, scratch.base)
        withExtendedLifetime((x, dy, scratch)) { kernel.run() }
        var expected = [Double](repeating: 0, count: outputs * inputs)
        for pixel in 0..<pixels {
            for output in 0..<outputs {
                let slope = Double(gradient[pixel * outputs + output])
                for input in 0..<inputs { expected[output * inputs + input] += slope * Double(source[pixel * inputs + input]) }
            }
        }
        #expect(relativeDifference(result.floats.map { Double($0) }, expected) < 1e-6)
    }

    private static func buffer(_ values: [Float], _ type: ElementType) -> AlignedBuffer {
        let buffer = AlignedBuffer(byteCount: values.count * type.byteCount)
        if type == .float32 {
            for (index, value) in values.enumerated() { buffer.floats[index] = value }
        } else {
            let halves = buffer.base.assumingMemoryBound(to: UInt16.self)
            for (index, value) in values.enumerated() { halves[index] = UInt16(value.bitPattern >> 16) }
        }
        return buffer
    }
}
