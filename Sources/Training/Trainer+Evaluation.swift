// Evaluations within a run: what stands on disk before one begins, what it adds, and what is left when it is cut off.
internal import Collectives
import Foundation
import ImageData
internal import Optimization
internal import Tensors

extension Trainer {
    /// Evaluates, and keeps the figures with the checkpoint; one that was not due is saved now if it is the best.
    ///
    /// Returns false if a rank was asked to stop meanwhile: then the state is saved, and a resumed run evaluates first.
    /// - Parameter isSaved: whether the present state is on disk already.
    func evaluate(isSaved: Bool) throws -> Bool {
        progress.awaitsEvaluation = true
        do {
            let summary = try evaluate()
            progress.awaitsEvaluation = nil
            if isSaved {
                try addToCheckpoint(summary)
            } else if progress.best?.step == progress.step || hasLostPatience {
                // The best weights are saved even between the epochs that the config names: later ones may never be as good.
                try save(evaluation: summary)
            }
            return true
        } catch is StoppedEarly {
            if !isSaved { try save(evaluation: nil) }
            return false
        }
    }

    /// With the average, if there is one by now, in the weights' place.
    func withAverage<Result>(_ body: () throws -> Result) rethrows -> Result {
        guard let average, average.count > 0 else { return try body() }
        average.exchange()
        defer { average.exchange() }
        return try body()
    }

    /// Evaluates, and tells every rank the result, so that all draw the same conclusions. Throws `StoppedEarly` on all ranks if one is
    /// asked to stop.
    private func evaluate() throws -> EvaluationSummary {
        guard let evaluator = stage.evaluator else { preconditionFailure("only a run with validation images evaluates") }
        parts.communicator.heartbeat.enter(.evaluating, step: progress.step)
        let start = monotonicNanoseconds()
        let evaluation = try withAverage { try evaluator.evaluate(stage.replica, parts.communicator, stop: parts.stop) }
        var summary = evaluation?.summary ?? EvaluationSummary(images: 0, loss: 0, accuracy: 0)
        // As bytes: JSON has no words for what is no number.
        try withUnsafeMutableBytes(of: &summary) { try parts.communicator.broadcast($0, from: 0) }
        guard summary.loss.isFinite else {
            throw TrainingError.diverged(step: progress.step, .evaluation(loss: summary.loss))
        }
        let isBest = progress.best.map { summary.isBetter(than: $0.summary, by: parts.settings.bestBy) } ?? true
        if isBest { progress.best = BestResult(step: progress.step, summary: summary) }
        if case .plateau(_, let patience) = stage.schedule.shape, let value = summary.value(of: parts.settings.bestBy) {
            var plateau = progress.plateau ?? PlateauWatch()
            plateau.note(value, higherIsBetter: parts.settings.bestBy != .loss, patience: patience)
            progress.plateau = plateau
        }
        progress.evaluationsSinceBest = isBest ? nil : (progress.evaluationsSinceBest ?? 0) + 1
        if let evaluation {
            thresholds = evaluation.thresholds
            calibration = TemperatureScaling(evaluation.predictions)
            familiarity = evaluation.familiarity
            for sample in evaluation.unreadable { announce(.unreadable(sample, split: evaluator.samples.split)) }
            announce(
                .evaluation(
                    EvaluationReport(
                        step: progress.step, epoch: progress.epoch, evaluation: evaluation, summary: summary, isBest: isBest,
                        calibration: calibration,
                        seconds: Double(monotonicNanoseconds() - start) * 1e-9,
                        idleRanks: evaluator.ranks == .root ? parts.communicator.size - 1 : 0)))
        }
        return summary
    }
}
