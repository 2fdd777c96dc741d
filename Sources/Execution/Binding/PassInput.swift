// What one run of a program is given.

package import Tensors

/// Joins sums over images of one pass, for synchronised batch norm: each is added once for every group of images that runs side by side,
/// then the total is asked for once.
package protocol ImageSums: AnyObject {
    func add(_ sums: UnsafeMutableBufferPointer<Double>)
    /// Leaves in `sums`, which holds what was added last, the total over all groups and ranks.
    func total(_ sums: UnsafeMutableBufferPointer<Double>)
}

/// What one run of a program is given.
package struct PassInput {
    /// For each of the plan's entry values its address, with `capacity` images of which the first `count` are present.
    package var entries: [UnsafeMutableRawPointer]
    package var labels: UnsafePointer<Int32>?
    /// `[count, classes]`, in the place of labels: how far each image is of each class.
    package var targets: UnsafePointer<Float>?
    /// Images present, at most the capacity; the others are masked.
    package var count: Int
    /// The weight of each image's gradient: 1 / images in the global batch.
    package var imageWeight: Float = 1
    package var labelSmoothing: Float = 0
    /// Factors on the classes' terms of the loss; nil for none.
    package var classWeights: UnsafePointer<Float>?
    package var loss = LossKind.crossEntropy
    /// The exponent of the focal loss; 0 for plain cross-entropy.
    package var focal: Float = 0
    /// The key of random layers.
    package var seed: UInt64 = 0
    package var epoch = 0
    /// Which sample each present image is, for random layers.
    package var sampleIndices: UnsafePointer<Int>?
    /// For synchronised batch norm; nil where the pass is alone.
    package var imageSums: (any ImageSums)?

    package init(entries: [UnsafeMutableRawPointer], labels: UnsafePointer<Int32>? = nil, count: Int) {
        self.entries = entries
        self.labels = labels
        self.count = count
    }
}
