// Which instructions the arithmetic uses: one level for own loops and oneDNN, settled once before anything is computed.
internal import COneDNN
internal import CVectorLoops
import Foundation
import Synchronization
package import Tensors

/// The level of instructions of this process.
package enum Instructions {
    /// The environment variable that holds a process to a level; for tests, and for commands without a config.
    package static let variable = "GRAFT_INSTRUCTIONS"

    /// The most that this processor offers.
    package static var machine: InstructionSet { InstructionSet(graft_machine_instructions()) }

    /// What the arithmetic uses now.
    package static var level: InstructionSet { InstructionSet(graft_loop_instructions()) }

    /// Whether bfloat16 is multiplied natively, as things stand: elsewhere it would be slower than float32, or not be had at all.
    package static var multipliesBFloat16: Bool {
        settle()
        return graft_multiplies_bfloat16() != 0
    }

    /// Whether bytes are, with sums as int32: older processors add pairs of products as int16 first, which overflows.
    package static var multipliesBytes: Bool {
        settle()
        return graft_multiplies_bytes() != 0
    }

    /// All that decides about last digits: `avx2 (oneDNN 2.6.3 avx2)`.
    package static var summary: String {
        settle()
        let isa = String(cString: graft_isa_name())
        return "\(level.rawValue) (oneDNN \(OneDNNEngine.version) \(isa))"
    }

    /// Holds all arithmetic to a level, before anything is computed; more than the processor has, or than was allowed before, changes
    /// nothing.
    package static func limit(to most: InstructionSet) {
        isSettled.withLock { settled in
            guard most < level || !settled else { return }
            precondition(!settled, "instructions are chosen before anything is computed")
            apply(most)
            settled = true
        }
    }

    /// Lets libraries follow the environment's level, unless that, or `limit`, has happened.
    static func settle() {
        isSettled.withLock { settled in
            guard !settled else { return }
            settled = true
            let named = ProcessInfo.processInfo.environment[variable].flatMap(InstructionSet.init(rawValue:))
            if let named { apply(named) }
        }
    }

    private static let isSettled = Mutex(false)

    private static func apply(_ most: InstructionSet) {
        graft_limit_instructions(most.loops)
        // A user's own ONEDNN_MAX_CPU_ISA stays in force where it says less.
        let isa: graft_isa =
            switch min(most, level) {
            case .baseline: graft_isa_sse41
            case .avx2: graft_isa_avx2
            case .avx512: graft_isa_avx512
            }
        let status = graft_limit_isa(isa)
        precondition(status == 0, "oneDNN was asked before its instructions were chosen")
    }
}

extension InstructionSet {
    fileprivate init(_ loops: graft_instruction_set) {
        switch loops {
        case graft_avx512: self = .avx512
        case graft_avx2: self = .avx2
        default: self = .baseline
        }
    }

    fileprivate var loops: graft_instruction_set {
        switch self {
        case .baseline: graft_baseline
        case .avx2: graft_avx2
        case .avx512: graft_avx512
        }
    }
}
