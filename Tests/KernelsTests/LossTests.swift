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

    /// Targets in the place of labels: of several classes, or of one that weighs more or less.
    struct SoftReference: Sendable {
        var targets: [Float] = [0.3, 0, 0.7, 1, 0, 0, 0.25, 0.75, 0]
        var smoothing: Float = 0
        var isWeighted = false
        var total = 3.0
        var loss: Double
        var slopes: [Float]
    }

    static let softReferences = [
        SoftReference(
            loss: 0.6154167664258726,
            slopes: [
                -0.04156987, 0.01303752, 0.02853234, -0.12382276, 0.07707463, 0.04674813, 0.07168955, -0.07867321, 0.00698366,
            ]),
        SoftReference(
            smoothing: 0.1, loss: 0.7140278775369836,
            slopes: [
                -0.04268098, 0.00192641, 0.04075457, -0.10160054, 0.06596352, 0.03563702, 0.06891178, -0.06478432, -0.00412745,
            ]),
        SoftReference(
            isWeighted: true, loss: 0.41385411080368684,
            slopes: [
                0.10620908, 0.02816105, -0.13437014, -0.02476455, 0.01541493, 0.00934963, 0.10735164, -0.11293857, 0.00558693,
            ]),
        SoftReference(
            targets: [0, 0, 2, 0.5, 0, 0, 0, 1, 0], smoothing: 0.1, total: 3.5, loss: 0.5234411058707054,
            slopes: [
                0.08111832, 0.00330242, -0.08442074, -0.04354309, 0.02827008, 0.01527301, 0.12335295, -0.11981513, -0.00353782,
            ]),
    ]

    @Test(arguments: softReferences) func targetsEqualTorch(_ expected: SoftReference) {
        let (weights, targets) = (Floats([0.2, 1, 3]), Floats(expected.targets))
        let (scores, gradient) = (Floats([0.5, -1, 2, 1, 0, -0.5, 0.1, 0.2, -3]), Floats(zeros: 9))
        let found = SoftmaxCrossEntropy(classes: 3).forward(
            logits: scores.pointer, labels: [2, 0, 1], count: 3, capacity: 3, smoothing: expected.smoothing,
            weight: Float(1 / expected.total), targets: targets.pointer,
            classWeights: expected.isWeighted ? UnsafePointer(weights.pointer) : nil, gradient: gradient.pointer)
        withExtendedLifetime((weights, targets)) {}
        #expect(abs(found.lossSum / expected.total - expected.loss) < 1e-7)
        #expect(zip(gradient.values, expected.slopes).allSatisfy { abs($0 - $1) < 1e-7 }, "\(gradient.values)")
    }

    @Test(arguments: [
        (
            [Float]?.none, 0.6928750462253868,
            [
                Float(0.06916215), -0.08122873, -0.01324477, -0.02988238, 0.05555556, 0.04194896, 0.05833102, 0.06109267,
                -0.02250824,
            ]
        ),
        (
            [0.2, 1, 3], 0.8626017515429688,
            [0.06916215, -0.08122873, -0.03973431, -0.00597648, 0.05555556, 0.04194896, 0.05833102, 0.06109267, -0.07542902]
        ),
    ])
    func severalClassesEqualTorch(_ weights: [Float]?, _ loss: Double, _ slopes: [Float]) {
        let (scores, gradient) = (Floats([0.5, -1, 2, 1, 0, -0.5, 0.1, 0.2, -3]), Floats(zeros: 12))
        let factors = weights.map { Floats($0) }
        let targets = Floats([0, 1, 1, 1, 0, 0, 0, 0, 0.25])
        let found = BinaryCrossEntropy(classes: 3).forward(
            logits: scores.pointer, targets: targets.pointer, count: 3, capacity: 4,
            weight: 1.0 / 3, classWeights: factors.map { UnsafePointer($0.pointer) }, gradient: gradient.pointer)
        withExtendedLifetime((factors, targets)) {}
        #expect(abs(found.lossSum / 3 - loss) < 1e-7 && found.correct == 1)
        #expect(zip(gradient.values, slopes + [0, 0, 0]).allSatisfy { abs($0 - $1) < 1e-7 }, "\(gradient.values)")
        #expect(BinaryCrossEntropy.loss(1e4, 0) == 1e4 && BinaryCrossEntropy.loss(-1e4, 1) == 1e4)
        #expect(BinaryCrossEntropy.sigmoid(-1e4) == 0 && BinaryCrossEntropy.loss(1e4, 1) == 0)
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
