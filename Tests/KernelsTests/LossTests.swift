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

    /// Scores far apart neither overflow nor lose the small one.
    @Test func largeScoresAreExact() {
        let (scores, gradient) = (Floats([1e4, -1e4, 9998]), Floats(zeros: 3))
        let found = SoftmaxCrossEntropy(classes: 3).forward(
            logits: scores.pointer, labels: [1], count: 1, capacity: 1, smoothing: 0, weight: 1, gradient: gradient.pointer)
        #expect(abs(found.lossSum - (2e4 + log1p(exp(-2.0)))) < 1e-6 && found.correct == 0)
        #expect(abs(gradient.values[0] - Float(1 / (1 + exp(-2.0)))) < 1e-6 && gradient.values[1] == -1)
    }
}
