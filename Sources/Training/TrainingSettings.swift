// What the loop is told: the parts of the config that it follows, without defaults of its own.
package import Tensors

/// The loop's settings. All counts are global, over all ranks.
package struct TrainingSettings: Sendable, Equatable {
    package var epochs: Int
    /// Images of one pass over all ranks.
    package var batchSize: Int
    /// Passes an update.
    package var accumulation: Int
    /// Updates after which the run ends even within an epoch; nil for none.
    package var stepLimit: Int?
    package var labelSmoothing: Float
    /// What images of each class weigh in the loss, by class; nil for all alike. An update's loss is their weighted mean.
    package var classWeights: [Double]?
    /// How often each class comes, as shares; nil takes every image once an epoch.
    package var samplingShares: [Double]?
    package var loss = LossKind.crossEntropy
    /// The exponent of the focal loss; 0 for plain cross-entropy.
    package var focal: Float = 0
    /// What is evaluated, saved and exported in the place of the last weights; nil for these.
    package var average: AverageRule?
    /// The largest norm of all gradients together; nil for no clipping.
    package var clipNorm: Double?
    package var seed: UInt64
    package var shuffle: Bool
    /// Epochs between evaluations; 0 for one at the end only.
    package var evaluationEpochs: Int
    /// Epochs between checkpoints; 0 for one at the end only.
    package var checkpointEpochs: Int
    /// Updates between checkpoints within an epoch; nil for none.
    package var checkpointSteps: Int?
    /// Minutes after which a checkpoint follows the next update; nil for none.
    package var checkpointMinutes: Double?
    /// The fraction of the training images that may be unreadable.
    package var unreadableLimit: Double
    /// By what the best checkpoint is chosen.
    package var bestBy = EvaluationMeasure.accuracy
    /// Evaluations in a row without a better result after which the run ends; nil for none.
    package var patience: Int?
    /// Whether gradients are summed while backward still runs.
    package var overlap: Bool
    /// Whether gradients may travel as bfloat16, with what rounding takes away added to the next update's.
    package var compresses = false
    /// Images whose gradients are computed alone, so that results have the same bits on any number of ranks; nil for each rank's whole share
    /// at once.
    package var group: Int?

    package init(
        epochs: Int, batchSize: Int, accumulation: Int, stepLimit: Int?, labelSmoothing: Float, clipNorm: Double?, seed: UInt64,
        shuffle: Bool, evaluationEpochs: Int, checkpointEpochs: Int, checkpointSteps: Int?, unreadableLimit: Double, overlap: Bool
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.accumulation = accumulation
        self.stepLimit = stepLimit
        self.labelSmoothing = labelSmoothing
        self.clipNorm = clipNorm
        self.seed = seed
        self.shuffle = shuffle
        self.evaluationEpochs = evaluationEpochs
        self.checkpointEpochs = checkpointEpochs
        self.checkpointSteps = checkpointSteps
        self.unreadableLimit = unreadableLimit
        self.overlap = overlap
    }
}
