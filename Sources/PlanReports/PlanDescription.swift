// What a training plan amounts to: its work, memory and messages as one value, for `graft plan` and for scripts. A pure function.
package import Execution
internal import Graphs
package import Tensors

/// A training plan in numbers. Its fields are the keys of `graft plan --json`; FLOP are two a multiply-accumulate, bytes are bytes.
package struct PlanDescription: Sendable, Encodable {
    /// Multiply-accumulates of convolutions and linear layers are counted, as papers do; each is two floating-point operations.
    package static let operationsPerMultiplyAccumulate = 2

    /// What trains.
    package struct Parameters: Sendable, Encodable {
        /// Numbers that could be trained: running statistics are not counted.
        package var count = 0
        package var trained = 0
        package var trainedTensors = 0
        /// The largest layers that train as a whole; `*` for all.
        package var trainedLayers: [String] = []
        /// What the norms of trained layers do; missing in a network without norms.
        package var batchNorm: String?
    }

    /// One region in one direction.
    package struct RegionWork: Sendable, Encodable {
        /// `prefix`, `bridge` or `suffix`.
        package let region: String
        /// `forward` or `backward`.
        package let phase: String
        package var steps = 0
        package var flopsPerImage = 0
        /// Everything that its steps write, whether or not memory is used again.
        package var activationBytesPerImage = 0
    }

    /// A value that the last deterministic frozen layer hands on: what a feature cache would keep.
    package struct BoundaryValue: Sendable, Encodable {
        package let name: String
        package let shape: [Int]
        package let bytesPerImage: Int
    }

    package let network: String
    package let classes: Int
    /// Where the number of classes comes from, in words.
    package let classesFrom: String
    /// `[H, W, 3]`.
    package let inputShape: [Int]
    package let ranks: Int
    /// Images of a pass over all ranks, and the largest share of one rank.
    package let batchSize: Int
    package let imagesPerRank: Int
    package let accumulation: Int
    package let parameters: Parameters
    /// The type of activations in frozen and in trained layers; `bfloat16`, and `int8` for bytes of either sign, only where kernels
    /// take it.
    package let frozenPrecision: String
    package let trainedPrecision: String
    /// What the arithmetic uses of this processor: `avx512`, `avx2` or `baseline`.
    package let instructions: String
    /// Regions in the order in which a step visits them; only those that have steps.
    package let regions: [RegionWork]
    package let boundary: [BoundaryValue]
    /// What becomes of the boundary's values from one epoch to the next.
    package let features: FeatureDecision?
    package let memory: PlanMemory
    package let communication: PlanCommunication
    /// What many hosts would do; missing unless it was asked for.
    package var scaling: ScalingReport?
    /// In the order of execution; emptied for a summary.
    package var steps: [StepDescription]

    /// Describes a training plan as `setting` runs it. Throws `OneDNNError` if this processor has no kernels for it.
    package init(_ plan: Plan, _ setting: PlanSetting) throws {
        precondition(plan.exit == .loss, "only training plans are described")
        network = plan.graph.name
        classes = plan.graph.classCount
        classesFrom = setting.classesFrom
        inputShape = plan.graph.inputShape.extents
        ranks = setting.ranks
        batchSize = setting.batchSize
        imagesPerRank = plan.capacity
        accumulation = setting.accumulation
        parameters = Parameters(plan)
        frozenPrecision = Self.precision(plan) { $0 != .suffix }
        trainedPrecision = Self.precision(plan) { $0 == .suffix }
        instructions = setting.instructions.rawValue
        regions = Self.regionWork(plan)
        boundary = plan.regions.boundary.map {
            let shape = plan.graph.nodes[$0].shape
            return BoundaryValue(
                name: plan.graph.nodes[$0].name, shape: shape.extents, bytesPerImage: shape.count * ElementType.float32.byteCount)
        }
        features = setting.features
        memory = try PlanMemory(plan, setting)
        communication = PlanCommunication(plan, setting)
        steps = plan.chunks.flatMap { chunk in
            chunk.steps.map { StepDescription(plan, step: $0, imagesAtOnce: chunk.images) }
        }
    }

    /// Of one image, both directions.
    package var flopsPerImage: Int { regions.reduce(0) { $0 + $1.flopsPerImage } }

    private static func precision(_ plan: Plan, where isIncluded: (Region) -> Bool) -> String {
        let written = plan.steps.filter { isIncluded($0.region) }.compactMap(\.writes.first).map { plan.values[$0].type }
        if written.contains(where: \.isQuantized) { return ElementType.int8.rawValue }
        return (written.contains(.bfloat16) ? ElementType.bfloat16 : .float32).rawValue
    }

    private static func regionWork(_ plan: Plan) -> [RegionWork] {
        PlanStep.Phase.allCases.flatMap { phase in Region.allCases.map { ($0, phase) } }.compactMap { region, phase in
            let steps = plan.steps.filter { $0.region == region && $0.phase == phase }
            guard !steps.isEmpty else { return nil }
            var work = RegionWork(region: region.rawValue, phase: phase.rawValue, steps: steps.count)
            for step in steps {
                work.flopsPerImage += operationsPerMultiplyAccumulate * step.multiplyAccumulates
                work.activationBytesPerImage += step.writes.reduce(0) { $0 + plan.values[$1].bytesPerImage }
            }
            return work
        }
    }
}

/// How a plan is run: what it cannot know by itself.
package struct PlanSetting: Sendable {
    /// Where the number of classes comes from, in words.
    package var classesFrom: String
    package var ranks = 1
    /// Images of a pass over all ranks.
    package var batchSize: Int
    /// Passes an update.
    package var accumulation = 1
    /// With `training.reproducible: ranks`, groups that a rank computes in a pass, whose gradients are kept; 0 without.
    package var groups = 0
    /// How many of them run side by side, each with activations of its own.
    package var groupsSideBySide = 1
    /// Arrays of optimizer state, each as long as the trained parameters.
    package var optimizerStates = 0
    /// The cuts of the gradients with the extra floats behind them, in order.
    package var buckets: [Range<Int>]
    /// The plan that evaluates: it shares the arena and packed weights.
    package var evaluation: Plan?
    /// The decision about the feature cache, where images can be counted.
    package var features: FeatureDecision?
    /// What the arithmetic uses of the processor.
    package var instructions = InstructionSet.baseline

    package init(classesFrom: String, batchSize: Int, buckets: [Range<Int>]) {
        self.classesFrom = classesFrom
        self.batchSize = batchSize
        self.buckets = buckets
    }
}

extension PlanDescription.Parameters {
    fileprivate init(_ plan: Plan) {
        let (graph, trainability) = (plan.graph, plan.trainability)
        count = graph.parameterCount
        for (parameter, isTrained) in trainability.isTrained.enumerated() where isTrained {
            trained += graph.parameters[parameter].shape.count
            trainedTensors += 1
        }
        trainedLayers = trainability.trainedLayers(of: graph)
        batchNorm = trainability.normMode(of: graph)?.rawValue
    }
}

/// One line of the step table.
package struct StepDescription: Sendable, Encodable {
    /// From 1, in the order of execution.
    package let number: Int
    package let region: String
    package let phase: String
    /// The layer that the step belongs to.
    package let name: String
    package let operation: String
    /// Shapes for one image, as in `56×56×64`.
    package let input: String
    package let output: String
    package let flopsPerImage: Int
    /// The element type of what it writes, as in `float32`; missing like `bytes`.
    package let type: String?
    /// Images that it runs over at once: those of a rank, or a few where they then stay in the cache.
    let imagesAtOnce: Int
    /// Bytes of what it writes, as long as it is kept whole for all images of a rank, else for those of a chunk; missing where it
    /// writes gradients of parameters only.
    package let bytes: Int?
    /// Pixels of a tile's side, where a convolution goes through Winograd's algorithm.
    package let winogradTile: Int?
    /// Where in the arena, in bytes from its start.
    package let arenaOffset: Int?
    /// Whether the result takes the place of what the step read.
    package let isInPlace: Bool

    init(_ plan: Plan, step index: Int, imagesAtOnce: Int) {
        let step = plan.steps[index]
        self.imagesAtOnce = imagesAtOnce
        number = index + 1
        region = step.region.rawValue
        phase = step.phase.rawValue
        name = step.name
        operation = step.words
        (input, output) = step.shapes(plan.values, plan.graph)
        winogradTile = step.kernel.tileSide
        flopsPerImage = PlanDescription.operationsPerMultiplyAccumulate * step.multiplyAccumulates
        let written = step.writes.first.map { plan.values[$0] }
        type = written?.type.rawValue
        bytes = written?.byteCount
        arenaOffset =
            switch written?.place {
            case .arena(let offset): offset
            case .entry, nil: nil
            }
        isInPlace = written.map { result in step.reads.contains { plan.values[$0].place == result.place } } ?? false
    }
}
