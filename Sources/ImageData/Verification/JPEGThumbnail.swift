// Small pictures of photographs, for pages.
package import Files

package enum JPEGThumbnail {
    package static let quality = 80

    /// A JPEG of a photograph whose longer side has at most `side` pixels; nil for one that cannot be read.
    package static func bytes(of file: FilePart, side: Int) -> [UInt8]? { picture(of: file, side: side)?.jpeg(quality: quality) }

    /// A photograph so small; nil for one that cannot be read.
    package static func picture(of file: FilePart, side: Int) -> PixelImage? {
        let decoder = ImageDecoder()
        guard let view = try? decoder.view(ofFile: file) else { return nil }
        return withExtendedLifetime(decoder) { shrunk(view, side) }
    }

    /// The same of a picture; nil if memory runs out.
    package static func bytes(of image: PixelImage, side: Int) -> [UInt8]? {
        image.withView { shrunk($0, side) }.jpeg(quality: quality)
    }

    /// Each pixel is the mean of a square.
    private static func shrunk(_ view: PixelView, _ side: Int) -> PixelImage {
        let scale = max(1, (max(view.width, view.height) + side - 1) / side)
        let (width, height) = (max(1, view.width / scale), max(1, view.height / scale))
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        for row in 0..<height {
            for column in 0..<width {
                for channel in 0..<3 {
                    var sum = 0
                    for y in 0..<scale where row * scale + y < view.height {
                        for x in 0..<scale where column * scale + x < view.width {
                            sum += Int(view.base[(row * scale + y) * view.stride + (column * scale + x) * 3 + channel])
                        }
                    }
                    let (rows, columns) = (min(scale, view.height - row * scale), min(scale, view.width - column * scale))
                    pixels[(row * width + column) * 3 + channel] = UInt8(sum / (rows * columns))
                }
            }
        }
        return PixelImage(width: width, height: height, pixels: pixels)
    }
}
