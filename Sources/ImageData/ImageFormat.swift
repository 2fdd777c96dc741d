// Telling image formats apart by their first bytes: the suffix of a file name says what someone once believed.
internal import CImageCodecs

/// What the first bytes of a file say it is.
package enum ImageFormat: Sendable, Hashable {
    case jpeg, png, webp
    /// A known image format that is not read, by name.
    case unsupported(String)
    case unknown

    /// Recognises a format by its first bytes (16 are enough).
    package init(sniffing bytes: UnsafeRawBufferPointer) {
        func starts(_ prefix: [UInt8], at offset: Int = 0) -> Bool {
            bytes.count >= offset + prefix.count && bytes[offset..<offset + prefix.count].elementsEqual(prefix)
        }
        func starts(_ text: String, at offset: Int = 0) -> Bool { starts(Array(text.utf8), at: offset) }
        if starts([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if starts("RIFF"), starts("WEBP", at: 8) {
            self = .webp
        } else if starts("GIF8") {
            self = .unsupported("a GIF image")
        } else if starts("BM") {
            self = .unsupported("a BMP image")
        } else if starts([0x49, 0x49, 0x2A, 0]) || starts([0x4D, 0x4D, 0, 0x2A]) {
            self = .unsupported("a TIFF image")
        } else if starts("8BPS") {
            self = .unsupported("a Photoshop image")
        } else if starts([0xFF, 0x0A]) || starts([0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]) {
            self = .unsupported("a JPEG XL image")
        } else if starts([0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20]) {
            self = .unsupported("a JPEG 2000 image")
        } else if starts("ftyp", at: 4), let name = Self.isoBrand(bytes) {
            self = .unsupported(name)
        } else {
            self = .unknown
        }
    }

    /// The codec that reads this format, nil for one that is not read.
    var codec: ImageCodecFormat? {
        switch self {
        case .jpeg: IMAGE_CODEC_JPEG
        case .png: IMAGE_CODEC_PNG
        case .webp: IMAGE_CODEC_WEBP
        case .unsupported, .unknown: nil
        }
    }

    /// HEIC and AVIF are ISO media files, told apart by their brand.
    private static func isoBrand(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count >= 12 else { return nil }
        switch String(decoding: bytes[8..<12], as: UTF8.self) {
        case "avif", "avis": return "an AVIF image"
        case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1": return "a HEIC image"
        default: return nil
        }
    }
}
