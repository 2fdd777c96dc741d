// A copy of a group's batch: sources give one batch at a time, and groups that run side by side need theirs all at once.
internal import Execution
internal import Graphs
internal import ImageData
internal import Tensors

/// One group's images or features, with what belongs to them.
final class HeldGroup {
    private let entries: [AlignedBuffer]
    private let labels: UnsafeMutableBufferPointer<Int32>
    private let samples: UnsafeMutableBufferPointer<Int>
    private let targets: AlignedBuffer
    private let bytesPerImage: [Int]
    private let classCount: Int
    /// The group as a pass over it takes it.
    private(set) var input: PassInput

    /// - Parameter plan: of the pass; its capacity is the most images that a group has.
    init(_ plan: Plan) {
        let values = plan.entryValues.map { plan.values[$0] }
        entries = values.map { AlignedBuffer(byteCount: plan.capacity * $0.bytesPerImage) }
        bytesPerImage = values.map(\.bytesPerImage)
        labels = .allocate(capacity: plan.capacity)
        samples = .allocate(capacity: plan.capacity)
        classCount = plan.graph.classCount
        targets = AlignedBuffer(floatCount: plan.capacity * classCount)
        labels.initialize(repeating: 0)
        samples.initialize(repeating: 0)
        input = PassInput(entries: entries.map(\.base), labels: UnsafePointer(labels.baseAddress), count: 0)
        input.sampleIndices = UnsafePointer(samples.baseAddress)
    }

    deinit {
        labels.deallocate()
        samples.deallocate()
    }

    func hold(_ batch: Batch) {
        let sources = batch.features.isEmpty ? [UnsafeMutableRawPointer(mutating: batch.images)] : batch.features
        for (index, entry) in entries.enumerated() {
            entry.base.copyMemory(from: sources[index], byteCount: batch.count * bytesPerImage[index])
        }
        _ = labels.update(fromContentsOf: UnsafeBufferPointer(start: batch.labels, count: batch.count))
        _ = samples.update(fromContentsOf: UnsafeBufferPointer(start: batch.samples, count: batch.count))
        input.targets = batch.targets.map { given in
            _ = targets.floats.update(fromContentsOf: UnsafeBufferPointer(start: given, count: batch.count * classCount))
            return UnsafePointer(targets.base.assumingMemoryBound(to: Float.self))
        }
        input.count = batch.count
    }
}
