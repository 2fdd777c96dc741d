// A linear layer equals its sums in double precision, forward and backward.
import Kernels
import TestSupport
import Testing

@Suite struct LinearTests {
    /// Images, inputs and outputs that fill no register.
    static let shapes = [(1, 1, 1), (3, 7, 5), (5, 33, 17), (16, 130, 3)]

    @Test(arguments: shapes) func equalsItsDefinition(_ shape: (images: Int, inputs: Int, outputs: Int)) {
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
        let kernel = LinearKernel(inputs: inputs, outputs: outputs)
        let (source, matrix, shift, gradient) = (Floats(x), Floats(weights), Floats(bias), Floats(dy))
        for shift in [shift, nil] {
            let y = Floats(zeros: images * outputs)
            kernel.forward(source.pointer, matrix.pointer, shift?.pointer, y.pointer, images: images)
            #expect(relativeDifference(y.values, reference(x, weights, shift?.values)) < 1e-6)
        }
        let (dx, dw, db) = (Floats(zeros: x.count), Floats(zeros: weights.count), Floats(zeros: outputs))
        kernel.backwardData(gradient.pointer, matrix.pointer, dx.pointer, images: images)
        kernel.backwardWeights(gradient.pointer, source.pointer, dw.pointer, images: images)
        kernel.backwardBias(gradient.pointer, db.pointer, images: images)
        #expect(gradientError(dx.values, at: x) { dot(reference($0, weights, bias), dy) } < 1e-4)
        #expect(gradientError(dw.values, at: weights) { dot(reference(x, $0, bias), dy) } < 1e-4)
        #expect(gradientError(db.values, at: bias) { dot(reference(x, weights, $0), dy) } < 1e-4)
    }
}
