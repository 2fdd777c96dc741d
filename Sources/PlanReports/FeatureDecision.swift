// Whether the values at the boundary are kept, and where: decided once, from bytes alone, before anything is computed.

/// Where the feature cache keeps its records.
package enum FeaturePlace: String, Sendable, Codable, CaseIterable {
    case off, memory, disk
}

/// What the decision is made from.
package struct FeatureCircumstances: Sendable {
    /// What the config asks for; nil for `auto`.
    package var wanted: FeaturePlace?
    /// Deterministic views of each training image.
    package var views = 1
    /// Whether training images are varied at random.
    package var augments = false
    /// Whether training images are mixed with one another, at random too.
    package var mixes = false
    /// Whether frozen layers stand before those that train.
    package var hasPrefix = true
    package var bytesPerImage = 0
    package var trainingImages = 0
    package var validationImages = 0
    /// How often the training images are seen, and how often the validation images.
    package var epochs = 1
    package var evaluations = 1
    /// What a rank may take: what its host has available, divided by the ranks there.
    package var freeMemoryBytes = 0
    /// What the folder's file system has free; nil where it does not say.
    package var freeDiskBytes: Int?
    /// Whether an earlier run has left features of this key on disk.
    package var isOnDisk = false

    package init() {}
}

/// The decision, with its figures and its reason. All ranks make the same one.
package struct FeatureDecision: Sendable, Codable, Equatable {
    package var place: FeaturePlace
    /// Whether training runs from features.
    package var training: Bool
    /// Whether evaluation runs from features.
    package var validation: Bool
    /// After how many epochs a training image's augmentation repeats itself; nil for never, or where there is none.
    package var fixedViews: Int?
    package var views: Int
    package var trainingImages: Int
    package var validationImages: Int
    package var bytesPerImage: Int
    /// All records together.
    package var bytes: Int
    package var freeMemoryBytes: Int
    package var freeDiskBytes: Int?
    /// Why, as the end of a sentence; empty if there is nothing to say.
    package var reason: String

    /// `auto` takes at most this share of the memory or disk that is free.
    private static let memoryShare = 0.5
    private static let diskShare = 0.5

    package init(_ given: FeatureCircumstances) {
        // Without augmentation all views are the same one.
        (views, bytesPerImage) = (given.augments ? given.views : 1, given.bytesPerImage)
        (freeMemoryBytes, freeDiskBytes) = (given.freeMemoryBytes, given.freeDiskBytes)
        (trainingImages, validationImages) = (given.trainingImages, given.validationImages)
        (place, training, validation, bytes) = (.off, false, false, 0)
        let isExplicit = given.wanted != nil && given.wanted != .off
        fixedViews = given.augments && !given.mixes && (given.views > 1 || isExplicit) ? given.views : nil
        reason = ""
        reason = decide(given)
    }

    /// Returns the reason.
    private mutating func decide(_ given: FeatureCircumstances) -> String {
        guard given.wanted != .off else { return "as features.cache says" }
        guard given.hasPrefix else { return "no frozen layer stands before those that train" }
        let isFree = given.wanted == nil && !given.isOnDisk
        let repeats = !given.mixes && (!given.augments || fixedViews != nil)
        training = repeats && (!isFree || given.epochs > views)
        validation = given.validationImages > 0 && (!isFree || given.evaluations > 1)
        let whyNot =
            training
            ? ""
            : given.mixes
                ? "every epoch mixes training images anew (data.augmentation.mixup, cutmix), and frozen layers must see that"
                : repeats
                    ? "no view of a training image is seen twice"
                    : "augmentation is new in every epoch, so frozen layers compute every photograph \(given.epochs) times; features.views: 4 "
                        + "computes 4 views of each once, data.augmentation: none a single one"
        guard training || validation else { return whyNot }
        bytes = bytesPerImage * ((training ? trainingImages * views : 0) + (validation ? validationImages : 0))
        place = given.wanted ?? automaticPlace(given)
        guard place == .off else { return whyNot }
        (training, validation) = (false, false)
        return "it would take more than half of what is free"
    }

    private func automaticPlace(_ given: FeatureCircumstances) -> FeaturePlace {
        let fitsOnDisk = given.freeDiskBytes.map { Double(bytes) <= Self.diskShare * Double($0) } ?? false
        if given.isOnDisk, fitsOnDisk { return .disk }
        if Double(bytes) <= Self.memoryShare * Double(given.freeMemoryBytes) { return .memory }
        return fitsOnDisk ? .disk : .off
    }

    /// One or two lines for people.
    package var text: [String] {
        let free =
            "free: \(Readable.bytes(freeMemoryBytes)) of memory a rank"
            + (freeDiskBytes.map { ", \(Readable.bytes($0)) of disk" } ?? "")
        guard place != .off else {
            let size = bytes > 0 ? " (\(Readable.bytes(bytes)); \(free))" : ""
            return ["Feature cache: off\(size): \(reason)."]
        }
        let repeated = views > 1 ? " × \(views) views" : ""
        var parts: [String] = []
        if training { parts.append("\(trainingImages) training images\(repeated)") }
        if validation { parts.append("\(validationImages) validation images") }
        let home = place == .memory ? "in each rank's memory" : "on disk"
        var lines = [
            "Feature cache: \(parts.joined(separator: " and ")), \(Readable.bytes(bytesPerImage)) each, "
                + "\(Readable.bytes(bytes)) \(home) (\(free))."
        ]
        if !training { lines.append("Training is not cached: \(reason).") }
        if training, fixedViews == 1 {
            lines.append("Every epoch sees the same one random view of each image; features.views: 4, say, gives more.")
        }
        return lines
    }
}
