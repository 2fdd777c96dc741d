// Sums of doubles over groups of images, with the same bits however the groups are shared among ranks.
//
// As for gradients (`GroupGradients`), all addends are rounded first to a grid on which their sum is exact; here each sum has its own,
// since channels differ by orders of magnitude and a variance is a small difference of two.
internal import Collectives
internal import Execution

/// Keeps what the groups of this rank add, and puts it together with other ranks'.
final class GroupSums: ImageSums {
    private let communicator: any Communicator
    /// The addends, one group's after the other's.
    private var kept: [Double] = []
    private var groups = 0
    private var failure: (any Error)?

    init(_ communicator: any Communicator) { self.communicator = communicator }

    func add(_ sums: UnsafeMutableBufferPointer<Double>) {
        kept.append(contentsOf: sums)
        groups += 1
    }

    func total(_ sums: UnsafeMutableBufferPointer<Double>) {
        do { try takeTotal(sums) } catch { failure = failure ?? error }
    }

    /// Throws what went wrong within a pass.
    func check() throws { if let failure { throw failure } }

    /// Leaves the total of what was added, over all ranks, and begins anew. Every rank calls it.
    func takeTotal(_ sums: UnsafeMutableBufferPointer<Double>) throws {
        defer {
            kept.removeAll(keepingCapacity: true)
            groups = 0
        }
        let (scales, addends) = try agree(on: sums.count)
        sums.update(repeating: 0)
        for group in 0..<groups {
            for index in sums.indices {
                let value = kept[group * sums.count + index]
                sums[index] += Self.onGrid(value, scale: scales[index], addends: addends)
            }
        }
        if communicator.size > 1 { try communicator.sum(sums) }
    }

    /// The scales of the largest addends over all ranks, and how many addends there are.
    private func agree(on count: Int) throws -> (scales: [UInt8], addends: Int) {
        var own = [UInt8](repeating: 0, count: count)
        for (index, value) in kept.enumerated() { own[index % count] = max(own[index % count], Self.scale(value)) }
        guard communicator.size > 1 else { return (own, groups) }
        let number = withUnsafeBytes(of: UInt32(groups).littleEndian, Array.init)
        var addends = 0
        for other in try communicator.gather(own + number) {
            for index in own.indices { own[index] = max(own[index], other[index]) }
            addends += other.suffix(number.count).reversed().reduce(0) { $0 << 8 + Int($1) }
        }
        return (own, addends)
    }

    /// Four powers of two to a scale reach from the squares of the smallest floats to sums of those of the largest.
    private static let (powersPerScale, lowest) = (4, -400)

    /// The least scale whose bound, 2^(4 · scale − 400), is above the number; 0 for zero.
    static func scale(_ value: Double) -> UInt8 {
        guard value != 0 else { return 0 }
        guard value.isFinite else { return .max }
        return UInt8(clamping: max(1, (Int(value.exponent) + 1 - lowest + powersPerScale - 1) / powersPerScale))
    }

    /// The number as a multiple of a power of two so large that the sum of so many addends below the scale's bound is exact.
    static func onGrid(_ value: Double, scale: UInt8, addends: Int) -> Double {
        guard scale > 0, scale < .max else { return value }
        let bits = Int.bitWidth - max(1, addends).leadingZeroBitCount
        let magic = 1.5 * Double(sign: .plus, exponent: lowest + powersPerScale * Int(scale) + bits + 1, significand: 1)
        return (value + magic) - magic
    }
}
