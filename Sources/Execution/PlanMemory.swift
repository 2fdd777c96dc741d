// What a rank needs to hold, as a plan tells it before any weight is read.
internal import Graphs
internal import Kernels
internal import Tensors

/// Bytes of one rank. The libraries' own needs are not counted.
package struct PlanMemory: Sendable, Encodable {
    /// The arena that all activations and their gradients share, evaluation included.
    package let arenaBytes: Int
    /// The same values side by side, if no memory were used twice.
    package let withoutReuseBytes: Int
    /// The batch in use; the loader holds some more.
    package let imagesBytes: Int
    /// Frozen parameters and all statistics; files of a suitable format are mapped instead.
    package let frozenWeightsBytes: Int
    package let trainedWeightsBytes: Int
    /// Convolution weights in the kernels' formats, and weight gradients in theirs: about, since kernels may pad or share.
    package let packedWeightsBytes: Int
    package let gradientsBytes: Int
    /// Gradients of an update's earlier passes.
    package let accumulatedGradientsBytes: Int
    package let optimizerStateBytes: Int
    package let totalBytes: Int

    init(_ plan: Plan, _ setting: PlanSetting) {
        let float = ElementType.float32.byteCount
        arenaBytes = max(plan.arenaBytes, setting.evaluation?.arenaBytes ?? 0)
        let entries = Set(plan.entryValues)
        withoutReuseBytes = plan.values.indices.reduce(0) { entries.contains($1) ? $0 : $0 + plan.values[$1].byteCount }
        imagesBytes = plan.entryValues.reduce(0) { $0 + plan.values[$1].byteCount }
        let parameters = plan.graph.parameters
        frozenWeightsBytes = parameters.indices.reduce(0) {
            plan.trainability.isTrained[$1] ? $0 : $0 + parameters[$1].shape.count * float
        }
        trainedWeightsBytes = plan.layout.count * float
        packedWeightsBytes = Self.packedBytes(plan, setting.evaluation)
        gradientsBytes = (plan.layout.count + ParameterStore.extraCount) * float
        accumulatedGradientsBytes = setting.accumulation > 1 ? plan.layout.count * float : 0
        optimizerStateBytes = setting.optimizerStates * plan.layout.count * float
        totalBytes =
            arenaBytes + imagesBytes + frozenWeightsBytes + trainedWeightsBytes + packedWeightsBytes + gradientsBytes
            + accumulatedGradientsBytes + optimizerStateBytes
    }

    /// Of a frozen layer one copy for all forward steps that fold the same norm and read the same type, and one for gradients of inputs.
    /// Trained ones, and gradients of weights, share the room of the largest.
    private static func packedBytes(_ plan: Plan, _ evaluation: Plan?) -> Int {
        var copies: Set<PackedCopy> = []
        var room = 0
        for plan in [plan, evaluation].compactMap({ $0 }) {
            for step in plan.steps {
                guard let copy = copy(for: step, plan) else { continue }
                if copy.isTrained { room = max(room, bytes(copy, plan)) } else { copies.insert(copy) }
            }
        }
        return copies.reduce(room) { $0 + bytes($1, plan) }
    }

    private static func bytes(_ copy: PackedCopy, _ plan: Plan) -> Int {
        let shape = plan.graph.parameters[copy.weight].shape
        guard let tile = copy.tile else { return shape.count * copy.type.byteCount }
        return shape[0] * shape[1] * tile.rawValue * tile.rawValue * ElementType.float32.byteCount
    }

    private static func copy(for step: PlanStep, _ plan: Plan) -> PackedCopy? {
        func copy(_ weights: FoldedWeights, _ norm: NormParameters?, _ purpose: PackedCopy.Purpose, isTrained: Bool) -> PackedCopy
        {
            PackedCopy(
                weight: weights.weight, norm: norm, type: purpose == .weightGradient ? .float32 : plan.values[step.source].type,
                purpose: purpose, tile: step.kernel.winogradTile, isTrained: isTrained)
        }
        guard let layer = step.operation.convolution else { return nil }
        let (weights, isTrained) = (layer.weights, plan.trainability.isTrained[layer.weights.weight])
        return if step.phase == .forward {
            copy(weights, weights.norm, .forward, isTrained: isTrained)
        } else if step.writes.isEmpty {
            copy(weights, nil, .weightGradient, isTrained: true)
        } else {
            copy(weights, weights.norm, .inputGradient, isTrained: isTrained)
        }
    }

    private struct PackedCopy: Hashable {
        enum Purpose { case forward, inputGradient, weightGradient }
        let weight: Int
        let norm: NormParameters?
        let type: ElementType
        let purpose: Purpose
        var tile: WinogradConvolution.Tile?
        /// Those of trained layers are made anew for every run, in one room.
        let isTrained: Bool
    }
}
