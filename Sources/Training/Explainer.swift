// Runs the plan that tells how a class's score depends on a layer's output.
package import Execution
import Graphs
import Tensors

/// Makes activation maps with a program whose plan ends in `PlanExit.sensitivity`.
package final class Explainer {
    private let program: Program
    private let method: ActivationMapMethod
    private let height: Int
    private let width: Int
    private let side: Int
    private let classCount: Int
    /// Of each image one 1: the score that is asked about.
    private let scoreWeights: AlignedBuffer

    package init(_ program: Program, _ method: ActivationMapMethod) {
        guard case .sensitivity(let node) = program.plan.exit else {
            preconditionFailure("activation maps need a plan that tells gradients of a layer's output")
        }
        self.program = program
        self.method = method
        let graph = program.plan.graph
        let shape = graph.nodes[node].shape
        (height, width, side, classCount) = (shape[0], shape[1], graph.inputShape[0], graph.classCount)
        scoreWeights = AlignedBuffer(floatCount: program.plan.capacity * graph.classCount)
    }

    /// A map for each of the first prepared images, as many as there are classes, and at most the plan's capacity.
    package func maps(of images: UnsafeMutablePointer<Float>, classes: [Int]) -> [ActivationMap] {
        precondition(classes.count <= program.plan.capacity, "a plan has room for its capacity")
        let weights = scoreWeights.floats
        weights.update(repeating: 0)
        for (image, label) in classes.enumerated() { weights[image * classCount + label] = 1 }
        program.forward(
            PassInput(
                entries: [UnsafeMutableRawPointer(images), UnsafeMutableRawPointer(scoreWeights.base)], count: classes.count))
        let count = program.plan.values[program.plan.exitValues[1]].shape.count
        return classes.indices.map { image in
            ActivationMap(
                method, activations: UnsafeBufferPointer(start: program.exitValue(1) + image * count, count: count),
                gradients: UnsafeBufferPointer(start: program.exitValue(2) + image * count, count: count), height: height,
                width: width, side: side)
        }
    }
}
