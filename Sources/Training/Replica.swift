// This rank's copy of the network, as the loop sees it: flat arrays with one layout, a training pass, an inference pass.
package import ImageData
package import Kernels
package import Tensors

/// What one pass needs to know besides its batch.
package struct PassSettings {
    /// Multiplied into each image's gradient: 1 / (images of the whole update over all ranks and passes).
    package var imageWeight: Float
    package var labelSmoothing: Float
    /// Factors on the classes' terms of the loss; nil for none.
    package var classWeights: UnsafePointer<Float>?
    package var loss = LossKind.crossEntropy
    /// The exponent of the focal loss; 0 for plain cross-entropy.
    package var focal: Float = 0
    /// Key of everything random in the pass, together with the epoch and each image's sample index.
    package var seed: UInt64
    /// Epochs finished before this one.
    package var epoch: Int

    package init(imageWeight: Float, labelSmoothing: Float = 0, seed: UInt64 = 0, epoch: Int = 0) {
        self.imageWeight = imageWeight
        self.labelSmoothing = labelSmoothing
        self.seed = seed
        self.epoch = epoch
    }
}

/// A network in inference mode: what an evaluation needs.
package protocol Classifier: AnyObject {
    /// How many classes the network tells apart.
    var classCount: Int { get }

    /// The class scores of a batch, `[batch.count, classCount]`; valid until the next pass.
    func logits(of batch: Batch) throws -> UnsafeBufferPointer<Float>

    /// What the head read of the last batch, `[count, width]`; valid until the next pass. Nil where it is not told.
    var headInputs: (width: Int, values: UnsafeBufferPointer<Float>)? { get }
}

extension Classifier {
    package var headInputs: (width: Int, values: UnsafeBufferPointer<Float>)? { nil }
}

extension Replica {
    package var joinsImages: Bool { false }
    package func hold(_ batch: Batch, asGroup group: Int) { preconditionFailure("only what joins images holds groups") }
    package func trainPasses(
        _ count: Int, _ settings: PassSettings, keep: (_ group: Int, _ range: Range<Int>) -> Void
    ) throws -> [PassResult] { preconditionFailure("only what joins images runs groups side by side") }
}

/// One rank's network. The arrays stay where they are for the replica's life.
package protocol Replica: Classifier, NetworkWeights {
    /// The trained weights, flat.
    var trained: UnsafeMutableBufferPointer<Float> { get }
    /// The gradients in the layout of `trained`, followed by at least `StepSums.floatCount` spare floats.
    var gradientsWithExtras: UnsafeMutableBufferPointer<Float> { get }
    /// Running statistics of norms that track; empty if none does.
    var statistics: UnsafeMutableBufferPointer<Float> { get }

    /// Forward and backward over a batch, which may be empty: then the gradients are zero.
    ///
    /// `onGradientsComplete(k)`, whose errors end the pass, says, with growing k and at last with `trained.count`, that gradients `0..<k` are final.
    func trainPass(_ batch: Batch, _ settings: PassSettings, onGradientsComplete: (Int) throws -> Void) throws -> PassResult

    /// Whether a pass joins sums over all its images, so that groups of images have to run side by side.
    var joinsImages: Bool { get }
    /// Takes a copy of a group's batch, for `trainPasses`.
    func hold(_ batch: Batch, asGroup group: Int)
    /// Passes over the first `count` groups that are held, side by side, with sums that no order changes; the groups' results. Every
    /// rank calls it, those without groups, too. `keep(group, range)` says that so many gradients are a group's, until another group's are written there.
    func trainPasses(_ count: Int, _ settings: PassSettings, keep: (_ group: Int, _ range: Range<Int>) -> Void) throws
        -> [PassResult]

    /// Says that weights or statistics were changed, by the optimizer or from a checkpoint, since the last inference.
    func weightsChanged()
}
