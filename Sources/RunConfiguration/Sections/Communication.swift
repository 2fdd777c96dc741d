// The section `communication`.

extension RunConfiguration {
    /// How gradients travel between ranks. Nothing here changes results beyond rounding.
    package struct Communication: Sendable, Equatable {
        /// The size of the pieces in which gradients are summed.
        package var bucketBytes = 4 << 20
        /// Whether sums start while backward still runs.
        package var overlap = true
    }
}

extension RunConfiguration.Communication: Section {
    static var keys: [Key<Self>] {
        [
            Key("bucket_bytes", \.bucketBytes, .from(4, to: 1 << 31)),
            Key("overlap", \.overlap),
        ]
    }
}
