// Keys of the feature cache: the same facts give the same key in every version of the program, other facts another.
import Features
import ImageData
import Tensors
import Testing

@Suite struct FeatureKeyTests {
    private static func options() -> BatchLoader.Options {
        var options = BatchLoader.Options(
            capacity: 4, threads: 2, seed: 7, preprocessing: .imageNet(), augmentation: .standard)
        options.decoding = .fast
        return options
    }

    private static func key(_ change: (inout BatchLoader.Options) -> Void = { _ in }) -> FeatureKey {
        var options = options()
        change(&options)
        var key = FeatureKey()
        key.add("network", "resnet18")
        key.add(options)
        return key
    }

    /// Who changes this invalidates the caches of all users: that takes another `FeatureKey.version`.
    @Test func isWrittenOutFieldByField() {
        #expect(
            Self.key().fields.map { "\($0.name): \($0.value)" } == [
                "version: 3", "network: resnet18", "resize: 256", "crop: 224", "interpolation: bilinear", "channel order: rgb",
                "mean: 123.675, 116.28, 103.53", "deviation: 58.395, 57.120003, 57.375", "decoding: fast", "orientation: applied",
                "augmentation: random views", "seed: 7", "random crop: yes", "crop scale: 0.35, 1.0",
                "crop aspect: 0.75, 1.3333334", "mirror probability: 0.5", "brightness: 0.0", "contrast: 0.0",
                "saturation: 0.0", "hue: 0.0", "erasing probability: 0.0", "erasing scale: 0.02, 0.33",
                "erasing aspect: 0.3, 3.3", "flip probability: 0.0", "rotation: 0.0", "translation: 0.0", "scale: 1.0, 1.0",
                "shear: 0.0", "policy: none", "grayscale probability: 0.0", "blur probability: 0.0",
                "sharpness probability: 0.0", "posterize probability: 0.0", "solarize probability: 0.0",
                "equalize probability: 0.0", "autocontrast probability: 0.0",
            ])
        #expect(Self.key().digest == 0x89815649F1FF6112)
    }

    private static let changes: [@Sendable (inout BatchLoader.Options) -> Void] = [
        { $0.preprocessing.resize = 300 }, { $0.preprocessing.crop = 200 }, { $0.preprocessing.interpolation = .bicubic },
        { $0.preprocessing.channelOrder = .bgr }, { $0.preprocessing.mean[2] = 1 }, { $0.preprocessing.deviation[0] = 1 },
        { $0.decoding = .exact }, { $0.appliesOrientation = false }, { $0.seed = 8 }, { $0.augmentation = .none },
        { $0.augmentation.randomCrop = false }, { $0.augmentation.cropScale = 0.5...1 },
        { $0.augmentation.cropAspect = 0.5...1 }, { $0.augmentation.mirrorProbability = 0 },
        { $0.augmentation.brightness = 0.1 }, { $0.augmentation.contrast = 0.1 }, { $0.augmentation.saturation = 0.1 },
        { $0.augmentation.hue = 0.1 }, { $0.augmentation.erasingProbability = 0.1 },
        { $0.augmentation.erasingScale = 0.1...0.2 }, { $0.augmentation.erasingAspect = 1...2 },
        { $0.augmentation.flipProbability = 0.1 }, { $0.augmentation.rotation = 1 }, { $0.augmentation.translation = 0.1 },
        { $0.augmentation.scale = 0.9...1 }, { $0.augmentation.shear = 1 }, { $0.augmentation.policy = .trivial },
        { $0.augmentation.policy = .random(operations: 2, magnitude: 9) },
        { $0.augmentation.policy = .random(operations: 2, magnitude: 8) },
        { $0.augmentation.grayscaleProbability = 0.1 }, { $0.augmentation.blurProbability = 0.1 },
        { $0.augmentation.sharpnessProbability = 0.1 }, { $0.augmentation.posterizeProbability = 0.1 },
        { $0.augmentation.solarizeProbability = 0.1 }, { $0.augmentation.equalizeProbability = 0.1 },
        { $0.augmentation.autocontrastProbability = 0.1 },
    ]

    @Test func whateverDecidesPixelsCounts() {
        let digests = [Self.key().digest] + Self.changes.map { Self.key($0).digest }
        #expect(Set(digests).count == digests.count)
    }

    @Test func whoReadsDoesNotCountNorASeedThatDecidesNothing() {
        #expect(
            Self.key {
                ($0.capacity, $0.threads, $0.slots) = (9, 9, 9)
                $0.keys = [1]
            } == Self.key())
        #expect(Self.key { ($0.augmentation, $0.seed) = (.none, 1) } == Self.key { ($0.augmentation, $0.seed) = (.none, 2) })
    }
}
