// The section `data`.

extension RunConfiguration {
    /// The photographs and how they are read.
    package struct Data: Sendable, Equatable {
        /// The folder of training images, one folder a class.
        package var train = ""
        /// The folder of validation images, with class folders of the same names.
        package var validation: String?
        /// Instead of `validation`: this share of each class of `train` is held out.
        package var validationFraction: Double?
        package var augmentation = Augmentation.standard
        /// Whether every epoch has its own random order; else file order.
        package var shuffle = true
        /// Threads a rank that decode ahead.
        package var loaderThreads = AutomaticCount.automatic
        /// The share of unreadable images above which the run ends.
        package var unreadableLimit = 0.01
        /// What becomes of images that can be decoded though their data is damaged.
        package var damaged = DamagedImages.use
        /// How faithfully training images are decoded; validation images always are exactly.
        package var decoding = ImageDecoding.fast
        /// What to do with the orientation that a camera noted.
        package var exif = EXIFOrientation.apply

        /// Where validation images come from.
        package var validationSource: ValidationSource {
            if let validation { return .folder(validation) }
            return validationFraction.map { .fraction($0) } ?? .nothing
        }
    }

    /// Where validation images come from.
    package enum ValidationSource: Sendable, Equatable {
        /// There are none: the run is not evaluated.
        case nothing
        case folder(String)
        /// A share of each class of the training folder.
        case fraction(Double)
    }

    /// Whether a photograph is turned the way its EXIF orientation says.
    package enum EXIFOrientation: String, Sendable, CaseIterable {
        case apply
        case ignore
    }

    /// What becomes of images that can be decoded though their data is damaged.
    package enum DamagedImages: String, Sendable, CaseIterable {
        /// They are named, and used as far as they can be read.
        case use
        /// They are left out like those that cannot be read.
        case skip
    }

    /// How faithfully photographs are decoded.
    package enum ImageDecoding: String, Sendable, CaseIterable {
        /// Large JPEGs are decoded at a fraction of their size, within a level of what they give exactly.
        case fast
        case exact
    }
}

extension RunConfiguration.EXIFOrientation: Choice {}

extension RunConfiguration.DamagedImages: Choice {}

extension RunConfiguration.ImageDecoding: Choice {}

extension RunConfiguration.Data: Section {
    static var keys: [Key<Self>] {
        [
            Key("train", \.train, .required("the folder of training images, with one folder for each class")),
            Key("validation", \.validation, .notEmpty),
            Key("validation_fraction", \.validationFraction, .between(0, and: 1)),
            Key("augmentation", \.augmentation),
            Key("shuffle", \.shuffle),
            Key("loader_threads", \.loaderThreads, .exactly(1, to: 4096)),
            Key("unreadable_limit", \.unreadableLimit, .from(0, to: 1)),
            Key("damaged", \.damaged),
            Key("decoding", \.decoding),
            Key("exif", \.exif),
        ]
    }

    var contradictions: [Finding] {
        guard validation != nil, validationFraction != nil else { return [] }
        let message = "data.validation and data.validation_fraction exclude each other: remove one, or set it to null"
        return [Finding(key: ["validation_fraction"], message: message)]
    }
}
