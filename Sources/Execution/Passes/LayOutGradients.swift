// Pass: the flat gradient array, in the order in which backward finishes its parts.
import Graphs
import Tensors

/// The layout, and for every step how many floats are complete behind it.
func layOutGradients(_ steps: [PlanStep], _ graph: Graph, _ trainability: Trainability) -> (GradientLayout, [Int]) {
    var slots: [GradientLayout.Slot] = []
    var count = 0
    var completed: [Int] = []
    for step in steps {
        for parameter in writtenGradients(step.action) where trainability.isTrained[parameter] {
            let end = count + graph.parameters[parameter].shape.count
            slots.append(GradientLayout.Slot(parameter: parameter, range: count..<end))
            count = (end + 15) / 16 * 16
        }
        completed.append(count)
    }
    return (GradientLayout(slots: slots, count: count), completed)
}

private func writtenGradients(_ action: Action) -> [Int] {
    switch action {
    case .convolutionBackwardWeights(_, let weights, _, _): [weights.weight] + (weights.bias.map { [$0] } ?? [])
    case .linearBackwardWeights(let weight, let bias, _, _): [weight] + (bias.map { [$0] } ?? [])
    case .normBackward(let norm, let mode, _, _, _, _): mode == .frozen ? [] : [norm.scale, norm.shift]
    default: []
    }
}
