// What a rank needs to hold, as a plan tells it before any weight is read.
internal import Execution
internal import Graphs
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
    /// Weights as kernels read them, and the room in which those of trained layers, and their gradients, pass through.
    package let packedWeightsBytes: Int
    package let gradientsBytes: Int
    /// Gradients of an update's earlier passes, or of its groups of images.
    package let accumulatedGradientsBytes: Int
    package let optimizerStateBytes: Int
    package let totalBytes: Int

    init(_ plan: Plan, _ setting: PlanSetting) throws {
        let float = ElementType.float32.byteCount
        arenaBytes = max(setting.groupsSideBySide * plan.arenaBytes, setting.evaluation?.arenaBytes ?? 0)
        let entries = Set(plan.entryValues)
        withoutReuseBytes = plan.values.indices.reduce(0) { entries.contains($1) ? $0 : $0 + plan.values[$1].byteCount }
        imagesBytes = plan.entryValues.reduce(0) { $0 + plan.values[$1].byteCount }
        let parameters = plan.graph.parameters
        frozenWeightsBytes = parameters.indices.reduce(0) {
            plan.trainability.isTrained[$1] ? $0 : $0 + parameters[$1].shape.count * float
        }
        trainedWeightsBytes = plan.layout.count * float
        packedWeightsBytes = try ProgramResources.weightBytes(of: [plan, setting.evaluation].compactMap { $0 })
        gradientsBytes = (plan.layout.count + ParameterStore.extraCount) * float
        let kept = setting.groups > 0 ? setting.groups * setting.accumulation : setting.accumulation > 1 ? 1 : 0
        accumulatedGradientsBytes = kept * plan.layout.count * float
        optimizerStateBytes = setting.optimizerStates * plan.layout.count * float
        totalBytes =
            arenaBytes + imagesBytes + frozenWeightsBytes + trainedWeightsBytes + packedWeightsBytes + gradientsBytes
            + accumulatedGradientsBytes + optimizerStateBytes
    }
}
