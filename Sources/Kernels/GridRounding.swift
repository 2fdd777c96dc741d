// Numbers rounded to multiples of a power of two.
internal import CVectorLoops

/// Sums that no order changes.
package enum GridRounding {
    /// Adds each number to its sum, rounded to the grid of `magic`: a float32 whose last bit is the grid, and against which the numbers are
    /// small; nil adds them as they are.
    package static func add(
        _ values: UnsafeBufferPointer<Float>, to sums: UnsafeMutableBufferPointer<Float>, magic: Float?
    ) {
        guard let from = values.baseAddress, let to = sums.baseAddress else { return }
        graft_add_on_grid(from, magic ?? 0, to, values.count)
    }
}
