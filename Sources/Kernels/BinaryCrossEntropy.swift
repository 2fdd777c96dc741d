// The loss of images of several classes: a yes or no for each class.
import Foundation

/// Binary cross-entropy over `classes` scores an image, as torch's `BCEWithLogitsLoss`: the mean over images and classes.
package struct BinaryCrossEntropy: Sendable {
    package let classes: Int

    package init(classes: Int) { self.classes = classes }

    /// The loss of the first `count` of `capacity` images; writes weight · (σ(score) − target) / classes into `gradient`
    /// `[capacity, classes]`, zeros for missing images. Images count as told right where every class is, at a probability of ½.
    ///
    /// - Parameters:
    ///   - targets: `[count, classes]`, each between 0 and 1.
    ///   - classWeights: factors on what the classes' present images add, as torch's `pos_weight`; nil for none.
    package func forward(
        logits: UnsafePointer<Float>, targets: UnsafePointer<Float>, count: Int, capacity: Int, weight: Float,
        classWeights: UnsafePointer<Float>? = nil, gradient: UnsafeMutablePointer<Float>
    ) -> PassResult {
        var result = PassResult()
        let share = weight / Float(classes)
        for image in 0..<count {
            var (loss, isRight) = (0.0, true)
            for index in image * classes..<(image + 1) * classes {
                let (score, target) = (Double(logits[index]), Double(targets[index]))
                let factor = Double(classWeights?[index - image * classes] ?? 1)
                loss += Self.loss(score, target, factor: factor)
                let sigmoid = Self.sigmoid(score)
                gradient[index] = share * Float(sigmoid * (1 - target) - factor * target * (1 - sigmoid))
                if (score > 0) != (target > 0.5) { isRight = false }
            }
            result.lossSum += loss / Double(classes)
            if isRight { result.correct += 1 }
        }
        (gradient + count * classes).update(repeating: 0, count: (capacity - count) * classes)
        return result
    }

    /// −factor · target · log σ(score) − (1 − target) · log(1 − σ(score)), exact for large scores too.
    package static func loss(_ score: Double, _ target: Double, factor: Double = 1) -> Double {
        // −log σ(z) = max(−z, 0) + log(1 + exp(−|z|)).
        let tail = log1p(exp(-abs(score)))
        return factor * target * (max(-score, 0) + tail) + (1 - target) * (max(score, 0) + tail)
    }

    package static func sigmoid(_ score: Double) -> Double {
        score >= 0 ? 1 / (1 + exp(-score)) : exp(score) / (1 + exp(score))
    }
}
