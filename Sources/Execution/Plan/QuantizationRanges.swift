// How far the values of a frozen prefix reach: what turns a plan in 8 bits into numbers.
import Files
internal import Graphs

/// The magnitude that the largest integer of a value stands for, by the value's name. Larger numbers are clipped to it.
package struct QuantizationRanges: Sendable, Hashable, Codable {
    /// Positive and finite; 0 for a value that is never anything else.
    package var limits: [String: Float]

    package init(limits: [String: Float] = [:]) { self.limits = limits }

    /// XXH64 over names and limits, the same on every machine.
    package var digest: UInt64 {
        var checksum = Checksum()
        for (name, limit) in limits.sorted(by: { $0.key < $1.key }) { checksum.update("\(name) \(limit.bitPattern)") }
        return checksum.value
    }
}
