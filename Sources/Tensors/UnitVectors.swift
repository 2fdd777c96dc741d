// Vectors of length 1: their products are the cosines of the angles between them, by which features are compared.

package enum UnitVectors {
    /// A vector of length 1, or of zeros.
    package static func normalized(_ feature: UnsafeBufferPointer<Float>) -> [Float] {
        let length = dot(feature, feature).squareRoot()
        return feature.map { length > 0 ? $0 / length : 0 }
    }

    /// Σ xᵢ yᵢ of two vectors of one length.
    package static func dot(_ one: UnsafeBufferPointer<Float>, _ two: UnsafeBufferPointer<Float>) -> Float {
        guard let first = one.baseAddress, let second = two.baseAddress else { return 0 }
        var sums = SIMD16<Float>.zero
        let whole = one.count / 16 * 16
        for start in stride(from: 0, to: whole, by: 16) {
            sums +=
                UnsafeRawPointer(first + start).loadUnaligned(as: SIMD16<Float>.self)
                * UnsafeRawPointer(second + start).loadUnaligned(as: SIMD16<Float>.self)
        }
        return (whole..<one.count).reduce(sums.sum()) { $0 + one[$1] * two[$1] }
    }
}
