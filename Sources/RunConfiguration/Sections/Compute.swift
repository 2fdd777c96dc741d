// The section `compute`.

extension RunConfiguration {
    /// What the processor is asked for.
    package struct Compute: Sendable, Equatable {
        /// Threads a rank for the arithmetic.
        package var threads = ThreadCount.automatic
    }
}

extension RunConfiguration.Compute: Section {
    static var keys: [Key<Self>] {
        [
            Key("threads", \.threads)
        ]
    }
}
