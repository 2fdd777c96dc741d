// The numbers of one replica: trained parameters and gradients in flat arrays, tracked statistics, frozen parameters.
import Files
import Foundation
package import Graphs
import Tensors

/// All parameters of a replica.
///
/// Trained ones, their gradients and (elsewhere) the optimizer's state are flat arrays of one layout, so that a bucket is a slice and
/// the optimizer one loop. Frozen ones may be windows onto a mapped weight file.
package final class ParameterStore {
    package let graph: Graph
    package let trainability: Trainability
    package let layout: GradientLayout
    /// Floats behind the gradients that travel with the last bucket: counts and sums of the step.
    package static let extraCount = 16

    /// Trained parameters, in layout order.
    package let trained: UnsafeMutableBufferPointer<Float>
    /// Gradients of the trained parameters, in layout order.
    package let gradients: UnsafeMutableBufferPointer<Float>
    /// The gradients and the extra floats behind them.
    package let gradientsWithExtras: UnsafeMutableBufferPointer<Float>
    /// Running means and variances that training moves, one after the other in the graph's order.
    package let statistics: UnsafeMutableBufferPointer<Float>
    /// Counts the changes of trained parameters and statistics; packed copies compare it to know that they are stale.
    package private(set) var version = 0

    private let trainedMemory: AlignedBuffer
    private let gradientMemory: AlignedBuffer
    private let statisticsMemory: AlignedBuffer
    private let frozenMemory: AlignedBuffer
    private var windows: [UnsafeMutableBufferPointer<Float>]
    private var slotOfParameter: [Int: Range<Int>] = [:]
    private var isMutable: [Bool]
    private var isMapped: [Bool]
    /// What keeps adopted windows alive.
    private var owners: [AnyObject] = []

    package init(graph: Graph, trainability: Trainability, layout: GradientLayout) {
        self.graph = graph
        self.trainability = trainability
        self.layout = layout
        trainedMemory = AlignedBuffer(floatCount: layout.count)
        gradientMemory = AlignedBuffer(floatCount: layout.count + Self.extraCount)
        trained = trainedMemory.floats
        gradientsWithExtras = gradientMemory.floats
        gradients = UnsafeMutableBufferPointer(rebasing: gradientMemory.floats[..<layout.count])
        for slot in layout.slots { slotOfParameter[slot.parameter] = slot.range }
        let tracked = Self.trackedStatistics(graph, trainability)
        isMutable = graph.parameters.indices.map { tracked.contains($0) }
        isMapped = Array(repeating: false, count: graph.parameters.count)
        for slot in layout.slots { isMutable[slot.parameter] = true }
        let count = { (parameters: [Int]) in parameters.reduce(0) { $0 + graph.parameters[$1].shape.count } }
        statisticsMemory = AlignedBuffer(floatCount: count(tracked))
        statistics = statisticsMemory.floats
        let slots = slotOfParameter
        let frozen = graph.parameters.indices.filter { slots[$0] == nil && !tracked.contains($0) }
        frozenMemory = AlignedBuffer(floatCount: count(frozen))
        windows = Array(repeating: UnsafeMutableBufferPointer(start: nil, count: 0), count: graph.parameters.count)
        for slot in layout.slots { windows[slot.parameter] = UnsafeMutableBufferPointer(rebasing: trained[slot.range]) }
        Self.carve(statistics, tracked, graph, into: &windows)
        Self.carve(frozenMemory.floats, frozen, graph, into: &windows)
    }

    /// The same network's parameters where other ones train, with the values that `earlier` has now. What is frozen in both stays where
    /// it is; the rest is copied.
    package convenience init(trainability: Trainability, layout: GradientLayout, carrying earlier: ParameterStore) {
        self.init(graph: earlier.graph, trainability: trainability, layout: layout)
        for parameter in graph.parameters.indices {
            if isMutable[parameter] || earlier.isMutable[parameter] {
                _ = windows[parameter].update(fromContentsOf: earlier.windows[parameter])
            } else {
                windows[parameter] = earlier.windows[parameter]
                isMapped[parameter] = earlier.isMapped[parameter]
            }
        }
        owners = earlier.owners + [earlier.frozenMemory]
        touch()
    }

    /// The current values of any parameter, in the order published files have.
    package func values(of parameter: Int) -> UnsafeMutableBufferPointer<Float> { windows[parameter] }

    /// A parameter's slice of the gradients; nil if it is not trained.
    package func gradient(of parameter: Int) -> UnsafeMutableBufferPointer<Float>? {
        slotOfParameter[parameter].map { UnsafeMutableBufferPointer(rebasing: gradients[$0]) }
    }

    /// Whether training changes the parameter.
    package func changes(_ parameter: Int) -> Bool { isMutable[parameter] }

    /// Says that trained parameters or statistics have changed, so that packed copies are made anew.
    package func touch() { version += 1 }

    /// Lets a frozen parameter stand where a file is mapped, or where `owner` otherwise keeps it; the values are never written.
    package func adopt(_ parameter: Int, _ values: UnsafeBufferPointer<Float>, owner: AnyObject, isMapped: Bool) {
        precondition(!isMutable[parameter], "'\(graph.parameters[parameter].name)' changes and cannot stand in a mapped file")
        precondition(values.count == windows[parameter].count, "an adopted parameter must have its own size")
        windows[parameter] = UnsafeMutableBufferPointer(mutating: values)
        self.isMapped[parameter] = isMapped
        if !owners.contains(where: { $0 === owner }) { owners.append(owner) }
    }

    /// Puts a parameter's rows into another order: row `i` becomes what row `rows[i]` was. For parameters that change.
    package func reorderRows(of parameter: Int, _ rows: [Int]) {
        precondition(isMutable[parameter], "only parameters that change have memory of their own")
        let (values, width) = (windows[parameter], windows[parameter].count / rows.count)
        let before = Array(values)
        for (row, source) in rows.enumerated() {
            for column in 0..<width { values[row * width + column] = before[source * width + column] }
        }
    }

    /// Gives the memory of a parameter that stands in a mapped file back to the system, which reads it again if it is wanted once more.
    /// For weights of which a packed copy is kept; others stay.
    func setAside(_ parameter: Int) {
        guard isMapped[parameter], let base = windows[parameter].baseAddress else { return }
        let page = 4096
        let first = (UInt(bitPattern: base) + UInt(page) - 1) / UInt(page) * UInt(page)
        let end = UInt(bitPattern: base) + UInt(windows[parameter].count * MemoryLayout<Float>.stride)
        let last = end / UInt(page) * UInt(page)
        if first < last { madvise(UnsafeMutableRawPointer(bitPattern: first), Int(last - first), MADV_DONTNEED) }
    }

    /// Starts a parameter as its network's reference implementation does, or as told; the numbers depend on the seed and the
    /// parameter's name only.
    package func initialize(_ parameter: Int, seed: UInt64, as start: Initialization? = nil) {
        let spec = graph.parameters[parameter]
        var name = Checksum()
        name.update(spec.name)
        var random = CounterRandom(seed: seed, index: Int(truncatingIfNeeded: name.value), purpose: .initialization)
        let values = windows[parameter]
        switch start ?? spec.initialization {
        case .constant(let value): values.update(repeating: value)
        case .uniform(let bound): for index in values.indices { values[index] = random.uniform(-bound, bound) }
        case .normal(let deviation): for index in values.indices { values[index] = deviation * random.normal() }
        }
    }

    /// XXH64 of everything that training changes.
    package var checksum: UInt64 {
        var checksum = Checksum()
        checksum.update(UnsafeRawBufferPointer(trained))
        checksum.update(UnsafeRawBufferPointer(statistics))
        return checksum.value
    }

    private static func trackedStatistics(_ graph: Graph, _ trainability: Trainability) -> [Int] {
        graph.nodes.indices.filter { trainability.normMode(of: $0).usesBatchStatistics }.flatMap { node in
            graph.nodes[node].parameters.filter { graph.parameters[$0].role.isStatistic }
        }
    }

    private static func carve(
        _ memory: UnsafeMutableBufferPointer<Float>, _ parameters: [Int], _ graph: Graph,
        into windows: inout [UnsafeMutableBufferPointer<Float>]
    ) {
        var start = 0
        for parameter in parameters {
            let end = start + graph.parameters[parameter].shape.count
            windows[parameter] = UnsafeMutableBufferPointer(rebasing: memory[start..<end])
            start = end
        }
    }
}
