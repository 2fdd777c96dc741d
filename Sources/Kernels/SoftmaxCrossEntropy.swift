// The loss: softmax cross-entropy with label smoothing, its gradient, and how many images were told right.
import Foundation

/// What one pass says about its images.
package struct PassResult: Sendable, Equatable {
    /// The sum of the images' losses, each −Σ target · log p, with the classes' weights where there are any.
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
    ///
    /// - Parameters:
    ///   - classWeights: one a class, multiplied into its terms as torch's `CrossEntropyLoss(weight=…)` does: the loss is
    ///     −Σ w · target · log p, its gradient p · Σ w · target − w · target. Nil weighs all alike.
    ///   - targets: `[count, classes]`, each image's adding up to its weight, in the place of the one-hot labels; nil for these.
    ///   - focal: the exponent γ of (1 − p)^γ, by which an image's loss −log p is multiplied (Lin et al., "Focal Loss for Dense Object
    ///     Detection", 2017); 0 leaves it. Only without smoothing and with plain labels.
    package func forward(
        logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, capacity: Int, smoothing: Float, weight: Float,
        targets: UnsafePointer<Float>? = nil, classWeights: UnsafePointer<Float>? = nil, focal: Float = 0,
        gradient: UnsafeMutablePointer<Float>
    ) -> PassResult {
        if targets != nil || classWeights != nil || focal > 0 {
            return weighted(
                logits: logits, labels: labels, count: count, capacity: capacity, smoothing: smoothing, weight: weight,
                targets: targets, classWeights: classWeights, focal: focal, gradient: gradient)
        }
        var result = PassResult()
        for image in 0..<count {
            let (scores, label, slope) = (logits + image * classes, label(labels[image]), gradient + image * classes)
            let logSum = logSumExp(scores, label, &result)
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

    private func label(_ number: Int32) -> Int {
        precondition(number >= 0 && number < classes, "label \(number) is not among \(classes) classes")
        return Int(number)
    }

    /// log Σ exp of the scores; counts an image whose largest is at its label.
    private func logSumExp(_ scores: UnsafePointer<Float>, _ label: Int, _ result: inout PassResult) -> Double {
        let (value, largest) = Self.logSumExp(scores, classes)
        if largest == label { result.correct += 1 }
        return value
    }

    /// The same where not all images and classes weigh alike, or images are of several classes.
    private func weighted(
        logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, capacity: Int, smoothing: Float, weight: Float,
        targets: UnsafePointer<Float>?, classWeights: UnsafePointer<Float>?, focal: Float, gradient: UnsafeMutablePointer<Float>
    ) -> PassResult {
        precondition(focal == 0 || smoothing == 0, "focal loss takes plain targets")
        var result = PassResult()
        for image in 0..<count {
            let (scores, label, slope) = (logits + image * classes, label(labels[image]), gradient + image * classes)
            let logSum = logSumExp(scores, label, &result)
            let sum = targets.map { row in (0..<classes).reduce(0) { $0 + Double(row[image * classes + $1]) } } ?? 1
            func target(_ index: Int) -> Double {
                let plain = targets.map { Double($0[image * classes + index]) } ?? (index == label ? 1 : 0)
                let smooth = Double(smoothing) * sum / Double(classes) + (1 - Double(smoothing)) * plain
                return smooth * Double(classWeights?[index] ?? 1)
            }
            var (loss, total) = (0.0, 0.0)
            for index in 0..<classes where smoothing > 0 || targets != nil || index == label {
                loss += target(index) * (logSum - Double(scores[index]))
                total += target(index)
            }
            var factor = 1.0
            if focal > 0 {
                // d/dz of −(1 − p)^γ log p is (p − onehot) · ((1 − p)^γ − γ p (1 − p)^(γ − 1) log p).
                let (logP, gamma) = (Double(scores[label]) - logSum, Double(focal))
                let (p, missing) = (exp(logP), max(1 - exp(logP), 0))
                let modulation = pow(missing, gamma)
                factor = modulation - (missing > 0 ? gamma * p * pow(missing, gamma - 1) * logP : 0)
                loss *= modulation
            }
            for index in 0..<classes {
                let p = exp(Double(scores[index]) - logSum)
                slope[index] = weight * Float(factor * (p * total - target(index)))
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
