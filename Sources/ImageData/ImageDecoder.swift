// From a file to upright RGB pixels: read, recognise, decode, turn.
internal import CImageCodecs
package import Files
internal import Foundation

/// An image whose header has been read, and nothing else.
struct OpenedImage {
    let name: String
    let storedWidth: Int
    let storedHeight: Int
    let orientation: Orientation
    /// Whether it can be decoded at a fraction of its size.
    let isScalable: Bool
    /// Of a BMP: the codec has none of it.
    var bitmap: (file: BitmapFile, bytes: UnsafeRawBufferPointer)?

    /// The size of the upright image.
    var width: Int { orientation.swapsSides ? storedHeight : storedWidth }
    var height: Int { orientation.swapsSides ? storedWidth : storedHeight }
}

/// Reads JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF and BMP files into 8-bit RGB, the right way up, transparency laid over white.
///
/// Keeps its buffers from one image to the next; for one thread at a time.
package final class ImageDecoder {
    /// The most pixels an image may have: twice the number at which Pillow warns of a decompression bomb.
    package static let pixelLimit = 178_956_970
    /// The most bytes a file may have.
    package static let fileLimit = 1 << 30

    /// How often the codecs found something odd in a file that they could still read, over all images so far.
    package private(set) var warnings = 0
    /// Why pixels of the image that was decoded last are not what they were, in the codec's words; nil where they are.
    package private(set) var damage: String?
    private let codec: OpaquePointer
    private let appliesOrientation: Bool
    private let readsToEnd: Bool
    private let file = PixelBuffer()
    private let decoded = PixelBuffer()
    private let turned = PixelBuffer()

    /// - Parameters:
    ///   - appliesOrientation: whether photographs are turned the way the camera noted (EXIF).
    ///   - readsToEnd: whether all of an image's data is looked through however little of it is wanted, so that `damage` is the file's and
    ///     not the part's.
    package init(appliesOrientation: Bool = true, readsToEnd: Bool = false) {
        guard let codec = image_codec_create() else { preconditionFailure("no memory left for an image decoder") }
        self.codec = codec
        self.appliesOrientation = appliesOrientation
        self.readsToEnd = readsToEnd
    }

    deinit { image_codec_destroy(codec) }

    /// Decodes a file. Throws `ImageError` with its path for anything that is not a whole image.
    package func decode(path: String) throws(ImageError) -> PixelImage { try decode(FilePart(path)) }

    /// The same of a file that may stand within another.
    package func decode(_ file: FilePart) throws(ImageError) -> PixelImage { PixelImage(try view(ofFile: file)) }

    /// Decodes an image in memory; `name` stands for it in errors.
    package func decode(_ bytes: [UInt8], name: String) throws(ImageError) -> PixelImage {
        do {
            return try bytes.withUnsafeBytes { PixelImage(try whole(try open($0, name: name))) }
        } catch let error as ImageError {
            throw error
        } catch {
            throw ImageError(path: name, reason: .damaged("\(error)"))
        }
    }

    /// The pixels of a file, in memory that the next call reuses.
    func view(ofFile file: FilePart) throws(ImageError) -> PixelView { try whole(try open(file)) }

    private func whole(_ image: OpenedImage) throws(ImageError) -> PixelView {
        try part(of: image, PixelRegion(left: 0, top: 0, width: image.width, height: image.height)).pixels
    }

    /// Reads a file and its header. The file's bytes stay until the next call.
    func open(_ file: FilePart) throws(ImageError) -> OpenedImage { try open(try contents(of: file), name: file.name) }

    func open(_ bytes: UnsafeRawBufferPointer, name: String) throws(ImageError) -> OpenedImage {
        guard bytes.count > 0 else { throw ImageError(path: name, reason: .empty) }
        let format = ImageFormat(sniffing: bytes)
        if format == .bmp {
            let file = try BitmapFile(bytes, name: name, pixelLimit: Self.pixelLimit)
            return OpenedImage(
                name: name, storedWidth: file.width, storedHeight: file.height, orientation: .upright, isScalable: false,
                bitmap: (file, bytes))
        }
        guard let codecFormat = format.codec else { throw ImageError(path: name, reason: Self.refusal(of: format, bytes)) }
        let status = image_codec_open(
            codec, codecFormat, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, UInt64(Self.pixelLimit))
        guard status == IMAGE_CODEC_OK else { throw failure(status, name) }
        return OpenedImage(
            name: name, storedWidth: Int(image_codec_width(codec)), storedHeight: Int(image_codec_height(codec)),
            orientation: appliesOrientation ? Orientation(of: bytes, format: format) : .upright, isScalable: format == .jpeg)
    }

    /// Decodes what is needed for a part of the image that was opened last, once; the pixels stay until the next call.
    ///
    /// - Parameters:
    ///   - wanted: the part, in pixels of the upright image after scaling.
    ///   - divisor: by what the image's size is divided.
    ///   - decoding: whether what lies below the part is decoded too, to see that it is whole.
    /// - Returns: a part that contains the one wanted, with just its pixels as they are in the whole image.
    func part(
        of image: OpenedImage, _ wanted: PixelRegion, divisor: Int = 1, decoding: ImageDecoding = .exact
    ) throws(ImageError) -> PixelPart {
        if let bitmap = image.bitmap { return try whole(of: bitmap, image) }
        if divisor > 1 {
            let status = image_codec_scale(codec, Int32(divisor))
            guard status == IMAGE_CODEC_OK else { throw failure(status, image.name) }
        }
        let (width, height) = (Int(image_codec_width(codec)), Int(image_codec_height(codec)))
        let place = image.orientation.stored(wanted, width: width, height: height)
        let found = PixelRegion(image_codec_limit(codec, ImageCodecPart(place)))
        let bytes = found.width * found.height * 3
        guard let pixels = decoded.reserveIfPossible(bytes) else { throw ImageError(path: image.name, reason: .outOfMemory) }
        let result = image_codec_decode(codec, pixels, decoding == .fast && !readsToEnd ? 1 : 0)
        guard result == IMAGE_CODEC_OK else { throw failure(result, image.name) }
        warnings += image_codec_warnings(codec)
        let words = String(cString: image_codec_damage(codec))
        damage = words.isEmpty ? nil : words
        var view = PixelView(base: pixels, width: found.width, height: found.height)
        if image.orientation != .upright {
            guard let room = turned.reserveIfPossible(bytes) else { throw ImageError(path: image.name, reason: .outOfMemory) }
            view = image.orientation.apply(to: view, into: room)
        }
        let upright = image.orientation.upright(found, width: width, height: height)
        return PixelPart(pixels: view, left: upright.left, top: upright.top)
    }

    private func whole(of bitmap: (file: BitmapFile, bytes: UnsafeRawBufferPointer), _ image: OpenedImage) throws(ImageError)
        -> PixelPart
    {
        guard let pixels = decoded.reserveIfPossible(bitmap.file.width * bitmap.file.height * 3) else {
            throw ImageError(path: image.name, reason: .outOfMemory)
        }
        try bitmap.file.decode(bitmap.bytes, name: image.name, into: pixels)
        damage = nil
        return PixelPart(
            pixels: PixelView(base: pixels, width: bitmap.file.width, height: bitmap.file.height), left: 0, top: 0)
    }

    /// The bytes of a file, in memory that the next call reuses.
    private func contents(of part: FilePart) throws(ImageError) -> UnsafeRawBufferPointer {
        do throws(FilePart.Failure) {
            return try part.read(atMost: Self.fileLimit) { file.reserveIfPossible($0).map { UnsafeMutableRawPointer($0) } }
        } catch {
            throw ImageError(path: part.name, reason: ImageError.Reason(error))
        }
    }

    private func failure(_ status: ImageCodecStatus, _ name: String) -> ImageError {
        let words = String(cString: image_codec_message(codec))
        let reason: ImageError.Reason =
            switch status {
            case IMAGE_CODEC_TRUNCATED: .truncated(words)
            case IMAGE_CODEC_TOO_LARGE: .tooLarge(width: Int(image_codec_width(codec)), height: Int(image_codec_height(codec)))
            case IMAGE_CODEC_UNSUPPORTED: .unsupported("an image of an unusual kind (\(words))")
            case IMAGE_CODEC_OUT_OF_MEMORY: .outOfMemory
            default: .damaged(words)
            }
        return ImageError(path: name, reason: reason)
    }

    private static func refusal(of format: ImageFormat, _ bytes: UnsafeRawBufferPointer) -> ImageError.Reason {
        if case .unsupported(let name) = format { return .unsupported(name) }
        let start = bytes.prefix(16)
        if start.allSatisfy({ (0x20...0x7E).contains($0) || [0x09, 0x0A, 0x0D].contains($0) }) {
            let line = String(decoding: start, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
            return .notAnImage(startsWith: "the text '\(line)'")
        }
        return .notAnImage(startsWith: "the bytes " + bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: " "))
    }
}

extension ImageCodecPart {
    init(_ region: PixelRegion) {
        self.init(
            left: UInt32(region.left), top: UInt32(region.top), width: UInt32(region.width), height: UInt32(region.height))
    }
}

extension PixelRegion {
    init(_ part: ImageCodecPart) {
        self.init(left: Int(part.left), top: Int(part.top), width: Int(part.width), height: Int(part.height))
    }
}

extension ImageError.Reason {
    init(_ failure: FilePart.Failure) {
        self =
            switch failure {
            case .system(let words): .cannotRead(words)
            case .tooLarge(let bytes): .fileTooLarge(bytes: bytes)
            case .outOfMemory: .outOfMemory
            }
    }
}
