// A plan bound to memory and kernels. Binding happens once; from then on a run allocates nothing of its own.
internal import Foundation
import Graphs
package import Kernels
import Tensors

/// One bound step.
typealias BoundStep = (inout PassFrame) -> Void

/// What a run's steps see and leave behind.
struct PassFrame {
    let input: PassInput
    /// Which of the groups that run side by side.
    var group = 0
    /// The first of the images that the chunk is at.
    var firstImage = 0
    /// What is wanted now of a step that joins sums.
    var parts = JoinParts.all
    var result = PassResult()

    init(input: PassInput, group: Int = 0) { (self.input, self.group) = (input, group) }

    /// Lets a batch norm add up what it needs of this group's images, and takes the total over all images of the pass, as far as those parts
    /// are wanted now. Returns whether the kernel has the total.
    @discardableResult func join(_ kernel: BatchNormKernel, _ mode: NormMode, addUp: () -> Void) -> Bool {
        let sums = mode == .synchronized ? input.imageSums : nil
        if parts.contains(.sums) {
            addUp()
            kernel.withSums { sums?.add($0) }
        }
        guard parts.contains(.total) else { return false }
        kernel.withSums { sums?.total($0) }
        return true
    }

    /// How many of a chunk's images are there.
    func count(ofChunk images: Int) -> Int { min(images, input.count - firstImage) }
}

/// Parts of a step that joins sums over the images of a pass: where groups run side by side, all groups' sums come before the total.
struct JoinParts: OptionSet {
    let rawValue: Int
    static let sums = JoinParts(rawValue: 1)
    static let total = JoinParts(rawValue: 2)
    static let application = JoinParts(rawValue: 4)
    static let all: JoinParts = [.sums, .total, .application]
}

/// A moment in a program's run, for benchmarks and traces. A step of a chunk begins and ends once for each of its parts.
package enum PlanStepMoment: Sendable { case begins, ends }

/// A plan with its kernels prepared and its addresses fixed.
package final class Program {
    package let plan: Plan
    private let resources: ProgramResources
    private let steps: [BoundStep]
    /// By chunk that leaves images out of a training pass, what it writes for later ones; nothing for others.
    private let handedOn: [[HandedOn]]
    private let scratch: AlignedBuffer
    /// What oneDNN chose for each step, for plans and benchmarks; empty for steps of our own.
    package let implementations: [String]
    /// Is told when each step of a training pass begins and ends, by its number; nil costs nothing.
    package var watch: ((PlanStepMoment, Int) -> Void)?

    /// Prepares all kernels. Throws `OneDNNError` if oneDNN refuses one.
    package init(_ plan: Plan, _ resources: ProgramResources) throws {
        precondition(plan.arenaBytes <= resources.arena.byteCount, "the arena is smaller than the plan wants")
        precondition(
            plan.exit != .loss || plan.layout == resources.store.layout, "a training plan lays gradients out as its store does")
        precondition(plan.values.allSatisfy { $0.quantizationStep > 0 }, "a plan in 8 bits needs ranges to run")
        self.plan = plan
        self.resources = resources
        let binder = Binder(plan, resources)
        steps = try plan.chunks.flatMap { chunk in
            try plan.steps[chunk.steps].map { try binder.bind($0, images: chunk.images) }
        }
        handedOn = plan.chunks.map { Self.handedOn(by: $0, of: plan) }
        scratch = binder.bindScratchpad()
        implementations = binder.implementations
    }

    /// One forward and backward pass; the sums of the present images' losses and hits. `onGradients(k)` is called with growing k
    /// whenever the first k floats of the flat gradients are complete.
    package func trainPass(_ input: PassInput, onGradients: (Int) throws -> Void) rethrows -> PassResult {
        precondition(
            plan.exit == .loss && input.count <= plan.capacity, "a training step needs a training plan and room for its images")
        resources.store.touch()
        var frame = PassFrame(input: input)
        var reported = 0
        try run(&frame) { index, frame in
            watch?(.begins, index)
            steps[index](&frame)
            watch?(.ends, index)
            let completed = plan.completedGradients[index]
            if completed > reported {
                reported = completed
                try onGradients(completed)
            }
        }
        return frame.result
    }

    /// Forward and backward passes over groups of images side by side, with `ImageSums` over all of them; the groups' results. Each group's
    /// gradients are what a pass over it alone would leave, but for what the sums change.
    ///
    /// `onGradients(group, slots)` is called whenever a step has left gradients of a group, which the next group's will replace.
    package func trainPasses(
        _ inputs: [PassInput], onGradients: (_ group: Int, _ slots: ArraySlice<GradientLayout.Slot>) -> Void
    ) -> [PassResult] {
        precondition(
            plan.exit == .loss && inputs.count <= resources.groups && inputs.allSatisfy { $0.count <= plan.capacity },
            "training steps need a training plan, and room for their groups and images")
        resources.store.touch()
        var frames = inputs.indices.map { PassFrame(input: inputs[$0], group: $0) }
        var slots = plan.layout.slots[...]
        func run(_ index: Int, _ frame: inout PassFrame, _ parts: JoinParts = .all) {
            frame.parts = parts
            watch?(.begins, index)
            steps[index](&frame)
            watch?(.ends, index)
        }
        for (chunk, handedOn) in zip(plan.chunks, handedOn) {
            guard chunk.images == plan.capacity else {
                for group in frames.indices { self.run(chunk, handedOn, &frames[group]) { run($0, &$1) } }
                continue
            }
            for index in chunk.steps {
                let left = slots.prefix(plan.steps[index].completes.count)
                slots = slots.dropFirst(left.count)
                let joins = plan.steps[index].joinsImages
                for group in frames.indices {
                    run(index, &frames[group], joins ? .sums : .all)
                    if !left.isEmpty { onGradients(group, left) }
                }
                guard joins else { continue }
                for group in frames.indices { run(index, &frames[group], group == 0 ? [.total, .application] : .application) }
            }
        }
        return frames.map(\.result)
    }

    /// Forward only: runs the plan up to its exit, whose values can then be read.
    package func forward(_ input: PassInput) {
        precondition(plan.exit != .loss && input.count <= plan.capacity, "this plan is for training")
        var frame = PassFrame(input: input)
        run(&frame) { index, frame in steps[index](&frame) }
    }

    /// Goes through the chunks, and in each over the images that are there. What trains goes over the whole capacity, and reads values of
    /// images that are missing, times zero: those that a chunk left out are zeros for it.
    private func run(_ frame: inout PassFrame, _ body: (Int, inout PassFrame) throws -> Void) rethrows {
        for (chunk, handedOn) in zip(plan.chunks, handedOn) { try run(chunk, handedOn, &frame, body) }
    }

    private func run(
        _ chunk: PlanChunk, _ handedOn: [HandedOn], _ frame: inout PassFrame, _ body: (Int, inout PassFrame) throws -> Void
    ) rethrows {
        var done = 0
        while done < max(1, frame.input.count) {
            frame.firstImage = min(done, plan.capacity - chunk.images)
            for index in chunk.steps { try body(index, &frame) }
            done = frame.firstImage + chunk.images
        }
        frame.firstImage = 0
        let arena = resources.arena.base + frame.group * resources.arenaStride
        for value in handedOn {
            memset(arena + value.offset + done * value.bytesPerImage, 0, (plan.capacity - done) * value.bytesPerImage)
        }
    }

    /// A value that a chunk writes for later ones.
    private struct HandedOn {
        let offset: Int
        let bytesPerImage: Int
    }

    private static func handedOn(by chunk: PlanChunk, of plan: Plan) -> [HandedOn] {
        guard plan.exit == .loss, chunk.images < plan.capacity else { return [] }
        let later = Set(plan.steps[chunk.steps.upperBound...].flatMap(\.reads))
        return Set(plan.steps[chunk.steps].flatMap(\.writes)).intersection(later).sorted().compactMap { value in
            guard case .arena(let offset) = plan.values[value].place else { return nil }
            return HandedOn(offset: offset, bytesPerImage: plan.values[value].bytesPerImage)
        }
    }

    /// The same, with a look at every float32 value when its step has written it: entries first, images that are not there
    /// included.
    package func forward(_ input: PassInput, observe: (PlanValue, UnsafePointer<Float>) -> Void) {
        precondition(plan.exit != .loss && input.count <= plan.capacity, "this plan is for training")
        precondition(plan.chunks.allSatisfy { $0.images == plan.capacity }, "only whole values can be looked at")
        var frame = PassFrame(input: input)
        func show(_ value: Int) {
            let address = Address(plan.values[value], in: resources, images: plan.capacity)
            if address.type == .float32 { observe(plan.values[value], address(frame)) }
        }
        plan.entryValues.forEach(show)
        for (step, prepared) in zip(plan.steps, steps) {
            prepared(&frame)
            step.writes.forEach(show)
        }
    }

    /// The n-th exit value of the last run, `[capacity, …]`; valid until the next run of any program of the replica.
    package func exitValue(_ index: Int) -> UnsafeMutablePointer<Float> {
        switch plan.values[plan.exitValues[index]].place {
        case .arena(let offset): (resources.arena.base + offset).assumingMemoryBound(to: Float.self)
        case .entry: preconditionFailure("an exit that is an entry has no place of its own")
        }
    }

    /// The same of an exit that may be an entry of that run, too.
    package func exitValue(_ index: Int, of input: PassInput) -> UnsafeMutablePointer<Float> {
        guard case .entry(let entry) = plan.values[plan.exitValues[index]].place else { return exitValue(index) }
        return input.entries[entry].assumingMemoryBound(to: Float.self)
    }

    /// The time that each step of a run takes, in the clock's unit, for benchmarks. With several `repetitions` each step is run so
    /// often in a row and the least time counts: a kernel alone, with its operands in the cache where they fit. Steps of a chunk count as often
    /// as it runs.
    package func timePlanSteps(_ input: PassInput, repetitions: Int = 1, clock: () -> Double) -> [Double] {
        resources.store.touch()
        var frame = PassFrame(input: input)
        var times = steps.map { _ in 0.0 }
        run(&frame) { index, frame in
            var least = Double.infinity
            for _ in 0..<repetitions {
                let start = clock()
                steps[index](&frame)
                least = min(least, clock() - start)
            }
            times[index] += least
        }
        return times
    }
}
