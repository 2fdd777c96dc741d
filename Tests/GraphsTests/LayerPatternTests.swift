// What a pattern of a config means, whichever key it stands under.
import Graphs
import Testing

@Suite struct LayerPatternTests {
    @Test(arguments: [
        ("layer4", "layer4.0.conv1.weight", true), ("layer4", "layer40.conv1.weight", false),
        ("layer4.0", "layer4.0.bn1.bias", true),
        ("layer4.0.bn1.bias", "layer4.0.bn1.bias", true), ("layer4.*.conv1", "layer4.1.conv1.weight", true),
        ("layer4.*.conv1", "layer4.1.conv2.weight", false), ("*", "fc.bias", true), ("*.bias", "fc.bias", true),
        ("inception_3a", "inception_3a/1x1.weight", true), ("inception_3a/1x1", "inception_3a/1x1.weight", true),
        ("inception_3", "inception_3a/1x1.weight", false), ("inception_3?", "inception_3a/1x1.weight", true),
        ("fc", "fc.weight", true),
        ("", "fc.weight", false),
    ])
    func meansTheLayersAroundAParameter(_ pattern: String, _ parameter: String, _ expected: Bool) {
        #expect(LayerPattern(pattern).matches(parameter) == expected)
    }

    @Test func oneThatMeansNothingNamesItsKeyAndTheNearest() {
        var builder = GraphBuilder()
        let x = builder.adaptiveAveragePool("pool", builder.input(height: 4, width: 4), to: 1)
        let logits = builder.linear("fc", builder.flatten(x), out: 2)
        let graph = builder.finish(name: "small", logits: logits, head: "fc")
        let error = #expect(throws: LayerPatternError.self) {
            try LayerPattern("fv").parameters(among: graph.parameters, of: graph.name, setting: "network.fresh")
        }
        #expect(
            error?.description
                == "network.fresh: 'fv' matches no layer of small; the nearest names are 'fc', 'fc.bias', 'fc.weight'")
    }
}
