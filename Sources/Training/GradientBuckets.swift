// Cuts of the flat gradient array: each bucket is a slice of it, summed over ranks as one message.

/// The buckets of a gradient layout, in the order in which backward completes them.
///
/// A bucket ends with the first slot that fills it to the wanted size, so that it can start as soon as that slot is done. The
/// first is wanted smaller by `firstDivisor`, so that the sums begin early in backward. A slot larger than a bucket is cut into
/// even pieces, which start together: several messages of a few megabytes travel faster than one of a hundred (measured, Open
/// MPI 4.1 on one machine: fourfold). The last bucket takes the extras behind the gradients along, unless they must travel alone because
/// gradients are rounded on the way.
package struct GradientBuckets: Sendable, Equatable {
    /// The slices: ascending, without gaps, together `0..<count + extraCount`.
    package let ranges: [Range<Int>]
    /// Gradients, extras not counted.
    package let count: Int

    private static let firstDivisor = 4
    /// Cuts fall on cache lines.
    private static let alignment = 16

    /// Cuts `count` gradients into buckets of about `bytes` bytes. `slots` are ascending; what is between and behind them is padding.
    package init(slots: [Range<Int>], count: Int, bytes: Int, extraCount: Int, separatesExtras: Bool = false) {
        let wanted = max(Self.alignment, bytes / MemoryLayout<Float>.stride)
        self.count = count
        var ranges: [Range<Int>] = []
        var start = 0
        for slot in slots {
            let limit = ranges.isEmpty ? max(Self.alignment, wanted / Self.firstDivisor) : wanted
            if slot.upperBound - start >= limit {
                ranges.append(contentsOf: Self.pieces(of: start..<slot.upperBound, wanted: wanted))
                start = slot.upperBound
            }
        }
        let rest = start..<count + extraCount
        if start < (slots.last?.upperBound ?? 0) || ranges.isEmpty {
            ranges.append(rest)
        } else {
            let last = ranges.removeLast()
            ranges.append(last.lowerBound..<rest.upperBound)
        }
        if separatesExtras, let last = ranges.popLast() {
            ranges += [last.lowerBound..<count, count..<last.upperBound].filter { !$0.isEmpty }
        }
        self.ranges = ranges
    }

    private static func pieces(of range: Range<Int>, wanted: Int) -> [Range<Int>] {
        // Up to one and a half buckets stay whole: two halves would not travel faster.
        let pieceCount = max(1, (range.count + wanted / 2) / wanted)
        var bounds = (0..<pieceCount).map { range.lowerBound + range.count * $0 / pieceCount / alignment * alignment }
        bounds[0] = range.lowerBound
        bounds.append(range.upperBound)
        return zip(bounds, bounds.dropFirst()).filter { $0 < $1 }.map { $0..<$1 }
    }
}
