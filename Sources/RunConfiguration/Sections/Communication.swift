// The section `communication`.

extension RunConfiguration {
    /// How gradients travel between ranks. Nothing here but compression changes results beyond rounding.
    package struct Communication: Sendable, Equatable {
        /// By which way sums travel.
        package var algorithm = SumWay.auto
        /// The size of the pieces in which gradients are summed.
        package var bucketBytes = AutomaticCount.automatic
        /// The type in which gradients travel.
        package var compression = Compression.none
        /// Whether sums start while backward still runs.
        package var overlap = true
        /// Seconds that ranks wait for one that is not heard of, until the run is ended; nil for ever.
        package var patience: Double? = 600
    }

    /// A way to sum over ranks.
    package enum SumWay: String, Sendable, CaseIterable {
        /// Shared memory where a host has several ranks, else the ring.
        case auto
        case ring
        case sharedMemory = "shared_memory"
        /// The message-passing library's own.
        case mpi
    }

    /// What is done to gradients before they are sent.
    package enum Compression: String, Sendable, CaseIterable {
        case none
        /// Half the bytes; what rounding takes away is added to the next update.
        case bfloat16
    }
}

extension RunConfiguration.SumWay: Choice {}
extension RunConfiguration.Compression: Choice {}

extension RunConfiguration.Communication: Section {
    static var keys: [Key<Self>] {
        [
            Key("algorithm", \.algorithm),
            Key("bucket_bytes", \.bucketBytes, .exactly(4, to: 1 << 31)),
            Key("compression", \.compression),
            Key("overlap", \.overlap),
            Key("patience", \.patience, .from(1, to: 1e6)),
        ]
    }

    var contradictions: [Finding] {
        guard compression != .none, algorithm == .mpi else { return [] }
        let message = "communication.compression needs another communication.algorithm than mpi, which sums float32 only"
        return [Finding(key: ["compression"], message: message)]
    }
}
