// Decoding ahead: threads fill a ring of batches while the network computes, so that a step finds its images ready.
internal import Foundation
package import Tensors

/// A moment in a loader's work. Thread 0 is the consumer's own.
package enum ReadMoment: Sendable {
    case begins(sample: Int, thread: Int)
    case ends(sample: Int, thread: Int)
}

/// Delivers batches of prepared images in a fixed order, whatever the number of threads. For one consuming thread.
package final class BatchLoader {
    package struct Options: Sendable {
        /// Images that a slot holds: the largest share of a batch.
        package var capacity: Int
        /// Threads that read images; 0 reads them in `next`.
        package var threads: Int
        /// Batches in the making and in use.
        package var slots: Int
        package var seed: UInt64
        package var preprocessing: Preprocessing
        package var augmentation: Augmentation
        /// Whether photographs are turned the way the camera noted (EXIF).
        package var appliesOrientation = true
        /// Whether JPEGs may be decoded in a cheaper way.
        package var decoding = ImageDecoding.exact
        /// Whether images are left out that can be decoded though their data is damaged.
        package var skipsDamaged = false
        /// After how many views of a sample, one an epoch, augmentation repeats itself; nil for never.
        package var views: Int?
        /// What keys each sample's augmentation together with seed and epoch; nil for its index.
        package var keys: [Int]?
        /// Whether batches bring targets.
        package var givesTargets = false

        package init(
            capacity: Int, threads: Int, slots: Int = 3, seed: UInt64, preprocessing: Preprocessing, augmentation: Augmentation
        ) {
            self.capacity = capacity
            self.threads = threads
            self.slots = slots
            self.seed = seed
            self.preprocessing = preprocessing
            self.augmentation = augmentation
        }
    }

    package let source: SampleSource
    package let options: Options
    /// Every image that could not be read as it was, so far, each once, in the order in which they came up.
    package private(set) var unreadable: [UnreadableSample] = []
    private let ring: BatchRing
    private let callersReader: SampleReader?
    private var named: Set<Int> = []

    /// Shows when each image begins and ends to be read, from the thread that reads it. For traces.
    package func watch(_ watcher: @escaping @Sendable (ReadMoment) -> Void) { ring.watch = watcher }

    /// Oddities in files that could be read (warnings of the codecs), so far.
    package var warningCount: Int { ring.warningCount }

    package init(source: SampleSource, options: Options) {
        precondition(options.capacity >= 0 && options.threads >= 0, "counts are not negative")
        precondition(
            options.slots >= 2 || options.threads == 0 && options.slots >= 1, "one slot is in use while others are filled")
        self.source = source
        self.options = options
        ring = BatchRing(
            slots: options.slots, capacity: options.capacity,
            elements: options.preprocessing.crop * options.preprocessing.crop * 3,
            classes: options.givesTargets ? source.classCount : 0)
        callersReader = options.threads == 0 ? SampleReader(source: source, options: options) : nil
        for number in 0..<options.threads { startThread(number) }
    }

    deinit { stop() }

    /// Starts an epoch: the entries of `EpochOrder` that are this rank's share of each batch to come. A share may be empty. Whatever was
    /// left of an earlier epoch is dropped.
    package func begin(epoch: Int, batches: [[Int]]) {
        precondition(
            batches.allSatisfy { $0.count <= options.capacity }, "a share fits into a slot of \(options.capacity) images")
        precondition(source.count > 0 || batches.allSatisfy(\.isEmpty), "every sample exists")
        precondition(batches.allSatisfy { $0.allSatisfy { $0 >= 0 } }, "every sample exists")
        ring.begin(epoch: epoch, batches: batches)
    }

    /// The next batch, valid until the next call of `next` or `begin`; waits until it is ready. Nil after the last one. Images that cannot
    /// be read are left out, and named once.
    package func next() -> Batch? {
        let worker = callersReader.map { reader in { [ring] task in Self.perform(task, reader, ring, thread: 0) } }
        guard let (slot, asked) = ring.next(worker: worker) else { return nil }
        let (count, failures) = compact(slot, asked)
        var batch = Batch(
            images: UnsafePointer(slot.images), labels: UnsafePointer(slot.labels), samples: UnsafePointer(slot.indices),
            count: count, unreadable: failures)
        batch.targets = slot.targets.map { UnsafePointer($0) }
        return batch
    }

    /// Ends the threads. The loader delivers at most what they had finished after that.
    package func stop() { ring.stop() }

    /// Moves the images that could be read to the front, in order, and sets their labels.
    private func compact(_ slot: BatchSlot, _ asked: Int) -> (count: Int, failures: [UnreadableSample]) {
        let imageElements = ring.imageElements
        var count = 0
        var failures: [UnreadableSample] = []
        for position in 0..<asked {
            let entry = slot.indices[position]
            let sample = EpochOrder.sample(of: entry, count: source.count)
            if let fault = slot.faults[position] {
                if named.insert(sample).inserted {
                    failures.append(
                        UnreadableSample(
                            sample: sample, path: source.name(of: sample), reason: "\(fault.reason)", isUsed: fault.isUsed))
                }
                if !fault.isUsed { continue }
            }
            if count < position {
                (slot.images + count * imageElements).update(from: slot.images + position * imageElements, count: imageElements)
                slot.indices[count] = entry
            }
            slot.labels[count] = Int32(source.label(of: sample))
            if let targets = slot.targets {
                let classes = source.classCount
                source.writeTargets(of: sample, targets + count * classes, classes: classes)
            }
            count += 1
        }
        unreadable += failures
        return (count, failures)
    }

    private func startThread(_ number: Int) {
        ring.threadStarts()
        let thread = Thread { [ring, source, options] in
            let reader = SampleReader(source: source, options: options)
            while let task = ring.take() { Self.perform(task, reader, ring, thread: number + 1) }
            ring.threadEnds()
        }
        thread.name = "loader \(number)"
        thread.start()
    }

    private static func perform(_ task: BatchRing.Task, _ reader: SampleReader, _ ring: BatchRing, thread: Int) {
        let watch = ring.watch
        watch?(.begins(sample: task.sample, thread: thread))
        defer { watch?(.ends(sample: task.sample, thread: thread)) }
        let before = reader.warnings
        let fault = reader.read(
            task.sample, epoch: task.epoch, into: ring.slots[task.slot].images + task.position * ring.imageElements)
        ring.finish(task, fault: fault, newWarnings: reader.warnings - before)
    }
}
