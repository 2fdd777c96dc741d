// The key `data.augmentation`: a word, or a mapping that says what differs from what the word stands for.

extension RunConfiguration {
    /// How training images are varied.
    package enum Augmentation: Sendable, Equatable {
        /// Not at all: as in evaluation.
        case none
        case preset(AugmentationPreset)
        case custom(AugmentationRecipe)

        package static let standard = Augmentation.preset(.standard)

        /// What to apply, nil for nothing.
        package var recipe: AugmentationRecipe? {
            switch self {
            case .none: nil
            case .preset(let preset): preset.recipe
            case .custom(let recipe): recipe
            }
        }
    }

    /// A name for many keys.
    package enum AugmentationPreset: String, Sendable, CaseIterable {
        /// Most of each photograph, mirrored or not.
        case light
        /// Random parts of photographs, mirrored or not.
        case standard
        /// Smaller parts, TrivialAugment, and a blank rectangle now and then.
        case strong

        package var recipe: AugmentationRecipe {
            var recipe = AugmentationRecipe()
            recipe.preset = self
            switch self {
            case .light: recipe.randomResizedCrop?.scale = 0.7...1
            case .standard: break
            case .strong:
                recipe.randomResizedCrop?.scale = 0.2...1
                recipe.trivialAugment = true
                recipe.randomErasing = 0.1
            }
            return recipe
        }
    }

    /// What is done to a training image, in this order. The defaults are the standard augmentation.
    package struct AugmentationRecipe: Sendable, Equatable {
        /// What the keys are that are not given.
        package var preset = AugmentationPreset.standard
        /// A random part of the image, scaled to the input size; nil takes what evaluation takes.
        package var randomResizedCrop: RandomResizedCrop? = RandomResizedCrop()
        /// The probability of mirroring left and right.
        package var horizontalFlip = 0.5
        /// The probability of mirroring up and down.
        package var verticalFlip = 0.0
        /// Turns lie within ± this, in degrees.
        package var rotation = 0.0
        /// Random moves, sizes and shears; nil for none.
        package var affine: RandomAffine?
        /// One of 14 operations, of random strength.
        package var trivialAugment = false
        /// Several of 14 operations, of one strength; nil for none.
        package var randAugment: RandAugment?
        /// Random changes of colour; nil for none.
        package var colourJitter: ColourJitter?
        /// Probabilities of changes that have one strength (a blur's is random).
        package var grayscale = 0.0
        package var blur = 0.0
        package var sharpness = 0.0
        package var posterize = 0.0
        package var solarize = 0.0
        package var equalize = 0.0
        package var autocontrast = 0.0
        /// The probability of blanking a random rectangle.
        package var randomErasing = 0.0
        /// α of MixUp and of CutMix, by which the images of a batch are mixed in pairs; 0 for none.
        package var mixup = 0.0
        package var cutmix = 0.0
        /// How often an image comes in a row, augmented in another way each time.
        package var repeats = 1
    }

    package struct RandomResizedCrop: Sendable, Equatable {
        /// The part's area as a share of the image's.
        package var scale = 0.35...1.0
        /// The part's width divided by its height.
        package var ratio = 0.75...1.3333
    }

    package struct RandomAffine: Sendable, Equatable {
        /// Moves lie within ± this share of the input's side.
        package var translation = 0.0
        package var scale = 1.0...1.0
        /// Shears lie within ± this, in degrees.
        package var shear = 0.0
    }

    package struct RandAugment: Sendable, Equatable {
        package var operations = 2
        /// Their strength, of 30.
        package var magnitude = 9
    }

    /// How far colours may move: a factor between 1 − x and 1 + x, for hue a shift of ± x turns of the colour circle.
    package struct ColourJitter: Sendable, Equatable {
        package var brightness = 0.0
        package var contrast = 0.0
        package var saturation = 0.0
        package var hue = 0.0
    }
}

extension RunConfiguration.Augmentation: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        switch tree.content {
        case .scalar("none", _): return RunConfiguration.Augmentation.none
        case .scalar(let word, _):
            if let preset = RunConfiguration.AugmentationPreset(rawValue: word) { return .preset(preset) }
        case .mapping: return RunConfiguration.AugmentationRecipe.read(tree, as: key, &reader).map { .custom($0) }
        case .null, .list: break
        }
        return reader.refuse(tree, key, wanted: "none, light, standard, strong, or a mapping of what differs from one of these")
    }

    var tree: Tree {
        switch self {
        case .none: .plain("none")
        case .preset(let preset): .plain(preset.rawValue)
        case .custom(let recipe): recipe.tree
        }
    }

    func findings(at key: KeyName) -> [Finding] {
        guard case .custom(let recipe) = self else { return [] }
        return recipe.findings(at: key)
    }
}

extension RunConfiguration.AugmentationPreset: Choice {}

extension RunConfiguration.AugmentationRecipe: Section {
    /// The preset that stands anywhere among the keys.
    static func start(_ entries: [Tree.Entry]) -> Self {
        guard let entry = entries.last(where: { $0.key == "preset" }), case .scalar(let word, _) = entry.value.content else {
            return Self()
        }
        return RunConfiguration.AugmentationPreset(rawValue: word)?.recipe ?? Self()
    }

    static var keys: [Key<Self>] {
        [
            Key("preset", \.preset),
            Key("random_resized_crop", \.randomResizedCrop),
            Key("horizontal_flip", \.horizontalFlip, .from(0, to: 1)),
            Key("vertical_flip", \.verticalFlip, .from(0, to: 1)),
            Key("rotation", \.rotation, .from(0, to: 180)),
            Key("affine", \.affine),
            Key("trivial_augment", \.trivialAugment),
            Key("rand_augment", \.randAugment),
            Key("colour_jitter", \.colourJitter),
            Key("grayscale", \.grayscale, .from(0, to: 1)),
            Key("blur", \.blur, .from(0, to: 1)),
            Key("sharpness", \.sharpness, .from(0, to: 1)),
            Key("posterize", \.posterize, .from(0, to: 1)),
            Key("solarize", \.solarize, .from(0, to: 1)),
            Key("equalize", \.equalize, .from(0, to: 1)),
            Key("autocontrast", \.autocontrast, .from(0, to: 1)),
            Key("random_erasing", \.randomErasing, .from(0, to: 1)),
            Key("mixup", \.mixup, .from(0, to: 10)),
            Key("cutmix", \.cutmix, .from(0, to: 10)),
            Key("repeats", \.repeats, .from(1, to: 32)),
        ]
    }

    var contradictions: [Finding] {
        guard trivialAugment, randAugment != nil else { return [] }
        return [
            Finding(
                key: ["rand_augment"],
                message: "data.augmentation.trivial_augment and rand_augment exclude each other: set one to false or null")
        ]
    }
}

extension RunConfiguration.RandomAffine: Section {
    static var keys: [Key<Self>] {
        [
            Key("translation", \.translation, .from(0, to: 1)),
            Key("scale", \.scale, .within(above: 0, upTo: 10)),
            Key("shear", \.shear, .from(0, to: 60)),
        ]
    }
}

extension RunConfiguration.RandAugment: Section {
    static var keys: [Key<Self>] {
        [
            Key("operations", \.operations, .from(1, to: 14)),
            Key("magnitude", \.magnitude, .from(0, to: 30)),
        ]
    }
}

extension RunConfiguration.RandomResizedCrop: Section {
    static var keys: [Key<Self>] {
        [
            Key("scale", \.scale, .within(above: 0, upTo: 1)),
            Key("ratio", \.ratio, .within(above: 0, upTo: 100)),
        ]
    }
}

extension RunConfiguration.ColourJitter: Section {
    static var keys: [Key<Self>] {
        [
            Key("brightness", \.brightness, .from(0, to: 1)),
            Key("contrast", \.contrast, .from(0, to: 1)),
            Key("saturation", \.saturation, .from(0, to: 1)),
            Key("hue", \.hue, .from(0, to: 0.5)),
        ]
    }
}
