// The recipe's weights for one of Graft's graphs.
import Graphs
import Networks
import TestSupport
import Tensors

/// Values for every parameter of a graph, in the graph's order and shapes, under the names of the published weights.
struct GoldenWeights {
    /// The published name of each parameter.
    let names: [String]
    /// The values of each parameter, in the order and shape of `graph.parameters`.
    let values: [[Float]]

    /// - Parameters:
    ///   - stored: names and shapes of the published weights, where they are not those of the graph.
    ///   - moved: elements that are other than the recipe's.
    init(for graph: Graph, of entry: NetworkEntry, stored: [String: [Int]]?, moved: MovedWeights = [:]) throws {
        var names = graph.parameters.map(\.name)
        if let stored {
            // The published head has 1,000 classes, and no other tensor of these networks has that extent.
            let shapes = stored.mapValues { TensorShape($0.first == 1000 ? [graph.classCount] + $0.dropFirst() : $0) }
            let match = try NameTable.match(shapes, to: graph, of: entry)
            try match.validate(for: graph.name)
            for assignment in match.assignments { names[assignment.parameter] = assignment.tensor }
        }
        let recipe = WeightRecipe(names: names)
        self.names = names
        values = zip(names, graph.parameters).map { name, parameter in
            var values = recipe.values(name: name, shape: parameter.shape.extents)
            for element in moved[name] ?? [] { values[element.index] = element.value }
            return values
        }
    }
}
