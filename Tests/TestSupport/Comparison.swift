// How far two lists of numbers are apart, as one number that a test can hold to a tolerance.

/// The distance of `actual` from `expected`, relative to the length of `expected` (both Euclidean). Infinite for other sizes.
package func relativeDifference(_ actual: some Collection<Float>, _ expected: some Collection<Float>) -> Double {
    relativeDifference(actual.map(Double.init), expected.map(Double.init))
}

/// The distance of `actual` from `expected`, relative to the length of `expected` (both Euclidean). Infinite for other sizes.
package func relativeDifference(_ actual: some Collection<Double>, _ expected: some Collection<Double>) -> Double {
    guard actual.count == expected.count else { return .infinity }
    var (distance, length) = (0.0, 0.0)
    for (one, other) in zip(actual, expected) {
        distance += (one - other) * (one - other)
        length += other * other
    }
    return relative(distance.squareRoot(), to: length.squareRoot())
}

/// `distance / length`; where nothing is expected, the distance itself. Not-a-number counts as infinitely far.
func relative(_ distance: Double, to length: Double) -> Double {
    let ratio = length > 0 ? distance / length : distance
    return ratio.isNaN ? .infinity : ratio
}

/// Images laid out `[N, C, H, W]`, as PyTorch has them, in the order `[N, H, W, C]` of Graft's values.
package func channelsLast(_ values: [Float], shape: [Int]) -> [Float] {
    let (count, channels, pixels) = (shape[0], shape[1], shape[2] * shape[3])
    precondition(values.count == count * channels * pixels, "\(values.count) values do not have the shape \(shape)")
    var result = [Float](repeating: 0, count: values.count)
    for image in 0..<count {
        for channel in 0..<channels {
            for pixel in 0..<pixels {
                result[(image * pixels + pixel) * channels + channel] = values[(image * channels + channel) * pixels + pixel]
            }
        }
    }
    return result
}
