// The photographs of a config: folders, splits, loaders.
import Foundation
import ImageData
import RunConfiguration
import Tensors
import Training

/// The training and validation images of a config.
struct TrainingData {
    let training: ImageFolder
    /// Nil for a run without validation.
    let validation: ImageFolder?

    /// Scans the folders. Throws `ImageError` for folders that cannot be used, `UserError` for fewer than two classes.
    init(_ configuration: RunConfiguration) throws {
        let folder = try ImageFolder.scan(configuration.data.train)
        guard folder.classes.count >= 2 else {
            throw UserError(
                "data.train: \(folder.root) has only one class folder, '\(folder.classes.first ?? "")'; telling classes apart takes two"
            )
        }
        switch configuration.data.validationSource {
        case .nothing:
            training = folder
            validation = nil
        case .folder(let path):
            training = folder
            let other = try ImageFolder.scan(path, allowEmptyClasses: true)
            guard !other.isSameFolder(as: folder) else {
                throw ImageError(path: path, reason: .sameFolder(as: folder.root))
            }
            validation = try other.matching(classes: folder.classes)
        case .fraction(let fraction):
            let split = ValidationSplit(of: folder, fraction: fraction, seed: UInt64(configuration.run.seed))
            training = split.training
            var validation = split.validation
            let alone = zip(validation.classes, validation.classCounts).filter { $1 == 0 }.map(\.0)
            if !alone.isEmpty {
                validation.notes.append(
                    "too few images to hold any out of: \(alone.prefix(10).joined(separator: ", "))"
                        + (alone.count > 10 ? " and \(alone.count - 10) more classes" : ""))
            }
            self.validation = validation
        }
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
    var notes: [String] { training.notes + (validation?.notes ?? []) }
}

extension ImageFolder {
    /// The samples as the loop knows them.
    func sampleList(split: String) -> SampleList {
        SampleList(split: split, classes: classes, paths: samples.map { path(of: $0) }, labels: samples.map(\.label))
    }
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
        if let jitter = recipe.colourJitter {
            augmentation.brightness = Float(jitter.brightness)
            augmentation.contrast = Float(jitter.contrast)
            augmentation.saturation = Float(jitter.saturation)
            augmentation.hue = Float(jitter.hue)
        }
        augmentation.erasingProbability = Float(recipe.randomErasing)
        return augmentation
    }
}

extension RunConfiguration.Data {
    /// How training images are decoded, as the image pipeline knows it.
    var trainingDecoding: ImageDecoding { decoding == .exact ? .exact : .fast }
}
