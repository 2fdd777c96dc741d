// What PyTorch says of one batch's gradients, of every parameter of a network.

/// One `cuts-NAME.json`, written by make_cut_fixtures.py.
package struct GoldenCuts: GoldenFile {
    package static let prefix = "cuts"

    package let network: String
    /// Whether auxiliary heads speak and are heard with a weight of 0.3.
    package let auxiliary: Bool
    /// Side of the square input, in pixels.
    package let side: Int
    package let images: Int
    package let classes: Int
    /// Layers trained besides the head in the middle cut.
    package let middle: [String]
    /// What the recipe's weights are not.
    package let moved: MovedWeights
    package let loss: Double
    /// The largest difference, relative to a gradient's norm, that a float32 implementation may show.
    package let tolerance: Double
    /// Norm and two projections of each parameter's gradient, in the order of the names' bytes.
    package let gradients: [[Double]]

    /// Images in [-2, 2), `[N, H, W, C]`.
    package func makeImages() -> [Float] {
        let shape = [images, 3, side, side]
        let numbers = WeightRecipe.uniform(name: "input", count: shape.reduce(1, *))
        return channelsLast(numbers.map { 4 * $0 - 2 }, shape: shape)
    }

    package var labels: [Int32] { (0..<images).map { Int32($0 % classes) } }

    /// How far a gradient is from the expected one, relative to that one's norm: what norm and projections show.
    package func difference(of gradient: UnsafeMutableBufferPointer<Float>, name: String, index: Int) -> Double {
        let expected = gradients[index]
        let norm = gradient.indices.reduce(0.0) { $0 + Double(gradient[$1]) * Double(gradient[$1]) }.squareRoot()
        // An error vector e has projections of variance |e|² / 3.
        let squares = expected.dropFirst().enumerated().map { number, projection in
            let direction = WeightRecipe.uniform(name: "projection \(number) \(name)", count: gradient.count)
            // By index, since a zipped pair of a hundred million numbers each takes a minute.
            let found = gradient.indices.reduce(0.0) { $0 + Double(2 * direction[$1] - 1) * Double(gradient[$1]) }
            return (found - projection) * (found - projection)
        }
        let estimate = (3 * squares.reduce(0, +) / Double(max(1, squares.count))).squareRoot()
        return relative(max(estimate, abs(norm - expected[0])), to: expected[0])
    }
}
