// A head of few classes starts near zero, whether its network is loaded or not.
import Graphs
import Networks
import Tensors
import Testing

@Suite struct HeadStartTests {
    @Test(arguments: NetworkCatalog.entries) func aNewHeadOverLoadedLayersStartsByItsInputs(_ entry: NetworkEntry) throws {
        let graph = entry.build(BuildOptions(classes: 2))
        for parameter in graph.nodes[graph.logits].parameters {
            let inputs = graph.parameters[graph.nodes[graph.logits].parameters.lowerBound].shape[1]
            #expect(graph.startOverPretrained(of: parameter) == .uniform(bound: 1 / Float(inputs).squareRoot()))
        }
        let first = try #require(graph.nodes.first { !$0.parameters.isEmpty })
        #expect(graph.startOverPretrained(of: first.parameters.lowerBound) == nil)
    }

    @Test(arguments: [(2, Float(1000)), (1000, 1000), (4000, 4000)])
    func efficientNetsStartByTheirClassesButNoWiderThanImageNets(classes: Int, asFor: Float) throws {
        for name in ["efficientnet_b0", "efficientnet_lite0"] {
            let graph = try NetworkCatalog.entry(named: name).build(BuildOptions(classes: classes))
            let weight = graph.parameters[graph.nodes[graph.logits].parameters.lowerBound]
            #expect(weight.initialization == .uniform(bound: 1 / asFor.squareRoot()))
        }
    }
}
