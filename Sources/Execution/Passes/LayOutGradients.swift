// Pass: the flat gradient array, in the order in which backward finishes its parts.
import Graphs
import Tensors

/// The layout, and for every step how many floats are complete behind it.
func layOutGradients(_ steps: [PlanStep], _ graph: Graph) -> (GradientLayout, [Int]) {
    var slots: [GradientLayout.Slot] = []
    var count = 0
    var completed: [Int] = []
    for step in steps {
        for parameter in step.completes {
            let end = count + graph.parameters[parameter].shape.count
            slots.append(GradientLayout.Slot(parameter: parameter, range: count..<end))
            count = (end + 15) / 16 * 16
        }
        completed.append(count)
    }
    return (GradientLayout(slots: slots, count: count), completed)
}
