// `graft evaluate`: a run's accuracy on its validation images, or on any class folder.
import ArgumentParser
import Collectives
import Foundation
import ImageData
import Reporting
import RunConfiguration
import Training
import WeightFiles

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Evaluates a run on its validation images or on another folder.")

    @Argument(help: ArgumentHelp("The folder of a run.", valueName: "run"))
    var runFolder: String
    @Option(help: "A class folder; without it, the validation images of the run's config.")
    var data: String?
    @Option(help: "best, last, or the path of a checkpoint.")
    var checkpoint = "best"
    @Option(help: "Also writes the predictions of all images to this CSV file.")
    var predictions: String?
    @Flag(help: "Prints one JSON object.")
    var json = false

    func run() throws {
        try reportingErrors {
            let trained = try TrainedRun(path: runFolder)
            let file = try trained.checkpoint(checkpoint)
            let threads = try localThreads()
            let model = try InferenceModel(file: file, network: nil, threads: threads, capacity: 32)
            guard let classes = model.classes else {
                throw UserError("\(file.path) names no classes, so its predictions cannot be compared with folders")
            }
            let configuration = try trained.configuration()
            let folder = try images(configuration, classes)
            for note in folder.notes { say("note: \(note)") }
            var options = BatchLoader.Options(
                capacity: model.capacity, threads: threads, slots: 3, seed: 0, preprocessing: model.preprocessing,
                augmentation: .none)
            options.appliesOrientation = configuration.data.exif == .apply
            let evaluator = Evaluator(
                samples: folder.sampleList(split: "validation"),
                source: LoaderSource(BatchLoader(source: .folder(folder), options: options)), batchSize: model.capacity)
            guard let evaluation = try evaluator.evaluate(model, SingleProcess()) else { return }
            for image in evaluation.unreadable { say("warning: \(image)") }
            if let predictions { try PredictionsFile.write(evaluation, to: predictions) }
            print(json ? try EvaluationText.json(evaluation, file.path) : EvaluationText.table(evaluation, file.path))
        }
    }

    private func images(_ configuration: RunConfiguration, _ classes: [String]) throws -> ImageFolder {
        if let data { return try ImageFolder.scan(data, allowEmptyClasses: true).matching(classes: classes) }
        guard let folder = try ExperimentData(configuration).validation else {
            throw UserError("the config of \(runFolder) names no validation images; give a class folder with --data")
        }
        return try folder.matching(classes: classes)
    }
}

/// An evaluation as text for people and as JSON for scripts.
enum EvaluationText {
    private struct Document: Encodable {
        struct ClassRow: Encodable {
            let name: String
            let images: Int
            let precision: Double?
            let recall: Double?
        }
        let event = "evaluation"
        let checkpoint: String
        let images: Int
        let accuracy: Double
        let loss: Double
        let classes: [ClassRow]
        let confusion: [[Int]]
        let unreadable: [String]
    }

    static func json(_ evaluation: Evaluation, _ checkpoint: String) throws -> String {
        let summary = evaluation.summary
        let document = Document(
            checkpoint: checkpoint, images: summary.images, accuracy: summary.accuracy, loss: summary.loss,
            classes: evaluation.classMetrics.map {
                .init(name: $0.name, images: $0.images, precision: $0.precision, recall: $0.recall)
            }, confusion: evaluation.confusion, unreadable: evaluation.unreadable.map(\.path))
        return try document.jsonLine()
    }

    static func table(_ evaluation: Evaluation, _ checkpoint: String) -> String {
        let summary = evaluation.summary
        let head = String(
            format: "accuracy %.2f %% of %d images, loss %.4f", summary.accuracy * 100, summary.images, summary.loss)
        let percent = { (value: Double?) in value.map { String(format: "%.1f %%", $0 * 100) } ?? "–" }
        var rows = [["class", "images", "precision", "recall"] + evaluation.classes.map { "→ \($0)" }]
        for (metrics, counts) in zip(evaluation.classMetrics, evaluation.confusion) {
            rows.append(
                [metrics.name, "\(metrics.images)", percent(metrics.precision), percent(metrics.recall)] + counts.map(String.init)
            )
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            zip(row, widths).enumerated().map { column, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 ? cell.0 + space : space + cell.0
            }.joined(separator: "  ")
        }
        return ([checkpoint, head, ""] + lines).joined(separator: "\n")
    }
}
