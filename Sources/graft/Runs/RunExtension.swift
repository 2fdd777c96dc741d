// `graft train --extend`: a finished run's config once more, over what its folders hold now.
import Collectives
import Foundation
import ImageData
import RunConfiguration
import Tensors

/// A run whose photographs have become more. Training anew by its config is all that it takes: features of the photographs that it knew are
/// on disk, and a head for more classes starts from the same seed.
struct RunExtension {
    private let run: TrainedRun
    private let original: RunConfiguration

    /// Throws `UserError` if there is no run, and what is wrong with its config.
    init(path: String) throws {
        run = try TrainedRun(path: path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
        original = try run.configuration()
    }

    /// The config to train by. Every rank calls it.
    func configuration(_ overrides: [String], _ communicator: any Communicator) throws -> RunConfiguration {
        // Rank 0 alone looks for a name: it will soon make the folder.
        let name = try communicator.broadcast(Array((communicator.isRoot ? freeName : "").utf8))
        var settings = ["run.name=\(String(decoding: name, as: UTF8.self))"]
        if keepsFeatures { settings.append("features.cache=disk") }
        return try RunConfiguration.load(path: run.folder.configuration, overrides: settings + overrides)
    }

    /// Says on rank 0 what is new.
    func tell(_ data: TrainingData?, _ communicator: any Communicator) {
        guard communicator.isRoot, let data else { return }
        guard let receipt = try? Receipt(from: run.folder) else {
            return say("extending \(run.folder.path), which left no receipt to tell what is new")
        }
        say("extending \(run.folder.path): \(receipt.news(in: data))")
    }

    /// Where one view of each training image would be the same in every epoch, the config alone decides.
    private var keepsFeatures: Bool {
        [.auto, .memory].contains(original.features.cache)
            && (original.data.augmentation.pipeline == .none || original.features.views > 1)
    }

    private var freeName: String {
        let base = "\(original.run.name)-extended"
        func isTaken(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: original.run.folder.isEmpty ? name : "\(original.run.folder)/\(name)")
        }
        guard isTaken(base) else { return base }
        return (2...).lazy.map { "\(base)-\($0)" }.first { !isTaken($0) } ?? base
    }
}
