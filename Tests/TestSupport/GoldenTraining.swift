// What PyTorch computes in ten training steps, and in one batch's backward.

/// The settings of a run, common to both kinds of fixture; written by make_training_fixtures.py.
package protocol GoldenRun: GoldenFile {
    associatedtype Tensor
    var settings: GoldenSettings { get }
    /// The loss of each step.
    var losses: [Double] { get }
    /// The largest difference, relative to a tensor's change or gradient, that a float32 implementation may show.
    var tolerance: Double { get }
    var tensors: [Tensor] { get }
}

/// What is trained, how, and on what.
package struct GoldenSettings: Decodable, Sendable {
    package struct Optimizer: Decodable, Sendable {
        /// `sgd` or `adamw`.
        package let kind: String
        package let learningRate: Double
        /// Of SGD.
        package let momentum: Double?
        /// Not applied to norms and biases.
        package let weightDecay: Double
        /// Of AdamW.
        package let betas: [Double]?
        package let epsilon: Double?
    }

    package let network: String
    /// Layers trained besides the head, as in a config's `network.unfrozen`.
    package let unfrozen: [String]
    /// `frozen`, `affine` or `local`, as in a config's `network.batch_norm`.
    package let batchNorm: String
    package let optimizer: Optimizer
    package let labelSmoothing: Double
    package let clipNorm: Double?
    package let classes: Int
    /// The short side after resizing (bilinear or bicubic as the network has it) and the centre crop, in pixels.
    package let resize: Int
    package let crop: Int
    package let batchSize: Int
    /// Paths below `classes/`, in the order of training.
    package let files: [String]
    /// FNV-1a (64 bit) of all cropped pixels `[N, H, W, 3]`, in hexadecimal.
    package let pixelsChecksum: String
    /// What the recipe's weights are not.
    package let moved: MovedWeights

    /// The class of each file: its folder's place among the folders.
    package var labels: [Int] {
        let folders = files.map { String($0.prefix { $0 != "/" }) }
        let names = Set(folders).sorted()
        return folders.map { names.firstIndex(of: $0) ?? -1 }
    }

    /// The images of a step, as indices into `files`; the last batch of an epoch is smaller.
    package func batch(step: Int) -> Range<Int> {
        let count = (files.count + batchSize - 1) / batchSize
        let start = step % count * batchSize
        return start..<min(start + batchSize, files.count)
    }
}

/// One `training-NAME.json`: ten steps.
package struct GoldenTraining: GoldenRun {
    package static let prefix = "training"

    /// A trained tensor, or a running statistic that moved.
    package struct Tensor: Decodable, Sendable {
        /// The name in the published weights.
        package let name: String
        package let shape: [Int]
        let weights: TensorSketch
        let change: TensorSketch
        /// How far PyTorch's own float32 is from this, relative to the change.
        package let float32Difference: Double

        /// How far the tensor after training is from PyTorch's, relative to its norm.
        package func weightDifference(after: [Float]) -> Double {
            weights.difference(of: TensorSketch(of: after.map(Double.init), name: name))
        }

        /// How far the change by training is from PyTorch's, relative to the change's norm.
        package func changeDifference(before: [Float], after: [Float]) -> Double {
            change.difference(of: TensorSketch(of: zip(after, before).map { Double($0) - Double($1) }, name: name))
        }
    }

    package let settings: GoldenSettings
    package let losses: [Double]
    /// The global norm of each step's gradients, before clipping.
    package let gradientNorms: [Double]
    package let tolerance: Double
    package let tensors: [Tensor]
}

/// One `gradients-NAME.json`: the first batch's gradients, before clipping and weight decay.
package struct GoldenGradients: GoldenRun {
    package static let prefix = "gradients"

    package struct Tensor: Decodable, Sendable {
        /// The name in the published weights.
        package let name: String
        package let shape: [Int]
        let gradient: TensorSketch
        /// How far PyTorch's own float32 is from this.
        package let float32Difference: Double

        /// How far a gradient is from PyTorch's, relative to its norm.
        package func difference(of gradient: [Float]) -> Double {
            self.gradient.difference(of: TensorSketch(of: gradient.map(Double.init), name: name))
        }
    }

    package let settings: GoldenSettings
    package let losses: [Double]
    package let tolerance: Double
    package let tensors: [Tensor]
}
