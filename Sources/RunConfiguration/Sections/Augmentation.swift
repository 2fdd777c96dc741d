// The key `data.augmentation`: a word, or a mapping that says what differs from the standard.

extension RunConfiguration {
    /// How training images are varied.
    package enum Augmentation: Sendable, Equatable {
        /// Not at all: as in evaluation.
        case none
        case standard
        case custom(AugmentationRecipe)

        /// What to apply, nil for nothing.
        package var recipe: AugmentationRecipe? {
            switch self {
            case .none: nil
            case .standard: AugmentationRecipe()
            case .custom(let recipe): recipe
            }
        }
    }

    /// What is done to a training image, in this order. The defaults are the standard augmentation.
    package struct AugmentationRecipe: Sendable, Equatable {
        /// A random part of the image, scaled to the input size; nil takes what evaluation takes.
        package var randomResizedCrop: RandomResizedCrop? = RandomResizedCrop()
        /// The probability of mirroring left and right.
        package var horizontalFlip = 0.5
        /// Random changes of colour; nil for none.
        package var colourJitter: ColourJitter?
        /// The probability of blanking a random rectangle.
        package var randomErasing = 0.0
    }

    package struct RandomResizedCrop: Sendable, Equatable {
        /// The part's area as a share of the image's.
        package var scale = 0.35...1.0
        /// The part's width divided by its height.
        package var ratio = 0.75...1.3333
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
        case .scalar("standard", _): .standard
        case .scalar("none", _): RunConfiguration.Augmentation.none
        case .mapping: RunConfiguration.AugmentationRecipe.read(tree, as: key, &reader).map { .custom($0) }
        default: reader.refuse(tree, key, wanted: "standard, none or a mapping of what differs from the standard")
        }
    }

    var tree: Tree {
        switch self {
        case .none: .plain("none")
        case .standard: .plain("standard")
        case .custom(let recipe): recipe.tree
        }
    }

    func findings(at key: KeyName) -> [Finding] {
        guard case .custom(let recipe) = self else { return [] }
        return recipe.findings(at: key)
    }
}

extension RunConfiguration.AugmentationRecipe: Section {
    static var keys: [Key<Self>] {
        [
            Key("random_resized_crop", \.randomResizedCrop),
            Key("horizontal_flip", \.horizontalFlip, .from(0, to: 1)),
            Key("colour_jitter", \.colourJitter),
            Key("random_erasing", \.randomErasing, .from(0, to: 1)),
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
