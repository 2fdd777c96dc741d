// How well one class is told where a photograph may be of several: by the ranking alone, and with the threshold that does it best.
import Foundation

/// One class's scores and truths over a split, put in order once.
struct LabelMetrics {
    /// At each distinct score, from the highest: how many images have it or more, and how many of these are of the class.
    private var steps: [(score: Float, taken: Int, hits: Int)] = []
    private let images: Int

    /// - Parameters:
    ///   - scores: a probability an image.
    ///   - truths: whether the image is of the class.
    init(scores: [Float], truths: [Bool]) {
        images = truths.count { $0 }
        var (taken, hits) = (0, 0)
        for index in scores.indices.sorted(by: { scores[$0] > scores[$1] }) {
            taken += 1
            if truths[index] { hits += 1 }
            if steps.last?.score == scores[index] { steps.removeLast() }
            steps.append((scores[index], taken, hits))
        }
    }

    /// Σ (Rₙ − Rₙ₋₁) Pₙ over the thresholds n, as scikit-learn's `average_precision_score`; nil for a class without images.
    var averagePrecision: Double? {
        guard images > 0 else { return nil }
        var (sum, before) = (0.0, 0)
        for step in steps {
            sum += Double(step.hits - before) / Double(images) * Double(step.hits) / Double(step.taken)
            before = step.hits
        }
        return sum
    }

    /// From which probability on an image counts as one of the class: where F1 is highest, halfway to the next lower score; the highest of
    /// equals. ½ for a class without images.
    var bestThreshold: Float {
        guard images > 0 else { return 0.5 }
        var best = (f1: -1.0, index: 0)
        for (index, step) in steps.enumerated() {
            let f1 = 2 * Double(step.hits) / Double(images + step.taken)
            if f1 > best.f1 { best = (f1, index) }
        }
        let next = best.index + 1 < steps.count ? steps[best.index + 1].score : 0
        let middle = (steps[best.index].score + next) / 2
        // Neighbouring floats have none between them.
        return middle > next ? middle : steps[best.index].score
    }
}
