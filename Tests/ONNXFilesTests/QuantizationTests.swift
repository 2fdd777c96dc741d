// Networks in 8 bits: which values are rounded, how weights become bytes; Fixtures/check_exports.py runs such files.
import Graphs
import Networks
import Testing

@testable import ONNXFiles

@Suite struct QuantizationTests {
    @Test func weightsTakeTheNormBehindThem() {
        // Two channels of two weights; the second's norm turns their sign.
        let weights: [Float] = [1, -0.5, 2, 0.25]
        let norm: [[Float]] = [[2, -1], [0.5, 0], [1, 3], [3, 0]]
        let bytes = weights.withUnsafeBufferPointer { weights in
            norm[0].withUnsafeBufferPointer { scale in
                norm[1].withUnsafeBufferPointer { shift in
                    norm[2].withUnsafeBufferPointer { mean in
                        norm[3].withUnsafeBufferPointer { variance in
                            ONNXByteWeights(weights, bias: nil, norm: ([scale, shift, mean, variance], 1), channels: 2)
                        }
                    }
                }
            }
        }
        // Factors 2 / 2 and -1 / 1.
        #expect(bytes.values == [127, -64, -127, -16])
        #expect(bytes.scales == [1 / 127, 2 / 127] && bytes.biases == [-0.5, 3])
    }

    @Test(arguments: NetworkCatalog.entries.map(\.name))
    func everyLayerOfWeightsReadsBytes(_ name: String) throws {
        let graph = try NetworkCatalog.entry(named: name).build(BuildOptions(classes: 3))
        let points = ONNXQuantization.points(of: graph)
        #expect(!points.contains(graph.logits) && points.first == 0)
        let grids = ONNXQuantization(limits: Dictionary(uniqueKeysWithValues: points.map { (graph.nodes[$0].name, 1) })).grids(
            graph)
        let reached = ONNXTranslation.reached(graph)
        for index in reached {
            switch graph.nodes[index].operation {
            case .convolution, .linear: #expect(grids[graph.nodes[index].inputs[0]] != nil, "\(graph.nodes[index].name)")
            default: break
            }
        }
    }
}
