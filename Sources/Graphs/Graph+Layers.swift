// Layers by what is asked of their outputs: those that are pictures, and what the head reads.
import Tensors

extension Graph {
    /// The node whose output is that of a layer: the last one below the name, as the dotted name of a block stands for all in it.
    ///
    /// - Parameter setting: the option or key, for the error where no layer with an extent of height and width has the name.
    package func featureMap(ofLayer name: String, setting: String) throws(LayerPatternError) -> Int {
        func isBelow(_ node: Int) -> Bool { LayerPattern.ancestors(of: nodes[node].name).contains(name) }
        if let exact = featureMaps.last(where: { nodes[$0].name == name }) ?? featureMaps.last(where: isBelow) { return exact }
        throw LayerPatternError(
            setting: setting, pattern: name, network: self.name,
            nearest: nearestNames(to: name, among: featureMaps.flatMap { LayerPattern.ancestors(of: nodes[$0].name) }))
    }

    /// The last output before the classifier that has an extent: of the last block, with the pooling that belongs to it.
    package var lastFeatureMap: Int? {
        featureMaps.last { if case .adaptiveAveragePool = nodes[$0].operation { false } else { true } }
    }

    /// The node whose output the head reads, if that is one vector.
    package var headInput: Int? {
        let input = layer(behind: logits).inputs[0]
        let shape = nodes[input].shape
        return shape.rank == 1 || shape[0] * shape[1] == 1 ? input : nil
    }

    private var featureMaps: [Int] {
        nodes.indices.filter { index in
            let node = nodes[index]
            guard node.shape.rank == 3, node.shape[0] * node.shape[1] > 1 else { return false }
            switch node.operation {
            // The photograph itself, and what does nothing in inference.
            case .input, .dropout, .stochasticDepth, .flatten: return false
            case .convolution, .batchNorm, .layerNorm, .layerScale, .activation, .add, .gate, .concatenate, .channelSlice,
                .channelShuffle, .maxPool,
                .averagePool, .adaptiveAveragePool,
                .linear, .localResponseNorm:
                return true
            }
        }
    }
}
