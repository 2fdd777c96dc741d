// Decoding a part of an image, at full size or smaller, against decoding all of it.
import Tensors
import Testing

@testable import ImageData

struct ImagePartTests {
    private static let files = [
        "444", "422", "420", "440", "411", "411-upright", "444-progressive", "422-progressive", "420-progressive", "rgb", "grey",
        "cmyk", "restarts", "tiny", "pixel", "420-progressive-2", "422-progressive-1", "444-progressive-5",
    ]

    /// A JPEG with an EXIF block that notes an orientation; `NAME-progressive-N` is a file of which only N scans are left, and the end
    /// marker.
    private func file(_ name: String, orientation: Int = 1) throws -> [UInt8] {
        var words = name.split(separator: "-")
        let scans = words.last.flatMap { Int($0) }.flatMap { words.count > 2 ? $0 : nil }
        if scans != nil { words.removeLast() }
        var bytes = try Fixture.bytes("parts/\(words.joined(separator: "-")).jpg")
        if let scans {
            let starts = bytes.indices.dropLast().filter { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }
            bytes = bytes[..<starts[scans]] + [0xFF, 0xD9]
        }
        let tiff: [UInt8] = [
            0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, UInt8(orientation), 0, 0, 0, 0, 0, 0,
        ]
        let block = Array("Exif".utf8) + [0, 0] + tiff
        return Array(bytes[..<2]) + [0xFF, 0xE1, 0, UInt8(block.count + 2)] + block + Array(bytes[2...])
    }

    private func opened<Result>(
        _ bytes: [UInt8], _ decoder: ImageDecoder, _ body: (OpenedImage) throws -> Result
    ) throws -> Result {
        try bytes.withUnsafeBytes { try body(try decoder.open($0, name: "image")) }
    }

    private func cut(_ part: PixelPart, _ region: PixelRegion) -> [UInt8] {
        (region.top..<region.top + region.height).flatMap { row in
            let start = part.pixels.base + (row - part.top) * part.pixels.stride + 3 * (region.left - part.left)
            return Array(UnsafeBufferPointer(start: start, count: 3 * region.width))
        }
    }

    @Test(arguments: files, [1, 2, 4, 8]) func partsAreThoseOfTheWholeImage(_ name: String, _ divisor: Int) throws {
        let decoder = ImageDecoder()
        var random = CounterRandom(seed: 1, epoch: divisor, index: 0, purpose: .synthetic)
        for orientation in 1...8 {
            let bytes = try file(name, orientation: orientation)
            let (width, height) = try opened(bytes, decoder) { image in
                ((image.width + divisor - 1) / divisor, (image.height + divisor - 1) / divisor)
            }
            let all = PixelRegion(left: 0, top: 0, width: width, height: height)
            let whole = try opened(bytes, decoder) { image in
                PixelImage(try decoder.part(of: image, all, divisor: divisor).pixels)
            }
            #expect(whole.width == width && whole.height == height)
            for attempt in 0..<12 {
                let size = (random.below(width) + 1, random.below(height) + 1)
                let wanted = PixelRegion(
                    left: random.below(width - size.0 + 1), top: random.below(height - size.1 + 1), width: size.0, height: size.1)
                let found = try opened(bytes, decoder) { image in
                    cut(
                        try decoder.part(of: image, wanted, divisor: divisor, decoding: attempt % 2 == 0 ? .exact : .fast), wanted
                    )
                }
                let expected = whole.withView { cut(PixelPart(pixels: $0, left: 0, top: 0), wanted) }
                #expect(found == expected, "\(name), orientation \(orientation), \(wanted)")
            }
        }
    }

    @Test(arguments: files) func viewsAreTheSameWithAndWithoutParts(_ name: String) throws {
        let decoder = ImageDecoder()
        for (filter, side) in [(Preprocessing.Interpolation.bilinear, 48), (.bicubic, 91), (.bilinear, 150)] {
            let preparer = ImagePreparer(
                preprocessing: Preprocessing(
                    resize: side * 8 / 7, crop: side, interpolation: filter, mean: [0, 0, 0], deviation: [1, 1, 1]))
            for orientation in [1, 3, 5, 6, 7] {
                let bytes = try file(name, orientation: orientation)
                let whole = try decoder.decode(bytes, name: name)
                for index in 0..<6 {
                    let view =
                        index == 0
                        ? .evaluation
                        : Augmentation.standard.view(
                            width: whole.width, height: whole.height, side: side, seed: 7, epoch: orientation, index: index)
                    let expected = preparer.rendered(whole, as: view)
                    let found = try opened(bytes, decoder) {
                        try preparer.rendered($0, from: decoder, as: view, decoding: .exact)
                    }
                    #expect(found == expected, "\(name), orientation \(orientation), \(view)")
                }
            }
        }
    }

    @Test(arguments: 1...8) func smallerDecodingStaysWithinALevel(_ orientation: Int) throws {
        let decoder = ImageDecoder()
        let bytes = try file("photograph", orientation: orientation)
        let whole = try decoder.decode(bytes, name: "photograph")
        for (side, divisor) in [(10, 8), (30, 4), (50, 2)] {
            let preparer = ImagePreparer(
                preprocessing: Preprocessing(resize: side, crop: side, mean: [0, 0, 0], deviation: [1, 1, 1]))
            var augmentation = Augmentation.standard
            augmentation.cropScale = 0.7...1
            for index in 0..<8 {
                let view = augmentation.view(
                    width: whole.width, height: whole.height, side: side, seed: 3, epoch: orientation, index: index)
                let region = try #require(view.region)
                #expect(ImageDecoding.fast.divisor(for: region, width: side, height: side) == divisor)
                let exact = preparer.rendered(whole, as: view)
                let fast = try opened(bytes, decoder) { try preparer.rendered($0, from: decoder, as: view, decoding: .fast) }
                let sum = zip(exact.pixels, fast.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
                #expect(Double(sum) / Double(exact.pixels.count) <= 1, "\(divisor), \(view)")
            }
        }
    }

    @Test(arguments: ["420-progressive-2", "444-progressive-5"]) func missingScansAreTold(_ name: String) throws {
        let decoder = ImageDecoder()
        _ = try decoder.decode(try file(name), name: name)
        #expect(decoder.damage?.contains("scans") == true)
        _ = try decoder.decode(try file("420-progressive"), name: "whole")
        #expect(decoder.damage == nil)
    }

    @Test func onlyMuchShrunkImagesAreDecodedSmaller() {
        let region = PixelRegion(left: 0, top: 0, width: 2000, height: 1400)
        #expect(ImageDecoding.exact.divisor(for: region, width: 10, height: 10) == 1)
        #expect(ImageDecoding.fast.divisor(for: region, width: 224, height: 224) == 2)
        #expect(ImageDecoding.fast.divisor(for: region, width: 224, height: 256) == 1)
        #expect(ImageDecoding.fast.divisor(for: region, width: 100, height: 100) == 4)
        #expect(ImageDecoding.fast.divisor(for: region, width: 10, height: 50) == 8)
    }

    /// Wherever a file is cut, no part of it counts as an image.
    @Test(arguments: ["420", "420-progressive", "restarts", "grey", "cmyk"], [ImageDecoding.exact, .fast])
    func shortenedFilesAreRefusedWhateverIsWanted(_ name: String, _ decoding: ImageDecoding) throws {
        let decoder = ImageDecoder()
        let bytes = try file(name)
        let wanted = PixelRegion(left: 20, top: 10, width: 9, height: 7)
        for length in stride(from: bytes.count - 2, to: 40, by: -97) {
            let error = #expect(throws: ImageError.self) {
                try opened(Array(bytes[..<length]), decoder) { image in
                    _ = try decoder.part(of: image, wanted, divisor: 1, decoding: decoding)
                }
            }
            if case .truncated = error?.reason { continue }
            Issue.record("cut to \(length) bytes: \(String(describing: error))")
        }
        _ = try opened(bytes, decoder) { try decoder.part(of: $0, wanted, divisor: 1, decoding: decoding) }
    }

    /// No byte may lead anywhere but to pixels or an error, whatever is wanted of the file.
    @Test(arguments: ["420", "440", "420-progressive", "restarts", "cmyk"]) func mangledFilesArePartsOrErrors(_ name: String)
        throws
    {
        let decoder = ImageDecoder()
        let original = try file(name)
        for position in stride(from: 2, to: original.count, by: 7) {
            var mangled = original
            mangled[position] ^= UInt8(truncatingIfNeeded: 1 << (position % 8)) | 0x80
            try? opened(mangled, decoder) { image in
                let wanted = PixelRegion(
                    left: image.width / 3, top: image.height / 3, width: (image.width + 2) / 3, height: (image.height + 2) / 3)
                guard image.width * image.height < 1 << 22 else { return }  // a size that only the mangling promises
                _ = try decoder.part(of: image, wanted, decoding: position % 3 == 0 ? .exact : .fast)
            }
        }
        #expect(try decoder.decode(original, name: name).width > 0)
    }
}
