// A closer look at a run's worst mistakes, for its report.
import Features
import Files
import Foundation
import ImageData
import Reporting
import RunConfiguration
import Tensors
import Training

/// Finds where the network looked, and what it may have been reminded of.
struct MistakeLens {
    let folder: RunFolder
    let configuration: RunConfiguration
    let threads: Int
    /// What the last stage trained and evaluated from.
    let features: StageFeatures
    let training: SampleList
    let validation: SampleList

    /// A page is not worth more of other ranks' time.
    private static let patience = Duration.seconds(15)
    private static let (neighbours, mostCompared) = (3, 20_000)

    /// Looks at the mistakes that a report shows, as far as time and what the run has kept allow; by the sample's number.
    func looks(at report: HTMLReport) -> [Int: MistakeLook] {
        guard let (step, evaluation, mistakes) = report.mistakes, !mistakes.isEmpty else { return [:] }
        var looks: [Int: MistakeLook] = [:]
        let (found, areTraining) = neighbours(of: mistakes.map(\.sample), evaluation)
        for (sample, neighbours) in found {
            looks[sample, default: MistakeLook()].neighbours = neighbours
            looks[sample]?.comparesTraining = areTraining
        }
        do {
            for (sample, map) in try heatMaps(of: mistakes, after: step) {
                looks[sample, default: MistakeLook()].heatMap = map
            }
        } catch {
            say("warning: the report shows mistakes without what the network looked at: \(error)")
        }
        return looks
    }

    /// Among training photographs by the frozen layers' features, or where those were not kept among validation's by what the head saw.
    private func neighbours(
        of mistakes: [Int], _ evaluation: Evaluation
    ) -> (found: [(Int, [MistakeLook.Neighbour])], areTraining: Bool) {
        if let known = features.training?.store, let asked = features.validation?.store {
            let step = max(1, (known.sampleCount + Self.mostCompared - 1) / Self.mostCompared)
            let photographs = FeatureVectors(known, of: stride(from: 0, to: known.sampleCount, by: step))
            let wanted = FeatureVectors(asked, of: mistakes)
            let found = wanted.samples.indices.map { index in
                (wanted.samples[index], photographs.nearest(to: wanted[index], without: nil, Self.neighbours))
            }
            return (found.map { ($0, neighbours($1, files: training.part, classes: training.classes)) }, true)
        }
        guard let familiarity = evaluation.familiarity, let kept = evaluation.familiarPredictions else { return ([], false) }
        let photographs = FeatureVectors(
            samples: kept.map(\.sample), values: familiarity.features, length: familiarity.width)
        let byNumber = Dictionary(uniqueKeysWithValues: kept.map { ($0.sample, $0) })
        let found = mistakes.compactMap { sample in
            photographs.vector(of: sample).map { (sample, photographs.nearest(to: $0, without: sample, Self.neighbours)) }
        }
        return (
            found.map {
                (
                    $0,
                    neighbours(
                        $1, files: { validation.part(of: $0) }, classes: { byNumber[$0].map(evaluation.trueClasses) ?? [] })
                )
            }, false
        )
    }

    private func neighbours(
        _ found: [(sample: Int, likeness: Float)], files: (Int) -> FilePart, classes: (Int) -> [Int]
    ) -> [MistakeLook.Neighbour] {
        found.map { MistakeLook.Neighbour(file: files($0.sample), classes: classes($0.sample), likeness: $0.likeness) }
    }

    /// With the weights that made the mistakes; nothing where they were not saved.
    private func heatMaps(of mistakes: [SamplePrediction], after step: Int) throws -> [(Int, [UInt8])] {
        let saved = try TrainedRun(path: folder.path).checkpoint("last")
        guard saved.checkpoint?.state.progress.step == step else { return [] }
        let model = try InferenceModel(
            saved, network: nil, threads: threads, capacity: 1, instructions: configuration.compute.instructions,
            explaining: ExplanationWish(method: .gradCAM, layer: nil))
        let decoder = ImageDecoder(appliesOrientation: configuration.data.exif == .apply)
        let preparer = ImagePreparer(preprocessing: model.preprocessing)
        let room = AlignedBuffer(floatCount: preparer.elementCount)
        let start = ContinuousClock.now
        var maps: [(Int, [UInt8])] = []
        for mistake in mistakes where start.duration(to: .now) < Self.patience {
            guard let image = try? decoder.decode(validation.part(of: mistake.sample)) else { continue }
            let pixels = room.base.assumingMemoryBound(to: Float.self)
            preparer.prepare(image, into: pixels)
            let map = model.maps(pixels, classes: [mistake.predicted])[0]
            let heated = HeatMap.over(preparer.rendered(image), map)
            if let bytes = JPEGThumbnail.bytes(of: heated, side: MistakeLook.side) { maps.append((mistake.sample, bytes)) }
        }
        return maps
    }
}
