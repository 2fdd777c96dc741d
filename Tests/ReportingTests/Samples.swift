// Events as a run would announce them.
import Foundation
import Tensors
@testable import Training

enum Samples {
    static let classes = ["cat", "a, \"b\""]

    static func facts(step: Int = 0, epoch: Int = 0, samplesConsumed: Int = 0) -> RunFacts {
        var progress = TrainingProgress()
        (progress.step, progress.epoch, progress.samplesConsumed) = (step, epoch, samplesConsumed)
        return RunFacts(
            identity: RunIdentity(
                name: "pets", architecture: "resnet50", classes: classes, preprocessing: .imageNet(), configDigest: "c",
                filesDigest: "f"),
            settings: TrainingSettings(
                epochs: 2, batchSize: 64, accumulation: 1, stepLimit: nil, labelSmoothing: 0, clipNorm: nil, seed: 1,
                shuffle: true,
                evaluationEpochs: 1, checkpointEpochs: 1, checkpointSteps: nil, unreadableLimit: 0.01,
                overlap: true),
            trainingImages: 1200, trainingCounts: [1190, 10], validationImages: 2, ranks: 2, totalSteps: 4, progress: progress,
            trainedParameters: 4098,
            allParameters: 25_557_032, buckets: 1, bytesPerStep: 16_456, resumedFrom: step > 0 ? "checkpoints/x" : nil,
            refusedCheckpoints: [])
    }

    static func step(_ step: Int, epoch: Int = 0) -> TrainingEvent {
        .step(
            StepReport(
                step: step, epoch: epoch, loss: 0.69, learningRate: 0.01, gradientNorm: nil, images: 64, imagesPerSecond: 23.1,
                seconds: 2.77, dataShare: 0.031, communicationSeconds: 0.1, exposedCommunicationSeconds: 0.011))
    }

    static func evaluation(step: Int, epoch: Int) -> TrainingEvent {
        let predictions = [
            SamplePrediction(sample: 0, label: 0, predicted: 0, loss: 0.1, probabilities: [0.9, 0.1]),
            SamplePrediction(sample: 2, label: 1, predicted: 0, loss: 1.5, probabilities: [0.75, 0.25]),
        ]
        let evaluation = Evaluation(
            classes: classes, predictions: predictions, unreadable: [], paths: ["cat/1.jpg", "cat/broken.jpg", "b/<x> \"1\".jpg"])
        return .evaluation(
            EvaluationReport(
                step: step, epoch: epoch, evaluation: evaluation, summary: evaluation.summary, isBest: true, seconds: 12))
    }

    /// An evaluation in which some classes are told well and some are not, the same every time.
    static func run(classes: Int, images: Int) -> Evaluation {
        let names = (0..<classes).map { "class \($0)" }
        let predictions = (0..<images).map { sample -> SamplePrediction in
            let label = sample % classes
            var random = CounterRandom(seed: UInt64(sample), purpose: .sampling)
            let logits = (0..<classes).map { Float(random.below(1000)) / 250 + ($0 == label ? Float(3 + label % 4) : 0) }
            return logits.withUnsafeBufferPointer { SamplePrediction(sample: sample, label: label, logits: $0) }
        }
        return Evaluation(
            classes: names, predictions: predictions, unreadable: [],
            paths: (0..<images).map { "class \($0 % classes)/\($0).jpg" })
    }

    static func finished(step: Int) -> TrainingEvent {
        .finished(
            FinishReport(
                step: step, epoch: 2,
                best: BestResult(step: 2, summary: EvaluationSummary(images: 2, loss: 0.8, accuracy: 0.5)), seconds: 61))
    }

    static func temporaryPath(_ name: String) throws -> String {
        let folder = NSTemporaryDirectory() + "graft-reporting-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return "\(folder)/\(name)"
    }
}
