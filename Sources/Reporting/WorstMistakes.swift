// The images that the network got most wrong, as small pictures.
import Files
import Foundation
import ImageData
import Training

struct WorstMistakes {
    private let evaluation: Evaluation
    private let looks: [Int: MistakeLook]
    private static let most = 12
    private static let neighbourSide = 96

    init(_ evaluation: Evaluation, _ looks: [Int: MistakeLook] = [:]) { (self.evaluation, self.looks) = (evaluation, looks) }

    /// Those that are shown, the worst first.
    static func chosen(from evaluation: Evaluation) -> [SamplePrediction] {
        Array(evaluation.predictions.filter { !evaluation.isRight($0) }.sorted { $0.loss > $1.loss }.prefix(most))
    }

    var html: String {
        let wrong = Self.chosen(from: evaluation)
        guard !wrong.isEmpty else { return "<p>None is wrong.</p>" }
        let figures = wrong.map { prediction in
            let path = evaluation.paths[prediction.sample]
            let (own, taken) = (list(evaluation.trueClasses(prediction)), list(evaluation.predictedClasses(prediction)))
            let look = looks[prediction.sample]
            let heat = look?.heatMap.map { Self.picture($0, "Where the network saw what speaks for its answer") } ?? ""
            let photograph = Self.picture(of: evaluation.file(of: prediction), MistakeLook.side)
            return
                "<figure><div class=\"pair\">\(photograph)\(heat)</div><figcaption>is <strong>\(own)</strong>, taken for "
                + "<strong>\(taken)</strong> (\(Format.percent(Double(prediction.probabilities[prediction.predicted]))))<br>"
                + "\(isolated(path))</figcaption>\(neighbours(look?.neighbours ?? []))</figure>"
        }
        return "\(lead)<div class=\"\(looks.isEmpty ? "pictures" : "pictures looked")\">\(figures.joined(separator: "\n"))</div>"
    }

    private var lead: String {
        var words: [String] = []
        if looks.values.contains(where: { $0.heatMap != nil }) {
            words.append(
                "Beside each photograph, what of it speaks for the class that it was taken for (Grad-CAM: red most, blue least).")
        }
        if let look = looks.values.first(where: { !$0.neighbours.isEmpty }) {
            let which = look.comparesTraining ? "training photographs" : "other validation photographs"
            words.append("Below, the \(which) whose features are most like its own.")
        }
        return words.isEmpty ? "" : "<p>\(words.joined(separator: " "))</p>\n"
    }

    private func neighbours(_ all: [MistakeLook.Neighbour]) -> String {
        guard !all.isEmpty else { return "" }
        let items = all.map { neighbour in
            "<li title=\"\(escaped(neighbour.file.name)): likeness \(String(format: "%.2f", neighbour.likeness))\">"
                + "\(Self.picture(of: neighbour.file, Self.neighbourSide)) \(list(neighbour.classes))</li>"
        }
        return "<ul class=\"neighbours\">\(items.joined())</ul>"
    }

    private func list(_ labels: [Int]) -> String {
        labels.isEmpty ? "nothing" : labels.map { isolated(evaluation.classes[$0]) }.joined(separator: ", ")
    }

    private static func picture(of file: FilePart, _ side: Int) -> String {
        JPEGThumbnail.bytes(of: file, side: side).map { picture($0) } ?? ""
    }

    private static func picture(_ bytes: [UInt8], _ words: String = "") -> String {
        "<img alt=\"\(escaped(words))\" src=\"data:image/jpeg;base64,\(Data(bytes).base64EncodedString())\">"
    }
}
