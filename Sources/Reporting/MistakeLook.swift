// What a closer look at a mistake finds.
package import Files

/// Where in a photograph the network saw what speaks for its answer, and which other photographs it resembles.
package struct MistakeLook: Sendable {
    /// Pixels of a picture's longer side: pages should stay mailable.
    package static let side = 280

    /// Another photograph.
    package struct Neighbour: Sendable {
        package let file: FilePart
        package let classes: [Int]
        /// The cosine of the angle between features: 1 for the same direction.
        package let likeness: Float

        package init(file: FilePart, classes: [Int], likeness: Float) {
            (self.file, self.classes, self.likeness) = (file, classes, likeness)
        }
    }

    /// A JPEG of the photograph as the network sees it under the map of what speaks for the class that it was taken for.
    package var heatMap: [UInt8]?
    /// The most alike first: training photographs, or others of validation where features of those were not kept.
    package var neighbours: [Neighbour] = []
    package var comparesTraining = true

    package init() {}
}
