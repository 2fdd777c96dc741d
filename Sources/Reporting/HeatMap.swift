// Activation maps as pictures.
package import ImageData
package import Training

package enum HeatMap {
    /// A photograph as the network sees it, and beside it the same with the map laid over it: blue speaks least for the class, red most.
    package static func beside(_ picture: PixelImage, _ map: ActivationMap) -> PixelImage {
        precondition(picture.width == map.side && picture.height == map.side, "a map is of the picture that the network sees")
        let (row, heated) = (3 * map.side, over(picture, map).pixels)
        var pixels: [UInt8] = []
        for start in stride(from: 0, to: heated.count, by: row) {
            pixels += picture.pixels[start..<start + row]
            pixels += heated[start..<start + row]
        }
        return PixelImage(width: 2 * map.side, height: map.side, pixels: pixels)
    }

    /// A photograph with the map laid over it, half and half.
    package static func over(_ picture: PixelImage, _ map: ActivationMap) -> PixelImage {
        var pixels = picture.pixels
        for (place, value) in map.values.enumerated() {
            for (channel, colour) in Self.colour(value).enumerated() {
                let level = Float(pixels[3 * place + channel]) + 255 * colour
                pixels[3 * place + channel] = UInt8((level / 2).rounded())
            }
        }
        return PixelImage(width: picture.width, height: picture.height, pixels: pixels)
    }

    /// The colours that such maps are known by ("jet"): red, green and blue from 0 to 1.
    private static func colour(_ value: Float) -> [Float] {
        [Float(3), 2, 1].map { centre in min(max(1.5 - abs(4 * value - centre), 0), 1) }
    }
}
