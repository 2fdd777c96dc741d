// The section `training.average`.

extension RunConfiguration {
    /// The average of the weights that is evaluated, saved and exported in the place of the last ones.
    package struct Average: Sendable, Equatable {
        /// How much of the average each update keeps; nil without an average over updates.
        package var decay: Double?
        /// Whether the decay is smaller at first, so that early weights are soon forgotten.
        package var warmUp = true
        /// The mean over so many epochs' ends, the run's last ones; nil without one.
        package var lastEpochs: Int?
    }
}

extension RunConfiguration.Average: Section {
    static var keys: [Key<Self>] {
        [
            Key("decay", \.decay, .between(0, and: 1)),
            Key("warm_up", \.warmUp),
            Key("last_epochs", \.lastEpochs, .from(1, to: Int.mostEpochs)),
        ]
    }

    var contradictions: [Finding] {
        guard (decay == nil) == (lastEpochs == nil) else { return [] }
        let message =
            decay == nil
            ? "training.average takes a decay, or last_epochs: write {decay: 0.999}, or null for no average"
            : "training.average.decay and last_epochs exclude each other: remove one"
        return [Finding(key: ["decay"], message: message)]
    }
}
