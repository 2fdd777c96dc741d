// Finding what a camera or an editor noted of a photograph's orientation, in every form that Pillow honours. Every offset is checked: the
// numbers come from a file.
internal import CImageCodecs

/// The orientation that a file states: in EXIF first, in XMP where that says nothing.
struct CameraNote {
    private var exif: Int?
    private var xmp: Int?

    var orientation: Int? { exif ?? xmp }

    /// A JPEG's APP1 segments, which stand before the image data.
    mutating func readJPEG(_ bytes: UnsafeRawBufferPointer) {
        var offset = 2
        while offset + 4 <= bytes.count, bytes[offset] == 0xFF {
            let marker = bytes[offset + 1]
            if marker == 0xFF {  // a fill byte
                offset += 1
                continue
            }
            if marker == 0xDA || marker == 0xD9 { return }
            let length = Int(bytes[offset + 2]) << 8 | Int(bytes[offset + 3])
            let end = offset + 2 + length
            guard length >= 2, end <= bytes.count else { return }
            let segment = slice(bytes, offset + 4, end)
            if marker == 0xE1, let block = withoutExifHeader(segment) {
                exif = exif ?? Self.orientation(in: block)
            } else if marker == 0xE1, starts(segment, "http://ns.adobe.com/xap/1.0/") {
                xmp = xmp ?? Self.orientation(inXMP: segment)
            }
            offset = end
        }
    }

    /// A PNG's `eXIf` chunk, with or without JPEG's header; what ImageMagick writes instead, the block in hexadecimal digits as a text;
    /// and XMP.
    mutating func readPNG(_ bytes: UnsafeRawBufferPointer) {
        var offset = 8
        while offset + 12 <= bytes.count {
            let length = Int(read32(bytes, offset, bigEndian: true))
            guard length <= bytes.count - offset - 12 else { return }
            let chunk = slice(bytes, offset + 8, offset + 8 + length)
            switch String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self) {
            case "eXIf": exif = Self.orientation(in: withoutExifHeader(chunk) ?? chunk) ?? exif
            case "tEXt", "zTXt", "iTXt": readText(chunk, isPacked: bytes[offset + 4] == UInt8(ascii: "z"))
            case "IEND": return
            default: break
            }
            offset += 12 + length
        }
    }

    private mutating func readText(_ chunk: UnsafeRawBufferPointer, isPacked: Bool) {
        guard let end = chunk.firstIndex(of: 0), end < 80 else { return }
        let rest = slice(chunk, end + 1, chunk.count)
        switch String(decoding: chunk[..<end], as: UTF8.self) {
        case "Raw profile type exif" where exif == nil:
            let text = isPacked ? Self.unpacked(slice(rest, min(1, rest.count), rest.count)) : Array(rest)
            exif = Self.orientation(inProfile: text)
        case "XML:com.adobe.xmp": xmp = xmp ?? Self.orientation(inXMP: rest)
        default: break
        }
    }

    /// More than any camera writes.
    private static let textLimit = 1 << 20

    private static func unpacked(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: textLimit) { buffer, count in
            count = image_codec_inflate(
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, buffer.baseAddress, textLimit)
        }
    }

    /// A line break, the name, the length, and the bytes as digits over many lines.
    private static func orientation(inProfile text: [UInt8]) -> Int? {
        let lines = text.split(separator: 10, omittingEmptySubsequences: false)
        let digits = lines.dropFirst(3).joined().compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        return bytes.withUnsafeBytes { orientation(in: CameraNote().withoutExifHeader($0) ?? $0) }
    }

    /// A WebP's `EXIF` chunk, in which some writers put JPEG's header before the TIFF structure, and its `XMP ` chunk.
    mutating func readWebP(_ bytes: UnsafeRawBufferPointer) {
        var offset = 12
        while offset + 8 <= bytes.count {
            let length = Int(read32(bytes, offset + 4, bigEndian: false))
            guard length <= bytes.count - offset - 8 else { return }
            let block = slice(bytes, offset + 8, offset + 8 + length)
            switch String(decoding: bytes[offset..<offset + 4], as: UTF8.self) {
            case "EXIF": exif = exif ?? Self.orientation(in: withoutExifHeader(block) ?? block)
            case "XMP ": xmp = xmp ?? Self.orientation(inXMP: block)
            default: break
            }
            offset += 8 + length + length % 2
        }
    }

    /// A TIFF file is itself the structure that EXIF stands in.
    mutating func readTIFF(_ bytes: UnsafeRawBufferPointer) { exif = Self.orientation(in: bytes) }

    /// `tiff:Orientation="6"` or `<tiff:Orientation>6`.
    private static func orientation(inXMP bytes: UnsafeRawBufferPointer) -> Int? {
        let mark = Array("tiff:Orientation".utf8)
        guard bytes.count > mark.count + 2 else { return nil }
        for start in 0..<bytes.count - mark.count - 2
        where bytes[start] == mark[0] && bytes[start..<start + mark.count].elementsEqual(mark) {
            let rest = bytes[(start + mark.count)...]
            let digit =
                rest.starts(with: Array("=\"".utf8)) ? rest.dropFirst(2).first : rest.first == 62 ? rest.dropFirst().first : nil
            if let digit, (48...57).contains(digit) { return Int(digit) - 48 }
        }
        return nil
    }

    /// Tag 0x0112 of the first directory of a TIFF structure: one integer of 16 or 32 bits.
    private static func orientation(in tiff: UnsafeRawBufferPointer) -> Int? {
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
            guard read32(tiff, offset + 4, bigEndian: bigEndian) == 1 else { return nil }
            switch read16(tiff, offset + 2, bigEndian: bigEndian) {
            case 3, 8: return Int(read16(tiff, offset + 8, bigEndian: bigEndian))
            case 4, 9: return Int(read32(tiff, offset + 8, bigEndian: bigEndian))
            default: return nil
            }
        }
        return nil
    }

    private func withoutExifHeader(_ block: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard block.count >= 6, block.prefix(6).elementsEqual([0x45, 0x78, 0x69, 0x66, 0, 0]) else { return nil }
        return slice(block, 6, block.count)
    }

    private func starts(_ block: UnsafeRawBufferPointer, _ text: String) -> Bool { block.starts(with: text.utf8) }
}

private func slice(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[start..<end])
}

private func read16(_ bytes: UnsafeRawBufferPointer, _ offset: Int, bigEndian: Bool) -> UInt16 {
    let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
    return bigEndian ? UInt16(bigEndian: word) : UInt16(littleEndian: word)
}

private func read32(_ bytes: UnsafeRawBufferPointer, _ offset: Int, bigEndian: Bool) -> UInt32 {
    let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return bigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
}
