// How well scores alone tell images of a class from all others: areas under the two curves that need no threshold.

/// Scores of positives in order, and how many negatives lie at and between them: all that the curves are made of, however many negatives
/// there are.
struct RankedScores: Sendable {
    /// The distinct scores of positives, ascending.
    private let scores: [Float]
    /// Positives with each.
    private var hits: [Int]
    /// Negatives with each, and those above it and below the next.
    private var equal, above: [Int]
    private var below = 0
    private let positives: Int

    init(positives: [Float]) {
        var (scores, hits): ([Float], [Int]) = ([], [])
        for score in positives.sorted() {
            if scores.last == score {
                hits[hits.count - 1] += 1
            } else {
                scores.append(score)
                hits.append(1)
            }
        }
        (self.scores, self.hits, self.positives) = (scores, hits, positives.count)
        equal = hits.map { _ in 0 }
        above = equal
    }

    mutating func add(negative score: Float) {
        guard let lowest = scores.first, score >= lowest else {
            below += 1
            return
        }
        var (low, high) = (0, scores.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if scores[middle] <= score { low = middle } else { high = middle }
        }
        if scores[low] == score { equal[low] += 1 } else { above[low] += 1 }
    }

    private var negatives: Int { below + equal.reduce(0, +) + above.reduce(0, +) }
    private var isDefined: Bool { positives > 0 && negatives > 0 }

    /// False and true positive rates, from (0, 0) to (1, 1): its corners. Empty where there are only positives or only negatives.
    var receiverOperating: [(x: Double, y: Double)] {
        guard isDefined else { return [] }
        let all = Double(negatives)
        var (wrong, right) = (0, 0)
        var points = [(x: 0.0, y: 0.0)]
        for index in scores.indices.reversed() {
            if above[index] > 0 {
                wrong += above[index]
                points.append((Double(wrong) / all, Double(right) / Double(positives)))
            }
            (wrong, right) = (wrong + equal[index], right + hits[index])
            points.append((Double(wrong) / all, Double(right) / Double(positives)))
        }
        if below > 0 { points.append((1, 1)) }
        return points
    }

    /// The area under it, as scikit-learn's `roc_auc_score`: how often a positive's score is above a negative's, equals counted half.
    var receiverOperatingArea: Double? {
        guard isDefined else { return nil }
        var (sum, lower) = (0.0, Double(below))
        for index in scores.indices {
            sum += Double(hits[index]) * (lower + Double(equal[index]) / 2)
            lower += Double(equal[index] + above[index])
        }
        return sum / Double(positives) / Double(negatives)
    }

    /// Recall and precision at each score of a positive, from the highest on.
    var precisionRecall: [(x: Double, y: Double)] {
        var (taken, right) = (0, 0)
        return scores.indices.reversed().map { index in
            taken += above[index] + equal[index] + hits[index]
            right += hits[index]
            return (Double(right) / Double(positives), Double(right) / Double(taken))
        }
    }

    /// Σ (Rₙ − Rₙ₋₁) Pₙ, as scikit-learn's `average_precision_score`; nil without positives.
    var averagePrecision: Double? {
        guard positives > 0 else { return nil }
        var (sum, before) = (0.0, 0.0)
        for point in precisionRecall {
            sum += (point.x - before) * point.y
            before = point.x
        }
        return sum
    }
}
