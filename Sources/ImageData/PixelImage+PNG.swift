// Pictures as files that lose nothing.
internal import CImageCodecs
internal import Foundation

extension PixelImage {
    /// The picture as a PNG; nil where memory is out.
    package var png: [UInt8]? {
        var count = 0
        let bytes = pixels.withUnsafeBufferPointer {
            image_codec_write_png($0.baseAddress, UInt32(width), UInt32(height), &count)
        }
        guard let bytes else { return nil }
        defer { free(bytes) }
        return [UInt8](UnsafeBufferPointer(start: bytes, count: count))
    }
}
