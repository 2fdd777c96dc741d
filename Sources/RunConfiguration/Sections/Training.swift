// The section `training`.

extension RunConfiguration {
    /// How long and on how many images at a time.
    package struct Training: Sendable, Equatable {
        /// How often every training image is seen.
        package var epochs = 5
        /// Parts that follow one another; nil for one of all epochs. With them `epochs` is their sum.
        package var phases: [Phase]?
        /// Images of one forward and backward pass, over all ranks together.
        package var batchSize = 64
        /// Ends the run after so many evaluations in a row without a better result; nil for none.
        package var patience: Int?
        /// Ends the run after this many updates; nil for all epochs.
        package var steps: Int?
        /// Passes that make one update.
        package var accumulation = 1
        /// The share of the target probability that is spread over all classes.
        package var labelSmoothing = 0.0
        /// What images of each class weigh in the loss.
        package var classWeights = ClassWeights.none
        /// The exponent of the focal loss; nil for plain cross-entropy.
        package var focal: Double?
        /// What stands in for the last weights; nil for these themselves.
        package var average: Average?
        /// The largest global norm of the gradients; nil for no clipping.
        package var clipNorm: Double?
        /// What results are to be the same over, bit for bit.
        package var reproducible = Reproducible.off
        /// Images whose gradients are computed alone, where results are the same on any number of ranks.
        package var group = 8
    }
}

extension RunConfiguration {
    /// Over what a run's results are the same, bit for bit, besides being repeated as it is.
    package enum Reproducible: String, Sendable, CaseIterable {
        case off
        /// Any number of ranks.
        case ranks
    }
}

extension RunConfiguration.Reproducible: Choice {}

extension RunConfiguration.Training: Section {
    static var keys: [Key<Self>] {
        [
            Key("epochs", \.epochs, .from(1, to: Int.mostEpochs)),
            Key("phases", \.phases, .check("a list of at least one phase") { !$0.isEmpty }),
            Key("batch_size", \.batchSize, .from(1, to: Int.mostImages)),
            Key("steps", \.steps, .from(1, to: Int.mostSteps)),
            Key("patience", \.patience, .from(1, to: Int.mostEpochs)),
            Key("accumulation", \.accumulation, .from(1, to: 1 << 16)),
            Key("label_smoothing", \.labelSmoothing, .from(0, below: 1)),
            Key("class_weights", \.classWeights),
            Key("focal", \.focal, .above(0)),
            Key("average", \.average),
            Key("clip_norm", \.clipNorm, .above(0)),
            Key("reproducible", \.reproducible),
            Key("group", \.group, .from(1, to: 1 << 12)),
        ]
    }

    var contradictions: [Finding] {
        guard focal != nil, labelSmoothing > 0 else { return [] }
        let message = "training.focal and training.label_smoothing exclude each other: remove one"
        return [Finding(key: ["focal"], message: message)]
    }
}
