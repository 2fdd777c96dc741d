// Which way up a photograph is: cameras store the sensor's rows as they come and note in EXIF how to turn them.
internal import CImageCodecs

/// The EXIF orientation of an image: how its stored pixels are turned to be looked at. Raw values are EXIF's.
package enum Orientation: Int, Sendable, CaseIterable {
    case upright = 1
    case mirrored, upsideDown, flipped, transposed, turnedRight, transverse, turnedLeft

    /// Whether width and height change places.
    package var swapsSides: Bool { rawValue >= 5 }

    /// The orientation that a file's EXIF block gives; upright when there is none or it is not to be trusted.
    init(of bytes: UnsafeRawBufferPointer, format: ImageFormat) {
        let block: UnsafeRawBufferPointer? =
            switch format {
            case .jpeg: ExifBlock.inJPEG(bytes)
            case .png: ExifBlock.inPNG(bytes)
            case .webp: ExifBlock.inWebP(bytes)
            case .unsupported, .unknown: nil
            }
        self = block.flatMap(ExifBlock.orientation(in:)).flatMap(Orientation.init(rawValue:)) ?? .upright
    }

    /// Whether the stored columns, or rows, run against those of the upright image.
    private var reversesColumns: Bool { [.mirrored, .upsideDown, .transverse, .turnedLeft].contains(self) }
    private var reversesRows: Bool { [.upsideDown, .flipped, .turnedRight, .transverse].contains(self) }

    /// Where a rectangle of the upright image lies in the stored one of `width` × `height` pixels.
    func stored(_ region: PixelRegion, width: Int, height: Int) -> PixelRegion {
        var place = region
        if swapsSides {
            place = PixelRegion(left: region.top, top: region.left, width: region.height, height: region.width)
        }
        if reversesColumns { place.left = width - place.left - place.width }
        if reversesRows { place.top = height - place.top - place.height }
        return place
    }

    /// Where a rectangle of the stored image of `width` × `height` pixels lies in the upright one.
    func upright(_ region: PixelRegion, width: Int, height: Int) -> PixelRegion {
        var place = region
        if reversesColumns { place.left = width - place.left - place.width }
        if reversesRows { place.top = height - place.top - place.height }
        guard swapsSides else { return place }
        return PixelRegion(left: place.top, top: place.left, width: place.height, height: place.width)
    }

    /// A rectangle of the upright image after the stored one of `width` × `height` pixels was made smaller by `divisor`. The smaller
    /// image's last column and row may stand for fewer pixels than the others; they come first where the order is reversed.
    func scaled(_ region: PixelRegion, by divisor: Int, width: Int, height: Int) -> ExactRegion {
        var result = ExactRegion(region)
        guard divisor > 1 else { return result }
        let factor = Double(divisor)
        func surplus(_ length: Int) -> Double { (Double(length) / factor).rounded(.up) - Double(length) / factor }
        let (columns, rows) = (reversesColumns ? surplus(width) : 0, reversesRows ? surplus(height) : 0)
        let (right, down) = swapsSides ? (rows, columns) : (columns, rows)
        (result.left, result.right) = (result.left / factor + right, result.right / factor + right)
        (result.top, result.bottom) = (result.top / factor + down, result.bottom / factor + down)
        return result
    }

    /// Writes `source` turned upright to `target`, which has room for as many pixels. Returns the turned image.
    func apply(to source: PixelView, into target: UnsafeMutablePointer<UInt8>) -> PixelView {
        let (width, height) = (source.width, source.height)
        let (right, down) = (3, source.stride)
        let lastColumn = (width - 1) * right
        let lastRow = (height - 1) * down
        // Where the first target pixel comes from, and the steps in the source for a step right and a step down in the target.
        let (start, stepRight, stepDown): (Int, Int, Int) =
            switch self {
            case .upright: (0, right, down)
            case .mirrored: (lastColumn, -right, down)
            case .upsideDown: (lastColumn + lastRow, -right, -down)
            case .flipped: (lastRow, right, -down)
            case .transposed: (0, down, right)
            case .turnedRight: (lastRow, -down, right)
            case .transverse: (lastColumn + lastRow, -down, -right)
            case .turnedLeft: (lastColumn, down, -right)
            }
        let result = PixelView(base: target, width: swapsSides ? height : width, height: swapsSides ? width : height)
        for y in 0..<result.height {
            var from = source.base + start + y * stepDown
            var to = target + y * result.stride
            for _ in 0..<result.width {
                to[0] = from[0]
                to[1] = from[1]
                to[2] = from[2]
                from += stepRight
                to += 3
            }
        }
        return result
    }
}

/// Finding the EXIF block of a file, and the orientation in it. Every offset is checked: the numbers come from a file.
enum ExifBlock {
    /// The TIFF structure in a JPEG's APP1 segment, which stands before the image data.
    static func inJPEG(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var offset = 2
        while offset + 4 <= bytes.count, bytes[offset] == 0xFF {
            let marker = bytes[offset + 1]
            if marker == 0xFF {  // a fill byte
                offset += 1
                continue
            }
            if marker == 0xDA || marker == 0xD9 { return nil }
            let length = Int(bytes[offset + 2]) << 8 | Int(bytes[offset + 3])
            let end = offset + 2 + length
            guard length >= 2, end <= bytes.count else { return nil }
            if marker == 0xE1, let block = withoutExifHeader(slice(bytes, offset + 4, end)) { return block }
            offset = end
        }
        return nil
    }

    /// The contents of a PNG's `eXIf` chunk, if it stands before the image data.
    static func inPNG(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var offset = 8
        while offset + 12 <= bytes.count {
            let length = Int(read32(bytes, offset, bigEndian: true))
            guard length <= bytes.count - offset - 12 else { return nil }
            let name = String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self)
            if name == "eXIf" { return slice(bytes, offset + 8, offset + 8 + length) }
            if name == "IEND" { return nil }
            offset += 12 + length
        }
        return nil
    }

    /// The contents of a WebP's `EXIF` chunk; some writers put JPEG's header before the TIFF structure.
    static func inWebP(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var offset = 12
        while offset + 8 <= bytes.count {
            let length = Int(read32(bytes, offset + 4, bigEndian: false))
            guard length <= bytes.count - offset - 8 else { return nil }
            if String(decoding: bytes[offset..<offset + 4], as: UTF8.self) == "EXIF" {
                let block = slice(bytes, offset + 8, offset + 8 + length)
                return withoutExifHeader(block) ?? block
            }
            offset += 8 + length + length % 2
        }
        return nil
    }

    /// Tag 0x0112 of the first directory of a TIFF structure.
    static func orientation(in tiff: UnsafeRawBufferPointer) -> Int? {
        guard tiff.count >= 8 else { return nil }
        let bigEndian: Bool
        switch (tiff[0], tiff[1]) {
        case (0x4D, 0x4D): bigEndian = true
        case (0x49, 0x49): bigEndian = false
        default: return nil
        }
        guard read16(tiff, 2, bigEndian: bigEndian) == 42 else { return nil }
        let directory = Int(read32(tiff, 4, bigEndian: bigEndian))
        guard directory <= tiff.count - 2 else { return nil }
        for entry in 0..<Int(read16(tiff, directory, bigEndian: bigEndian)) {
            let offset = directory + 2 + 12 * entry
            guard offset + 12 <= tiff.count else { return nil }
            guard read16(tiff, offset, bigEndian: bigEndian) == 0x0112 else { continue }
            let isOneShort =
                read16(tiff, offset + 2, bigEndian: bigEndian) == 3 && read32(tiff, offset + 4, bigEndian: bigEndian) == 1
            return isOneShort ? Int(read16(tiff, offset + 8, bigEndian: bigEndian)) : nil
        }
        return nil
    }

    private static func withoutExifHeader(_ block: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard block.count >= 6, block.prefix(6).elementsEqual([0x45, 0x78, 0x69, 0x66, 0, 0]) else { return nil }
        return slice(block, 6, block.count)
    }

    private static func slice(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    private static func read16(_ bytes: UnsafeRawBufferPointer, _ offset: Int, bigEndian: Bool) -> UInt16 {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        return bigEndian ? UInt16(bigEndian: word) : UInt16(littleEndian: word)
    }

    private static func read32(_ bytes: UnsafeRawBufferPointer, _ offset: Int, bigEndian: Bool) -> UInt32 {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return bigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
    }
}
