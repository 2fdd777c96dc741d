// The section `checkpoints`.
package import Tensors

extension RunConfiguration {
    /// When the state of a run is saved and how much of it is kept.
    package struct Checkpoints: Sendable, Equatable {
        package var everyEpochs = 1
        /// Also after every so many updates; nil for not.
        package var everySteps: Int?
        /// Also when so many minutes have passed since the last, after the next update; nil for not.
        package var everyMinutes: Double?
        /// How many of the latest stay, besides the best.
        package var keep = 2
        /// By what the best is chosen.
        package var best = EvaluationMeasure.accuracy
    }
}

extension EvaluationMeasure: Choice {}

extension RunConfiguration.Checkpoints: Section {
    static var keys: [Key<Self>] {
        [
            Key("every_epochs", \.everyEpochs, .from(1, to: Int.mostSteps)),
            Key("every_steps", \.everySteps, .from(1, to: Int.mostSteps)),
            Key("every_minutes", \.everyMinutes, .from(0.01, to: 1e6)),
            Key("keep", \.keep, .from(1, to: Int.mostSteps)),
            Key("best", \.best),
        ]
    }
}
