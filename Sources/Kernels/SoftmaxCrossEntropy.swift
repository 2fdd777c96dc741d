// The loss: softmax cross-entropy with label smoothing, its gradient, and how many images were told right.
import Foundation

/// What one pass says about its images.
package struct PassResult: Sendable, Equatable {
    /// The sum of the images' losses, each −Σ target · log p, not weighted.
    package var lossSum: Double
    /// Images whose largest score is at their label.
    package var correct: Int

    package init(lossSum: Double = 0, correct: Int = 0) {
        self.lossSum = lossSum
        self.correct = correct
    }
}

/// Softmax cross-entropy over `classes` scores an image.
package struct SoftmaxCrossEntropy: Sendable {
    package let classes: Int

    package init(classes: Int) { self.classes = classes }

    /// The loss of the first `count` of `capacity` images, with target (1 − s) · onehot + s / classes as torch smooths labels; writes
    /// weight · (p − target) into `gradient` `[capacity, classes]`, zeros for missing images.
    package func forward(
        logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, capacity: Int, smoothing: Float, weight: Float,
        gradient: UnsafeMutablePointer<Float>
    ) -> PassResult {
        var result = PassResult()
        for image in 0..<count {
            let (scores, label, slope) = (logits + image * classes, Int(labels[image]), gradient + image * classes)
            precondition(label >= 0 && label < classes, "label \(label) is not among \(classes) classes")
            let (logSum, best) = Self.logSumExp(scores, classes)
            if best == label { result.correct += 1 }
            var loss = Double(1 - smoothing) * (logSum - Double(scores[label]))
            let share = smoothing / Float(classes)
            for index in 0..<classes {
                if smoothing > 0 { loss += Double(share) * (logSum - Double(scores[index])) }
                let target = share + (index == label ? 1 - smoothing : 0)
                slope[index] = weight * (Float(exp(Double(scores[index]) - logSum)) - target)
            }
            result.lossSum += loss
        }
        (gradient + count * classes).update(repeating: 0, count: (capacity - count) * classes)
        return result
    }

    /// log Σ exp of the scores, and the index of the largest (the first of equals).
    package static func logSumExp(_ scores: UnsafePointer<Float>, _ count: Int) -> (value: Double, largest: Int) {
        var largest = 0
        for index in 1..<max(count, 1) where scores[index] > scores[largest] { largest = index }
        let peak = Double(scores[largest])
        var sum = 0.0
        for index in 0..<count { sum += exp(Double(scores[index]) - peak) }
        return (peak + log(sum), largest)
    }
}
