// The photographs of a config: folders, splits, loaders.
import Collectives
import Foundation
import ImageData
import RunConfiguration
import Tensors
import Training

/// The training and validation images of a config.
struct TrainingData {
    private(set) var training: ImageFolder
    /// Nil for a run without validation.
    private(set) var validation: ImageFolder?
    /// What a list keeps for `graft evaluate --split test`.
    private(set) var test: ImageFolder?
    /// What training images belong together, by sample; nil where each is one of its own.
    private(set) var trainingGroups: [String]?
    /// A table of what groups led to, for the user.
    private(set) var splitReport: [String] = []

    /// What another rank of this host has found.
    init(from unpacker: inout ListUnpacker) {
        training = ImageFolder(from: &unpacker)
        func optional() -> ImageFolder? { unpacker.number() == 1 ? ImageFolder(from: &unpacker) : nil }
        validation = optional()
        test = optional()
        let hasGroups = unpacker.number() == 1
        let groups = unpacker.texts()
        trainingGroups = hasGroups ? groups : nil
        splitReport = unpacker.texts()
    }

    /// All of it as bytes.
    func pack(into packer: inout ListPacker) {
        training.pack(into: &packer)
        for folder in [validation, test] {
            packer.add(folder == nil ? 0 : 1)
            folder?.pack(into: &packer)
        }
        packer.add(trainingGroups == nil ? 0 : 1)
        packer.add(trainingGroups ?? [])
        packer.add(splitReport)
    }

    /// Scans the folders or reads the list. Throws `ImageError` for folders and `LabelError` for lists that cannot be used, `UserError` for
    /// fewer than two classes.
    init(_ configuration: RunConfiguration) throws {
        let settings = configuration.data
        let seed = UInt64(configuration.run.seed)
        let several = configuration.network.loss == .binaryCrossEntropy
        var groups: ((ImageSample) -> String)?
        if let path = settings.labels {
            let table = try LabelTable(
                path: path,
                columns: LabelTable.Columns(settings, several: several))
            let splits = try ImageFolder.labelled(by: table, root: settings.labelRoot)
            (training, validation, test) = (splits.training, splits.validation, splits.test)
            if table.hasGroups { groups = Self.groups(of: table, settings.labelRoot) }
            if case .column(let name) = settings.grouping, !table.hasGroups {
                throw UserError("data.group: \(path) has no column '\(name)'; name one of its columns, or folder, or a pattern")
            }
        } else {
            training = try Self.scan(settings.train, settings, several: several)
        }
        guard training.classes.count >= 2 else {
            throw UserError(
                "\(settings.labels.map { "data.labels: \($0) has only one label" } ?? "data.train: \(training.root) has only one class\(training.shards.isEmpty ? " folder" : "")"), "
                    + "'\(training.classes.first ?? "")'; telling classes apart takes two")
        }
        groups = Self.grouping(settings) ?? groups
        guard validation == nil || settings.validationSource == .nothing else {
            throw UserError(
                "data.labels: \(settings.labels ?? "") has rows of a validation split, and the config names validation images too: remove "
                    + "data.validation and data.validation_fraction, or the column")
        }
        if case .folder(let path) = settings.validationSource {
            let other = try Self.scan(path, settings, several: several, allowEmptyClasses: true)
            guard !other.isSameFolder(as: training) else {
                throw ImageError(path: path, reason: .sameFolder(as: training.root))
            }
            validation = try other.matching(classes: training.classes)
        }
        try exclude(settings)
        if case .fraction(let fraction) = settings.validationSource {
            // Sides that are cut here share no group.
            try hold(out: fraction, seed: seed, groups)
            trainingGroups = groups.map { training.samples.map($0) }
            return
        }
        trainingGroups = groups.map { training.samples.map($0) }
        if let groups, let validation {
            let shared = GroupedSplit.shared(training.samples.map(groups), validation.samples.map(groups))
            if let first = shared.first {
                self.validation?.notes.append(
                    "\(shared.count) groups stand in training and in validation, such as '\(first)'")
            }
        }
    }

    private mutating func hold(out fraction: Double, seed: UInt64, _ groups: ((ImageSample) -> String)?) throws {
        if let groups {
            let split = GroupedSplit(of: training, fraction: fraction, seed: seed, groups: training.samples.map(groups))
            guard !split.validation.samples.isEmpty,
                zip(split.training.classCounts, training.classCounts).allSatisfy({ $0 > 0 || $1 == 0 })
            else {
                throw UserError(
                    "data.group: groups are too large to hold out \(fraction) of the images and keep some of each class:\n"
                        + split.report.joined(separator: "\n"))
            }
            (training, validation, splitReport) = (split.training, split.validation, split.report)
        } else {
            let split = ValidationSplit(of: training, fraction: fraction, seed: seed)
            (training, validation) = (split.training, split.validation)
        }
        let alone = zip(training.classes, validation?.classCounts ?? []).filter { $1 == 0 }.map(\.0)
        if !alone.isEmpty {
            validation?.notes.append(
                "too few images to hold any out of: \(alone.prefix(10).joined(separator: ", "))"
                    + (alone.count > 10 ? " and \(alone.count - 10) more classes" : ""))
        }
    }

    /// The images of a folder or of shards, by folders, labels or `data.label_pattern`.
    ///
    /// - Parameter several: whether photographs may have several labels.
    static func scan(
        _ path: String, _ settings: RunConfiguration.Data, several: Bool, allowEmptyClasses: Bool = false
    ) throws -> ImageFolder {
        let pattern = settings.labelPattern.flatMap { PathPattern($0, part: "label") }
        if ShardNames.areMeant(by: path) {
            let memory = "\(WeightCache(environment: ProcessInfo.processInfo.environment).folder)/shards"
            return try ImageFolder.shards(
                path, rememberedIn: memory, labelledBy: pattern, separator: several ? settings.labelSeparator : nil)
        }
        guard let pattern else { return try ImageFolder.scan(path, allowEmptyClasses: allowEmptyClasses) }
        return try ImageFolder.scan(path, labelledBy: pattern)
    }

    /// All folders and files that decide what is in the lists; none where those are not all known.
    var lookedInto: [LookedInto] {
        let folders = [training, validation, test].compactMap(\.self).map(\.lookedInto)
        return folders.contains(where: \.isEmpty) ? [] : Array(folders.joined())
    }

    /// Leaves out what `data.exclude` lists.
    private mutating func exclude(_ settings: RunConfiguration.Data) throws {
        guard let path = settings.exclude else { return }
        if !training.lookedInto.isEmpty, let list = LookedInto(path) { training.lookedInto.append(list) }
        let files = try LabelTable.files(in: path, columns: LabelTable.Columns(settings))
        let base = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let found = training.without(files, relativeTo: base)
        training = found.folder
        if found.count > 0 { training.notes.append("\(found.count) training images are left out, as \(path) says") }
        let others = validation?.without(files, relativeTo: base)
        if let others {
            validation = others.folder
            if others.count > 0 { validation?.notes.append("\(others.count) validation images are left out, as \(path) says") }
        }
        if let empty = zip(training.classes, training.classCounts).first(where: { $1 == 0 }) {
            throw UserError("data.exclude: \(path) leaves no training image of the class '\(empty.0)'")
        }
    }

    /// A group for each sample, where the config asks for groups that paths tell.
    private static func grouping(_ settings: RunConfiguration.Data) -> ((ImageSample) -> String)? {
        switch settings.grouping {
        case .folder: { sample in sample.path.split(separator: "/").dropLast().joined(separator: "/") }
        case .pattern(let text):
            // A photograph that the pattern does not match is a group of its own.
            PathPattern(text, part: "group").map { pattern in { sample in pattern.part(of: sample.path) ?? sample.path } }
        case .column, nil: nil
        }
    }

    /// A photograph whose row names no group is one of its own.
    private static func groups(of table: LabelTable, _ root: String) -> (ImageSample) -> String {
        var groups: [String: String] = [:]
        for row in table.rows { groups[ImageFolder.relative(row.file, to: root)] = row.group.flatMap { $0.isEmpty ? nil : $0 } }
        return { groups[$0.path] ?? $0.path }
    }

    /// Copies the shards to a disk of each host, and reads them there from now on. Every rank calls it.
    ///
    /// Throws `UserError` where there are none, the folder's name is of variables that are not set, or the disk has no room.
    mutating func stage(
        in folder: String, _ communicator: any Communicator, environment: [String: String], stop: StopFlag
    ) throws {
        let used = Set(training.usedShards + (validation?.usedShards ?? [])).sorted(by: bytewise)
        guard !used.isEmpty else {
            throw UserError(
                "data.stage copies shards, and \(training.root) holds files: graft pack writes them into shards; or remove data.stage"
            )
        }
        let staging = try ShardStaging(of: used, in: ShardStaging.expand(folder, environment))
        try staging.copy(communicator, stop)
        training.copies = staging.copies
        validation?.copies = staging.copies
    }

    /// Looks into every file. Throws `ImageError` with all images of kinds that are not read, if they are more than may be unreadable;
    /// returns notes of fewer.
    func checkFormats(limit: Double) throws(ImageError) -> [String] {
        var notes: [String] = []
        for folder in [training, validation].compactMap(\.self) {
            let foreign = folder.foreignFormats()
            if Double(foreign.count) > limit * Double(folder.samples.count) {
                throw ImageError(path: folder.root, reason: .foreignFormats(foreign))
            }
            if !foreign.isEmpty { notes.append(ImageError(path: folder.root, reason: .foreignFormats(foreign)).description) }
        }
        return notes
    }

    /// What the user should know of photographs that stand in two classes or in both splits, and whether that is all of them. Reads those
    /// that may be copies.
    func copyNotes() -> (notes: [String], isComplete: Bool) {
        let folders = [training, validation].compactMap(\.self)
        let copies = ImageCopies(among: folders)
        func image(_ place: ImageCopies.Place) -> ImageSample { folders[place.folder].samples[place.sample] }
        func path(_ place: ImageCopies.Place) -> String { folders[place.folder].path(of: image(place)) }
        var notes: [String] = []
        let doubtful = copies.pairs.filter { image($0.first).label != image($0.second).label }
        if let pair = doubtful.first {
            notes.append(
                "\(doubtful.count) images stand in two classes, byte for byte, such as \(path(pair.first)) and \(path(pair.second))"
            )
        }
        let leaked = copies.pairs.filter { $0.first.folder != $0.second.folder }
        if let pair = leaked.first {
            notes.append(
                "\(leaked.count) validation images are training images too, \(path(pair.second)) for one, which is "
                    + "\(path(pair.first)): what is told of them tells nothing")
        }
        return (notes, copies.isComplete)
    }

    /// What the user should know about the folders: skipped companions, missing classes.
    var notes: [String] {
        let held =
            splitReport.isEmpty ? [] : ["whole groups are held out:\n" + splitReport.map { "  \($0)" }.joined(separator: "\n")]
        return training.notes + (validation?.notes ?? []) + held
    }
}

extension LabelTable.Columns {
    /// - Parameter several: whether photographs may have several labels.
    init(_ settings: RunConfiguration.Data, several: Bool = false) {
        let names = settings.columns
        self.init(
            file: names.file, label: names.label, split: names.split, group: names.group,
            weight: names.weight, separator: several ? settings.labelSeparator : nil)
        if case .column(let name) = settings.grouping { group = name }
    }
}

extension ImageFolder {
    /// The samples as the loop knows them.
    func sampleList(split: String) -> SampleList { SampleList(split: split, self) }
}

extension RunConfiguration.Augmentation {
    /// The same augmentation as the image pipeline knows it.
    var pipeline: ImageData.Augmentation {
        guard let recipe else { return .none }
        var augmentation = ImageData.Augmentation.none
        if let crop = recipe.randomResizedCrop {
            augmentation.randomCrop = true
            augmentation.cropScale = Float(crop.scale.lowerBound)...Float(crop.scale.upperBound)
            augmentation.cropAspect = Float(crop.ratio.lowerBound)...Float(crop.ratio.upperBound)
        }
        augmentation.mirrorProbability = Float(recipe.horizontalFlip)
        augmentation.flipProbability = Float(recipe.verticalFlip)
        augmentation.rotation = Float(recipe.rotation)
        if let affine = recipe.affine {
            augmentation.translation = Float(affine.translation)
            augmentation.scale = Float(affine.scale.lowerBound)...Float(affine.scale.upperBound)
            augmentation.shear = Float(affine.shear)
        }
        if recipe.trivialAugment { augmentation.policy = .trivial }
        if let policy = recipe.randAugment {
            augmentation.policy = .random(operations: policy.operations, magnitude: policy.magnitude)
        }
        if let jitter = recipe.colourJitter {
            augmentation.brightness = Float(jitter.brightness)
            augmentation.contrast = Float(jitter.contrast)
            augmentation.saturation = Float(jitter.saturation)
            augmentation.hue = Float(jitter.hue)
        }
        augmentation.grayscaleProbability = Float(recipe.grayscale)
        augmentation.blurProbability = Float(recipe.blur)
        augmentation.sharpnessProbability = Float(recipe.sharpness)
        augmentation.posterizeProbability = Float(recipe.posterize)
        augmentation.solarizeProbability = Float(recipe.solarize)
        augmentation.equalizeProbability = Float(recipe.equalize)
        augmentation.autocontrastProbability = Float(recipe.autocontrast)
        augmentation.erasingProbability = Float(recipe.randomErasing)
        return augmentation
    }

    /// How the images of a batch are mixed.
    var mixing: Mixing { recipe.map { Mixing(mixup: $0.mixup, cutmix: $0.cutmix) } ?? Mixing() }
}

extension RunConfiguration.Data {
    /// How training images are decoded, as the image pipeline knows it.
    var trainingDecoding: ImageDecoding { decoding == .exact ? .exact : .fast }
}
