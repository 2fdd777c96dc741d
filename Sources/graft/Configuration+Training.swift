// The config's sections as the loop's own settings.
import Foundation
import Optimization
import RunConfiguration
import Training

extension TrainingSettings {
    init(_ configuration: RunConfiguration) {
        let (training, data) = (configuration.training, configuration.data)
        self.init(
            epochs: training.epochs, batchSize: training.batchSize, accumulation: training.accumulation,
            stepLimit: training.steps,
            labelSmoothing: Float(training.labelSmoothing), clipNorm: training.clipNorm, seed: UInt64(configuration.run.seed),
            shuffle: data.shuffle, evaluationEpochs: configuration.evaluation.everyEpochs,
            checkpointEpochs: configuration.checkpoints.everyEpochs, checkpointSteps: configuration.checkpoints.everySteps,
            unreadableLimit: data.unreadableLimit, overlap: configuration.communication.overlap)
        compresses = configuration.communication.compression == .bfloat16
    }

    /// Updates that one epoch of so many images takes; the last may be smaller.
    func updatesPerEpoch(images: Int) -> Int { max(1, (images + batchSize * accumulation - 1) / (batchSize * accumulation)) }
}

extension OptimizerKind {
    init(_ optimizer: RunConfiguration.Optimizer) {
        switch optimizer.kind {
        case .sgd: self = .sgd(momentum: optimizer.momentum, nesterov: optimizer.nesterov)
        case .adamw: self = .adamW(beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon)
        }
    }
}

extension LearningRateSchedule {
    /// - Parameter epochsBefore: of earlier phases.
    init(_ configuration: RunConfiguration, updatesPerEpoch: Int, epochsBefore: Int = 0) {
        let schedule = configuration.schedule
        let shape: Shape =
            switch schedule.kind {
            case .constant: .constant
            case .step:
                if let milestones = schedule.milestones {
                    .milestones(milestones.map { $0 * updatesPerEpoch }, gamma: schedule.gamma)
                } else {
                    .every(steps: (schedule.stepEpochs ?? configuration.training.epochs) * updatesPerEpoch, gamma: schedule.gamma)
                }
            case .cosine: .cosine(totalSteps: configuration.training.epochs * updatesPerEpoch, finalRate: schedule.finalRate)
            }
        self.init(
            baseRate: configuration.optimizer.learningRate, warmUpSteps: schedule.warmupSteps, shape: shape,
            updatesBefore: epochsBefore * updatesPerEpoch)
    }
}
