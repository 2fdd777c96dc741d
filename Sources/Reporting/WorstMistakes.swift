// The images that the network got most wrong, as small pictures.
import Files
import Foundation
import ImageData
import Training

struct WorstMistakes {
    private let evaluation: Evaluation
    private static let most = 12
    /// Pixels of a picture's longer side: the page should stay mailable.
    private static let side = 280

    init(_ evaluation: Evaluation) { self.evaluation = evaluation }

    var html: String {
        let wrong = evaluation.predictions.filter { !evaluation.isRight($0) }.sorted { $0.loss > $1.loss }.prefix(Self.most)
        guard !wrong.isEmpty else { return "<p>None is wrong.</p>" }
        let figures = wrong.map { prediction in
            let path = evaluation.paths[prediction.sample]
            let (own, taken) = (list(evaluation.trueClasses(prediction)), list(evaluation.predictedClasses(prediction)))
            return
                "<figure>\(image(evaluation.archived[prediction.sample] ?? FilePart(path)))<figcaption>is <strong>\(own)</strong>, taken for "
                + "<strong>\(taken)</strong> (\(Format.percent(Double(prediction.probabilities[prediction.predicted]))))<br>"
                + "\(isolated(path))</figcaption></figure>"
        }
        return "<div class=\"pictures\">\(figures.joined(separator: "\n"))</div>"
    }

    private func list(_ labels: [Int]) -> String {
        labels.isEmpty ? "nothing" : labels.map { isolated(evaluation.classes[$0]) }.joined(separator: ", ")
    }

    private func image(_ file: FilePart) -> String {
        guard let bytes = JPEGThumbnail.bytes(of: file, side: Self.side) else { return "" }
        return "<img alt=\"\" src=\"data:image/jpeg;base64,\(Data(bytes).base64EncodedString())\">"
    }
}
