// What rounding a network's values to bytes would cost, tried out in float32: for files that other programs run.
package import Graphs
import Kernels
package import Tensors

/// Runs a network node by node, measures how far some of its values reach, and then rounds them on the way.
package final class RoundingRehearsal {
    /// Images a run.
    package static let capacity = PrefixCalibrator.capacity

    private let exact: Program
    private let rounded: Program
    private let classCount: Int
    /// For each node whose value is rounded, by its name, the type of its bytes.
    private let types: [String: ElementType]
    private var histograms: [String: MagnitudeHistogram] = [:]

    /// - Parameters:
    ///   - types: for each node that is to be rounded, by its name, the type of its bytes.
    /// - Throws: `OneDNNError`.
    package init(_ graph: Graph, _ store: ParameterStore, threads: Int, types: [String: ElementType]) throws {
        self.types = types
        classCount = graph.classCount
        var request = PlanRequest(graph: graph, trainability: .frozen(graph), capacity: Self.capacity, exit: .logits)
        request.optimizes = false
        request.winograd = .off
        let plan = Planner.plan(request)
        exact = try Program(plan, ProgramResources(store: store, threads: threads, arenaBytes: plan.arenaBytes))
        let weights = Self.rounding(store)
        rounded = try Program(plan, ProgramResources(store: weights, threads: threads, arenaBytes: plan.arenaBytes))
    }

    /// Takes up images, `[count, H, W, 3]` with room for the capacity; their scores.
    package func observe(_ images: UnsafeMutablePointer<Float>, count: Int) -> [Float] {
        let input = PassInput(entries: [UnsafeMutableRawPointer(images)], count: count)
        exact.forward(input) { value, numbers in
            guard types[value.name] != nil else { return }
            histograms[value.name, default: MagnitudeHistogram()].add(numbers, count: value.shape.count * count, stride: 1)
        }
        return scores(of: exact, count)
    }

    /// How far each of the values is to reach: the clipping that loses least.
    package func limits() -> [String: Float] {
        histograms.reduce(into: [:]) { limits, entry in
            let limit = entry.value.bestLimit(levels: types[entry.key]?.largestInteger ?? 1)
            limits[entry.key] = limit > 0 ? limit : 1
        }
    }

    /// The scores of images with all those values rounded, which changes the images, too.
    package func rehearse(_ images: UnsafeMutablePointer<Float>, count: Int, _ limits: [String: Float]) -> [Float] {
        let input = PassInput(entries: [UnsafeMutableRawPointer(images)], count: count)
        rounded.forward(input) { value, numbers in
            guard let type = types[value.name], let limit = limits[value.name] else { return }
            let (step, lowest) = (limit / type.largestInteger, type == .uint8 ? 0 : -limit)
            let target = UnsafeMutablePointer(mutating: numbers)
            for index in 0..<value.shape.count * count {
                target[index] = (min(max(target[index], lowest), limit) / step).rounded(.toNearestOrEven) * step
            }
        }
        return scores(of: rounded, count)
    }

    private func scores(of program: Program, _ count: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: program.exitValue(0), count: count * classCount))
    }

    /// The same parameters with the weights of convolutions and linear layers cut to 127 steps either way for each output channel.
    private static func rounding(_ store: ParameterStore) -> ParameterStore {
        let graph = store.graph
        let copy = ParameterStore(graph: graph, trainability: .frozen(graph), layout: .none)
        for (index, parameter) in graph.parameters.enumerated() {
            let values = copy.values(of: index)
            _ = values.update(fromContentsOf: store.values(of: index))
            guard [.convolutionWeight, .linearWeight].contains(parameter.role) else { continue }
            let count = parameter.shape.count / parameter.shape[0]
            for start in stride(from: 0, to: values.count, by: count) {
                let channel = start..<start + count
                let step = channel.reduce(Float(0)) { max($0, abs(values[$1])) } / 127
                guard step > 0 else { continue }
                for element in channel { values[element] = (values[element] / step).rounded(.toNearestOrEven) * step }
            }
        }
        return copy
    }
}
