// The section `network`.

extension RunConfiguration {
    /// The network, where its weights come from and what of it is trained.
    package struct Network: Sendable, Equatable {
        /// A name from `graft networks`.
        package var architecture = ""
        /// A weight file, or `random`.
        package var weights = ""
        /// Dotted layer names or globs that are trained besides the head; `["*"]` is everything.
        package var unfrozen: [String] = []
        /// What batch norm in trained layers does.
        package var batchNorm = BatchNorm.frozen
        /// The dropout probability before the head; nil for the architecture's own.
        package var dropout: Double?
        /// The type in which frozen layers before the first trained one compute.
        package var precision = Precision.float32

        /// The weight file, nil for random weights.
        package var weightsFile: String? { weights == "random" ? nil : weights }
    }

    /// What batch norm in trained layers does; in frozen layers it is always fixed.
    package enum BatchNorm: String, Sendable, CaseIterable {
        /// Statistics, scale and shift stay as they are.
        case frozen
        /// Statistics stay, scale and shift are trained.
        case affine
        /// Each rank normalises with the statistics of its own share of the batch; all trained.
        case local
        /// The statistics of the whole batch over all ranks; all trained.
        case synchronized
    }
}

extension RunConfiguration.BatchNorm: Choice {}

extension RunConfiguration.Network: Section {
    static var keys: [Key<Self>] {
        [
            Key("architecture", \.architecture, .required("the name of a network; 'graft networks' lists them")),
            Key("weights", \.weights, .required("a weight file (.safetensors or .pth), or 'random'")),
            Key("unfrozen", \.unfrozen, .noneEmpty),
            Key("batch_norm", \.batchNorm),
            Key("dropout", \.dropout, .from(0, below: 1)),
            Key("precision", \.precision),
        ]
    }
}
