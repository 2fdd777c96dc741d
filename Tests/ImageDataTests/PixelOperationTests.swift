// Augmentation's operations against torchvision on Pillow's images, and what presets and policies draw.
import Tensors
import Testing

@testable import ImageData

struct PixelOperationTests {
    private static let side = 32

    private struct OperationCase: Decodable {
        let kind: String
        let value: Float
        let expected: String
    }

    private struct PolicyCase: Decodable {
        let trivial: Bool
        let kind: String
        let strength: Int
        let negative: Bool
        let expected: String
    }

    private func square() throws -> PixelImage {
        try Fixture.image("square.rgb", width: Self.side, height: Self.side)
    }

    private func apply(_ operations: [PixelOperation], to image: PixelImage) -> PixelImage {
        var pixels = image.pixels
        let scratch = PixelBuffer()
        pixels.withUnsafeMutableBufferPointer { buffer in
            for operation in operations { operation.apply(to: buffer.baseAddress!, side: Self.side, scratch: scratch) }
        }
        return PixelImage(width: Self.side, height: Self.side, pixels: pixels)
    }

    @Test func eachOperationIsTorchvisions() throws {
        let middle = (x: Double(Self.side) / 2, y: Double(Self.side) / 2)
        for entry: OperationCase in try Fixture.list("operations.json") {
            let operations: [PixelOperation] =
                switch entry.kind {
                case "flip": [.flip]
                case "grayscale": [.grayscale]
                case "solarize": [.solarize(threshold: Int(entry.value))]
                case "posterize": [.posterize(bits: Int(entry.value))]
                case "autocontrast": [.colour(.brightness(0.5)), .autocontrast]
                case "equalize": [.equalize]
                case "sharpness": [.sharpness(entry.value)]
                case "blur": [.blur(sigma: entry.value)]
                case "rotation": [.move(AffineMap(degrees: Double(entry.value), center: middle), smooth: true)]
                default:
                    [
                        .move(
                            AffineMap(
                                degrees: Double(entry.value), translation: (3, -2), scale: 1.2, shear: (7, -4), center: middle),
                            smooth: true)
                    ]
                }
            let reference = try Fixture.image("expected/" + entry.expected, width: Self.side, height: Self.side)
            #expect(largestDifference(apply(operations, to: try square()), reference) <= 1, "\(entry.kind) \(entry.value)")
        }
    }

    @Test func policiesHaveTorchvisionsOperationsAndStrengths() throws {
        let cases: [PolicyCase] = try Fixture.list("policies.json")
        #expect(Set(cases.map(\.kind)) == Set(AugmentationPolicy.Kind.allCases.map(\.rawValue)))
        for entry in cases {
            let policy: AugmentationPolicy = entry.trivial ? .trivial : .random(operations: 1, magnitude: entry.strength)
            let operation = policy.operation(
                try #require(AugmentationPolicy.Kind(rawValue: entry.kind)), strength: entry.strength,
                isNegative: entry.negative, side: Self.side)
            let reference = try Fixture.image("expected/" + entry.expected, width: Self.side, height: Self.side)
            #expect(
                largestDifference(apply([operation].compactMap(\.self), to: try square()), reference) <= 1, "\(entry.expected)")
        }
    }

    @Test func everythingIsDrawnNowAndThenAndChangesNothingElse() {
        var augmentation = Augmentation.standard
        let plain = augmentation
        (augmentation.flipProbability, augmentation.rotation, augmentation.shear) = (0.5, 15, 5)
        (augmentation.policy, augmentation.grayscaleProbability, augmentation.blurProbability) = (.trivial, 0.2, 0.2)
        (augmentation.sharpnessProbability, augmentation.posterizeProbability) = (0.2, 0.2)
        (augmentation.solarizeProbability, augmentation.equalizeProbability, augmentation.autocontrastProbability) = (
            0.2, 0.2, 0.2
        )
        var kinds: Set<String> = []
        for index in 0..<500 {
            let view = augmentation.view(width: 50, height: 40, side: 32, seed: 3, epoch: 0, index: index)
            kinds.formUnion(view.operations.map { String("\($0)".prefix { $0 != "(" }) })
            #expect(view == augmentation.view(width: 50, height: 40, side: 32, seed: 3, epoch: 0, index: index))
            let other = plain.view(width: 50, height: 40, side: 32, seed: 3, epoch: 0, index: index)
            #expect(view.region == other.region && view.mirrored == other.mirrored)
        }
        let all = [
            "colour", "flip", "move", "grayscale", "solarize", "posterize", "autocontrast", "equalize", "sharpness", "blur",
        ]
        #expect(kinds == Set(all))
    }

    @Test func presetsDrawTheStrongerTheirNames() {
        var strong = Augmentation.standard
        (strong.policy, strong.cropScale) = (.random(operations: 2, magnitude: 9), 0.2...1)
        let counts = (0..<200).map { strong.view(width: 50, height: 40, side: 32, seed: 3, epoch: 0, index: $0).operations.count }
        #expect(counts.allSatisfy { $0 <= 2 } && counts.contains(2) && counts.contains(1))
    }
}
