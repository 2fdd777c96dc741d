// Resampling, evaluation's transform and colour changes against Pillow and torchvision.
import Tensors
import Testing

@testable import ImageData

struct ResamplingCase: Decodable {
    let filter: String
    let region: [Int]?
    let expected: String
    let width: Int
    let height: Int
}

struct TransformCase: Decodable {
    let filter: String
    let resize: Int
    let crop: Int
    let transposed: Bool
    let region: [Int]?
    let expected: String
}

struct ColourCase: Decodable {
    let kind: String
    let factor: Float
    let expected: String
    let width: Int
    let height: Int
}

struct ResamplingTests {
    @Test func resizingEqualsPillow() throws {
        let source = try Fixture.source()
        for entry: ResamplingCase in try Fixture.list("resampling.json") {
            let reference = try Fixture.image("expected/" + entry.expected, width: entry.width, height: entry.height)
            let filter = try #require(Preprocessing.Interpolation(rawValue: entry.filter))
            let region = entry.region.map { PixelRegion(left: $0[0], top: $0[1], width: $0[2], height: $0[3]) }
            let image = source.resized(width: entry.width, height: entry.height, filter: filter, region: region)
            #expect(largestDifference(image, reference) == 0, "\(entry.expected)")
        }
    }

    @Test func evaluationEqualsTorchvision() throws {
        let source = try Fixture.source()
        for entry: TransformCase in try Fixture.list("transforms.json") {
            let reference = try Fixture.image("expected/" + entry.expected, width: entry.crop, height: entry.crop)
            let filter = try #require(Preprocessing.Interpolation(rawValue: entry.filter))
            let preprocessing = Preprocessing(
                resize: entry.resize, crop: entry.crop, interpolation: filter, mean: [0, 0, 0], deviation: [1, 1, 1])
            let image = ImagePreparer(preprocessing: preprocessing).rendered(try input(entry, source))
            #expect(largestDifference(image, reference) == 0, "\(entry.expected)")
        }
    }

    @Test func coloursEqualTorchvision() throws {
        for entry: ColourCase in try Fixture.list("colour.json") {
            let reference = try Fixture.image("expected/" + entry.expected, width: entry.width, height: entry.height)
            var pixels = try Fixture.bytes("colour.rgb")
            let adjustment: ColourAdjustment =
                switch entry.kind {
                case "brightness": .brightness(entry.factor)
                case "contrast": .contrast(entry.factor)
                case "saturation": .saturation(entry.factor)
                default: .hue(entry.factor)
                }
            pixels.withUnsafeMutableBufferPointer { adjustment.apply(to: $0) }
            let image = PixelImage(width: entry.width, height: entry.height, pixels: pixels)
            #expect(largestDifference(image, reference) <= 1, "\(entry.expected)")
        }
    }

    private struct CornerCase: Decodable {
        let corner: String
        let expected: String
    }

    @Test func viewsAreTorchvisionsFiveAndTen() throws {
        let preprocessing = Preprocessing(resize: 40, crop: 32, mean: [0, 0, 0], deviation: [1, 1, 1])
        let (preparer, image) = (ImagePreparer(preprocessing: preprocessing), try Fixture.source())
        let cases: [CornerCase] = try Fixture.list("corners.json")
        #expect(cases.map(\.corner) == AugmentedView.Corner.allCases.map { "\($0)" })
        for (number, entry) in cases.enumerated() {
            let reference = try Fixture.image("expected/" + entry.expected, width: 32, height: 32)
            let seen = preparer.rendered(image, as: AugmentedView(.ten, number: number))
            #expect(seen == reference, "\(entry.corner)")
            let mirrored = preparer.rendered(image, as: AugmentedView(.ten, number: number + 5))
            #expect(mirrored == Orientation.mirrored.turned(reference), "\(entry.corner), mirrored")
        }
        #expect(AugmentedView(.flip, number: 0) == .evaluation && AugmentedView(.flip, number: 1).mirrored)
        // What is smaller than the crop has no corners.
        let tiny = Preprocessing(resize: 20, crop: 32, mean: [0, 0, 0], deviation: [1, 1, 1])
        let small = ImagePreparer(preprocessing: tiny)
        let corner = small.rendered(image, as: AugmentedView(.five, number: 3))
        #expect(corner.pixels.contains { $0 > 0 })
    }

    @Test(arguments: [Preprocessing.ChannelOrder.rgb, .bgr], [1, 5, 16, 19])
    func normalisingFollowsChannelOrder(_ order: Preprocessing.ChannelOrder, _ side: Int) throws {
        let preprocessing = Preprocessing(
            resize: side, crop: side, channelOrder: order, mean: [100, 110, 120], deviation: [50, 60, 70])
        let preparer = ImagePreparer(preprocessing: preprocessing)
        let image = try Fixture.source()
        let levels = preparer.rendered(image).pixels
        var prepared = [Float](repeating: .nan, count: preparer.elementCount)
        prepared.withUnsafeMutableBufferPointer { preparer.prepare(image, into: $0.baseAddress!) }
        for index in prepared.indices {
            let channel = index % 3
            let level = Float(levels[index - channel + (order == .bgr ? 2 - channel : channel)])
            let expected = (level - preprocessing.mean[channel]) / preprocessing.deviation[channel]
            #expect(abs(prepared[index] - expected) < 1e-6)
        }
    }

    @Test func mirroringAndErasing() throws {
        let preparer = ImagePreparer(preprocessing: Preprocessing(resize: 9, crop: 9, mean: [0, 0, 0], deviation: [1, 1, 1]))
        let image = try Fixture.source()
        var view = AugmentedView(region: PixelRegion(left: 3, top: 5, width: 31, height: 17))
        let straight = preparer.rendered(image, as: view)
        view.mirrored = true
        let mirrored = preparer.rendered(image, as: view)
        for y in 0..<9 {
            for x in 0..<9 {
                for channel in 0..<3 {
                    #expect(straight.pixels[(y * 9 + x) * 3 + channel] == mirrored.pixels[(y * 9 + 8 - x) * 3 + channel])
                }
            }
        }
        view.erased = PixelRegion(left: 2, top: 1, width: 4, height: 3)
        var prepared = [Float](repeating: .nan, count: preparer.elementCount)
        prepared.withUnsafeMutableBufferPointer { preparer.prepare(image, as: view, into: $0.baseAddress!) }
        for index in prepared.indices {
            let (y, x) = (index / 27, index / 3 % 9)
            let expected = (1..<4).contains(y) && (2..<6).contains(x) ? 0 : Float(mirrored.pixels[index])
            #expect(prepared[index] == expected)
        }
    }

    @Test func extremeShapesCostOnlyTheirCrop() {
        let wide = PixelImage(width: 30000, height: 1, pixels: [UInt8](repeating: 77, count: 90000))
        let preparer = ImagePreparer(preprocessing: .imageNet())
        #expect(preparer.rendered(wide).pixels.allSatisfy { $0 == 77 })
    }

    private func input(_ entry: TransformCase, _ source: PixelImage) throws -> PixelImage {
        if let region = entry.region {  // resized to its own size, which changes nothing
            return source.resized(
                width: region[2], height: region[3], filter: .bilinear,
                region: PixelRegion(left: region[0], top: region[1], width: region[2], height: region[3]))
        }
        return entry.transposed ? transposed(source) : source
    }

    private func transposed(_ image: PixelImage) -> PixelImage {
        image.withView { view in
            let target = PixelBuffer()
            let result = Orientation.transposed.apply(to: view, into: target.reserve(image.pixels.count))
            return withExtendedLifetime(target) { PixelImage(result) }
        }
    }
}

extension PixelImage {
    /// This image at another size, as Pillow's `resize` makes it; with `region`, as its `crop` and then `resize`.
    fileprivate func resized(
        width: Int, height: Int, filter: Preprocessing.Interpolation, region: PixelRegion? = nil
    ) -> PixelImage {
        let whole = PixelRegion(left: 0, top: 0, width: self.width, height: self.height)
        let target = PixelBuffer()
        let base = target.reserve(width * height * 3)
        let resampler = Resampler()
        _ = resampler.prepare(
            ExactRegion(region ?? whole), width: width, height: height,
            window: PixelRegion(left: 0, top: 0, width: width, height: height), filter: filter)
        withView { view in
            resampler.run(PixelPart(pixels: view, left: 0, top: 0), mirrored: false, into: base, targetStride: 3 * width)
        }
        return withExtendedLifetime(target) { PixelImage(PixelView(base: base, width: width, height: height)) }
    }
}
