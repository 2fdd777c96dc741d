// The section `compute`.
package import Tensors

extension RunConfiguration {
    /// What the processor is asked for.
    package struct Compute: Sendable, Equatable {
        /// Threads a rank for the arithmetic.
        package var threads = AutomaticCount.automatic
        /// The type in which trained layers multiply; weights, gradients and sums over ranks stay float32.
        package var precision = Precision.float32
        /// Which convolutions go through Winograd's algorithm, with a third of the arithmetic.
        package var winograd = WinogradUse.auto
        /// The most that the arithmetic may use of the processor.
        package var instructions = InstructionLimit.auto
    }

    /// A ceiling on instructions: what the processor does not have is not used.
    package enum InstructionLimit: String, Sendable, CaseIterable {
        /// All that the processors of all ranks have.
        case auto
        case avx512, avx2, baseline

        /// The level that is named; nil for `auto`.
        package var level: InstructionSet? { InstructionSet(rawValue: rawValue) }
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
extension WinogradUse: Choice {}
extension RunConfiguration.InstructionLimit: Choice {}

extension RunConfiguration.Compute: Section {
    static var keys: [Key<Self>] {
        [
            Key("threads", \.threads, .exactly(1, to: 4096)),
            Key("precision", \.precision),
            Key("winograd", \.winograd),
            Key("instructions", \.instructions),
        ]
    }
}
