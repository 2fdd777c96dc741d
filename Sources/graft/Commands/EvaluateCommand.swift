// `graft evaluate`: a run's accuracy on its validation images, or on any class folder.
import Tensors
import ArgumentParser
import Collectives
import Foundation
import ImageData
import PlanReports
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
    @Option(help: "Which images of the run's config: validation, test (a list's, which no training saw), or train.")
    var split: EvaluatedSplit?
    @Option(help: "best, last, or the path of a checkpoint.")
    var checkpoint = "best"
    @Option(help: "From how many sides to look at each image: one, flip, five or ten; without it, as the run's config says.")
    var views: EvaluationViews?
    @Option(help: "Also writes the predictions of all images to this CSV file.")
    var predictions: String?
    @Option(help: ArgumentHelp("\(InferencePrecision.help)", valueName: "type"))
    var precision = InferencePrecision.trained
    @Option(help: ArgumentHelp("Evaluates in this precision too, and tells how often both agree.", valueName: "type"))
    var against: InferencePrecision?
    @Flag(help: "Prints one JSON object.")
    var json = false

    private var evaluatedSplit: EvaluatedSplit { split ?? .validation }

    enum EvaluatedSplit: String, ExpressibleByArgument, CaseIterable { case train, validation, test }

    func validate() throws {
        guard data == nil || split == nil else {
            throw ValidationError("--split is of the run's config; --data names other images")
        }
    }

    func run() throws {
        try reportingErrors {
            let trained = try TrainedRun(path: runFolder)
            let saved = try trained.checkpoint(checkpoint)
            let file = saved.file
            let configuration = try trained.configuration()
            guard let evaluation = try evaluate(saved, configuration, precision, isFirst: true) else { return }
            for image in evaluation.unreadable { say("warning: \(image)") }
            if let predictions { try PredictionsFile.write(evaluation, to: predictions) }
            let agreement = try against.map { other in
                Agreement(evaluation, try evaluate(saved, configuration, other, isFirst: false), with: other)
            }
            print(
                json
                    ? try EvaluationText.json(evaluation, file.path, agreement)
                    : EvaluationText.table(evaluation, file.path, agreement))
        }
    }

    private func evaluate(
        _ saved: SavedModel, _ configuration: RunConfiguration, _ precision: InferencePrecision, isFirst: Bool
    ) throws -> Evaluation? {
        let file = saved.file
        let threads = try localThreads()
        let appliesOrientation = configuration.data.exif == .apply
        guard let classes = ModelMetadata(of: file).classes else {
            throw UserError("\(file.path) names no classes, so its predictions cannot be compared with folders")
        }
        let folder = try images(configuration, classes)
        if isFirst { for note in folder.notes { say("note: \(note)") } }
        let model = try InferenceModel(
            saved, network: nil, threads: threads,
            // As in the run, for a kernel may round otherwise over other numbers of images.
            capacity: max(1, min(configuration.evaluation.batchSize, folder.samples.count)), precision: precision,
            instructions: configuration.compute.instructions
        ) {
            CalibrationSample(
                of: try TrainingData(configuration).training, seed: UInt64(configuration.run.seed), preprocessing: $0,
                appliesOrientation: appliesOrientation, threads: threads)
        }
        let views = views ?? configuration.evaluation.views
        var options = BatchLoader.Options(
            capacity: model.capacity, threads: threads, slots: 3, seed: 0, preprocessing: model.preprocessing,
            augmentation: Augmentation(views))
        options.appliesOrientation = appliesOrientation
        let evaluator = Evaluator(
            samples: folder.sampleList(split: evaluatedSplit.rawValue),
            source: LoaderSource(BatchLoader(source: .folder(folder), options: options)), batchSize: model.capacity,
            views: views.count, loss: model.loss, thresholds: saved.thresholds)
        let work = WorkProgress("evaluated")
        let evaluation = try evaluator.evaluate(model, SingleProcess()) { work.tell($0, of: $1) }
        guard evaluation?.summary.loss.isFinite != false else {
            throw UserError(
                "\(file.path): the network's scores are no numbers; its weights are damaged, or the training that made them had diverged"
            )
        }
        return evaluation
    }

    private func images(_ configuration: RunConfiguration, _ classes: [String]) throws -> ImageFolder {
        if let data {
            let several = configuration.network.loss == .binaryCrossEntropy
            var settings = configuration.data
            if !ShardNames.areMeant(by: data) { settings.labelPattern = nil }
            return try TrainingData.scan(data, settings, several: several, allowEmptyClasses: true).matching(classes: classes)
        }
        let images = try TrainingData(configuration)
        let folder =
            switch evaluatedSplit {
            case .train: Optional(images.training)
            case .validation: images.validation
            case .test: images.test
            }
        guard let folder else {
            let advice =
                split == .test ? "a list (data.labels) names them in its column split" : "give a class folder with --data"
            throw UserError("the config of \(runFolder) names no \(evaluatedSplit.rawValue) images; \(advice)")
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
            let f1: Double?
            let averagePrecision: Double?
            let threshold: Float?
        }
        struct MistakeRow: Encodable {
            let name: String
            let takenFor: String
            let images: Int
        }
        let event = "evaluation"
        let checkpoint: String
        let images: Int
        let accuracy: Double
        let balancedAccuracy: Double?
        let macroF1: Double?
        /// Left out where images are of one class each.
        let meanAveragePrecision: Double?
        let loss: Double
        let classes: [ClassRow]
        /// Left out where there are more than a hundred classes.
        let confusion: [[Int]]?
        /// Instead: what is taken for what, and how often.
        let mistakes: [MistakeRow]?
        let unreadable: [String]
        /// Left out where nothing was compared.
        let agreement: Agreement?
    }

    static func json(_ evaluation: Evaluation, _ checkpoint: String, _ agreement: Agreement? = nil) throws -> String {
        let summary = evaluation.summary
        let document = Document(
            checkpoint: checkpoint, images: summary.images, accuracy: summary.accuracy,
            balancedAccuracy: summary.balancedAccuracy, macroF1: summary.macroF1,
            meanAveragePrecision: summary.meanAveragePrecision, loss: summary.loss,
            classes: evaluation.classMetrics.map {
                .init(
                    name: $0.name, images: $0.images, precision: $0.precision, recall: $0.recall, f1: $0.f1,
                    averagePrecision: $0.averagePrecision, threshold: $0.threshold)
            }, confusion: evaluation.hasFewClasses && !evaluation.hasSeveral ? evaluation.confusion : nil,
            mistakes: evaluation.hasFewClasses || evaluation.hasSeveral
                ? nil
                : evaluation.mistakes(most: 1000).map {
                    .init(name: evaluation.classes[$0.label], takenFor: evaluation.classes[$0.predicted], images: $0.count)
                }, unreadable: evaluation.unreadable.filter { !$0.isUsed }.map(\.path),
            agreement: agreement)
        return try document.jsonLine()
    }

    static func table(_ evaluation: Evaluation, _ checkpoint: String, _ agreement: Agreement? = nil) -> String {
        let summary = evaluation.summary
        let head = String(
            format: "accuracy %.2f %% of %d images, loss %.4f, balanced accuracy %.2f %%, macro F1 %.2f %%",
            summary.accuracy * 100,
            summary.images, summary.loss, (summary.balancedAccuracy ?? 0) * 100, (summary.macroF1 ?? 0) * 100)
        let ranking = summary.meanAveragePrecision.map {
            String(format: "mean average precision %.2f %%; an image counts as right where all its labels are told", $0 * 100)
        }
        let compared = agreement.map {
            String(
                format: "same class as in %@ for %d of %d images, %.2f %%; accuracy there %.2f %%", $0.precision, $0.same,
                $0.images,
                $0.share * 100, $0.accuracy * 100)
        }
        return
            ([checkpoint, head] + [ranking, compared].compactMap { $0 } + [""] + classTable(evaluation).lines()
            + mistakeTable(evaluation))
            .joined(separator: "\n")
    }

    /// Every class with its confusion counts where they fit a screen; of many classes those that are told worst.
    private static func classTable(_ evaluation: Evaluation) -> TextTable {
        let percent = { (value: Double?) in value.map { String(format: "%.1f %%", $0 * 100) } ?? "–" }
        let several = evaluation.hasSeveral
        let showsCounts = evaluation.classes.count <= mostColumns && !several
        var table = TextTable(
            [.left("class"), .right("images"), .right("precision"), .right("recall")]
                + (several ? [.right("F1"), .right("average precision"), .right("from")] : [])
                + (showsCounts ? evaluation.classes.map { .right("→ \($0)") } : []))
        let confusion = showsCounts ? evaluation.confusion : []
        let metrics = evaluation.classMetrics
        let shown =
            evaluation.hasFewClasses
            ? Array(metrics.indices)
            : Array(
                metrics.indices.filter { metrics[$0].images > 0 }.sorted {
                    (metrics[$0].recall ?? 0, $0) < (metrics[$1].recall ?? 0, $1)
                }.prefix(mostRows))
        for index in shown {
            let row = metrics[index]
            table.add(
                [row.name, "\(row.images)", percent(row.precision), percent(row.recall)]
                    + (several
                        ? [percent(row.f1), percent(row.averagePrecision), percent(row.threshold.map(Double.init))] : [])
                    + (showsCounts ? confusion[index].map(String.init) : []))
        }
        return table
    }

    /// What is taken for what most often, where the counts are not in the table.
    private static func mistakeTable(_ evaluation: Evaluation) -> [String] {
        guard evaluation.classes.count > mostColumns, !evaluation.hasSeveral else { return [] }
        var table = TextTable([.left("taken for another class"), .left("taken for"), .right("images")])
        for mistake in evaluation.mistakes(most: mostRows) {
            table.add([evaluation.classes[mistake.label], evaluation.classes[mistake.predicted], "\(mistake.count)"])
        }
        return [""] + table.lines()
    }

    /// Classes up to which each has a column of its own, and rows of tables that show extremes alone.
    private static let (mostColumns, mostRows) = (12, 20)
}

extension EvaluationViews: ExpressibleByArgument {}
