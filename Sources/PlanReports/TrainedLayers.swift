// The shortest list of layer names that says what trains, whatever patterns it came from.
package import Tensors
package import Graphs

extension Trainability {
    /// The largest layers all of whose parameters train, in the graph's order, as `network.unfrozen` could name them; `*` alone for
    /// the whole network. Norms that a config leaves fixed everywhere do not count against their layers.
    package func trainedLayers(of graph: Graph) -> [String] {
        let counts = graph.parameters.indices.filter { parameter in
            let role = graph.parameters[parameter].role
            return !role.isStatistic && (isTrained[parameter] || !role.isNorm || !normModes.isEmpty)
        }
        guard counts.contains(where: { !isTrained[$0] }) else { return ["*"] }
        let ancestors = counts.map { LayerPattern.ancestors(of: graph.parameters[$0].name) }
        var isWhole: [String: Bool] = [:]
        for (parameter, names) in zip(counts, ancestors) {
            for name in names { isWhole[name] = (isWhole[name] ?? true) && isTrained[parameter] }
        }
        var layers: [String] = []
        for names in ancestors {
            guard let layer = names.last(where: { isWhole[$0] == true }), layers.last != layer else { continue }
            layers.append(layer)
        }
        var seen: Set<String> = []
        return layers.filter { seen.insert($0).inserted }
    }

    /// What the norms of trained layers do; nil for a network without norms.
    package func normMode(of graph: Graph) -> NormMode? {
        let hasNorms = graph.parameters.contains { $0.role.isNorm }
        return hasNorms ? normModes.values.first ?? .frozen : nil
    }
}
