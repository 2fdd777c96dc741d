// The catalogue as a whole: every network builds, is named once, and says what is wrong with a name.
import Graphs
import Tensors
import Testing

@testable import Networks

@Suite struct NetworkCatalogTests {
    @Test func namesAreUnique() {
        #expect(Set(NetworkCatalog.entries.map(\.name)).count == NetworkCatalog.entries.count)
    }

    @Test(arguments: NetworkCatalog.entries.map(\.name))
    func everyNetworkBuildsWithItsHeadReplaced(_ name: String) throws {
        let graph = try NetworkCatalog.entry(named: name).build(BuildOptions(classes: 5))
        #expect(graph.name == name)
        #expect(graph.classCount == 5)
        #expect(graph.parameters.contains { $0.name == "\(graph.head).weight" && $0.shape[0] == 5 })
        #expect(Set(graph.parameters.map(\.name)).count == graph.parameters.count)
        #expect(graph.nodes.dropLast().indices.allSatisfy { index in graph.nodes.contains { $0.inputs.contains(index) } })
    }

    @Test func unknownNameSuggestsTheNearest() {
        let error = #expect(throws: NetworkError.self) { try NetworkCatalog.entry(named: "resnet5O") }
        #expect(error?.description.contains("'resnet50'") == true)
    }
}
