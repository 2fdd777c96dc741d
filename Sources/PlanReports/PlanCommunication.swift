// What ranks send each other in a step, and when it can start.
internal import Execution
internal import Graphs
internal import Tensors

/// The sums of one update.
package struct PlanCommunication: Sendable, Encodable {
    /// A slice of the flat gradients that is summed as one message.
    package struct Bucket: Sendable, Encodable {
        package let bytes: Int
        /// The layers whose gradients it carries, in order; a layer cut by the bucket's ends says so.
        package let layers: [String]
        /// The step (from 1) after which its sum starts.
        package let startsAfterStep: Int
        /// Work of the step still to come then, which can hide the sum: of one image.
        package let remainingFlopsPerImage: Int
    }

    /// In the order in which they start; the last brings the step's counts along.
    package let buckets: [Bucket]
    /// Bytes that are summed over ranks in an update.
    package let bytesPerStep: Int
    /// Bytes that each rank sends in an update if sums travel in a ring: 2 (W − 1) / W of them. It receives as many.
    package let bytesSentPerRank: Int
    /// Small sums within a pass, for synchronised batch norm.
    package let normSums: Int
    package let normSumBytes: Int

    init(_ plan: Plan, _ setting: PlanSetting) {
        let float = ElementType.float32.byteCount
        buckets = setting.buckets.enumerated().map { index, range in
            let isLast = index == setting.buckets.count - 1
            let end = isLast ? plan.layout.count : range.upperBound
            // The last carries the step's counts, which are known when all steps have run.
            let start = isLast ? nil : plan.completedGradients.firstIndex { $0 >= end }
            let after = start ?? plan.steps.count - 1
            let remaining = plan.steps[(after + 1)...].reduce(0) { $0 + $1.multiplyAccumulates }
            return Bucket(
                bytes: range.count * float, layers: Self.layers(in: range, plan), startsAfterStep: after + 1,
                remainingFlopsPerImage: PlanDescription.operationsPerMultiplyAccumulate * remaining)
        }
        bytesPerStep = setting.buckets.reduce(0) { $0 + $1.count * float }
        bytesSentPerRank = 2 * (setting.ranks - 1) * bytesPerStep / setting.ranks
        let channels = plan.steps.compactMap { Self.synchronizedChannels($0, plan) }
        normSums = channels.count
        // Sums, sums of squares and the count, as doubles.
        normSumBytes = channels.reduce(0) { $0 + (2 * $1 + 1) * ElementType.float64.byteCount }
    }

    private static func layers(in range: Range<Int>, _ plan: Plan) -> [String] {
        var layers: [String] = []
        for slot in plan.layout.slots where slot.range.overlaps(range) {
            let names = LayerPattern.ancestors(of: plan.graph.parameters[slot.parameter].name)
            let layer = names.dropFirst().first ?? names[0]
            let isWhole = range.lowerBound <= slot.range.lowerBound && slot.range.upperBound <= range.upperBound
            let label = isWhole ? layer : "\(layer) (part)"
            if layers.last != label { layers.append(label) }
        }
        return layers
    }

    private static func synchronizedChannels(_ step: PlanStep, _ plan: Plan) -> Int? {
        guard step.joinsImages else { return nil }
        return switch step.operation {
        case .norm(let norm, _, _), .normGradient(let norm, _, _): plan.graph.parameters[norm.scale].shape.count
        default: nil
        }
    }
}
