// The section `evaluation`.
package import Tensors

extension RunConfiguration {
    /// When and where the network is tried on the validation images.
    package struct Evaluation: Sendable, Equatable {
        package var everyEpochs = 1
        package var ranks = EvaluatingRanks.all
        /// Images a pass on each evaluating rank. A number of its own, so that the figures are the same for any number of ranks.
        package var batchSize = 32
        /// From how many sides it looks at an image.
        package var views = EvaluationViews.one
    }

    /// Who evaluates; the numbers are the same.
    package enum EvaluatingRanks: String, Sendable, CaseIterable {
        /// Rank 0, while the others wait.
        case root
        /// All ranks, each a share.
        case all
    }
}

extension RunConfiguration.EvaluatingRanks: Choice {}
extension EvaluationViews: Choice {}

extension RunConfiguration.Evaluation: Section {
    static var keys: [Key<Self>] {
        [
            Key("every_epochs", \.everyEpochs, .from(1, to: Int.mostSteps)),
            Key("ranks", \.ranks),
            Key("batch_size", \.batchSize, .from(1, to: Int.mostImages)),
            Key("views", \.views),
        ]
    }
}
