// Pictures as files.
internal import CImageCodecs
internal import Foundation

extension PixelImage {
    /// The picture as a PNG, which loses nothing; nil where memory is out.
    package var png: [UInt8]? {
        written { image_codec_write_png($0, UInt32(width), UInt32(height), &$1) }
    }

    /// The picture as a JPEG of quality 1 to 100; nil where memory is out.
    package func jpeg(quality: Int) -> [UInt8]? {
        written { image_codec_write_jpeg($0, UInt32(width), UInt32(height), Int32(quality), &$1) }
    }

    private func written(
        _ write: (UnsafePointer<UInt8>?, inout Int) -> UnsafeMutablePointer<UInt8>?
    ) -> [UInt8]? {
        var count = 0
        guard let bytes = pixels.withUnsafeBufferPointer({ write($0.baseAddress, &count) }) else { return nil }
        defer { free(bytes) }
        return [UInt8](UnsafeBufferPointer(start: bytes, count: count))
    }
}
