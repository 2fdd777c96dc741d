// The section `checkpoints`.

extension RunConfiguration {
    /// When the state of a run is saved and how much of it is kept.
    package struct Checkpoints: Sendable, Equatable {
        package var everyEpochs = 1
        /// Also after every so many updates; nil for not.
        package var everySteps: Int?
        /// How many of the latest stay, besides the best.
        package var keep = 2
    }
}

extension RunConfiguration.Checkpoints: Section {
    static var keys: [Key<Self>] {
        [
            Key("every_epochs", \.everyEpochs, .from(1, to: Int.mostSteps)),
            Key("every_steps", \.everySteps, .from(1, to: Int.mostSteps)),
            Key("keep", \.keep, .from(1, to: Int.mostSteps)),
        ]
    }
}
