// What a config and a network make of the feature cache, before any image is read: sizes, circumstances, the decision.
import Execution
import Features
import Files
import Foundation
import Graphs
import ImageData
import PlanReports
import RunConfiguration
import Tensors

extension PlannedNetwork {
    /// How the boundary's values of one image are kept.
    func featureLayout(_ features: RunConfiguration.Features) -> FeatureLayout {
        let plan = plan(from: .boundary, to: .loss, capacity: 1)
        return FeatureLayout(
            shapes: plan.entryValues.map { plan.values[$0].shape }, type: features.precision.type)
    }

    /// What the decision about the cache is made from, as far as config and network tell. Free memory is for one of `ranks` ranks on
    /// this host.
    func featureCircumstances(
        _ configuration: RunConfiguration, trainingImages: Int, validationImages: Int, localRanks: Int
    ) -> FeatureCircumstances {
        // A limit on steps may end the run before an image is seen twice.
        let imagesPerUpdate = configuration.training.batchSize * configuration.training.accumulation
        let passes = configuration.training.steps.map { ($0 * imagesPerUpdate + trainingImages - 1) / max(1, trainingImages) }
        let epochs = min(configuration.training.epochs, passes ?? .max)
        var given = FeatureCircumstances()
        given.wanted =
            switch configuration.features.cache {
            case .auto: nil
            case .memory: .memory
            case .disk: .disk
            case .off: .off
            }
        given.views = configuration.features.views
        given.augments = configuration.data.augmentation.pipeline != .none
        given.mixes = configuration.data.augmentation.mixing.isOn
        given.hasPrefix = plan(to: .boundary, capacity: 1).hasPrefix
        given.bytesPerImage = given.hasPrefix ? featureLayout(configuration.features).recordBytes : 0
        given.trainingImages = trainingImages
        given.validationImages = validationImages
        given.epochs = epochs
        given.evaluations = (epochs + configuration.evaluation.everyEpochs - 1) / configuration.evaluation.everyEpochs
        given.freeMemoryBytes = availableMemoryBytes() / max(1, localRanks)
        given.freeDiskBytes = FeatureFolder.freeBytes(at: configuration.featureFolder)
        return given
    }
}

extension RunConfiguration {
    /// The folder of all keys of the cache on disk.
    var featureFolder: String { features.folder ?? (run.folder.isEmpty ? ".features" : "\(run.folder)/.features") }
}
