// What the processors of a run compute with: ranks must compute alike, and none slower than in float32.
import Collectives
import Kernels
import RunConfiguration
import Tensors

/// What the processors of all ranks can do.
struct ProcessorAbilities: Equatable {
    /// The instructions that all arithmetic uses.
    var level = InstructionSet.baseline
    /// AVX-512 BF16 or AMX: elsewhere bfloat16 would be slower than float32.
    var multipliesBFloat16 = false
    /// VNNI: sums products of bytes as int32. Older processors add pairs of them as int16 first, which overflows.
    var multipliesBytes = false

    /// Those of this process, held to a limit from now on. Comes before anything is computed.
    static func own(_ limit: RunConfiguration.InstructionLimit) -> ProcessorAbilities {
        if let most = limit.level { Instructions.limit(to: most) }
        return ProcessorAbilities(
            level: Instructions.level, multipliesBFloat16: Instructions.multipliesBFloat16,
            multipliesBytes: Instructions.multipliesBytes)
    }

    /// What the processes of all ranks have in common, held to a limit from now on: an image's features and a batch's gradients must
    /// not depend on which host had them. Every rank calls it, before anything is computed.
    static func ofAllRanks(
        _ limit: RunConfiguration.InstructionLimit, _ communicator: any Communicator
    ) throws -> ProcessorAbilities {
        let best = min(Instructions.level, limit.level ?? .avx512)
        let levels = InstructionSet.allCases
        let all = try communicator.gather([UInt8(levels.firstIndex(of: best) ?? 0)])
        let common = levels[Int(all.map { $0[0] }.min() ?? 0)]
        if common < Instructions.level || limit.level != nil { Instructions.limit(to: common) }
        let own = own(.auto)
        let abilities = try communicator.gather([own.multipliesBFloat16 ? 1 : 0, own.multipliesBytes ? 1 : 0])
        return ProcessorAbilities(
            level: own.level, multipliesBFloat16: abilities.allSatisfy { $0[0] == 1 },
            multipliesBytes: abilities.allSatisfy { $0[1] == 1 })
    }
}
