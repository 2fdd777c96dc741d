// A linear layer equals its sums in double precision, forward and backward; and packed, each image's digits are its own.
import Kernels
import TestSupport
import Tensors
import Testing

@Suite struct LinearTests {
    /// Images, inputs and outputs that fill no register.
    static let shapes = [(1, 1, 1), (3, 7, 5), (5, 33, 17), (16, 130, 3)]

    @Test(arguments: shapes) func equalsItsDefinition(_ shape: (images: Int, inputs: Int, outputs: Int)) throws {
        let (images, inputs, outputs) = shape
        var numbers = Numbers(seed: inputs)
        let (x, weights) = (numbers.list(images * inputs), numbers.list(outputs * inputs))
        let (bias, dy) = (numbers.list(outputs), numbers.list(images * outputs))
        func reference(_ x: [Float], _ weights: [Float], _ bias: [Float]?) -> [Float] {
            (0..<images * outputs).map { index in
                let (image, output) = (index / outputs, index % outputs)
                let sum = (0..<inputs).reduce(0.0) { $0 + Double(x[image * inputs + $1]) * Double(weights[output * inputs + $1]) }
                return Float(sum + Double(bias?[output] ?? 0))
            }
        }
        for shift in [bias, nil] {
            var product = MatrixProduct(rows: images, inner: inputs, columns: outputs)
            (product.rightIsTransposed, product.hasBias) = (true, shift != nil)
            let y = try Self.run(product, x, weights, shift)
            #expect(relativeDifference(y, reference(x, weights, shift)) < 1e-6)
        }
        let dx = try Self.run(MatrixProduct(rows: images, inner: outputs, columns: inputs), dy, weights, nil)
        var product = MatrixProduct(rows: outputs, inner: images, columns: inputs)
        product.leftIsTransposed = true
        let dw = try Self.run(product, dy, x, nil)
        #expect(gradientError(dx, at: x) { dot(reference($0, weights, bias), dy) } < 1e-4)
        #expect(gradientError(dw, at: weights) { dot(reference(x, $0, bias), dy) } < 1e-4)
    }

    /// What evaluation with any number of ranks, and the cache of features, rely on. oneDNN's code for SSE4.1 keeps no such order.
    @Test(
        .enabled(if: Instructions.level != .baseline, "digits are kept from AVX2 up"),
        arguments: [(8, 3), (64, 37), (512, 102), (1280, 5), (2048, 1000)])
    func packedEveryImagesDigitsAreItsOwn(_ layer: (inputs: Int, outputs: Int)) throws {
        let most = 64
        var numbers = Numbers(seed: layer.inputs)
        let (x, weights) = (numbers.list(most * layer.inputs), numbers.list(layer.inputs * layer.outputs))
        let bias = numbers.list(layer.outputs)
        let all = try Self.packed(x, weights, bias, images: most)
        for images in [1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 48] {
            let some = try Self.packed(Array(x.suffix(images * layer.inputs)), weights, bias, images: images)
            #expect(some == Array(all.suffix(images * layer.outputs)), "\(images) images")
        }
    }

    private static func run(_ product: MatrixProduct, _ left: [Float], _ right: [Float], _ bias: [Float]?) throws -> [Float] {
        let kernel = try OneDNNKernel.product(try OneDNNEngine(threads: 1), product)
        let result = Floats(zeros: product.rows * product.columns)
        let scratch = AlignedBuffer(byteCount: kernel.byteCount(of: .scratchpad))
        let operands: [(KernelRole, Floats?)] = [
            (.left, Floats(left)), (.right, Floats(right)), (.bias, bias.map { Floats($0) }),
        ]
        for (role, floats) in operands { kernel.bind(role, floats?.pointer) }
        kernel.bind(.result, result.pointer)
        kernel.bind(.scratchpad, scratch.base)
        return withExtendedLifetime((operands, scratch)) {
            kernel.run()
            return result.values
        }
    }

    private static func packed(_ x: [Float], _ weights: [Float], _ bias: [Float], images: Int) throws -> [Float] {
        let geometry = WindowGeometry(
            images: 1, source: [1, images, x.count / images], destination: [1, images, bias.count], kernelHeight: 1,
            kernelWidth: 1,
            stride: 1, padTop: 0, padLeft: 0)
        let kernel = try OneDNNKernel.convolution(try OneDNNEngine(threads: 1), geometry, bias: true)
        let form = AlignedBuffer(byteCount: kernel.byteCount(of: .weights))
        let scratch = AlignedBuffer(byteCount: kernel.byteCount(of: .scratchpad))
        let operands = [Floats(weights), Floats(x), Floats(bias), Floats(zeros: images * bias.count)]
        let packing = try kernel.weightPacking(geometry)
        packing.bind(.source, operands[0].pointer)
        packing.bind(.destination, form.base)
        for (role, floats) in zip([KernelRole.source, .bias, .destination], operands.dropFirst()) {
            kernel.bind(role, floats.pointer)
        }
        kernel.bind(.weights, form.base)
        kernel.bind(.scratchpad, scratch.base)
        return withExtendedLifetime((form, scratch, operands)) {
            packing.run()
            kernel.run()
            return operands[3].values
        }
    }
}
