// Levels of instructions: how wide the processor's vectors are.

/// What the arithmetic may use of the processor, ascending.
package enum InstructionSet: String, Sendable, CaseIterable, Comparable {
    /// What every processor of the architecture has: SSE2 in own loops, SSE4 in libraries; NEON on Arm.
    case baseline
    /// AVX2 and FMA, as x86-64-v3 has them.
    case avx2
    /// AVX-512, as x86-64-v4 has it, with what the processor adds for bytes and bfloat16.
    case avx512

    package static func < (one: Self, other: Self) -> Bool { one.rank < other.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
