// Decoding against Pillow, bit for bit, and every way a file can disappoint.
import Foundation
import Tensors
import Testing

@testable import ImageData

struct DecodingCase: Decodable {
    let file: String
    let expected: String?
    let width: Int?
    let height: Int?
    let error: String?
    /// Levels by which libraries may differ; none: 0.
    let tolerance: Int?
}

struct ImageDecoderTests {
    @Test func everyKindOfImageEqualsPillow() throws {
        let decoder = ImageDecoder()
        for entry: DecodingCase in try Fixture.list("decoding.json") {
            guard let expected = entry.expected, let width = entry.width, let height = entry.height else { continue }
            let reference = try Fixture.image("expected/" + expected, width: width, height: height)
            let image = try decoder.decode(path: Fixture.path("decoding/" + entry.file))
            #expect(largestDifference(image, reference) <= entry.tolerance ?? 0, "\(entry.file)")
        }
    }

    @Test func badFilesAreNamedWithTheirReason() throws {
        let decoder = ImageDecoder()
        for entry: DecodingCase in try Fixture.list("decoding.json") {
            guard let error = entry.error else { continue }
            let thrown = #expect(throws: ImageError.self, "\(entry.file)") {
                try decoder.decode(path: Fixture.path("decoding/" + entry.file))
            }
            let reason = try #require(thrown).reason
            #expect(kind(of: reason) == error, "\(entry.file): \(reason)")
            #expect(try #require(thrown).description.hasPrefix(Fixture.path("decoding/" + entry.file)))
        }
        // The decoder works on after all of that.
        #expect(try decoder.decode(path: Fixture.path("decoding/rgb.png")).width == 27)
    }

    /// As published figures of ImageNet had it.
    @Test(arguments: ["orientation6.jpg", "orientation6.png"]) func orientationMayBeIgnored(_ name: String) throws {
        let path = Fixture.path("decoding/" + name)
        let turned = try ImageDecoder().decode(path: path)
        let stored = try ImageDecoder(appliesOrientation: false).decode(path: path)
        #expect(turned.width != turned.height && stored.width == turned.height && stored.height == turned.width)
    }

    private func kind(of reason: ImageError.Reason) -> String {
        switch reason {
        case .empty: "empty"
        case .notAnImage: "notAnImage"
        case .unsupported: "unsupported"
        case .truncated: "truncated"
        case .damaged: "damaged"
        case .tooLarge: "tooLarge"
        default: "other"
        }
    }

    @Test func oddButReadableFilesAreCountedAsWarnings() throws {
        let decoder = ImageDecoder()
        _ = try decoder.decode(path: Fixture.path("decoding/ycbcr420.jpg"))
        #expect(decoder.warnings == 0)
        _ = try decoder.decode(path: Fixture.path("decoding/stray.jpg"))
        #expect(decoder.warnings == 1)
    }

    @Test func messagesSayWhatIsThere() {
        let decoder = ImageDecoder()
        let text = #expect(throws: ImageError.self) { try decoder.decode(Array("hello\nworld".utf8), name: "a.jpg") }
        #expect(text?.description == "a.jpg: is not an image: starts with the text 'hello'")
        let bytes = #expect(throws: ImageError.self) { try decoder.decode([0, 1, 2, 0xFF], name: "b.jpg") }
        #expect(bytes?.description == "b.jpg: is not an image: starts with the bytes 0 1 2 ff")
        let missing = #expect(throws: ImageError.self) { try decoder.decode(path: "nowhere/c.jpg") }
        #expect(missing?.description == "nowhere/c.jpg: cannot be read: No such file or directory")
        let folder = #expect(throws: ImageError.self) { try decoder.decode(path: "/") }
        #expect(folder?.description == "/: cannot be read: it is not a file")
    }

    /// No byte of a file may lead anywhere but to an image or an error: every prefix, and a flip of every byte.
    @Test(arguments: [
        "progressive.jpg", "orientation6.jpg", "cmyk.jpg", "orientation6.png", "interlaced-alpha.png", "palette-transparent.png",
        "orientation8.webp", "alpha.webp", "interlaced.gif", "runs8.bmp", "masks16.bmp", "lzw.tif", "orientation6.tif",
    ])
    func mangledFilesAreImagesOrErrors(_ name: String) throws {
        let decoder = ImageDecoder()
        let original = try Fixture.bytes("decoding/" + name)
        var readable = 0
        for position in original.indices {
            if (try? decoder.decode(Array(original.prefix(position)), name: name)) != nil { readable += 1 }
            var mangled = original
            mangled[position] ^= UInt8(truncatingIfNeeded: 1 << (position % 8)) | 0x80
            _ = try? decoder.decode(mangled, name: name)
        }
        #expect(readable <= 24, "a cut file counts as whole only where all pixels are there")
    }

    /// Several bytes at once, in places that chance picks. `GRAFT_MUTATIONS=10000` tries so many of each file.
    @Test(arguments: [
        "rgb.heic", "rgb.avif", "lzw.tif", "deflate.tif", "tiles.tif", "fax4.tif", "palette.tif", "interlaced.gif",
        "transparent.gif", "runs4.bmp", "palette.bmp", "alpha32.bmp", "progressive.jpg", "interlaced.png", "lossy.webp",
    ])
    func mutatedFilesAreImagesOrErrors(_ name: String) throws {
        let rounds = ProcessInfo.processInfo.environment["GRAFT_MUTATIONS"].flatMap(Int.init) ?? 100
        let decoder = ImageDecoder()
        let original = try Fixture.bytes("decoding/" + name)
        for round in 0..<rounds {
            var random = CounterRandom(seed: 11, epoch: round, index: original.count, purpose: .augmentation)
            var mutated = original
            for _ in 0...random.below(8) {
                // Headers decide the most.
                let place = random.below(random.below(2) == 0 ? min(200, mutated.count) : mutated.count)
                switch random.below(4) {
                case 0: mutated[place] = UInt8(random.below(256))
                case 1: mutated[place] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)]
                case 2: mutated[place] ^= 1 << UInt8(random.below(8))
                default: mutated.replaceSubrange(place..<place, with: original[0..<random.below(min(32, original.count))])
                }
            }
            if random.below(8) == 0 { mutated.removeLast(random.below(mutated.count)) }
            _ = try? decoder.decode(mutated, name: name)
        }
        #expect(try decoder.decode(original, name: name).width > 0, "the decoder works on after all of that")
    }

    @Test func whatIsWrittenAsPNGIsReadAgain() throws {
        let picture = PixelImage(width: 5, height: 3, pixels: (0..<45).map { UInt8($0 * 5) })
        let path = FileManager.default.temporaryDirectory.appending(path: "graft-\(UUID().uuidString).png").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(try #require(picture.png)).write(to: URL(fileURLWithPath: path))
        #expect(try ImageDecoder().decode(path: path) == picture)
    }
}
