// A large tensor in eight numbers, from which the distance of another tensor can be told.

/// Norm, first elements and projections of a tensor, as the fixtures' scripts compute them in float64.
package struct TensorSketch: Decodable, Sendable {
    /// The Euclidean norm.
    package let norm: Double
    /// The first elements, at most four.
    package let first: [Double]
    /// Dot products with directions that belong to the tensor's name, their elements uniform in [-1, 1).
    package let projections: [Double]

    /// The sketch of `values`, row-major in the published weights' shape.
    package init(of values: [Double], name: String) {
        norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        first = Array(values.prefix(4))
        projections = (0..<3).map { number in
            let direction = WeightRecipe.uniform(name: "projection \(number) \(name)", count: values.count)
            var sum = 0.0
            for index in values.indices { sum += Double(2 * direction[index] - 1) * values[index] }
            return sum
        }
    }

    /// How far a tensor is from the expected one, relative to its norm: estimated from the projections, and never less than what
    /// norms and first elements show.
    package func difference(of other: TensorSketch) -> Double {
        // An error vector e has projections of variance |e|² / 3.
        let squares = zip(projections, other.projections).map { ($0 - $1) * ($0 - $1) }
        let estimate = (3 * squares.reduce(0, +) / Double(squares.count)).squareRoot()
        let seen = zip(first, other.first).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        let differences = [estimate, abs(norm - other.norm), seen]
        return relative(differences.contains { $0.isNaN } ? .nan : differences.reduce(0, max), to: norm)
    }
}
