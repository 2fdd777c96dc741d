// Which element types processors multiply natively: ranks must compute alike, and none slower than in float32.
import Collectives
import Foundation

/// What the processors of all ranks can do.
struct ProcessorAbilities: Equatable {
    /// AVX-512 BF16 or AMX: elsewhere bfloat16 would be slower than float32.
    var multipliesBFloat16 = false
    /// VNNI: sums products of bytes as int32. Older processors add pairs of them as int16 first, which overflows.
    var multipliesBytes = false

    /// Those of this processor.
    static var own: ProcessorAbilities {
        let facts = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let flags = Set((facts.split(separator: "\n").first { $0.hasPrefix("flags") } ?? "").split(separator: " "))
        return ProcessorAbilities(
            multipliesBFloat16: flags.contains("avx512_bf16") || flags.contains("amx_bf16"),
            multipliesBytes: flags.contains("avx512_vnni") || flags.contains("avx_vnni"))
    }

    /// What the processors of all ranks have in common. Every rank calls it.
    static func ofAllRanks(_ communicator: any Communicator) throws -> ProcessorAbilities {
        let own = own
        let all = try communicator.gather([own.multipliesBFloat16 ? 1 : 0, own.multipliesBytes ? 1 : 0])
        return ProcessorAbilities(
            multipliesBFloat16: all.allSatisfy { $0[0] == 1 }, multipliesBytes: all.allSatisfy { $0[1] == 1 })
    }
}
