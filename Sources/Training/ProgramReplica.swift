// The replica of a real run: a parameter store with a program that trains and one that infers.
package import Collectives
package import Execution
package import Graphs
package import ImageData
package import Kernels
internal import Tensors

/// A program that trains on at most so many images, for an epoch's last batch: made when one comes, since a run may never see it.
package final class SmallerProgram {
    let capacity: Int
    private let make: () throws -> Program
    private var made: Program?

    /// - Parameters:
    ///   - capacity: images of one pass.
    ///   - make: binds a plan for just so many to the replica's store and arena.
    package init(capacity: Int, make: @escaping () throws -> Program) { (self.capacity, self.make) = (capacity, make) }

    fileprivate func program() throws -> Program {
        if let made { return made }
        let program = try make()
        made = program
        return program
    }
}

/// A `Replica` over two programs that share one store and one arena.
package final class ProgramReplica: Replica {
    package let parameters: [ParameterSpec]
    package let slots: [ParameterSlot]
    package let joinsImages: Bool
    private let store: ParameterStore
    /// What trains; benchmarks look at its steps.
    package let training: Program
    private let inference: Program
    private let smaller: SmallerProgram?
    private var trainingInput: PassInput?
    /// Groups of images that run side by side.
    private var groups: [HeldGroup] = []
    private var inferenceInput: PassInput?
    /// Sums within a pass (synchronised batch norm), whose errors are thrown at the pass's end.
    private let rankSums: RankSums
    private let groupSums: GroupSums

    /// - Parameters:
    ///   - training: a program of a plan from images or the boundary to loss; its batches bring images or features accordingly.
    ///   - inference: a program of a plan from images or the boundary to logits; likewise.
    ///   - smaller: stands in for `training` where its capacity is enough.
    ///   - communicator: sums statistics within a pass where batch norm is synchronised.
    package init(
        store: ParameterStore, training: Program, inference: Program, smaller: SmallerProgram? = nil,
        communicator: any Communicator
    ) {
        precondition(training.plan.exit == .loss && inference.plan.exit == .logits, "one program trains, the other infers")
        self.store = store
        self.training = training
        self.inference = inference
        self.smaller = smaller
        rankSums = RankSums(communicator)
        groupSums = GroupSums(communicator)
        parameters = store.graph.parameters
        slots = store.slots
        joinsImages = training.plan.steps.contains(where: \.joinsImages)
    }

    package var trained: UnsafeMutableBufferPointer<Float> { store.trained }
    package var gradientsWithExtras: UnsafeMutableBufferPointer<Float> { store.gradientsWithExtras }
    package var statistics: UnsafeMutableBufferPointer<Float> { store.statistics }
    package var classCount: Int { store.graph.classCount }
    package func values(of parameter: Int) -> UnsafeMutableBufferPointer<Float> { store.values(of: parameter) }
    package func changes(_ parameter: Int) -> Bool { store.changes(parameter) }
    package func weightsChanged() { store.touch() }

    package func trainPass(
        _ batch: Batch, _ settings: PassSettings, onGradientsComplete: (Int) throws -> Void
    ) throws -> PassResult {
        let program = try trainingProgram(for: batch.count)
        fill(&trainingInput, batch, for: program)
        trainingInput?.labels = batch.labels
        trainingInput?.targets = batch.targets
        trainingInput?.sampleIndices = batch.samples
        trainingInput?.set(settings)
        guard let trainingInput else { preconditionFailure("the input was just filled") }
        let result = try program.trainPass(trainingInput, onGradients: onGradientsComplete)
        try rankSums.check()
        return result
    }

    package func hold(_ batch: Batch, asGroup group: Int) {
        if groups.count == group { groups.append(HeldGroup(training.plan)) }
        groups[group].hold(batch)
    }

    package func trainPasses(
        _ count: Int, _ settings: PassSettings, keep: (_ group: Int, _ range: Range<Int>) -> Void
    ) throws -> [PassResult] {
        // Ranks meet within the pass: those without images run an empty group.
        if groups.isEmpty { groups.append(HeldGroup(training.plan)) }
        let inputs = groups.prefix(max(1, count)).map { group in
            var input = group.input
            if count == 0 { input.count = 0 }
            input.set(settings)
            input.imageSums = groupSums
            return input
        }
        let results = training.trainPasses(inputs) { group, slots in
            if group < count { for slot in slots { keep(group, slot.range) } }
        }
        try groupSums.check()
        return Array(results.prefix(count))
    }

    private func trainingProgram(for count: Int) throws -> Program {
        guard let smaller, count <= smaller.capacity else { return training }
        return try smaller.program()
    }

    package func logits(of batch: Batch) throws -> UnsafeBufferPointer<Float> {
        fill(&inferenceInput, batch, for: inference)
        guard let inferenceInput else { preconditionFailure("the input was just filled") }
        inference.forward(inferenceInput)
        return UnsafeBufferPointer(start: inference.exitValue(0), count: batch.count * classCount)
    }

    package var headInputs: (width: Int, values: UnsafeBufferPointer<Float>)? {
        guard let inferenceInput else { return nil }
        return inference.headInputs(of: inferenceInput)
    }

    /// Points an input at a batch. It is made once: its list of entries lives on the heap, and a step allocates nothing.
    private func fill(_ input: inout PassInput?, _ batch: Batch, for program: Program) {
        let takesFeatures = program.plan.entry == .boundary
        precondition(takesFeatures != batch.features.isEmpty, "a plan from the boundary takes features, others take images")
        if input == nil {
            input = PassInput(entries: [UnsafeMutableRawPointer(mutating: batch.images)], count: 0)
            input?.imageSums = rankSums
        }
        if takesFeatures {
            input?.entries = batch.features
        } else {
            input?.entries[0] = UnsafeMutableRawPointer(mutating: batch.images)
        }
        input?.count = batch.count
    }
}

extension PassInput {
    fileprivate mutating func set(_ settings: PassSettings) {
        imageWeight = settings.imageWeight
        labelSmoothing = settings.labelSmoothing
        classWeights = settings.classWeights
        loss = settings.loss
        focal = settings.focal
        seed = settings.seed
        epoch = settings.epoch
    }
}

extension Program {
    /// What the head read in the last run, which was given `input`; nil where the plan does not give it.
    package func headInputs(of input: PassInput) -> (width: Int, values: UnsafeBufferPointer<Float>)? {
        guard plan.exit == .logits, plan.exitValues.count == 2 else { return nil }
        let width = plan.values[plan.exitValues[1]].shape.count
        return (width, UnsafeBufferPointer(start: exitValue(1, of: input), count: input.count * width))
    }
}
