// The loss equals its definition in double precision, and its gradient the loss's slope.
import Foundation
import Kernels
import Testing

@Suite struct LossTests {
    /// Σ over images of −Σ target · log softmax.
    private static func reference(_ logits: [Float], _ labels: [Int32], _ classes: Int, _ smoothing: Float) -> Double {
        labels.indices.reduce(0.0) { sum, image in
            let scores = (0..<classes).map { Double(logits[image * classes + $0]) }
            let total = log(scores.reduce(0) { $0 + exp($1) })
            return sum
                - (0..<classes).reduce(0.0) { part, index in
                    let share = Double(smoothing) / Double(classes)
                    let target = share + (index == Int(labels[image]) ? 1 - Double(smoothing) : 0)
                    return part + target * (scores[index] - total)
                }
        }
    }

    @Test(arguments: [(1, 2), (3, 7), (5, 33)], [Float(0), 0.1]) func equalsItsDefinition(
        _ shape: (images: Int, classes: Int), smoothing: Float
    ) {
        let (images, classes, weight) = (shape.images, shape.classes, Float(0.25))
        var numbers = Numbers(seed: classes)
        let logits = numbers.list(images * classes, -4, 4)
        let labels = (0..<images).map { Int32(($0 * 5 + 1) % classes) }
        // Two images are missing: their slopes are zeros, whatever stood there.
        let (scores, gradient) = (Floats(logits), Floats(numbers.list((images + 2) * classes)))
        let found = SoftmaxCrossEntropy(classes: classes).forward(
            logits: scores.pointer, labels: labels, count: images, capacity: images + 2, smoothing: smoothing, weight: weight,
            gradient: gradient.pointer)
        let loss = Self.reference(logits, labels, classes, smoothing)
        #expect(abs(found.lossSum - loss) < 1e-6 * loss)
        let hits = labels.indices.filter { image in
            let scores = logits[image * classes..<(image + 1) * classes]
            return scores.firstIndex(of: scores.max()!)! - image * classes == Int(labels[image])
        }
        #expect(found.correct == hits.count)
        let slopes = Array(gradient.values.prefix(images * classes))
        #expect(gradientError(slopes, at: logits) { Double(weight) * Self.reference($0, labels, classes, smoothing) } < 1e-3)
        #expect(gradient.values.suffix(2 * classes).allSatisfy { $0 == 0 })
    }

    /// What torch 2.15 computes in float64; `Fixtures/make_loss_numbers.py` prints it.
    struct Reference: Sendable {
        var smoothing: Float = 0
        var focal: Float = 0
        var isWeighted = false
        var loss: Double
        var slopes: [Float]
    }

    static let references = [
        Reference(
            isWeighted: true, loss: 0.35294711078704183,
            slopes: [
                0.12520742, 0.02793755, -0.15314498, -0.01768897, 0.01101066, 0.00667830, 0.11073063, -0.11571896, 0.00498833,
            ]),
        Reference(
            smoothing: 0.1, isWeighted: true, loss: 0.5095512192080677,
            slopes: [
                0.11694239, 0.01851104, -0.13545343, 0.00344369, 0.00968055, -0.01312424, 0.11357256, -0.09495089, -0.01862166,
            ]),
        Reference(
            focal: 0.5, loss: 0.2862544622643121,
            slopes: [
                0.03901633, 0.00870572, -0.04772205, -0.10511604, 0.06543046, 0.03968558, 0.14610902, -0.15269111, 0.00658209,
            ]),
        Reference(
            focal: 2, loss: 0.07746270491945001,
            slopes: [
                0.00743575, 0.00165914, -0.00909489, -0.04393602, 0.02734839, 0.01658764, 0.08816772, -0.09213961, 0.00397189,
            ]),
    ]

    @Test(arguments: references) func weightsAndFocusEqualTorch(_ expected: Reference) {
        let labels: [Int32] = [2, 0, 1]
        let plain: [Float] = [0.2, 1, 3]
        // The mean of weighted losses divides by the sum of the weights: the loop scales them by images / sum.
        let total = labels.reduce(0) { $0 + plain[Int($1)] }
        let weights = Floats(plain.map { $0 * 3 / total })
        let (scores, gradient) = (Floats([0.5, -1, 2, 1, 0, -0.5, 0.1, 0.2, -3]), Floats(zeros: 9))
        let found = SoftmaxCrossEntropy(classes: 3).forward(
            logits: scores.pointer, labels: labels, count: 3, capacity: 3, smoothing: expected.smoothing, weight: 1.0 / 3,
            classWeights: expected.isWeighted ? UnsafePointer(weights.pointer) : nil, focal: expected.focal,
            gradient: gradient.pointer)
        #expect(abs(found.lossSum / 3 - expected.loss) < 1e-7 && found.correct == 3)
        #expect(zip(gradient.values, expected.slopes).allSatisfy { abs($0 - $1) < 1e-7 }, "\(gradient.values)")
    }

    /// Scores far apart neither overflow nor lose the small one.
    @Test func largeScoresAreExact() {
        let (scores, gradient) = (Floats([1e4, -1e4, 9998]), Floats(zeros: 3))
        let found = SoftmaxCrossEntropy(classes: 3).forward(
            logits: scores.pointer, labels: [1], count: 1, capacity: 1, smoothing: 0, weight: 1, gradient: gradient.pointer)
        #expect(abs(found.lossSum - (2e4 + log1p(exp(-2.0)))) < 1e-6 && found.correct == 0)
        #expect(abs(gradient.values[0] - Float(1 / (1 + exp(-2.0)))) < 1e-6 && gradient.values[1] == -1)
    }
}
