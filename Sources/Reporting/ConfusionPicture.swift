// Which classes are taken for which, as a small picture.
import ImageData
import Training

enum ConfusionPicture {
    /// Pixels along a side, about.
    private static let side = 400
    /// More classes have less than a pixel each.
    private static let mostClasses = 400

    /// Rows are the images' classes, columns what they are taken for; the darker, the larger the share of the row: blue where right, red
    /// where wrong. Nil for too many classes.
    static func of(_ evaluation: Evaluation) -> PixelImage? {
        let counts = evaluation.confusion
        guard !counts.isEmpty, counts.count <= mostClasses else { return nil }
        let cell = max(1, side / counts.count)
        var pixels: [UInt8] = []
        for (label, row) in counts.enumerated() {
            let total = Float(max(1, row.reduce(0, +)))
            let line = row.enumerated().flatMap { taken, count -> [UInt8] in
                // Small shares of mistakes are what one looks for.
                let shade = (Float(count) / total).squareRoot()
                let pale = UInt8((255 * (1 - shade)).rounded())
                let colour: [UInt8] = label == taken ? [pale, pale, 255] : [255, pale, pale]
                return Array(repeating: colour, count: cell).flatMap { $0 }
            }
            for _ in 0..<cell { pixels += line }
        }
        return PixelImage(width: cell * counts.count, height: cell * counts.count, pixels: pixels)
    }
}
