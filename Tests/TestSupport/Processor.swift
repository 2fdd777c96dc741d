// What this machine's processor can do, for tests of code that only some have.
import Foundation

/// Whether the processor sums products of bytes without overflow; older ones give other sums, and Graft does not use them.
package let processorMultipliesBytes: Bool = {
    let facts = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let flags = facts.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    return flags.contains("avx512_vnni") || flags.contains("avx_vnni")
}()
