// What a builder makes of shapes: windows that do not come out even, and layers that change the number of channels.
import Graphs
import Tensors
import Testing

@Suite struct ShapeTests {
    /// Extents as torch's documentation computes them: ⌊(H + 2p − k) / s⌋ + 1; rounded up, but for a window that would begin in padding.
    @Test(arguments: [
        (224, 7, 2, 3, false, 112), (7, 3, 2, 1, false, 4), (8, 3, 2, 0, false, 3), (8, 3, 2, 0, true, 4), (7, 3, 2, 0, true, 3),
        (5, 2, 2, 1, true, 3), (112, 3, 2, 0, true, 56), (1, 1, 1, 0, false, 1), (4, 3, 3, 1, true, 2),
    ]) func windowsThatDoNotComeOutEven(
        _ side: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ roundsUp: Bool, _ expected: Int
    ) {
        var builder = GraphBuilder()
        let x = builder.input(height: side, width: side)
        let y = builder.maxPool("pool", x, kernel: kernel, stride: stride, padding: padding, roundsUp: roundsUp)
        #expect(y.shape == [expected, expected, 3])
    }

    @Test func layersSayTheirChannels() {
        var builder = GraphBuilder()
        let x = builder.convolution("a", builder.input(height: 9, width: 5), out: 8, kernel: 3, padding: 1)
        let y = builder.convolution("b", x, out: 4, kernel: 1, stride: 2)
        #expect(x.shape == [9, 5, 8] && y.shape == [5, 3, 4])
        #expect(builder.concatenate("c", [y, y, y]).channels == 12)
        #expect(builder.adaptiveAveragePool("p", y, to: 2).shape == [2, 2, 4])
        #expect(builder.flatten(y).shape.count == 60)
        #expect(builder.convolution("d", x, out: 8, kernel: 3, padding: 1, groups: 8).shape == x.shape)
    }

    /// A boundary is where trained layers begin: what it cuts is named by value, also inside a residual block.
    @Test(arguments: [
        ["fc"], ["block"], ["stem"], ["*"],
    ]) func regionsFollowWhatTrains(_ unfrozen: [String]) throws {
        var builder = GraphBuilder()
        var x = builder.relu(builder.convolution("stem", builder.input(height: 8, width: 8), out: 4, kernel: 3, padding: 1))
        let y = builder.convolution("block", x, out: 4, kernel: 3, padding: 1)
        x = builder.flatten(builder.adaptiveAveragePool("pool", builder.add("sum", x, y), to: 1))
        let logits = builder.linear("fc", builder.dropout("drop", x, rate: 0.5), out: 2)
        let graph = builder.finish(name: "small", logits: logits, head: "fc")
        let trainability = try FreezePolicy(unfrozen: unfrozen, batchNorm: .frozen).resolve(graph)
        let regions = Regions(graph, trainability)
        let suffixed = graph.nodes.indices.filter { regions.of[$0] == .suffix }.map { graph.nodes[$0].name }
        #expect(suffixed.contains("fc") && suffixed.contains("block") == (unfrozen != ["fc"]))
        #expect(suffixed.contains("stem") == ["stem", "*"].contains(unfrozen[0]))
        // Dropout behind the prefix is neither: it is drawn anew each epoch.
        let drop = try #require(graph.nodes.firstIndex { $0.name == "drop" })
        #expect(regions.of[drop] == (unfrozen == ["fc"] ? .bridge : .suffix))
    }
}
