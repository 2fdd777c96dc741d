// Windows bitmaps, which no library in wide use reads by itself: rows of indices or of colours, packed by runs or not.

/// A BMP file whose header has been read. Understands what Pillow does: 1 to 32 bits a pixel, masks, runs of 4 and 8 bits, rows from
/// the bottom or from the top.
struct BitmapFile {
    let width: Int
    let height: Int
    private let isTopDown: Bool
    private let bits: Int
    private let packing: Packing
    private let palette: [Colour]
    /// Where the pixels begin, in bytes of the file.
    private let start: Int

    private typealias Colour = SIMD3<UInt8>

    private enum Packing: Equatable {
        case plain
        case runs
        /// Bits of red, green, blue and alpha in a pixel's number; no bits of alpha: none.
        case masks([UInt32])
    }

    /// - Throws: `ImageError` with the name for a file that is no whole header, or of a kind that is not read.
    init(_ bytes: UnsafeRawBufferPointer, name: String, pixelLimit: Int) throws(ImageError) {
        let file = Numbers(bytes: bytes, name: name)
        start = Int(try file.unsigned32(10))
        let header = Int(try file.unsigned32(14))
        let isOld = header == 12
        guard isOld || header >= 40, header <= bytes.count else { throw file.damaged("its header has an unknown size") }
        let (wide, tall) =
            isOld
            ? (Int(try file.unsigned16(18)), Int(try file.unsigned16(20)))
            : (Int(Int32(bitPattern: try file.unsigned32(18))), Int(Int32(bitPattern: try file.unsigned32(22))))
        bits = Int(try file.unsigned16(isOld ? 24 : 28))
        (width, height, isTopDown) = (wide, abs(tall), tall < 0)
        guard width > 0, height > 0 else { throw file.damaged("the image has no pixels") }
        guard height <= pixelLimit / width else { throw ImageError(path: name, reason: .tooLarge(width: width, height: height)) }

        let method = isOld ? 0 : try file.unsigned32(30)
        switch (method, bits) {
        case (0, 1), (0, 4), (0, 8), (0, 24), (0, 32): packing = .plain
        case (0, 16): packing = .masks([0x7C00, 0x3E0, 0x1F, 0])
        case (1, 8), (2, 4): packing = .runs
        case (3, 16), (3, 32), (6, 16), (6, 32):
            // Behind a header of the first kind, or a part of the later ones: the same place.
            let hasAlpha = method == 6 || header >= 56
            var masks: [UInt32] = []
            for index in 0..<(hasAlpha ? 4 : 3) { masks.append(try file.unsigned32(54 + 4 * index)) }
            packing = .masks(hasAlpha ? masks : masks + [0])
        default:
            throw ImageError(path: name, reason: .unsupported("a BMP image of \(bits) bits a pixel, packed by method \(method)"))
        }

        guard bits <= 8 else {
            palette = []
            return
        }
        let stated = isOld ? 0 : Int(try file.unsigned32(46))
        let count = stated == 0 || stated > 1 << bits ? 1 << bits : stated
        let stride = isOld ? 3 : 4
        var colours = [Colour](repeating: .zero, count: 256)
        for index in 0..<count {
            let at = 14 + header + stride * index
            guard at + 3 <= min(start, bytes.count) else { break }  // files of old programs end their tables early
            colours[index] = Colour(bytes[at + 2], bytes[at + 1], bytes[at])
        }
        palette = colours
    }

    /// Writes `3 · width · height` bytes, the upper row first.
    ///
    /// - Throws: `ImageError` for a file that ends before its pixels do.
    func decode(_ bytes: UnsafeRawBufferPointer, name: String, into rgb: UnsafeMutablePointer<UInt8>) throws(ImageError) {
        let file = Numbers(bytes: bytes, name: name)
        if packing == .runs { return try decodeRuns(file, into: rgb) }
        let stride = (width * bits + 31) / 32 * 4
        // The last row needs no filling up.
        guard start <= bytes.count, stride * (height - 1) + (width * bits + 7) / 8 <= bytes.count - start else {
            throw file.ended
        }
        for row in 0..<height {
            let source = UnsafeRawBufferPointer(rebasing: bytes[(start + stride * row)...])
            let target = rgb + 3 * width * (isTopDown ? row : height - 1 - row)
            switch packing {
            case .masks(let masks): readMasked(source, masks.map(Mask.init), into: target)
            case .plain, .runs: readPlain(source, into: target)
            }
        }
    }

    private func readPlain(_ source: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>) {
        let size = bits / 8
        for x in 0..<width {
            guard bits <= 8 else {
                for channel in 0..<3 { target[3 * x + channel] = source[size * x + 2 - channel] }
                continue
            }
            let place = x * bits
            put(Int(source[place / 8]) >> (8 - bits - place % 8) & (1 << bits - 1), x, target)
        }
    }

    private func put(_ index: Int, _ x: Int, _ target: UnsafeMutablePointer<UInt8>) {
        for channel in 0..<3 { target[3 * x + channel] = palette[index][channel] }
    }

    /// A channel's bits in a pixel's number, and their value as a byte.
    private struct Mask {
        let bits: UInt32
        let shift: UInt32
        let largest: UInt32

        init(_ bits: UInt32) {
            self.bits = bits
            shift = bits == 0 ? 0 : UInt32(bits.trailingZeroBitCount)
            largest = bits >> shift
        }

        func value(_ pixel: UInt32) -> UInt32 {
            largest == 0 ? 0 : UInt32(UInt64((pixel & bits) >> shift) * 255 / UInt64(largest))
        }
    }

    private func readMasked(_ source: UnsafeRawBufferPointer, _ masks: [Mask], into target: UnsafeMutablePointer<UInt8>) {
        for x in 0..<width {
            let pixel =
                bits == 16
                ? UInt32(UInt16(littleEndian: source.loadUnaligned(fromByteOffset: 2 * x, as: UInt16.self)))
                : UInt32(littleEndian: source.loadUnaligned(fromByteOffset: 4 * x, as: UInt32.self))
            let alpha = masks[3].bits == 0 ? 255 : masks[3].value(pixel)
            for channel in 0..<3 {
                let sum = masks[channel].value(pixel) * alpha + 255 * (255 - alpha) + 127
                target[3 * x + channel] = UInt8(sum / 255)
            }
        }
    }

    /// Runs of one index (of two in turn where they have 4 bits), and between them stretches of indices as they are.
    private func decodeRuns(_ file: Numbers, into rgb: UnsafeMutablePointer<UInt8>) throws(ImageError) {
        for pixel in 0..<width * height { put(0, pixel, rgb) }
        var (x, y, at) = (0, 0, start)
        func set(_ index: Int) {
            if x < width { put(index, x, rgb + 3 * width * (isTopDown ? y : height - 1 - y)) }
            x += 1
        }
        while y < height {
            let (count, value) = (try file.unsigned8(at), try file.unsigned8(at + 1))
            at += 2
            switch (count, value) {
            case (0, 0): (x, y) = (0, y + 1)
            case (0, 1): return
            case (0, 2):
                (x, y) = (x + (try file.unsigned8(at)), y + (try file.unsigned8(at + 1)))
                at += 2
            case (0, let stretch):
                for index in 0..<stretch {
                    let byte = try file.unsigned8(at + (bits == 8 ? index : index / 2))
                    set(bits == 8 ? byte : index % 2 == 0 ? byte >> 4 : byte & 15)
                }
                at += ((bits == 8 ? stretch : (stretch + 1) / 2) + 1) / 2 * 2
            default:
                for index in 0..<count { set(bits == 8 ? value : index % 2 == 0 ? value >> 4 : value & 15) }
            }
        }
    }

    /// Numbers of a file, none beyond its end.
    private struct Numbers {
        let bytes: UnsafeRawBufferPointer
        let name: String

        var ended: ImageError { ImageError(path: name, reason: .truncated("the file ends before the image does")) }
        func damaged(_ words: String) -> ImageError { ImageError(path: name, reason: .damaged(words)) }

        func unsigned8(_ offset: Int) throws(ImageError) -> Int {
            guard offset < bytes.count else { throw ended }
            return Int(bytes[offset])
        }

        func unsigned16(_ offset: Int) throws(ImageError) -> UInt16 {
            guard offset + 2 <= bytes.count else { throw ended }
            return UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        }

        func unsigned32(_ offset: Int) throws(ImageError) -> UInt32 {
            guard offset + 4 <= bytes.count else { throw ended }
            return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
    }
}
