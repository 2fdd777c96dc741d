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
        /// Which activations of trained layers are not kept for backward but computed again.
        package var recompute = Recompute.automatic
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

extension RunConfiguration {
    /// Memory against time: activations of trained layers that backward computes again.
    package enum Recompute: Sendable, Equatable {
        case off
        /// As many as it takes to fit into a rank's memory.
        case automatic
        /// What trains is cut into at most so many parts, of which only what they hand on is kept.
        case parts(Int)

        fileprivate var isSensible: Bool { if case .parts(let count) = self { count >= 1 } else { true } }
    }
}

extension RunConfiguration.Recompute: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        switch tree.content {
        case .scalar("off", _): .off
        case .scalar("auto", _): .automatic
        case .scalar(let text, _) where text.first?.isNumber == true || text.first == "-":
            Int.read(tree, as: key, &reader).map { .parts($0) }
        default: reader.refuse(tree, key, wanted: "off, auto or a number of parts")
        }
    }

    var tree: Tree {
        switch self {
        case .off: .plain("off")
        case .automatic: .plain("auto")
        case .parts(let count): count.tree
        }
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
            Key("recompute", \.recompute, .check("off, auto, or a number of parts from 1") { $0.isSensible }),
            Key("instructions", \.instructions),
        ]
    }
}
