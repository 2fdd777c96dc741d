// Small pictures of photographs, for pages.
internal import CImageCodecs
package import Files
internal import Foundation

package enum JPEGThumbnail {
    /// A JPEG of a photograph whose longer side has at most `side` pixels; nil for one that cannot be read.
    package static func bytes(of file: FilePart, side: Int, quality: Int = 80) -> [UInt8]? {
        let decoder = ImageDecoder()
        guard let view = try? decoder.view(ofFile: file) else { return nil }
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
        var count = 0
        let bytes = pixels.withUnsafeBufferPointer {
            image_codec_write_jpeg($0.baseAddress, UInt32(width), UInt32(height), Int32(quality), &count)
        }
        guard let bytes else { return nil }
        defer { free(bytes) }
        return [UInt8](UnsafeBufferPointer(start: bytes, count: count))
    }
}
