// Magnitudes of numbers, for the choice of clippings.
internal import CVectorLoops

/// Loops over magnitudes.
package enum Magnitudes {
    /// The largest magnitude; infinity if any number is none.
    package static func largest(_ values: UnsafePointer<Float>, _ count: Int) -> Float { graft_largest_magnitude(values, count) }

    /// Adds 1 to the bin of every `stride`-th number: ⌊magnitude · binsPerUnit⌋, at most the last of `bins`.
    package static func count(
        _ values: UnsafePointer<Float>, _ count: Int, stride: Int, binsPerUnit: Float, _ counts: UnsafeMutablePointer<UInt32>,
        _ bins: Int
    ) {
        graft_count_magnitudes(values, count, stride, binsPerUnit, counts, bins)
    }
}
