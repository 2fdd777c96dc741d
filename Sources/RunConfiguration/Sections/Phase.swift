// The key `training.phases`: parts of a run that follow one another, each with other layers unfrozen.
package import Tensors

extension RunConfiguration {
    /// One part of a run. What is nil is as the rest of the config says.
    package struct Phase: Sendable, Equatable {
        /// How often every training image is seen in it.
        package var epochs = 0
        /// As `network.unfrozen`.
        package var unfrozen: UnfrozenLayers?
        /// As `network.batch_norm`.
        package var batchNorm: NormMode?
        /// As `optimizer.learning_rate`.
        package var learningRate: Double?
        /// As `optimizer.weight_decay`.
        package var weightDecay: Double?
        /// As `optimizer.multipliers`.
        package var multipliers: LayerMultipliers?
        /// As `schedule.warmup_steps`.
        package var warmupSteps: Int?
        /// As `schedule.final_rate`.
        package var finalRate: Double?
        /// As `data.augmentation`.
        package var augmentation: Augmentation?
    }

    /// The config of each phase: its keys in their places, its epochs as the run's. One, the config itself, where there are no phases.
    package var phases: [RunConfiguration] {
        guard let phases = training.phases else { return [self] }
        return phases.map { phase in
            var whole = self
            whole.training.phases = nil
            whole.training.epochs = phase.epochs
            whole.network.unfrozen = phase.unfrozen ?? network.unfrozen
            whole.network.batchNorm = phase.batchNorm ?? network.batchNorm
            whole.optimizer.learningRate = phase.learningRate ?? optimizer.learningRate
            whole.optimizer.weightDecay = phase.weightDecay ?? optimizer.weightDecay
            whole.optimizer.multipliers = phase.multipliers ?? optimizer.multipliers
            whole.schedule.warmupSteps = phase.warmupSteps ?? schedule.warmupSteps
            whole.schedule.finalRate = phase.finalRate ?? schedule.finalRate
            whole.data.augmentation = phase.augmentation ?? data.augmentation
            return whole
        }
    }

    /// Which phase an epoch is of, both counted from 0; epochs behind the last are of the last.
    package func phase(ofEpoch epoch: Int) -> Int {
        var end = 0
        let phases = phases
        for (number, phase) in phases.enumerated() {
            end += phase.training.epochs
            if epoch < end { return number }
        }
        return phases.count - 1
    }

    /// Epochs before a phase.
    package func epochs(beforePhase number: Int) -> Int { phases.prefix(number).reduce(0) { $0 + $1.training.epochs } }
}

extension RunConfiguration.Phase: Section {
    static var keys: [Key<Self>] {
        [
            Key("epochs", \.epochs, .from(1, to: Int.mostEpochs)),
            Key("unfrozen", \.unfrozen),
            Key("batch_norm", \.batchNorm),
            Key("learning_rate", \.learningRate, .above(0)),
            Key("weight_decay", \.weightDecay, .atLeast(0)),
            Key("multipliers", \.multipliers),
            Key("warmup_steps", \.warmupSteps, .from(0, to: Int.mostSteps)),
            Key("final_rate", \.finalRate, .atLeast(0)),
            Key("augmentation", \.augmentation),
        ]
    }
}
