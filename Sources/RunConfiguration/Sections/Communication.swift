// The section `communication`.

extension RunConfiguration {
    /// How gradients travel between ranks. Nothing here but compression changes results beyond rounding.
    package struct Communication: Sendable, Equatable {
        /// By which way sums travel.
        package var algorithm = SumWay.auto
        /// The size of the pieces in which gradients are summed.
        package var bucketBytes = ByteCount.automatic
        /// The type in which gradients travel.
        package var compression = Compression.none
        /// Whether sums start while backward still runs.
        package var overlap = true
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

    /// A number of bytes, or what suits the connection between the ranks.
    package enum ByteCount: Sendable, Equatable {
        case automatic
        case exactly(Int)
    }
}

extension RunConfiguration.SumWay: Choice {}
extension RunConfiguration.Compression: Choice {}

extension RunConfiguration.ByteCount: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        guard case .scalar(let text, _) = tree.content, text == "auto" || text.first?.isNumber == true || text.first == "-" else {
            return reader.refuse(tree, key, wanted: "auto or a whole number")
        }
        return text == "auto" ? .automatic : Int.read(tree, as: key, &reader).map { .exactly($0) }
    }

    var tree: Tree {
        switch self {
        case .automatic: .plain("auto")
        case .exactly(let count): count.tree
        }
    }

    func findings(at key: KeyName) -> [Finding] {
        guard case .exactly(let count) = self else { return [] }
        return Limit<Int>.from(4, to: 1 << 31).findings(count, key)
    }
}

extension RunConfiguration.Communication: Section {
    static var keys: [Key<Self>] {
        [
            Key("algorithm", \.algorithm),
            Key("bucket_bytes", \.bucketBytes),
            Key("compression", \.compression),
            Key("overlap", \.overlap),
        ]
    }

    var contradictions: [Finding] {
        guard compression != .none, algorithm == .mpi else { return [] }
        let message = "communication.compression needs another communication.algorithm than mpi, which sums float32 only"
        return [Finding(key: ["compression"], message: message)]
    }
}
