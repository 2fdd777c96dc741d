// Weights that a fixture's script moved away from kinks, so that float32 takes the same sides as float64 on every processor (kinks.py).

/// Elements that are other than the recipe's, by the names of their tensors.
package typealias MovedWeights = [String: [MovedWeight]]

/// One element of a tensor and its value; in JSON `[index, value]`.
package struct MovedWeight: Decodable, Sendable {
    package let index: Int
    package let value: Float

    package init(from decoder: any Decoder) throws {
        var pair = try decoder.unkeyedContainer()
        (index, value) = (try pair.decode(Int.self), try pair.decode(Float.self))
    }
}
