// The element types that weight files and plans speak of.

/// The type of one element of a tensor.
package enum ElementType: String, Sendable, Hashable, CaseIterable {
    case float32, float16, bfloat16, float64
    case int8, uint8, int16, int32, int64, bool

    /// Bytes of one element.
    package var byteCount: Int {
        switch self {
        case .int8, .uint8, .bool: 1
        case .float16, .bfloat16, .int16: 2
        case .float32, .int32: 4
        case .float64, .int64: 8
        }
    }

    /// Whether elements of activations are integers that stand for themselves times a step.
    package var isQuantized: Bool { self == .uint8 || self == .int8 }

    /// The largest integer that activations of such a type take: int8 is symmetric.
    package var largestInteger: Float { self == .uint8 ? 255 : 127 }
}

/// Widens a bfloat16 bit pattern: it is the upper half of a float32.
@inlinable
package func float32(fromBFloat16 bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
}

/// Widens an IEEE 754 half-precision bit pattern, subnormal numbers, infinities and NaN included.
@inlinable
package func float32(fromFloat16 bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:  // zero or subnormal: fraction × 2⁻²⁴
        let magnitude = Float(fraction) * 0x1p-24
        return Float(bitPattern: magnitude.bitPattern | sign)
    case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
}

/// Rounds a float32 to the nearest bfloat16, ties to even; NaN stays NaN.
@inlinable
package func bfloat16(from value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
}
