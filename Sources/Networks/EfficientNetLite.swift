// EfficientNet-Lite: the family's variants for small devices, as TensorFlow published them in 2020. No squeeze-excitation, ReLU6,
// TensorFlow's padding, stem and head not scaled. Their parameters are named as torchvision would name them.

import Graphs
import Tensors

/// The Lite family's table: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
package enum EfficientNetLite {
    struct Row: Sendable {
        let name: String
        let width: Double
        let depth: Double
        let inputSize: Int
        let dropout: Float
        /// Published top-1 accuracy of the float model, in percent.
        let top1: Double
    }

    static let rows = [
        Row(name: "efficientnet_lite0", width: 1.0, depth: 1.0, inputSize: 224, dropout: 0.2, top1: 75.1),
        Row(name: "efficientnet_lite1", width: 1.0, depth: 1.1, inputSize: 240, dropout: 0.2, top1: 76.7),
        Row(name: "efficientnet_lite2", width: 1.1, depth: 1.2, inputSize: 260, dropout: 0.3, top1: 77.6),
        Row(name: "efficientnet_lite3", width: 1.2, depth: 1.4, inputSize: 280, dropout: 0.3, top1: 79.8),
        Row(name: "efficientnet_lite4", width: 1.4, depth: 1.8, inputSize: 300, dropout: 0.3, top1: 81.5),
    ]
}

extension EfficientNetLite.Row {
    var variant: EfficientNet.Variant {
        EfficientNet.Variant(
            width: width, depth: depth, dropout: dropout, activation: .relu6, hasSqueezeExcitation: false,
            padsLikeTensorFlow: true,
            keepsStemAndHead: true, epsilon: 1e-3, momentum: 0.01)
    }
}

extension EfficientNetLite {
    static let entries: [NetworkEntry] = rows.map { row in
        NetworkEntry(
            row.name, .efficientNetLite, .tensorFlowLite(crop: row.inputSize), top1: row.top1, top5: nil, by: "TensorFlow, 2020"
        ) { name, options, inputSize in EfficientNet.graph(name, row.variant, options, inputSize: inputSize) }
    }
}
