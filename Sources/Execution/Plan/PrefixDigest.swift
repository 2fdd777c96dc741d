// What the features of an image depend on besides its pixels, as a digest: the key of the feature cache.
import Files
internal import Graphs
internal import Tensors

extension Plan {
    /// XXH64 over every node that a plan to the boundary runs (name, operation, shape), the weights of these nodes, the kernels and
    /// element types by which they compute with their steps, and the boundary itself. The head, and whatever else trains, does not count.
    package func prefixDigest(of store: ParameterStore) -> UInt64 {
        precondition(exit == .boundary, "only a plan to the boundary has the prefix alone")
        var checksum = Checksum()
        var seen: Set<Int> = []
        func add(_ node: Int) {
            guard seen.insert(node).inserted else { return }
            for input in graph.nodes[node].inputs { add(input) }
            let node = graph.nodes[node]
            checksum.update("\(node.name): \(node.operation.record), \(node.shape)")
            for parameter in node.parameters {
                checksum.update(graph.parameters[parameter].name)
                checksum.update(UnsafeRawBufferPointer(store.values(of: parameter)))
            }
        }
        for node in regions.boundary {
            add(node)
            checksum.update("cut at \(graph.nodes[node].name)")
        }
        // Features that were computed otherwise differ in their last digits.
        for step in steps {
            let types = step.writes.map { values[$0].type.rawValue }.joined(separator: " ")
            checksum.update("\(step.kernel.label) \(types)")
            for value in step.writes where values[value].type.isQuantized {
                checksum.update("\(values[value].quantizationStep.bitPattern)")
            }
        }
        return checksum.value
    }

    /// Whether the boundary is worth keeping: not if it is the photographs themselves.
    package var hasPrefix: Bool { !regions.boundary.contains(0) }
}
