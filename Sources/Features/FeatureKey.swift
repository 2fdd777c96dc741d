// What features depend on besides the image, field by field: the key of the cache on disk.
internal import Files
package import ImageData
internal import Tensors

/// Named facts that together say how features came to be. Names and values are written out here and by the callers, never taken from how
/// Swift prints a value: a renamed property leaves users' caches valid. A change of meaning needs another `version`.
package struct FeatureKey: Sendable, Equatable {
    /// Of this list of fields and of the records' format.
    package static let version = 3

    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package private(set) var fields = [Field(name: "version", value: "\(version)")]

    package init() {}

    /// Adds a fact.
    package mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// XXH64 over all fields in their order.
    package var digest: UInt64 {
        var checksum = Checksum()
        for field in fields {
            checksum.update(field.name)
            checksum.update(field.value)
        }
        return checksum.value
    }

    /// Adds what decides the pixels that the network sees of an image: not who reads them, nor a seed that decides nothing.
    package mutating func add(_ options: BatchLoader.Options) {
        add(options.preprocessing)
        add("decoding", options.decoding.rawValue)
        add("orientation", options.appliesOrientation ? "applied" : "ignored")
        if options.skipsDamaged { add("damaged images", "left out") }
        guard options.augmentation != .none else { return add("augmentation", "none") }
        let views = options.augmentation.evaluationViews
        guard views == .one else { return add("augmentation", "evaluation's \(views.rawValue) views") }
        add("augmentation", "random views")
        add("seed", "\(options.seed)")
        add(options.augmentation)
    }

    private mutating func add(_ preprocessing: Preprocessing) {
        add("resize", "\(preprocessing.resize)")
        add("crop", "\(preprocessing.crop)")
        add("interpolation", preprocessing.interpolation.rawValue)
        add("channel order", preprocessing.channelOrder.rawValue)
        add("mean", preprocessing.mean)
        add("deviation", preprocessing.deviation)
    }

    private mutating func add(_ augmentation: Augmentation) {
        add("random crop", augmentation.randomCrop ? "yes" : "no")
        add("crop scale", augmentation.cropScale)
        add("crop aspect", augmentation.cropAspect)
        add("mirror probability", [augmentation.mirrorProbability])
        add("brightness", [augmentation.brightness])
        add("contrast", [augmentation.contrast])
        add("saturation", [augmentation.saturation])
        add("hue", [augmentation.hue])
        add("erasing probability", [augmentation.erasingProbability])
        add("erasing scale", augmentation.erasingScale)
        add("erasing aspect", augmentation.erasingAspect)
        add("flip probability", [augmentation.flipProbability])
        add("rotation", [augmentation.rotation])
        add("translation", [augmentation.translation])
        add("scale", augmentation.scale)
        add("shear", [augmentation.shear])
        add("policy", augmentation.policy.map { "\($0)" } ?? "none")
        add("grayscale probability", [augmentation.grayscaleProbability])
        add("blur probability", [augmentation.blurProbability])
        add("sharpness probability", [augmentation.sharpnessProbability])
        add("posterize probability", [augmentation.posterizeProbability])
        add("solarize probability", [augmentation.solarizeProbability])
        add("equalize probability", [augmentation.equalizeProbability])
        add("autocontrast probability", [augmentation.autocontrastProbability])
    }

    private mutating func add(_ name: String, _ range: ClosedRange<Float>) { add(name, [range.lowerBound, range.upperBound]) }

    /// The shortest digits that give back each number.
    private mutating func add(_ name: String, _ numbers: [Float]) {
        add(name, numbers.map { "\($0)" }.joined(separator: ", "))
    }
}
