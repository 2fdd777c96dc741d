// The config's sections as the loop's own settings.
import Foundation
import ImageData
import Optimization
import RunConfiguration
import Tensors
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
        loss = configuration.network.loss
        focal = Float(training.focal ?? 0)
        patience = training.patience
        average = training.average.flatMap { average in
            average.decay.map { .exponential(decay: $0, warmsUp: average.warmUp) }
                ?? average.lastEpochs.map(AverageRule.lastEpochs)
        }
        checkpointMinutes = configuration.checkpoints.everyMinutes
        bestBy = configuration.checkpoints.best
        group = training.reproducible == .ranks ? training.group : nil
        compresses = configuration.communication.compression == .bfloat16
    }

    /// Updates that one epoch of so many images takes; the last may be smaller.
    func updatesPerEpoch(images: Int) -> Int { max(1, (images + batchSize * accumulation - 1) / (batchSize * accumulation)) }
}

extension RunConfiguration.ClassWeights {
    private static let effectiveBase = 0.999

    /// A weight for each class of the training images; nil where all weigh alike. Throws `UserError` for a class that is not there.
    ///
    /// Where photographs may be of several classes the weights are those of the photographs that are of a class, as torch's `pos_weight`.
    func resolve(_ samples: SampleList, of loss: LossKind) throws -> [Double]? {
        let (classes, counts) = (samples.classes, samples.classCounts.map(Double.init))
        switch self {
        case .none: return nil
        case .balanced where loss == .binaryCrossEntropy: return counts.map { (Double(samples.count) - $0) / max($0, 1) }
        case .balanced: return counts.map { $0 > 0 ? Double(samples.count) / (Double(classes.count) * $0) : 0 }
        case .effective:
            let weights = counts.map { $0 > 0 ? (1 - Self.effectiveBase) / (1 - pow(Self.effectiveBase, $0)) : 0 }
            let sum = weights.reduce(0, +)
            return weights.map { $0 * Double(classes.count) / sum }
        case .given(let entries):
            var weights = classes.map { _ in 1.0 }
            for entry in entries {
                guard let index = classes.firstIndex(of: entry.pattern) else {
                    throw UserError(
                        "training.class_weights: there is no class '\(entry.pattern)'; the classes are "
                            + classes.prefix(20).joined(separator: ", "))
                }
                weights[index] = entry.factor
            }
            guard weights.contains(where: { $0 > 0 }) else {
                throw UserError("training.class_weights: some class must weigh more than 0")
            }
            return weights
        }
    }
}

extension RunConfiguration.Sampling {
    /// How often each class comes; nil where every image comes once.
    func shares(_ samples: SampleList) -> [Double]? {
        switch self {
        case .natural: nil
        case .balanced: samples.classCounts.map { $0 > 0 ? 1 : 0 }
        case .squareRoot: samples.classCounts.map { Double($0).squareRoot() }
        }
    }
}

extension OptimizerKind {
    init(_ optimizer: RunConfiguration.Optimizer) {
        switch optimizer.kind {
        case .sgd: self = .sgd(momentum: optimizer.momentum, nesterov: optimizer.nesterov)
        case .adamw: self = .adamW(beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon)
        case .adam: self = .adam(beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon)
        case .lars:
            self = .lars(momentum: optimizer.momentum, nesterov: optimizer.nesterov, trust: optimizer.trustCoefficient)
        case .lamb: self = .lamb(beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon)
        case .rmsprop, .rmspropTF:
            self = .rmsProp(
                alpha: optimizer.alpha, momentum: optimizer.momentum, epsilon: optimizer.epsilon,
                asTensorFlow: optimizer.kind == .rmspropTF)
        }
    }
}

extension LearningRateSchedule {
    /// - Parameter epochsBefore: of earlier phases.
    init(_ configuration: RunConfiguration, updatesPerEpoch: Int, epochsBefore: Int = 0) {
        let schedule = configuration.schedule
        let totalSteps = configuration.training.epochs * updatesPerEpoch
        let shape: Shape =
            switch schedule.kind {
            case .constant: .constant
            case .step:
                if let milestones = schedule.milestones {
                    .milestones(milestones.map { $0 * updatesPerEpoch }, gamma: schedule.gamma)
                } else {
                    .every(steps: (schedule.stepEpochs ?? configuration.training.epochs) * updatesPerEpoch, gamma: schedule.gamma)
                }
            case .cosine: .cosine(totalSteps: totalSteps, finalRate: schedule.finalRate)
            case .polynomial: .polynomial(totalSteps: totalSteps, finalRate: schedule.finalRate, power: schedule.power)
            case .exponential: .every(steps: updatesPerEpoch, gamma: schedule.gamma)
            case .plateau: .plateau(gamma: schedule.gamma, patience: schedule.patience)
            case .oneCycle: .oneCycle(totalSteps: totalSteps, rise: schedule.rise)
            }
        self.init(
            baseRate: configuration.effectiveRate, warmUpSteps: schedule.warmupSteps, shape: shape,
            updatesBefore: epochsBefore * updatesPerEpoch)
    }
}

extension RunConfiguration {
    /// The base rate of updates of this size: scaled where `optimizer.rate_for` says for how many images it is meant (linearly as in Goyal
    /// et al., "Accurate, Large Minibatch SGD", 2017).
    var effectiveRate: Double {
        guard let images = optimizer.rateFor else { return optimizer.learningRate }
        let ratio = Double(training.batchSize * training.accumulation) / Double(images)
        return optimizer.learningRate * (optimizer.rateScaling == .linear ? ratio : ratio.squareRoot())
    }
}
