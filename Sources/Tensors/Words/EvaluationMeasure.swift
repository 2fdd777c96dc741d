// By what evaluations are compared.

/// The number of an evaluation that decides which checkpoint is the best.
package enum EvaluationMeasure: String, Sendable, Hashable, CaseIterable {
    case accuracy, loss
    /// The mean of the classes' recalls.
    case balancedAccuracy = "balanced_accuracy"
    /// The mean of the classes' F1 scores.
    case macroF1 = "macro_f1"
    /// The mean over classes of the areas under their curves of precision and recall.
    case meanAveragePrecision = "mean_average_precision"

    /// As people say it.
    package var words: String {
        switch self {
        case .accuracy: "accuracy"
        case .loss: "loss"
        case .balancedAccuracy: "balanced accuracy"
        case .macroF1: "macro F1"
        case .meanAveragePrecision: "mean average precision"
        }
    }
}
