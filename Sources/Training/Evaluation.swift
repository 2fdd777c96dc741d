// What an evaluation found: integers and sums first, quotients last, so that nothing depends on batches or ranks.
import Foundation
package import ImageData

/// The network's answer for one image.
package struct SamplePrediction: Sendable, Equatable {
    /// The sample's index in its split.
    package let sample: Int
    /// Index of its class.
    package let label: Int
    /// Index of the class with the highest score; the first of equals.
    package let predicted: Int
    /// Cross-entropy, without label smoothing.
    package let loss: Double
    /// One a class, summing to 1.
    package let probabilities: [Float]

    package init(sample: Int, label: Int, predicted: Int, loss: Double, probabilities: [Float]) {
        self.sample = sample
        self.label = label
        self.predicted = predicted
        self.loss = loss
        self.probabilities = probabilities
    }

    /// With the probabilities of another view of the same image added to these.
    func added(_ other: SamplePrediction) -> SamplePrediction {
        precondition(sample == other.sample, "views come in one order")
        return SamplePrediction(
            sample: sample, label: label, predicted: predicted, loss: loss,
            probabilities: zip(probabilities, other.probabilities).map(+))
    }

    /// The mean of so many views, whose probabilities have been added.
    func mean(of views: Int) -> SamplePrediction {
        let logits = probabilities.map { log($0 / Float(views)) }
        return logits.withUnsafeBufferPointer { SamplePrediction(sample: sample, label: label, logits: $0) }
    }

    /// The answer that class scores give.
    init(sample: Int, label: Int, logits: UnsafeBufferPointer<Float>) {
        var predicted = 0
        for (index, logit) in logits.enumerated() where logit > logits[predicted] { predicted = index }
        let largest = Double(logits[predicted])
        let exponentials = logits.map { exp(Double($0) - largest) }
        let total = exponentials.reduce(0, +)
        self.init(
            sample: sample, label: label, predicted: predicted, loss: log(total) + largest - Double(logits[label]),
            probabilities: exponentials.map { Float($0 / total) })
    }
}

/// Precision and recall of one class; nil where they are not defined (nothing predicted, or no image of it).
package struct ClassMetrics: Sendable, Equatable {
    package let name: String
    package let images: Int
    package let precision: Double?
    package let recall: Double?
}

/// The result of an evaluation over a whole split.
package struct Evaluation: Sendable, Equatable {
    package let classes: [String]
    /// In sample order; images that could not be read are left out.
    package let predictions: [SamplePrediction]
    package let unreadable: [UnreadableSample]
    /// Paths of all the split's samples, by sample index.
    package let paths: [String]

    package init(classes: [String], predictions: [SamplePrediction], unreadable: [UnreadableSample], paths: [String]) {
        self.classes = classes
        self.predictions = predictions
        self.unreadable = unreadable
        self.paths = paths
    }

    package var images: Int { predictions.count }
    package var correct: Int { predictions.count { $0.predicted == $0.label } }

    /// The numbers that decide which checkpoint is best.
    package var summary: EvaluationSummary {
        // Sample by sample in double precision: the same sum whichever rank saw which image.
        let lossSum = predictions.reduce(0) { $0 + $1.loss }
        let count = Double(max(images, 1))
        let classes = classCounts
        // As scikit-learn's balanced_accuracy_score and f1_score(average="macro"): over the classes that occur.
        let recalls = classes.filter { $0.images > 0 }.map { Double($0.hits) / Double($0.images) }
        let scores = classes.filter { $0.images + $0.predicted > 0 }.map {
            2 * Double($0.hits) / Double($0.images + $0.predicted)
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }
        return EvaluationSummary(
            images: images, loss: lossSum / count, accuracy: Double(correct) / count, balancedAccuracy: mean(recalls),
            macroF1: mean(scores))
    }

    /// Counts by true class (rows) and predicted class (columns).
    package var confusion: [[Int]] {
        var counts = [[Int]](repeating: [Int](repeating: 0, count: classes.count), count: classes.count)
        for prediction in predictions { counts[prediction.label][prediction.predicted] += 1 }
        return counts
    }

    /// Of each class its images, how many were taken for it, and how many of these rightly.
    private var classCounts: [(images: Int, predicted: Int, hits: Int)] {
        var counts = [(images: Int, predicted: Int, hits: Int)](repeating: (0, 0, 0), count: classes.count)
        for prediction in predictions {
            counts[prediction.label].images += 1
            counts[prediction.predicted].predicted += 1
            if prediction.label == prediction.predicted { counts[prediction.label].hits += 1 }
        }
        return counts
    }

    package var classMetrics: [ClassMetrics] {
        zip(classes, classCounts).map { name, count in
            ClassMetrics(
                name: name, images: count.images,
                precision: count.predicted > 0 ? Double(count.hits) / Double(count.predicted) : nil,
                recall: count.images > 0 ? Double(count.hits) / Double(count.images) : nil)
        }
    }

    /// Two classes that are taken for each other, by index, and how often.
    package struct Mistake: Sendable, Equatable {
        package let label: Int
        package let predicted: Int
        package let count: Int
    }

    /// What is taken for what, the most frequent first: at most so many.
    package func mistakes(most: Int) -> [Mistake] {
        var counts: [[Int]: Int] = [:]
        for prediction in predictions where prediction.label != prediction.predicted {
            counts[[prediction.label, prediction.predicted], default: 0] += 1
        }
        let sorted = counts.sorted { ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1]) }
        return sorted.prefix(most).map { Mistake(label: $0.key[0], predicted: $0.key[1], count: $0.value) }
    }

    /// Up to so many classes each is told of by itself, in tables and files; of more only the extremes are.
    package static let fewClasses = 100
    package var hasFewClasses: Bool { classes.count <= Self.fewClasses }
}
