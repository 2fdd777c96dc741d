// Photographs of several classes: rankings, thresholds and scores are scikit-learn's.
import ImageData
import Testing

@testable import Training

@Suite struct LabelMetricsTests {
    private static let scores: [Float] = [0.9, 0.8, 0.8, 0.7, 0.4, 0.35, 0.2, 0.1, 0.1, 0.05]
    private static let truths = [true, false, true, true, false, true, false, false, true, false]

    /// `average_precision_score` gives 0.7277777777777779; `precision_recall_curve`'s best F1 is at 0.35, 0.7272727272727273.
    @Test func averagePrecisionIsScikitLearns() {
        let metrics = LabelMetrics(scores: Self.scores, truths: Self.truths)
        #expect(abs((metrics.averagePrecision ?? 0) - 0.7277777777777779) < 1e-12)
        #expect(metrics.bestThreshold == (Float(0.35) + Float(0.2)) / 2)
    }

    @Test func extremesHaveAnAnswer() {
        #expect(LabelMetrics(scores: [0.3, 0.2], truths: [false, false]).averagePrecision == nil)
        #expect(LabelMetrics(scores: [0.3, 0.2], truths: [false, false]).bestThreshold == 0.5)
        #expect(LabelMetrics(scores: [0.3, 0.3], truths: [true, true]).averagePrecision == 1)
        #expect(LabelMetrics(scores: [], truths: []).averagePrecision == nil)
        let neighbours = LabelMetrics(scores: [Float(1).nextDown, 1], truths: [false, true])
        #expect(neighbours.bestThreshold == 1)
    }

    @Test func anEvaluationTellsSeveralClasses() {
        let probabilities: [[Float]] = [[0.9, 0.1, 0.6], [0.2, 0.8, 0.7], [0.6, 0.3, 0.1], [0.1, 0.2, 0.2]]
        let labels = [[0, 2], [1], [0], []]
        func evaluation(_ thresholds: [Float]?) -> Evaluation {
            Evaluation(
                classes: ["a", "b", "c"],
                predictions: zip(probabilities, labels).enumerated().map { sample, pair in
                    SamplePrediction(
                        sample: sample, label: pair.1.first ?? 0, labels: pair.1, predicted: 0, loss: 1, probabilities: pair.0)
                }, unreadable: [], paths: ["0", "1", "2", "3"], thresholds: thresholds)
        }
        let half = evaluation([0.5, 0.5, 0.5])
        // The second image is taken for b and c.
        #expect(half.correct == 3 && half.predictedClasses(half.predictions[1]) == [1, 2])
        #expect(half.names(half.trueClasses(half.predictions[0])) == "a|c" && half.names([]) == "")
        #expect(half.classMetrics.map(\.precision) == [1, 1, 0.5] && half.classMetrics.map(\.recall) == [1, 1, 1])
        // Average precisions 1, 1 and 1/2; F1 1, 1 and 2/3.
        #expect(abs((half.summary.meanAveragePrecision ?? 0) - 2.5 / 3) < 1e-12)
        #expect(abs((half.summary.macroF1 ?? 0) - (2 + 2.0 / 3) / 3) < 1e-12)
        #expect(evaluation(nil).thresholds?[0] == (Float(0.6) + Float(0.2)) / 2)
    }
}
