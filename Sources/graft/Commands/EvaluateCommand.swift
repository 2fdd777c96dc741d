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
    @Option(help: ArgumentHelp("\(InferencePrecision.help)", valueName: "type"))
    var precision = InferencePrecision.trained
    @Option(help: ArgumentHelp("Evaluates in this precision too, and tells how often both agree.", valueName: "type"))
    var against: InferencePrecision?
    @Flag(help: "Prints one JSON object.")
    var json = false

    func run() throws {
        try reportingErrors {
            let trained = try TrainedRun(path: runFolder)
            let file = try trained.checkpoint(checkpoint)
            let configuration = try trained.configuration()
            guard let evaluation = try evaluate(file, configuration, precision, isFirst: true) else { return }
            for image in evaluation.unreadable { say("warning: \(image)") }
            if let predictions { try PredictionsFile.write(evaluation, to: predictions) }
            let agreement = try against.map { other in
                Agreement(evaluation, try evaluate(file, configuration, other, isFirst: false), with: other)
            }
            print(
                json
                    ? try EvaluationText.json(evaluation, file.path, agreement)
                    : EvaluationText.table(evaluation, file.path, agreement))
        }
    }

    private func evaluate(
        _ file: WeightFile, _ configuration: RunConfiguration, _ precision: InferencePrecision, isFirst: Bool
    ) throws -> Evaluation? {
        let threads = try localThreads()
        let appliesOrientation = configuration.data.exif == .apply
        let model = try InferenceModel(
            file: file, network: nil, threads: threads, capacity: 32, precision: precision,
            instructions: configuration.compute.instructions
        ) {
            CalibrationSample(
                of: try TrainingData(configuration).training, seed: UInt64(configuration.run.seed), preprocessing: $0,
                appliesOrientation: appliesOrientation, threads: threads)
        }
        guard let classes = model.classes else {
            throw UserError("\(file.path) names no classes, so its predictions cannot be compared with folders")
        }
        let folder = try images(configuration, classes)
        if isFirst { for note in folder.notes { say("note: \(note)") } }
        var options = BatchLoader.Options(
            capacity: model.capacity, threads: threads, slots: 3, seed: 0, preprocessing: model.preprocessing,
            augmentation: .none)
        options.appliesOrientation = appliesOrientation
        let evaluator = Evaluator(
            samples: folder.sampleList(split: "validation"),
            source: LoaderSource(BatchLoader(source: .folder(folder), options: options)), batchSize: model.capacity)
        return try evaluator.evaluate(model, SingleProcess())
    }

    private func images(_ configuration: RunConfiguration, _ classes: [String]) throws -> ImageFolder {
        if let data { return try ImageFolder.scan(data, allowEmptyClasses: true).matching(classes: classes) }
        guard let folder = try TrainingData(configuration).validation else {
            throw UserError("the config of \(runFolder) names no validation images; give a class folder with --data")
        }
        return try folder.matching(classes: classes)
    }
}

/// How often two ways to compute the same network name the same class.
struct Agreement: Encodable {
    /// What the evaluation was held against.
    let precision: String
    let images: Int
    let same: Int
    /// Of the other one.
    let accuracy: Double

    init(_ one: Evaluation, _ other: Evaluation?, with precision: InferencePrecision) {
        self.precision = precision.rawValue
        let others = Dictionary((other?.predictions ?? []).map { ($0.sample, $0.predicted) }) { first, _ in first }
        images = one.images
        same = one.predictions.count { others[$0.sample] == $0.predicted }
        accuracy = other?.summary.accuracy ?? 0
    }

    var share: Double { images > 0 ? Double(same) / Double(images) : 0 }
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
        /// Left out where nothing was compared.
        let agreement: Agreement?
    }

    static func json(_ evaluation: Evaluation, _ checkpoint: String, _ agreement: Agreement? = nil) throws -> String {
        let summary = evaluation.summary
        let document = Document(
            checkpoint: checkpoint, images: summary.images, accuracy: summary.accuracy, loss: summary.loss,
            classes: evaluation.classMetrics.map {
                .init(name: $0.name, images: $0.images, precision: $0.precision, recall: $0.recall)
            }, confusion: evaluation.confusion, unreadable: evaluation.unreadable.filter { !$0.isUsed }.map(\.path),
            agreement: agreement)
        return try document.jsonLine()
    }

    static func table(_ evaluation: Evaluation, _ checkpoint: String, _ agreement: Agreement? = nil) -> String {
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
        let compared = agreement.map {
            String(
                format: "same class as in %@ for %d of %d images, %.2f %%; accuracy there %.2f %%", $0.precision, $0.same,
                $0.images,
                $0.share * 100, $0.accuracy * 100)
        }
        return ([checkpoint, head] + [compared].compactMap { $0 } + [""] + lines).joined(separator: "\n")
    }
}
