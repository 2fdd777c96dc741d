// `graft predict`: classes of single photographs.
import ArgumentParser
import Foundation
import Graphs
import PlanReports
import Reporting
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

            find . -name '*.jpg' | graft predict --run runs/cats-dogs --csv - > classes.csv

            A folder stands for all photographs below it, in the order of their names; @FILE for those that the lines of a file name, - for \
            those on standard input. Answers come in the order of the photographs. Photographs a second are told on standard error.

            graft predict --run runs/cats-dogs --explain why.png photo.jpg

            shows where in the photograph the network saw what speaks for the class (Grad-CAM); of several photographs, name a folder.
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
    @Option(
        help: ArgumentHelp(
            "With --reject: also rejects photographs that look less like those of validation than all but this share of them; 0 rejects none.",
            valueName: "share"))
    var rejectUnlike = 0.05
    @Flag(help: "Takes probabilities as softmax gives them, without the temperature that validation asked for.")
    var uncalibrated = false
    @Flag(help: "Prints one JSON object a line.")
    var json = false
    @Flag(help: "Prints a table for spreadsheets: a header, and a line for each photograph.")
    var csv = false
    @Option(help: "How many photographs are computed at once; more take more memory.")
    var batch = 16
    @Option(help: ArgumentHelp("\(InferencePrecision.help)", valueName: "type"))
    var precision = InferencePrecision.trained
    @Option(help: ArgumentHelp("A file with the path of a photograph on each line; - for standard input.", valueName: "file"))
    var list: String?
    @Option(
        help: ArgumentHelp(
            "Writes the photograph as the network sees it, beside it with a heat map of what speaks for the class: a .png for one photograph, a folder for several.",
            valueName: "file-or-folder"))
    var explain: String?
    @Option(
        help: ArgumentHelp(
            "The class whose evidence --explain shows; the likeliest of each photograph if left out.", valueName: "class"))
    var explainClass: String?
    @Option(
        help: ArgumentHelp(
            "The layer that --explain looks at, as layer4.1; the last one with an extent if left out.", valueName: "layer"))
    var explainLayer: String?
    @Option(help: "How --explain weighs: gradcam, or layercam, which is finer and usable for early layers.")
    var explainMethod = ActivationMapMethod.gradCAM
    @Argument(help: "Photographs, folders of them, @FILE for a list, - for a list on standard input.")
    var images: [String] = []

    func validate() throws {
        guard (runFolder == nil) != (weights == nil) else {
            throw ValidationError("give either --run or --weights (with --network)")
        }
        guard !images.isEmpty || list != nil else { throw ValidationError("name photographs or folders, or give a --list") }
        if let reject, !(reject > 0 && reject <= 1) { throw ValidationError("--reject must lie above 0 and up to 1") }
        guard (0..<1).contains(rejectUnlike) else { throw ValidationError("--reject-unlike must lie from 0 to below 1") }
        guard explain != nil || explainClass == nil && explainLayer == nil && explainMethod == .gradCAM else {
            throw ValidationError("--explain-class, --explain-layer and --explain-method say how; --explain says where to")
        }
        guard !json || !csv else { throw ValidationError("give either --json or --csv") }
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must lie between 1 and 4096") }
        guard ([list ?? ""] + images).count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("standard input is one list")
        }
        guard top >= 1 else { throw ValidationError("--top must be at least 1") }
    }

    func run() throws {
        try reportingErrors {
            let files = try PhotographList.files(images, listed: list)
            let threads = try localThreads()
            let model = try makeModel(capacity: min(files.count, batch), threads: threads)
            let unreadable = try predict(files, with: model, threads: threads)
            if unreadable > 0 { throw ExitCode(ExitStatus.badInput) }
        }
    }

    private func makeModel(capacity: Int, threads: Int) throws -> InferenceModel {
        let wish = explain.map { _ in ExplanationWish(method: explainMethod, layer: explainLayer) }
        if let runFolder {
            let run = try TrainedRun(path: runFolder)
            return try InferenceModel(
                try run.checkpoint(nil), network: nil, threads: threads, capacity: capacity, precision: precision,
                instructions: try run.configuration().compute.instructions, explaining: wish,
                tellsFamiliarity: reject != nil && rejectUnlike > 0)
        }
        return try InferenceModel(
            weights: weights ?? "", network: network, threads: threads, capacity: capacity, precision: precision, explaining: wish
        )
    }

    /// The index of the class that is to be explained; nil for the likeliest of each photograph.
    private func explainedClass(of model: InferenceModel) throws -> Int? {
        guard let explainClass else { return nil }
        if let index = model.classes?.firstIndex(of: explainClass) { return index }
        if let index = Int(explainClass), (0..<model.classCount).contains(index) { return index }
        let names = nearestNames(to: explainClass, among: model.classes ?? []).joined(separator: ", ")
        throw UserError(
            "--explain-class: there is no class '\(explainClass)'; "
                + (names.isEmpty ? "give its number, from 0 to \(model.classCount - 1)" : "the nearest names are \(names)"))
    }

    /// Predicts in batches, in the order given; returns how many photographs were unreadable.
    private func predict(_ files: [String], with model: InferenceModel, threads: Int) throws -> Int {
        // As the run saw its photographs.
        let exif = try runFolder.map { try TrainedRun(path: $0).configuration().data.exif } ?? .apply
        let prepared = PreparedPhotographs(
            model.preprocessing, appliesOrientation: exif == .apply, capacity: model.capacity, threads: threads,
            keepsPictures: explain != nil)
        var explanations = try explain.map { try ExplanationFiles($0, photographs: files.count) }
        let explained = try explainedClass(of: model)
        let limit = model.familiarity?.limit(rate: rejectUnlike)
        if limit == nil, reject != nil, rejectUnlike > 0, runFolder != nil {
            say(
                "note: the run's checkpoint does not tell what its photographs look like: too few were validated, or it is of an earlier version"
            )
        }
        let (progress, start) = (WorkProgress("predicted"), ContinuousClock.now)
        var unreadable = 0
        if csv {
            print(Prediction.csvHeader(top: min(top, model.classCount), of: model, rejects: reject != nil, keepsLogits: logits))
        }
        for first in stride(from: 0, to: files.count, by: model.capacity) {
            let batch = prepared.prepare(Array(files[first..<min(first + model.capacity, files.count)]))
            for failure in batch.failures { say("graft: \(failure)") }
            unreadable += batch.failures.count
            guard !batch.files.isEmpty else { continue }
            let scores = Array(model.logits(batch.images, count: batch.files.count))
            let own = batch.files.indices.map { Array(scores[$0 * model.classCount..<($0 + 1) * model.classCount]) }
            let asked = own.map { own in explained ?? own.indices.max { own[$0] < own[$1] } ?? 0 }
            let isUnlike = limit.flatMap { limit in model.distances()?.map { $0 > limit } }
            let maps = explanations == nil ? [] : model.maps(batch.images, classes: asked)
            for (index, file) in batch.files.enumerated() {
                guard own[index].allSatisfy(\.isFinite) else {
                    throw UserError(
                        "\(file): the network's scores are no numbers; its weights are damaged, or the training that made them had diverged"
                    )
                }
                try show(
                    Prediction(
                        file: file, logits: own[index], of: model, temperature: uncalibrated ? nil : model.temperature,
                        reject: reject, isUnlike: isUnlike?[index] ?? false, top: top, keepsLogits: logits,
                        explanation: try explanations?.write(HeatMap.beside(batch.pictures[index], maps[index]), of: file)))
            }
            // What is read from a pipe should come as it is known.
            fflush(nil)
            progress.tell(min(first + model.capacity, files.count), of: files.count)
        }
        if files.count > 1 {
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            say(
                "\(files.count - unreadable) photographs, \(Readable.fixed(Double(files.count) / max(seconds, 1e-9), 1)) a second"
            )
        }
        return unreadable
    }

    private func show(_ prediction: Prediction) throws {
        guard !json else { return print(try prediction.jsonLine()) }
        guard !csv else { return print(prediction.csvLine) }
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
        if let reason = prediction.reason {
            print("  rejected: \(reason == "unsure" ? reason : "unlike the photographs that the network knows")")
        }
        if let logits = prediction.logits {
            print("  logits: \(logits.map { String(format: "%.6g", $0) }.joined(separator: " "))")
        }
        if let explanation = prediction.explanation { print("  explained in \(explanation)") }
    }
}

extension ActivationMapMethod: ExpressibleByArgument {}

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
