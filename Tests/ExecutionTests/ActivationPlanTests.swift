// Every activation trains: behind a norm, behind a convolution, alone and as a gate, the gradients of a plan are difference quotients of its loss.
import Execution
import Graphs
import Kernels
import Tensors
import Testing

@Suite struct ActivationPlanTests {
    private static let capacity = 3

    /// Small weights keep what goes into an activation between its kinks.
    private func graph(_ activation: Activation) -> Graph {
        var builder = GraphBuilder()
        builder.convolutionInitialization = .torchDefault
        var x = builder.convolution("stem", builder.input(height: 9, width: 7), out: 8, kernel: 3, padding: 1)
        x = builder.activation(activation, builder.batchNorm("norm", x))
        x = builder.activation(
            activation, builder.convolution("second", x, out: 16, kernel: 3, stride: 2, padding: 1, bias: true))
        let gate = builder.activation(activation, builder.convolution("gate", x, out: 16, kernel: 1, bias: true))
        x = builder.adaptiveAveragePool(
            "pool", builder.gate("gated", x, by: builder.adaptiveAveragePool("squeezed", gate, to: 1)), to: 1)
        let logits = builder.linear("fc", builder.flatten(x), out: 4)
        return builder.finish(name: "small", logits: logits, head: "fc")
    }

    @Test(arguments: Activation.allCases.filter { !$0.isClipping }, [true, false])
    func gradientsAreDifferenceQuotients(_ activation: Activation, optimizes: Bool) throws {
        let graph = graph(activation)
        let trainability = try FreezePolicy(unfrozen: ["*"], batchNorm: .affine).resolve(graph)
        var request = PlanRequest(graph: graph, trainability: trainability, capacity: Self.capacity, exit: .loss)
        request.optimizes = optimizes
        let plan = Planner.plan(request)
        let store = ParameterStore(graph: graph, trainability: trainability, layout: plan.layout)
        var random = CounterRandom(seed: 5, purpose: .initialization)
        for parameter in graph.parameters.indices {
            let values = store.values(of: parameter)
            let (low, high): (Float, Float) = graph.parameters[parameter].role == .runningVariance ? (0.5, 1.5) : (-0.3, 0.3)
            for index in values.indices { values[index] = random.uniform(low, high) }
        }
        let images = AlignedBuffer(floatCount: Self.capacity * graph.inputShape.count)
        for index in images.floats.indices { images.floats[index] = random.uniform(-1, 1) }
        let program = try Program(plan, try ProgramResources(store: store, threads: 1, arenaBytes: plan.arenaBytes))
        func loss() -> Double {
            let labels: [Int32] = [1, 0, 3]
            return labels.withUnsafeBufferPointer {
                var input = PassInput(entries: [images.base], labels: $0.baseAddress, count: Self.capacity)
                input.imageWeight = 1
                return program.trainPass(input) { _ in }.lossSum
            }
        }
        _ = loss()
        let gradients = plan.layout.slots.map { Array(store.gradients[$0.range]) }
        for (slot, gradient) in zip(plan.layout.slots, gradients) {
            let values = store.values(of: slot.parameter)
            let (step, indices) = (Float(1e-2), stride(from: 0, to: values.count, by: max(1, values.count / 12)))
            var (error, length) = (0.0, 0.0)
            for index in indices {
                let start = values[index]
                values[index] = start + step
                let above = loss()
                values[index] = start - step
                let quotient = (above - loss()) / Double(2 * step)
                values[index] = start
                error += (quotient - Double(gradient[index])) * (quotient - Double(gradient[index]))
                length += quotient * quotient
            }
            #expect(error.squareRoot() < 1e-2 * length.squareRoot() + 1e-4, "\(graph.parameters[slot.parameter].name)")
        }
    }
}
