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
    /// The first of the images that the chunk is at.
    var firstImage = 0
    var result = PassResult()

    /// How many of a chunk's images are there.
    func count(ofChunk images: Int) -> Int { min(images, input.count - firstImage) }
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

    /// Forward only: runs the plan up to its exit, whose values can then be read.
    package func forward(_ input: PassInput) {
        precondition(plan.exit != .loss && input.count <= plan.capacity, "this plan is for training")
        var frame = PassFrame(input: input)
        run(&frame) { index, frame in steps[index](&frame) }
    }

    /// Goes through the chunks, and in each over the images that are there. What trains goes over the whole capacity, and reads values of
    /// images that are missing, times zero: those that a chunk left out are zeros for it.
    private func run(_ frame: inout PassFrame, _ body: (Int, inout PassFrame) throws -> Void) rethrows {
        for (chunk, handedOn) in zip(plan.chunks, handedOn) {
            var done = 0
            while done < max(1, frame.input.count) {
                frame.firstImage = min(done, plan.capacity - chunk.images)
                for index in chunk.steps { try body(index, &frame) }
                done = frame.firstImage + chunk.images
            }
            frame.firstImage = 0
            for value in handedOn {
                memset(
                    resources.arena.base + value.offset + done * value.bytesPerImage, 0,
                    (plan.capacity - done) * value.bytesPerImage)
            }
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
            let address = Address(plan.values[value], in: resources.arena, images: plan.capacity)
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
