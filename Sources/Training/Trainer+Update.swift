// One update of the weights: its passes, the sums over ranks, the optimizer; and what follows from images that cannot be read.
internal import Collectives
import ImageData
internal import Optimization
import Foundation

extension Trainer {
    /// Makes one update and counts it. The report is the same on every rank, but for rank 0's own waiting times.
    func take(_ update: EpochPlan.Update) throws -> (step: StepReport, stopRequested: Bool, saveRequested: Bool) {
        let number = progress.step + 1
        let rate = rate(ofUpdate: number)
        let done = try updater.make(update, number: number, epoch: progress.epoch, learningRate: rate, isSaveDue: isSaveDue)
        let sums = done.sums
        progress.step = number
        progress.samplesConsumed += update.imageCount
        progress.epochSums.loss += sums.loss
        progress.epochSums.correct += sums.correct
        progress.epochSums.images += sums.images
        imagesSinceAveraging += done.ownImages
        if case .exponential = average?.rule { takeIntoAverage() }
        if sums.unreadable > 0 { try noteUnreadable(done.unreadable) }
        let ranks = Double(parts.communicator.size)
        let report = StepReport(
            step: number, epoch: progress.epoch, loss: sums.images > 0 ? sums.loss / Double(sums.images) : 0, learningRate: rate,
            gradientNorm: done.gradientNorm, images: sums.images, imagesPerSecond: Double(sums.images) / done.seconds,
            seconds: done.seconds, dataShare: min(1, sums.dataSeconds / ranks / done.seconds),
            communicationSeconds: done.communication.total, exposedCommunicationSeconds: done.communication.exposed)
        return (report, sums.stopRequests > 0, sums.saveRequests > 0)
    }

    func rate(ofUpdate number: Int) -> Double {
        stage.schedule.rate(ofUpdate: number, reductions: progress.plateau?.reductions ?? 0)
    }

    /// Puts the lists of all ranks together. Every rank comes here in the same step, because the count travels with the gradients.
    private func noteUnreadable(_ own: [UnreadableSample]) throws {
        let bytes = [UInt8](try JSONEncoder().encode(own))
        let lists = try parts.communicator.gather(bytes).map { try JSONDecoder().decode([UnreadableSample].self, from: Data($0)) }
        for sample in lists.flatMap({ $0 }).sorted(by: { $0.sample < $1.sample }) where unreadable[sample.sample] == nil {
            unreadable[sample.sample] = sample
            announce(.unreadable(sample, split: parts.samples.split))
        }
        let (limit, total) = (parts.settings.unreadableLimit, parts.samples.count)
        let leftOut = unreadable.values.filter { !$0.isUsed }
        if Double(leftOut.count) > limit * Double(total) {
            throw TrainingError.tooManyUnreadable(
                split: parts.samples.split, limit: limit, total: total, images: leftOut.sorted { $0.sample < $1.sample })
        }
    }
}
