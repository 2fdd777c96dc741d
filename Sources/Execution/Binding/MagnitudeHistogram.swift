// How often a value takes which magnitude: what its clipping is chosen from.
import Kernels

/// Counts of magnitudes in bins of equal width. The width is a power of two and doubles when something larger comes, so that the counts
/// do not depend on the order in which numbers come.
struct MagnitudeHistogram {
    static let binCount = 4096
    /// The upper end of the last bin, a power of two.
    private(set) var limit: Float = 0x1p-20
    private(set) var counts = [UInt32](repeating: 0, count: binCount)
    /// The largest magnitude met.
    private(set) var largest: Float = 0

    /// Counts every `stride`-th of `count` numbers; the largest is that of all.
    mutating func add(_ values: UnsafePointer<Float>, count: Int, stride: Int) {
        let magnitude = Magnitudes.largest(values, count)
        precondition(magnitude.isFinite, "a frozen layer's results are numbers")
        reach(magnitude)
        counts.withUnsafeMutableBufferPointer { bins in
            if let start = bins.baseAddress {
                Magnitudes.count(values, count, stride: stride, binsPerUnit: Float(Self.binCount) / limit, start, Self.binCount)
            }
        }
    }

    /// Makes room for a magnitude.
    mutating func reach(_ magnitude: Float) {
        largest = max(largest, magnitude)
        while limit <= magnitude { widen() }
    }

    /// Takes other counts, of bins of the present width.
    mutating func take(_ counts: some Collection<UInt32>) {
        precondition(counts.count == Self.binCount, "one count for each bin")
        self.counts = Array(counts)
    }

    private mutating func widen() {
        for bin in 0..<Self.binCount {
            counts[bin] = bin < Self.binCount / 2 ? counts[2 * bin] + counts[2 * bin + 1] : 0
        }
        limit *= 2
    }

    /// The clipping with which `levels` equal steps up to it lose least: the smallest mean squared error of rounding and clipping.
    /// Rounding to a step loses step² / 12 on average, more where everything is rounded to zero. 0 if nothing but zeros was met.
    func bestLimit(levels: Float) -> Float {
        guard largest > 0 else { return 0 }
        let width = limit / Float(Self.binCount)
        let occupied = counts.indices.filter { counts[$0] > 0 }.map { ((Float($0) + 0.5) * width, Double(counts[$0])) }
        var best = (limit: largest, loss: Double.infinity)
        for share in stride(from: Float(1), through: 0.2, by: -0.01) {
            let candidate = largest * share
            let step = candidate / levels
            var loss = 0.0
            for (magnitude, count) in occupied {
                let error =
                    magnitude > candidate
                    ? (magnitude - candidate) * (magnitude - candidate)
                    : magnitude < step / 2 ? magnitude * magnitude : step * step / 12
                loss += count * Double(error)
            }
            if loss < best.loss { best = (candidate, loss) }
        }
        return best.limit
    }
}
