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
            validation = try ImageFolder.scan(path, allowEmptyClasses: true).matching(classes: folder.classes)
        case .fraction(let fraction):
            let split = ValidationSplit(of: folder, fraction: fraction, seed: UInt64(configuration.run.seed))
            training = split.training
            validation = split.validation
        }
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
