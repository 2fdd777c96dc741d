// The section `data`.
package import Tensors

extension RunConfiguration {
    /// The photographs and how they are read.
    package struct Data: Sendable, Equatable {
        /// The folder of training images, one folder a class.
        package var train = ""
        /// The folder of validation images, with class folders of the same names.
        package var validation: String?
        /// Instead of `validation`: this share of each class of `train` is held out.
        package var validationFraction: Double?
        /// A list of photographs with their labels, instead of a folder for each class.
        package var labels: String?
        /// What paths of `labels` are relative to; nil for `train`, or where that is not given the list's folder.
        package var root: String?
        package var columns = Columns()
        /// What stands between several labels of one photograph.
        package var labelSeparator = "|"
        /// A regular expression whose part `(?<label>…)` finds the class in a photograph's path, for folders without classes.
        package var labelPattern: String?
        /// What is held out together: see `Grouping`.
        package var group: String?
        /// A list of photographs that are left out.
        package var exclude: String?
        /// A folder on a disk of each host to which shards are copied before training; `$NAME` is the environment's variable.
        package var stage: String?
        package var augmentation = Augmentation.standard
        /// Whether every epoch has its own random order; else file order.
        package var shuffle = true
        /// How often images of rare classes come.
        package var sampling = Sampling.natural
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

        /// What `labels` is relative to.
        package var labelRoot: String {
            if let root { return root }
            if !train.isEmpty { return train }
            let folder = (labels ?? "").split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            return folder.isEmpty ? (labels?.hasPrefix("/") == true ? "/" : ".") : folder
        }

        /// What `group` means.
        package var grouping: Grouping? {
            guard let group else { return nil }
            if group == "folder" { return .folder }
            return group.contains("(?<group>") ? .pattern(group) : .column(group)
        }

        /// Where validation images come from.
        package var validationSource: ValidationSource {
            if let validation { return .folder(validation) }
            return validationFraction.map { .fraction($0) } ?? .nothing
        }
    }

    /// The names of the columns of `data.labels`.
    package struct Columns: Sendable, Equatable {
        package var file = "file"
        package var label = LabelColumns.one("label")
        package var split = "split"
        package var group = "group"
        package var weight = "weight"
    }

    /// How often the classes come in an epoch of as many images as there are.
    package enum Sampling: String, Sendable, CaseIterable {
        /// Every image once.
        case natural
        /// All classes alike.
        case balanced
        /// By the square roots of their sizes.
        case squareRoot = "square_root"
    }

    /// By what photographs belong together.
    package enum Grouping: Sendable, Equatable {
        /// By the folder that holds them.
        case folder
        /// By a column of `data.labels`.
        case column(String)
        /// By what `(?<group>…)` matches in their paths.
        case pattern(String)
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

extension RunConfiguration.Sampling: Choice {}

extension RunConfiguration.ImageDecoding: Choice {}

extension RunConfiguration.Data: Section {
    static var keys: [Key<Self>] {
        [
            Key("train", \.train),
            Key("validation", \.validation, .notEmpty),
            Key("validation_fraction", \.validationFraction, .between(0, and: 1)),
            Key("labels", \.labels, .notEmpty),
            Key("root", \.root, .notEmpty),
            Key("columns", \.columns),
            Key("label_separator", \.labelSeparator, .notEmpty),
            Key("label_pattern", \.labelPattern, .pathPattern(part: "label")),
            Key(
                "group", \.group,
                .check("folder, a column of data.labels, or a regular expression with a part (?<group>…)", isGroup)),
            Key("exclude", \.exclude, .notEmpty),
            Key("stage", \.stage, .notEmpty),
            Key("augmentation", \.augmentation),
            Key("shuffle", \.shuffle),
            Key("sampling", \.sampling),
            Key("loader_threads", \.loaderThreads, .exactly(1, to: 4096)),
            Key("unreadable_limit", \.unreadableLimit, .from(0, to: 1)),
            Key("damaged", \.damaged),
            Key("decoding", \.decoding),
            Key("exif", \.exif),
        ]
    }

    private static func isGroup(_ text: String) -> Bool {
        !text.isEmpty && (!text.contains("(?") || PathPattern(text, part: "group") != nil)
    }

    var contradictions: [Finding] {
        var found: [Finding] = []
        func add(_ key: String, _ message: String) { found.append(Finding(key: [key], message: message)) }
        if train.isEmpty, labels == nil {
            add(
                "train",
                "data.train is missing: the folder of training images, with one folder for each class; or name a list, data.labels"
            )
        }
        if validation != nil, validationFraction != nil {
            add(
                "validation_fraction",
                "data.validation and data.validation_fraction exclude each other: remove one, or set it to null")
        }
        if sampling != .natural, !shuffle {
            add("sampling", "data.sampling draws a random order; it excludes data.shuffle: false")
        }
        if labels != nil, labelPattern != nil {
            add(
                "label_pattern",
                "data.labels and data.label_pattern exclude each other: labels stand in the list, or in the paths")
        }
        if labels == nil {
            if root != nil {
                add("root", "data.root is what the paths of data.labels are relative to; without a list it has no meaning")
            }
            if columns != RunConfiguration.Columns() {
                add("columns", "data.columns names the columns of data.labels; without a list it has no meaning")
            }
            if case .column(let name) = grouping {
                add(
                    "group",
                    "data.group names a column, '\(name)', which takes data.labels; write folder, or a pattern with (?<group>…)")
            }
        }
        return found
    }
}

extension RunConfiguration.Columns: Section {
    static var keys: [Key<Self>] {
        [
            Key("file", \.file, .notEmpty),
            Key("label", \.label),
            Key("split", \.split, .notEmpty),
            Key("group", \.group, .notEmpty),
            Key("weight", \.weight, .notEmpty),
        ]
    }
}
