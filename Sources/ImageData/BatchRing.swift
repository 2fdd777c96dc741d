// The meeting place of the loader's threads and its consumer: slots that are filled ahead, image by image.
internal import Foundation
internal import Tensors

/// One batch in the making: memory for its images, and what became of each.
final class BatchSlot {
    /// `[capacity, crop, crop, 3]`.
    let images: UnsafeMutablePointer<Float>
    let labels: UnsafeMutablePointer<Int32>
    let indices: UnsafeMutablePointer<Int>
    /// `[capacity, classes]`; nil where labels say it.
    let targets: UnsafeMutablePointer<Float>?
    /// What was wrong with the image at each position.
    let faults: UnsafeMutableBufferPointer<SampleFault?>
    /// Images that are still to be read.
    var remaining = 0
    private let memory: AlignedBuffer
    private let targetMemory: AlignedBuffer

    /// - Parameter classes: of which targets tell; 0 for none.
    init(capacity: Int, elements: Int, classes: Int) {
        targetMemory = AlignedBuffer(floatCount: capacity * classes)
        targets = classes > 0 ? targetMemory.base.assumingMemoryBound(to: Float.self) : nil
        memory = AlignedBuffer(floatCount: max(1, capacity * elements))
        images = memory.base.assumingMemoryBound(to: Float.self)
        labels = .allocate(capacity: max(1, capacity))
        labels.initialize(repeating: 0, count: max(1, capacity))
        indices = .allocate(capacity: max(1, capacity))
        indices.initialize(repeating: 0, count: max(1, capacity))
        faults = .allocate(capacity: capacity)
        faults.initialize(repeating: nil)
    }

    deinit {
        labels.deallocate()
        indices.deallocate()
        faults.deinitialize()
        faults.deallocate()
    }
}

/// Batches are opened in order as slots come free, their images handed out in order, and the batches delivered in order.
final class BatchRing: @unchecked Sendable {
    // Sendable because every variable here and in the slots is touched under `condition` only, with one exception: a slot's memory
    // at a position belongs to the thread that took this position until it finishes it, and a delivered slot to the consumer.

    struct Task {
        let sample: Int
        let epoch: Int
        let slot: Int
        let position: Int
    }

    let slots: [BatchSlot]
    /// Numbers of one image.
    let imageElements: Int
    private let condition = NSCondition()
    private var epoch = 0
    private var batches: [[Int]] = []
    /// Batches whose slots are ready to be filled, batches delivered, batches given back: opened ≥ delivered ≥ released.
    private var opened = 0
    private var delivered = 0
    private var released = 0
    private var nextBatch = 0
    private var nextPosition = 0
    private var inFlight = 0
    private var liveThreads = 0
    private var isStopping = false
    private var warnings = 0
    private var watcher: (@Sendable (ReadMoment) -> Void)?

    init(slots: Int, capacity: Int, elements: Int, classes: Int) {
        imageElements = elements
        self.slots = (0..<slots).map { _ in BatchSlot(capacity: capacity, elements: elements, classes: classes) }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }

    /// Drops what was under way and starts anew. Waits for images that are being read.
    func begin(epoch: Int, batches: [[Int]]) {
        locked {
            self.batches = []
            (opened, nextBatch, nextPosition) = (0, 0, 0)
            while inFlight > 0 { condition.wait() }
            self.epoch = epoch
            self.batches = batches
            (delivered, released) = (0, 0)
            openFreeSlots()
        }
    }

    /// Gives the last delivered slot back and waits for the next; nil when all batches were delivered or
    /// the threads were ended. Without threads, the given
    /// worker reads the images here and now.
    func next(worker: ((Task) -> Void)?) -> (slot: BatchSlot, count: Int)? {
        condition.lock()
        defer { condition.unlock() }
        if released < delivered {
            released = delivered
            openFreeSlots()
        }
        guard delivered < batches.count else { return nil }
        let slot = slots[delivered % slots.count]
        while slot.remaining > 0 {
            if let worker, let task = takeTask() {
                condition.unlock()
                worker(task)
                condition.lock()
            } else {
                if isStopping { return nil }  // nobody is left to read them
                condition.wait()
            }
        }
        delivered += 1
        return (slot, batches[delivered - 1].count)
    }

    /// The next image to be read; waits for one. Nil when the thread shall end.
    func take() -> Task? {
        locked {
            while !isStopping {
                if let task = takeTask() { return task }
                condition.wait()
            }
            return nil
        }
    }

    /// Tells that an image was read, and what was wrong with it.
    func finish(_ task: Task, fault: SampleFault?, newWarnings: Int) {
        locked {
            slots[task.slot].faults[task.position] = fault
            slots[task.slot].remaining -= 1
            warnings += newWarnings
            inFlight -= 1
            if slots[task.slot].remaining == 0 || inFlight == 0 { condition.broadcast() }
        }
    }

    func threadStarts() { locked { liveThreads += 1 } }

    func threadEnds() {
        locked {
            liveThreads -= 1
            condition.broadcast()
        }
    }

    /// Ends all threads and waits for them.
    func stop() {
        locked {
            isStopping = true
            condition.broadcast()
            while liveThreads > 0 { condition.wait() }
        }
    }

    /// Is told of every image that is read from now on.
    var watch: (@Sendable (ReadMoment) -> Void)? {
        get { locked { watcher } }
        set { locked { watcher = newValue } }
    }

    var warningCount: Int { locked { warnings } }

    private func openFreeSlots() {
        while opened < batches.count, opened < released + slots.count {
            slots[opened % slots.count].remaining = batches[opened].count
            opened += 1
        }
        condition.broadcast()
    }

    private func takeTask() -> Task? {
        while nextBatch < opened, nextPosition == batches[nextBatch].count {
            nextBatch += 1
            nextPosition = 0
        }
        guard nextBatch < opened else { return nil }
        defer { nextPosition += 1 }
        inFlight += 1
        let slot = nextBatch % slots.count
        slots[slot].indices[nextPosition] = batches[nextBatch][nextPosition]
        return Task(sample: batches[nextBatch][nextPosition], epoch: epoch, slot: slot, position: nextPosition)
    }
}
