// The section `compute`.

extension RunConfiguration {
    /// What the processor is asked for.
    package struct Compute: Sendable, Equatable {
        /// Threads a rank for the arithmetic.
        package var threads = ThreadCount.automatic
        /// The type in which trained layers multiply; weights, gradients and sums over ranks stay float32.
        package var precision = Precision.float32
        /// Which convolutions go through Winograd's algorithm, with a third of the arithmetic.
        package var winograd = WinogradUse.auto
    }

    /// Which convolutions of stride 1 go through Winograd's algorithm, of those that it does faster.
    package enum WinogradUse: String, Sendable, CaseIterable {
        /// Where gradients stay within a thousandth of those by direct convolutions.
        case auto
        /// All, by the fastest tiles.
        case all
        case off
    }

    /// The type of activations and of the weights that they are multiplied with.
    package enum Precision: String, Sendable, CaseIterable {
        case float32
        /// Half the memory traffic and twice the arithmetic, with 8 bits of precision.
        case bfloat16
        /// bfloat16 where the processors of all ranks multiply it natively, else float32.
        case auto
    }
}

extension RunConfiguration.Precision: Choice {}
extension RunConfiguration.WinogradUse: Choice {}

extension RunConfiguration.Compute: Section {
    static var keys: [Key<Self>] {
        [
            Key("threads", \.threads),
            Key("precision", \.precision),
            Key("winograd", \.winograd),
        ]
    }
}
