// `graft predict`: classes of single photographs.
import ArgumentParser
import Foundation
import ImageData
import Kernels
import PlanReports
import RunConfiguration
import Tensors
import Training

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Tells the classes of photographs.",
        discussion: """
            graft predict --run runs/cats-dogs photo.jpg
            graft predict --network resnet50 --weights resnet50.pth photo.jpg
            graft predict --run runs/cats-dogs --list names.txt holiday/ more/

            A folder stands for all photographs below it, in the order of their names.
            """)

    @Option(name: .customLong("run"), help: ArgumentHelp("The folder of a run; its best checkpoint is used.", valueName: "run"))
    var runFolder: String?
    @Option(help: "The network of --weights, where the file does not say it and fits more than one.")
    var network: String?
    @Option(help: "A weight file.")
    var weights: String?
    @Option(help: "How many classes to show for each photograph.")
    var top = 5
    @Flag(help: "Also gives the scores of all classes, before softmax.")
    var logits = false
    @Option(
        help: ArgumentHelp(
            "Says of photographs whose likeliest class is less probable that they are rejected.", valueName: "probability"))
    var reject: Double?
    @Flag(help: "Takes probabilities as softmax gives them, without the temperature that validation asked for.")
    var uncalibrated = false
    @Flag(help: "Prints one JSON object a line.")
    var json = false
    @Option(help: ArgumentHelp("\(InferencePrecision.help)", valueName: "type"))
    var precision = InferencePrecision.trained
    @Option(help: ArgumentHelp("A file with the path of a photograph on each line; - for standard input.", valueName: "file"))
    var list: String?
    @Argument(help: "Photographs, and folders of them.")
    var images: [String] = []

    func validate() throws {
        guard (runFolder == nil) != (weights == nil) else {
            throw ValidationError("give either --run or --weights (with --network)")
        }
        guard !images.isEmpty || list != nil else { throw ValidationError("name photographs or folders, or give a --list") }
        if let reject, !(reject > 0 && reject <= 1) { throw ValidationError("--reject must lie above 0 and up to 1") }
        guard top >= 1 else { throw ValidationError("--top must be at least 1") }
    }

    func run() throws {
        try reportingErrors {
            let files = try PhotographList.files(images, listed: list)
            let model = try makeModel(capacity: min(files.count, 16))
            let unreadable = try predict(files, with: model)
            if unreadable > 0 { throw ExitCode(ExitStatus.badInput) }
        }
    }

    private func makeModel(capacity: Int) throws -> InferenceModel {
        let threads = try localThreads()
        if let runFolder {
            let run = try TrainedRun(path: runFolder)
            return try InferenceModel(
                try run.checkpoint(nil), network: nil, threads: threads, capacity: capacity, precision: precision,
                instructions: try run.configuration().compute.instructions)
        }
        return try InferenceModel(
            weights: weights ?? "", network: network, threads: threads, capacity: capacity, precision: precision)
    }

    /// Predicts in batches, in the order given; returns how many photographs were unreadable.
    private func predict(_ files: [String], with model: InferenceModel) throws -> Int {
        // As the run saw its photographs.
        let exif = try runFolder.map { try TrainedRun(path: $0).configuration().data.exif } ?? .apply
        let (decoder, preparer) = (
            ImageDecoder(appliesOrientation: exif == .apply), ImagePreparer(preprocessing: model.preprocessing)
        )
        let slot = AlignedBuffer(floatCount: model.capacity * preparer.elementCount)
        let start = slot.base.assumingMemoryBound(to: Float.self)
        var (unreadable, waiting) = (0, [String]())
        func flush() throws {
            let scores = model.logits(start, count: waiting.count)
            for (index, file) in waiting.enumerated() {
                let own = Array(scores[index * model.classCount..<(index + 1) * model.classCount])
                guard own.allSatisfy(\.isFinite) else {
                    throw UserError(
                        "\(file): the network's scores are no numbers; its weights are damaged, or the training that made them had diverged"
                    )
                }
                try show(
                    Prediction(
                        file: file, logits: own, of: model, temperature: uncalibrated ? nil : model.temperature, reject: reject,
                        top: top,
                        keepsLogits: logits))
            }
            waiting.removeAll(keepingCapacity: true)
        }
        for file in files {
            do throws(ImageError) {
                preparer.prepare(try decoder.decode(path: file), into: start + waiting.count * preparer.elementCount)
                waiting.append(file)
            } catch {
                say("graft: \(error)")
                unreadable += 1
            }
            if waiting.count == model.capacity { try flush() }
        }
        if !waiting.isEmpty { try flush() }
        return unreadable
    }

    private func show(_ prediction: Prediction) throws {
        guard !json else { return print(try prediction.jsonLine()) }
        print(prediction.file)
        var table = TextTable([.left(""), .right(""), .left("")])
        for guess in prediction.top {
            let bar = String(repeating: "█", count: Int((guess.probability * 30).rounded()))
            let isTaken = prediction.labels?.contains(guess.label) ?? false
            table.add([
                (isTaken ? "✓ " : prediction.labels == nil ? "" : "  ") + guess.label,
                Readable.fixed(guess.probability * 100, 2) + " %", bar,
            ])
        }
        table.lines(indent: 2).forEach { print($0) }
        if prediction.rejected == true { print("  rejected: unsure") }
        if let logits = prediction.logits {
            print("  logits: \(logits.map { String(format: "%.6g", $0) }.joined(separator: " "))")
        }
    }
}

/// What is told of one photograph.
struct Prediction: Encodable {
    struct Guess: Encodable {
        let index: Int
        let name: String?
        let probability: Double

        var label: String { name ?? "class \(index)" }

        private enum Keys: String, CodingKey { case index, probability, name = "class" }

        /// `class` is written as null where there is no name, so that every line has the same keys.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(index, forKey: .index)
            try container.encode(name, forKey: .name)
            try container.encode(probability, forKey: .probability)
        }
    }

    let file: String
    let top: [Guess]
    /// The classes that reach their thresholds; left out where a photograph is of one class.
    let labels: [String]?
    /// Left out of the JSON where they were not asked for.
    let logits: [Float]?
    /// Left out where no temperature was used.
    let calibrated: Bool?
    /// Left out without --reject; and why.
    let rejected: Bool?
    let reason: String?

    init(
        file: String, logits: [Float], of model: InferenceModel, temperature: Double?, reject: Double?, top: Int,
        keepsLogits: Bool
    ) {
        self.file = file
        let isOfOne = model.loss == .crossEntropy
        let scale = isOfOne ? Float(1 / (temperature ?? 1)) : 1
        let probabilities = Self.probabilities(logits.map { $0 * scale }, model.loss)
        calibrated = isOfOne && temperature != nil ? true : nil
        let surest = probabilities.max() ?? 0
        rejected = reject.map { surest < $0 }
        reason = rejected == true ? "unsure" : nil
        func guess(_ index: Int) -> Guess {
            Guess(
                index: index, name: model.classes.flatMap { $0.indices.contains(index) ? $0[index] : nil },
                probability: probabilities[index])
        }
        self.top = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }.prefix(top).map(guess)
        labels =
            model.loss == .binaryCrossEntropy
            ? probabilities.indices.filter { probabilities[$0] >= Double(model.thresholds[$0]) }.map { guess($0).label } : nil
        self.logits = keepsLogits ? logits : nil
    }

    private static func probabilities(_ logits: [Float], _ loss: LossKind) -> [Double] {
        switch loss {
        case .binaryCrossEntropy: return logits.map { BinaryCrossEntropy.sigmoid(Double($0)) }
        case .crossEntropy:
            let logSum = logits.withUnsafeBufferPointer { scores in
                scores.baseAddress.map { SoftmaxCrossEntropy.logSumExp($0, scores.count).value } ?? 0
            }
            return logits.map { exp(Double($0) - logSum) }
        }
    }
}

/// Runs a command's body; an error becomes one line and the exit status that stands for it.
func reportingErrors(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let code as ExitCode {
        throw code
    } catch {
        say("graft: \(error)")
        throw ExitCode(ExitStatus.of(error))
    }
}
