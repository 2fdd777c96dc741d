// Telling numbers from what overflow and division by zero leave behind. ReLU turns NaN into 0, so that a network whose weights are no
// numbers may still give finite losses: they are looked at themselves.

extension UnsafeBufferPointer where Element == Float {
    /// Whether no value is NaN or infinite. As fast as memory.
    package var areFinite: Bool {
        // The exponent of what is no number is all ones; as integers such values are the largest.
        var largest: UInt32 = 0
        for value in self { largest = Swift.max(largest, value.bitPattern & 0x7FFF_FFFF) }
        return largest < Float.infinity.bitPattern
    }

    /// How many values are NaN or infinite.
    package var nonFiniteCount: Int { reduce(0) { $0 + ($1.isFinite ? 0 : 1) } }

    /// The largest magnitude among the values; 0 for none, and where all are NaN.
    package var largestMagnitude: Float { reduce(0) { Swift.max($0, $1.magnitude) } }
}
