// Activations equal their definition in double precision, forward and backward, in every element type that holds them.
import Kernels
import Tensors
import Testing

@Suite struct ElementwiseTests {
    /// Counts that fill no register, and enough to share out.
    static let counts = [1, 7, 33, 20011]

    @Test(arguments: Activation?.all) func activationsEqualTheirDefinition(_ activation: Activation?) {
        for (count, threads) in Self.counts.flatMap({ count in workerCounts.map { (count, $0) } }) {
            var numbers = Numbers(seed: count)
            let (a, b) = (Floats(numbers.list(count, -5, 8)), Floats(numbers.list(count, -2, 2)))
            let (alone, sum) = (Floats(zeros: count), Floats(zeros: count))
            let elementwise = Elementwise(Workers(count: threads))
            elementwise.activate(a.activations, alone.activations, count, activation)
            elementwise.add(a.activations, b.activations, sum.activations, count, activation)
            for index in 0..<count {
                let (x, y) = (Double(a.pointer[index]), Double(b.pointer[index]))
                #expect(abs(Double(alone.pointer[index]) - activation.reference(x)) < 2e-6)
                #expect(abs(Double(sum.pointer[index]) - activation.reference(x + y)) < 4e-6)
            }
        }
    }

    @Test(arguments: Activation?.all) func gradientsAreTheirSlopes(_ activation: Activation?) {
        for (count, threads) in Self.counts.flatMap({ count in workerCounts.map { (count, $0) } }) {
            var numbers = Numbers(seed: count)
            let (x, a, b) = (numbers.list(count, -5, 8), numbers.list(count), numbers.list(count))
            let keepsOutput = activation?.derivativeFollowsFromOutput ?? true
            let kept = Floats(keepsOutput ? x.map { Float(activation.reference(Double($0))) } : x)
            let (first, second, dx) = (Floats(a), Floats(b), Floats(zeros: count))
            let elementwise = Elementwise(Workers(count: threads))
            for other in [nil, second] {
                elementwise.combineGradients(
                    first.activations, other?.activations, kept: kept.activations, dx.activations, count, activation)
                for index in 0..<count {
                    let incoming = Double(a[index]) + (other == nil ? 0 : Double(b[index]))
                    let expected = incoming * activation.referenceSlope(Double(x[index]))
                    #expect(abs(Double(dx.pointer[index]) - expected) < 1e-5, "\(x[index])")
                }
            }
        }
    }

    /// Bytes need not reach beyond an activation's range.
    @Test(arguments: Activation.allCases) func rangesHoldEveryValue(_ activation: Activation) {
        let values = stride(from: -20.0, through: 20, by: 1e-3).map { Optional(activation).reference($0) }
        let (least, most) = (values.min()!, values.max()!)
        #expect(least >= Double(activation.range.lowerBound) - 1e-5 && most <= Double(activation.range.upperBound))
        #expect(abs(least - Double(activation.range.lowerBound)) < 1e-4)
        #expect(activation.isSigned == (least < 0))
    }
}
