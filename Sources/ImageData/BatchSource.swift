// Where the loop's batches come from: a loader with threads behind it, or memory in tests.

/// An image that could not be read, or not as it once was, named once in a run.
package struct UnreadableSample: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The sample's index in its split.
    package let sample: Int
    package let path: String
    package let reason: String
    /// Whether what could be read of it is used.
    package let isUsed: Bool

    package init(sample: Int, path: String, reason: String, isUsed: Bool = false) {
        self.sample = sample
        self.path = path
        self.reason = reason
        self.isUsed = isUsed
    }

    package var description: String { "\(path): \(reason)" }
}

/// Images, or their features, ready for the network. The memory belongs to the source and stays as it is until its next call.
package struct Batch {
    /// `[count, H, W, 3]`, with room for the replica's whole capacity behind it; the first of `features` where those are given.
    package var images: UnsafePointer<Float>
    /// The values at the network's boundary, `[count, …]` float32 each, with room for the capacity; empty where images are given.
    package var features: [UnsafeMutableRawPointer] = []
    /// `[count]` class indices.
    package var labels: UnsafePointer<Int32>
    /// `[count, classes]`: how far each image is of each class, where a label does not say it; nil where it does.
    package var targets: UnsafePointer<Float>?
    /// `[count]` sample indices in the split, the key of whatever is random about an image.
    package var samples: UnsafePointer<Int>
    /// Images present; 0 for an empty share.
    package var count: Int
    /// Those that were ordered and could not be read, or not as they were, each named once by its source.
    package var unreadable: [UnreadableSample]

    package init(
        images: UnsafePointer<Float>, labels: UnsafePointer<Int32>, samples: UnsafePointer<Int>, count: Int,
        unreadable: [UnreadableSample] = []
    ) {
        self.images = images
        self.labels = labels
        self.samples = samples
        self.count = count
        self.unreadable = unreadable
    }

    /// A batch of cached features instead of images.
    package init(
        features: [UnsafeMutableRawPointer], labels: UnsafePointer<Int32>, samples: UnsafePointer<Int>, count: Int,
        unreadable: [UnreadableSample] = []
    ) {
        precondition(!features.isEmpty, "a boundary has at least one value")
        self.init(
            images: UnsafePointer(features[0].assumingMemoryBound(to: Float.self)), labels: labels, samples: samples,
            count: count, unreadable: unreadable)
        self.features = features
    }
}

/// Delivers batches of the samples it is told, in order.
package protocol BatchSource: AnyObject {
    /// Orders batches, given as sample indices; what was still outstanding is forgotten. `epoch` keys the augmentation.
    func order(_ batches: [[Int]], epoch: Int) throws
    /// The next ordered batch: its readable samples in their order. Waits for it.
    func next() throws -> Batch
}
