// The section `run`.

extension RunConfiguration {
    /// Which run this is.
    package struct Run: Sendable, Equatable {
        /// The name of the run's own folder in `folder`. Without one, loading takes the config file's name.
        package var name = ""
        /// The folder that holds all runs.
        package var folder = "runs"
        /// The seed of everything random: head, order, augmentation, dropout, split.
        package var seed = 17
    }
}

extension RunConfiguration.Run: Section {
    static var keys: [Key<Self>] {
        [
            Key("name", \.name, .plainName),
            Key("folder", \.folder, .notEmpty),
            Key("seed", \.seed, .atLeast(0)),
        ]
    }
}
