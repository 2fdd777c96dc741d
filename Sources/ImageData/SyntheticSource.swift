// Batches that cost nothing: for measuring everything but the loader.
package import Tensors

/// A `BatchSource` of one generated batch, given again and again.
package final class SyntheticSource: BatchSource {
    private let pixels: AlignedBuffer
    private let labels: AlignedBuffer
    private let samples: AlignedBuffer
    private let targets: AlignedBuffer?
    private var counts: [Int] = []
    private var position = 0

    /// - Parameters:
    ///   - capacity: images that a batch may hold.
    ///   - shape: `[H, W, 3]` of an image; its numbers are normal, as normalised photographs' nearly are.
    package init(capacity: Int, shape: TensorShape, classes: Int, seed: UInt64, givesTargets: Bool = false) {
        targets = givesTargets ? AlignedBuffer(floatCount: capacity * classes) : nil
        pixels = AlignedBuffer(floatCount: capacity * shape.count)
        labels = AlignedBuffer(byteCount: capacity * MemoryLayout<Int32>.stride)
        samples = AlignedBuffer(byteCount: capacity * MemoryLayout<Int>.stride)
        var random = CounterRandom(seed: seed, purpose: .synthetic)
        let floats = pixels.floats
        for index in floats.indices { floats[index] = random.uniform(-2, 2) }
        let (label, sample) = (labels.bytes.bindMemory(to: Int32.self), samples.bytes.bindMemory(to: Int.self))
        for image in 0..<capacity {
            label[image] = Int32(random.below(classes))
            targets?.floats[image * classes + Int(label[image])] = 1
            sample[image] = image
        }
    }

    package func order(_ batches: [[Int]], epoch: Int) {
        counts = batches.map(\.count)
        position = 0
    }

    package func next() -> Batch {
        precondition(position < counts.count, "the loop asked for more batches than it ordered")
        defer { position += 1 }
        var batch = Batch(
            images: UnsafePointer(pixels.base.assumingMemoryBound(to: Float.self)),
            labels: UnsafePointer(labels.base.assumingMemoryBound(to: Int32.self)),
            samples: UnsafePointer(samples.base.assumingMemoryBound(to: Int.self)), count: counts[position])
        batch.targets = targets.map { UnsafePointer($0.base.assumingMemoryBound(to: Float.self)) }
        return batch
    }
}
