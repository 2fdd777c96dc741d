// What `graft predict` tells of one photograph, as JSON and as a line of a table.
import Files
import Foundation
import Kernels
import PlanReports
import Tensors
import Training

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
    /// The picture of what speaks for the class; left out without --explain.
    let explanation: String?

    init(
        file: String, logits: [Float], of model: InferenceModel, temperature: Double?, reject: Double?, isUnlike: Bool,
        top: Int, keepsLogits: Bool, explanation: String?
    ) {
        (self.file, self.explanation) = (file, explanation)
        let isOfOne = model.loss == .crossEntropy
        let probabilities = Self.probabilities(of: logits, model.loss, temperature)
        calibrated = isOfOne && temperature != nil ? true : nil
        let surest = probabilities.max() ?? 0
        rejected = reject.map { surest < $0 || isUnlike }
        reason = rejected == true ? isUnlike ? "unlike_training" : "unsure" : nil
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

    /// What scores amount to; a temperature counts where a photograph is of one class.
    static func probabilities(of scores: [Float], _ loss: LossKind, _ temperature: Double?) -> [Double] {
        let scale = loss == .crossEntropy ? Float(1 / (temperature ?? 1)) : 1
        let logits = scores.map { $0 * scale }
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

extension Prediction {
    /// The names of the columns of `csvLine`.
    static func csvHeader(top: Int, of model: InferenceModel, rejects: Bool, keepsLogits: Bool) -> String {
        let names = ["file"] + (1...top).flatMap { $0 == 1 ? ["class", "probability"] : ["class_\($0)", "probability_\($0)"] }
        let scores = keepsLogits ? (0..<model.classCount).map { "logit_\(model.classes?[$0] ?? String($0))" } : []
        return (names + (model.loss == .binaryCrossEntropy ? ["labels"] : []) + (rejects ? ["rejected", "reason"] : []) + scores)
            .map(\.quotedAsCSV).joined(separator: ",")
    }

    /// The file, its likeliest classes with their probabilities, and what else was asked for, quoted as RFC 4180 has it.
    var csvLine: String {
        let guesses = top.flatMap { [$0.label, "\($0.probability)"] }
        let labels = labels.map { [$0.joined(separator: "|")] } ?? []
        let rejected = rejected.map { ["\($0)", reason ?? ""] } ?? []
        return ([file] + guesses + labels + rejected + (logits ?? []).map { "\($0)" }).map(\.quotedAsCSV).joined(separator: ",")
    }
}
