// What a look at one photograph finds: whether it can be read, what is odd about it, and what tells it from others.
package import Files
package import Foundation
internal import Tensors

/// The findings about one image.
package struct ImageFacts: Sendable, Codable {
    /// Why it cannot be read; nil where it can.
    package var unreadable: String?
    /// What is odd about it, in words.
    package var oddities: [String] = []
    /// XXH64 of size and upright pixels, whatever file they come from; 0 where it cannot be read.
    package var digest: UInt64 = 0
    /// `[32, 32, 3]`, means of the pixels; empty where it cannot be read.
    package var thumbnail = Data()

    package static let side = 32

    package init() {}
}

/// Looks at images one after the other. For one thread at a time.
package final class ImageExaminer {
    private let decoder: ImageDecoder
    private let file = PixelBuffer()

    package init(appliesOrientation: Bool) { decoder = ImageDecoder(appliesOrientation: appliesOrientation, readsToEnd: true) }

    /// Sides below this many pixels are tiny; sides of more than this ratio are extreme.
    private static let (tinySide, extremeRatio) = (64, 4.0)

    package func examine(_ part: FilePart) -> ImageFacts {
        var facts = ImageFacts()
        do throws(FilePart.Failure) {
            let bytes = try part.read(atMost: ImageDecoder.fileLimit) {
                file.reserveIfPossible($0).map { UnsafeMutableRawPointer($0) }
            }
            do throws(ImageError) {
                let image = try decoder.open(bytes, name: part.name)
                let whole = PixelRegion(left: 0, top: 0, width: image.width, height: image.height)
                let view = try decoder.part(of: image, whole).pixels
                facts.oddities = ImageHeader(bytes).oddities + oddities(part, bytes, view)
                if let damage = decoder.damage { facts.oddities.insert("it is damaged: \(damage)", at: 0) }
                facts.digest = Self.digest(view)
                facts.thumbnail = Self.thumbnail(view)
            } catch {
                facts.unreadable = "\(error.reason)"
            }
        } catch {
            facts.unreadable = "\(ImageError.Reason(error))"
        }
        return facts
    }

    private func oddities(_ part: FilePart, _ bytes: UnsafeRawBufferPointer, _ view: PixelView) -> [String] {
        var found: [String] = []
        let suffix = URL(fileURLWithPath: part.name).pathExtension.lowercased()
        if let own = ImageFormat.suffix(of: Array(bytes.prefix(ImageFormat.tellingBytes))), !Self.means(suffix, own) {
            found.append(
                suffix.isEmpty ? "its name has no suffix: it is a .\(own)" : "its name says .\(suffix), and it is a .\(own)")
        }
        let (short, long) = (min(view.width, view.height), max(view.width, view.height))
        if short < Self.tinySide { found.append("it is tiny: \(view.width) × \(view.height) pixels") }
        if Double(long) > Self.extremeRatio * Double(short) {
            found.append("its shape is extreme: \(view.width) × \(view.height) pixels")
        }
        if Self.isOneColour(view) { found.append("it is all of one colour") }
        return found
    }

    /// Suffixes that stand for one format.
    private static func means(_ suffix: String, _ own: String) -> Bool {
        let kinds = [["jpg", "jpeg", "jpe", "jfif"], ["tiff", "tif"], ["heic", "heif", "hif", "avif"]]
        return suffix == own || kinds.contains { $0.contains(suffix) && $0.contains(own) }
    }

    private static func isOneColour(_ view: PixelView) -> Bool {
        var (low, high) = ([255, 255, 255], [0, 0, 0])
        for pixel in 0..<view.width * view.height {
            for channel in 0..<3 {
                let level = Int(view.base[3 * pixel + channel])
                low[channel] = min(low[channel], level)
                high[channel] = max(high[channel], level)
            }
            if pixel % 512 == 0, (0..<3).contains(where: { high[$0] - low[$0] > 8 }) { return false }
        }
        return (0..<3).allSatisfy { high[$0] - low[$0] <= 8 }
    }

    private static func digest(_ view: PixelView) -> UInt64 {
        var checksum = Checksum()
        checksum.update(view.width)
        checksum.update(view.height)
        checksum.update(UnsafeRawBufferPointer(start: view.base, count: view.width * view.height * 3))
        return checksum.value
    }

    /// Each pixel of the thumbnail is the mean of those that it covers, of one at least.
    private static func thumbnail(_ view: PixelView) -> Data {
        let side = ImageFacts.side
        var bytes = Data(count: side * side * 3)
        for row in 0..<side {
            let (top, bottom) = range(row, view.height)
            for column in 0..<side {
                let (left, right) = range(column, view.width)
                var (red, green, blue) = (0, 0, 0)
                for y in top..<bottom {
                    let line = view.base + y * view.stride
                    for x in left..<right {
                        red += Int(line[3 * x])
                        green += Int(line[3 * x + 1])
                        blue += Int(line[3 * x + 2])
                    }
                }
                let count = (bottom - top) * (right - left)
                let start = (row * side + column) * 3
                bytes[start] = UInt8((red + count / 2) / count)
                bytes[start + 1] = UInt8((green + count / 2) / count)
                bytes[start + 2] = UInt8((blue + count / 2) / count)
            }
        }
        return bytes
    }

    private static func range(_ index: Int, _ length: Int) -> (Int, Int) {
        let start = index * length / ImageFacts.side
        return (min(start, length - 1), max(min(start, length - 1) + 1, (index + 1) * length / ImageFacts.side))
    }
}

/// What a JPEG's or PNG's header says beyond its size.
struct ImageHeader {
    private(set) var oddities: [String] = []

    init(_ bytes: UnsafeRawBufferPointer) {
        var profile: ArraySlice<UInt8>?
        if bytes.starts(with: [0xFF, 0xD8]) {
            var (place, components) = (2, 0)
            while place + 4 <= bytes.count, bytes[place] == 0xFF {
                let (marker, length) = (bytes[place + 1], Int(bytes[place + 2]) << 8 | Int(bytes[place + 3]))
                if marker == 0xFF { place += 1; continue }
                let end = min(bytes.count, place + 2 + length)
                if (0xC0...0xCF).contains(marker), ![0xC4, 0xC8, 0xCC].contains(marker), place + 9 < bytes.count {
                    components = Int(bytes[place + 9])
                }
                if marker == 0xE2, end - place > 18, bytes[(place + 4)..<(place + 15)].elementsEqual(Array("ICC_PROFILE".utf8)) {
                    profile = Array(bytes[(place + 18)..<end])[...]
                }
                if marker == 0xDA || length < 2 { break }
                place += 2 + length
            }
            if components == 4 { oddities.append("it is in CMYK, as for print") }
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            // A PNG's profile is compressed; its name is not.
            let head = Array(bytes.prefix(4096))
            if let place = Self.find(Array("iCCP".utf8), in: head) { profile = head[(place + 4)..<min(head.count, place + 84)] }
        }
        if let profile, !Self.isUsual(Array(profile)) {
            oddities.append("it has a colour profile other than sRGB; its levels are taken as they are")
        }
    }

    /// Whether a profile calls itself sRGB, in either of the two ways in which profiles write text, or grey.
    private static func isUsual(_ profile: [UInt8]) -> Bool {
        ["sRGB", "s\0R\0G\0B", "ICC profile", "GRAY"].contains { find(Array($0.utf8), in: profile) != nil }
    }

    private static func find(_ text: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= text.count else { return nil }
        return (0...(bytes.count - text.count)).first { start in text.indices.allSatisfy { bytes[start + $0] == text[$0] } }
    }
}
