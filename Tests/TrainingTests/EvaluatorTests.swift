// Exact evaluation: every image once, the same numbers whoever computes them.
import Collectives
import Foundation
import ImageData
import Tensors
import Testing
@testable import Training

@Suite struct EvaluatorTests {
    private func evaluate(ranks: Int, _ how: EvaluationRanks, images: Int = 17, broken: Set<Int> = []) throws -> Evaluation {
        let results = try ThreadGroup.run(size: ranks) { communicator in
            let evaluator = Evaluator(
                samples: MemorySource.samples(images, split: "validation"), source: MemorySource(broken: broken), batchSize: 4,
                ranks: how, unreadableLimit: 0.5)
            return try evaluator.evaluate(LinearReplica(), communicator)
        }
        #expect(results.dropFirst().allSatisfy { $0 == nil })
        return try #require(results[0])
    }

    /// 3 images over 5 ranks leave ranks without any.
    @Test(arguments: [1, 2, 3, 5], [3, 17]) func theNumberOfRanksChangesNoDigit(ranks: Int, images: Int) throws {
        let alone = try evaluate(ranks: 1, .root, images: images)
        let together = try evaluate(ranks: ranks, .all, images: images)
        #expect(together == alone && together.summary == alone.summary)
        #expect(alone.predictions.map(\.sample) == Array(0..<images))
    }

    @Test func unreadableImagesAreLeftOutAndListed() throws {
        let alone = try evaluate(ranks: 1, .root, broken: [2, 16])
        let together = try evaluate(ranks: 3, .all, broken: [2, 16])
        #expect(alone == together && alone.images == 15 && alone.unreadable.map(\.sample) == [2, 16])
        #expect(throws: TrainingError.self) { try evaluate(ranks: 2, .all, broken: Set(0..<10)) }
    }

    /// Three views of scores whose probabilities can be told by hand.
    @Test func theMeanOfViewsIsThatOfTheirProbabilities() {
        func prediction(_ probabilities: [Float]) -> SamplePrediction {
            probabilities.map { log($0) }.withUnsafeBufferPointer { SamplePrediction(sample: 4, label: 1, logits: $0) }
        }
        let views = [[0.6, 0.4], [0.7, 0.3], [0.05, 0.95]].map { prediction($0) }
        let mean = views.dropFirst().reduce(views[0]) { $0.added($1) }.mean(of: 3)
        #expect(views[0].predicted == 0 && mean.predicted == 1 && mean.sample == 4 && mean.label == 1)
        #expect(zip(mean.probabilities, [0.45, 0.55] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(abs(mean.loss + log(0.55)) < 1e-6)
    }

    @Test func countsMakeTheMetrics() {
        func prediction(_ sample: Int, _ label: Int, _ predicted: Int) -> SamplePrediction {
            SamplePrediction(sample: sample, label: label, predicted: predicted, loss: Double(sample), probabilities: [])
        }
        let evaluation = Evaluation(
            classes: ["a", "b", "c"],
            predictions: [prediction(0, 0, 0), prediction(1, 0, 1), prediction(2, 1, 1), prediction(3, 1, 1)], unreadable: [],
            paths: [])
        #expect(evaluation.confusion == [[1, 1, 0], [0, 2, 0], [0, 0, 0]])
        #expect(
            evaluation.summary
                == EvaluationSummary(
                    images: 4, loss: 1.5, accuracy: 0.75, balancedAccuracy: 0.75, macroF1: (2.0 / 3 + 0.8) / 2))
        let few = EvaluationSummary(images: 4, loss: 1, accuracy: 0.5, balancedAccuracy: 0.9, macroF1: 0.4)
        #expect(evaluation.summary.isBetter(than: few, by: .accuracy) && evaluation.summary.isBetter(than: few, by: .macroF1))
        #expect(
            !evaluation.summary.isBetter(than: few, by: .loss) && few.isBetter(than: evaluation.summary, by: .balancedAccuracy))
        #expect(evaluation.classMetrics.map(\.precision) == [1, 2.0 / 3, nil])
        #expect(evaluation.classMetrics.map(\.recall) == [0.5, 1, nil])
    }
}
