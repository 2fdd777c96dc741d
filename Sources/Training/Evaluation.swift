// What an evaluation found: integers and sums first, quotients last, so that nothing depends on batches or ranks.
import Foundation
package import Files
package import ImageData
import Kernels

/// The network's answer for one image.
package struct SamplePrediction: Sendable, Equatable {
    /// The sample's index in its split.
    package let sample: Int
    /// Index of its class; of several the first.
    package let label: Int
    /// The indices of all its classes, where photographs may be of several or of none.
    package let labels: [Int]?
    /// Index of the class with the highest score; the first of equals.
    package let predicted: Int
    /// Cross-entropy, without label smoothing.
    package let loss: Double
    /// One a class, summing to 1 where photographs are of one class.
    package let probabilities: [Float]

    package init(sample: Int, label: Int, labels: [Int]? = nil, predicted: Int, loss: Double, probabilities: [Float]) {
        self.sample = sample
        self.label = label
        self.labels = labels
        self.predicted = predicted
        self.loss = loss
        self.probabilities = probabilities
    }

    /// The same of a sample that another list counts otherwise.
    package func moved(to sample: Int) -> SamplePrediction {
        SamplePrediction(
            sample: sample, label: label, labels: labels, predicted: predicted, loss: loss, probabilities: probabilities)
    }

    /// With the probabilities of another view of the same image added to these.
    func added(_ other: SamplePrediction) -> SamplePrediction {
        precondition(sample == other.sample, "views come in one order")
        return SamplePrediction(
            sample: sample, label: label, labels: labels, predicted: predicted, loss: loss,
            probabilities: zip(probabilities, other.probabilities).map(+))
    }

    /// The mean of so many views, whose probabilities have been added.
    func mean(of views: Int) -> SamplePrediction {
        if let labels {
            let scores = probabilities.map { sum -> Float in
                let mean = Double(sum) / Double(views)
                return Float(log(mean) - log1p(-mean))
            }
            return scores.withUnsafeBufferPointer { SamplePrediction(sample: sample, labels: labels, logits: $0) }
        }
        let logits = probabilities.map { log($0 / Float(views)) }
        return logits.withUnsafeBufferPointer { SamplePrediction(sample: sample, label: label, logits: $0) }
    }

    /// The answer that scores give where photographs may be of several classes: each through a sigmoid. The loss is the mean over classes.
    init(sample: Int, labels: [Int], logits: UnsafeBufferPointer<Float>) {
        var (predicted, loss) = (0, 0.0)
        for (index, logit) in logits.enumerated() {
            if logit > logits[predicted] { predicted = index }
            loss += BinaryCrossEntropy.loss(Double(logit), labels.contains(index) ? 1 : 0)
        }
        self.init(
            sample: sample, label: labels.first ?? 0, labels: labels, predicted: predicted,
            loss: loss / Double(max(logits.count, 1)),
            probabilities: logits.map { Float(BinaryCrossEntropy.sigmoid(Double($0))) })
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
    package let f1: Double?
    /// Where photographs may be of several classes.
    package var averagePrecision: Double?
    package var threshold: Float?
}

/// The result of an evaluation over a whole split.
package struct Evaluation: Sendable, Equatable {
    package let classes: [String]
    /// In sample order; images that could not be read are left out.
    package let predictions: [SamplePrediction]
    package let unreadable: [UnreadableSample]
    /// Paths of all the split's samples, by sample index.
    package let paths: [String]
    /// Where the photographs of the largest losses are, by sample, where they are in archives; others are at their paths.
    package var archived: [Int: FilePart] = [:]
    /// What the head saw of some of the images, where that was kept.
    package var familiarity: Familiarity?
    /// From which probability on a photograph counts as one of a class, where it may be of several; nil where it is of the likeliest.
    package let thresholds: [Float]?
    /// By class, where there are thresholds.
    private let averagePrecisions: [Double?]

    /// - Parameter thresholds: of each class, where photographs may be of several; nil takes those that do best on these predictions.
    package init(
        classes: [String], predictions: [SamplePrediction], unreadable: [UnreadableSample], paths: [String],
        thresholds: [Float]? = nil
    ) {
        if predictions.first?.labels != nil {
            let metrics = classes.indices.map { label in
                LabelMetrics(
                    scores: predictions.map { $0.probabilities[label] },
                    truths: predictions.map { $0.labels?.contains(label) ?? false })
            }
            averagePrecisions = metrics.map(\.averagePrecision)
            self.thresholds = thresholds ?? metrics.map(\.bestThreshold)
        } else {
            (averagePrecisions, self.thresholds) = ([], nil)
        }
        self.classes = classes
        self.predictions = predictions
        self.unreadable = unreadable
        self.paths = paths
    }

    /// The answers whose features `familiarity` has, in its order; nil where it was not kept, or not of just these.
    package var familiarPredictions: [SamplePrediction]? {
        let step = Familiarity.step(ofImages: paths.count)
        let kept = predictions.filter { $0.sample % step == 0 }
        return kept.count == familiarity?.count ? kept : nil
    }

    /// The photograph of an answer with one of the largest losses.
    package func file(of prediction: SamplePrediction) -> FilePart {
        archived[prediction.sample] ?? FilePart(paths[prediction.sample])
    }

    package var images: Int { predictions.count }
    /// Images whose class is told, or where they may be of several, all of them and no other.
    package var correct: Int { predictions.count(where: isRight) }

    /// Whether photographs may be of several classes.
    package var hasSeveral: Bool { thresholds != nil }

    package func isRight(_ prediction: SamplePrediction) -> Bool {
        prediction.labels.map { $0 == predictedClasses(prediction) } ?? (prediction.predicted == prediction.label)
    }

    /// What an image is taken for: one class, or all that reach their thresholds.
    package func predictedClasses(_ prediction: SamplePrediction) -> [Int] {
        guard let thresholds else { return [prediction.predicted] }
        return thresholds.indices.filter { prediction.probabilities[$0] >= thresholds[$0] }
    }

    /// What an image is.
    package func trueClasses(_ prediction: SamplePrediction) -> [Int] { prediction.labels ?? [prediction.label] }

    /// The names of classes in one text, as lists of labels have them.
    package func names(_ labels: [Int]) -> String { labels.map { classes[$0] }.joined(separator: "|") }

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
            macroF1: mean(scores), meanAveragePrecision: hasSeveral ? mean(averagePrecisions.compactMap { $0 }) : nil)
    }

    /// Counts by true class (rows) and predicted class (columns), where images are of one class each.
    package var confusion: [[Int]] {
        var counts = [[Int]](repeating: [Int](repeating: 0, count: classes.count), count: classes.count)
        for prediction in predictions { counts[prediction.label][prediction.predicted] += 1 }
        return counts
    }

    /// Of each class its images, how many were taken for it, and how many of these rightly.
    private var classCounts: [(images: Int, predicted: Int, hits: Int)] {
        var counts = [(images: Int, predicted: Int, hits: Int)](repeating: (0, 0, 0), count: classes.count)
        for prediction in predictions {
            let truths = trueClasses(prediction)
            for label in truths { counts[label].images += 1 }
            for label in predictedClasses(prediction) {
                counts[label].predicted += 1
                if truths.contains(label) { counts[label].hits += 1 }
            }
        }
        return counts
    }

    package var classMetrics: [ClassMetrics] {
        classCounts.enumerated().map { index, count in
            var metrics = ClassMetrics(
                name: classes[index], images: count.images,
                precision: count.predicted > 0 ? Double(count.hits) / Double(count.predicted) : nil,
                recall: count.images > 0 ? Double(count.hits) / Double(count.images) : nil,
                f1: count.images + count.predicted > 0
                    ? 2 * Double(count.hits) / Double(count.images + count.predicted) : nil)
            if let thresholds {
                (metrics.averagePrecision, metrics.threshold) = (averagePrecisions[index], thresholds[index])
            }
            return metrics
        }
    }

    /// Two classes that are taken for each other, by index, and how often.
    package struct Mistake: Sendable, Equatable {
        package let label: Int
        package let predicted: Int
        package let count: Int
    }

    /// What is taken for what, the most frequent first: at most so many. Where images are of one class each.
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
