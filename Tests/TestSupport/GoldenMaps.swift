// What the `grad-cam` package says of one network's activation maps.

/// One `map-CASE.json`, written by make_map_fixtures.py.
package struct GoldenMaps: GoldenFile {
    package static let prefix = "map"

    /// The maps of all images by one method.
    package struct Maps: Decodable, Sendable {
        package let method: String
        /// Of each image the class that is asked about.
        package let classes: [Int]
        /// Of each image the mean over all pixels.
        package let mean: [Float]
        /// Of each image `[grid, grid]` values of its map.
        package let values: [[Float]]
    }

    package let network: String
    /// Nil for the default.
    package let layer: String?
    package let side: Int
    package let images: Int
    package let classes: Int
    /// How many pixels of each row and column are told.
    package let grid: Int
    package let maps: [Maps]

    /// Images `[N, H, W, C]`.
    package var input: [Float] {
        let shape = [images, 3, side, side]
        return channelsLast(WeightRecipe.input(shape: shape), shape: shape)
    }

    /// The pixels that are told, in both directions.
    package var places: [Int] { (0..<grid).map { ($0 * side + side / 2) / grid } }
}
