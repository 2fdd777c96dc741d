// Telling image formats apart by their first bytes: the suffix of a file name says what someone once believed.
internal import CImageCodecs

/// What the first bytes of a file say it is.
package enum ImageFormat: Sendable, Hashable {
    case jpeg, png, webp, gif, tiff, bmp
    /// HEIC and AVIF.
    case heif
    /// A known image format that is not read, by name.
    case unsupported(String)
    case unknown

    /// Whether not every build of the program reads it.
    var isRare: Bool {
        switch self {
        case .heif, .unsupported: true
        case .jpeg, .png, .webp, .gif, .tiff, .bmp, .unknown: false
        }
    }

    /// What a file that begins with these bytes is if it is of a kind that is not read.
    static func foreignKind(of start: UnsafeRawBufferPointer) -> String? {
        guard case .unsupported(let kind) = ImageFormat(sniffing: start) else { return nil }
        return kind
    }

    /// How many of a file's first bytes tell its format.
    static let tellingBytes = 64

    /// Recognises a format by a file's first bytes.
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
            self = .gif
        } else if starts("BM"), bytes.count >= 18, Self.bitmapHeaders.contains(bytes[14]), starts([0, 0, 0], at: 15) {
            self = .bmp
        } else if [0x2A, 0x2B].contains(where: { starts([0x49, 0x49, $0, 0]) || starts([0x4D, 0x4D, 0, $0]) }) {
            self = .tiff
        } else if starts("8BPS") {
            self = .unsupported("a Photoshop image")
        } else if starts([0xFF, 0x0A]) || starts([0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]) {
            self = .unsupported("a JPEG XL image")
        } else if starts([0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20]) || starts([0xFF, 0x4F, 0xFF, 0x51]) {
            self = .unsupported("a JPEG 2000 image")
        } else if starts("ftyp", at: 4), let name = Self.isoBrand(bytes) {
            let isRead = image_codec_reads(IMAGE_CODEC_HEIF) != 0
            self = isRead ? .heif : .unsupported("\(name) (this program was built without libheif)")
        } else {
            self = .unknown
        }
    }

    /// The usual suffix of a file that begins with these bytes; nil for no image.
    static func suffix(of start: [UInt8]) -> String? {
        switch start.withUnsafeBytes({ ImageFormat(sniffing: $0) }) {
        case .jpeg: "jpg"
        case .png: "png"
        case .webp: "webp"
        case .gif: "gif"
        case .tiff: "tiff"
        case .bmp: "bmp"
        case .heif: start.dropFirst(8).starts(with: Array("avi".utf8)) ? "avif" : "heic"
        case .unsupported, .unknown: nil
        }
    }

    /// Sizes of the headers that a BMP may have: a text may well begin with the same letters.
    private static let bitmapHeaders: Set<UInt8> = [12, 40, 52, 56, 64, 108, 124]

    /// The codec that reads this format, nil for one that is not read, or by `BitmapFile`.
    var codec: ImageCodecFormat? {
        switch self {
        case .jpeg: IMAGE_CODEC_JPEG
        case .png: IMAGE_CODEC_PNG
        case .webp: IMAGE_CODEC_WEBP
        case .gif: IMAGE_CODEC_GIF
        case .tiff: IMAGE_CODEC_TIFF
        case .heif: IMAGE_CODEC_HEIF
        case .bmp, .unsupported, .unknown: nil
        }
    }

    /// HEIC and AVIF are ISO media files, told apart by their brand, or where that is a general one by those that they say they suit.
    private static func isoBrand(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count >= 12 else { return nil }
        let length = bytes[0..<4].reduce(0) { $0 << 8 | Int($1) }
        let others = stride(from: 16, to: min(length, bytes.count) - 3, by: 4)
        let brands = ([8] + others).map { String(decoding: bytes[$0..<$0 + 4], as: UTF8.self) }
        if brands[0] == "avif" || brands[0] == "avis" { return "an AVIF image" }
        if ["mif1", "msf1"].contains(brands[0]), brands.contains("avif"), !brands.contains("heic") { return "an AVIF image" }
        return ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"].contains(brands[0]) ? "a HEIC image" : nil
    }
}
