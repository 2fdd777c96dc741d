// The EfficientNets by name, with what their published weights expect and reach.
import Tensors

extension EfficientNet {
    private struct Row: Sendable {
        let name: String
        let width: Double
        let depth: Double
        let dropout: Float
        /// torchvision's short side after resizing, and its crop.
        let resize: Int
        let crop: Int
        /// The side of TensorFlow's input.
        let tensorFlowCrop: Int
        let torchvision: (top1: Double, top5: Double)
        let keras: (top1: Double, top5: Double)
    }

    private static let rows = [
        Row(
            name: "efficientnet_b0", width: 1.0, depth: 1.0, dropout: 0.2, resize: 256, crop: 224, tensorFlowCrop: 224,
            torchvision: (77.692, 93.532), keras: (77.1, 93.3)),
        Row(
            name: "efficientnet_b1", width: 1.0, depth: 1.1, dropout: 0.2, resize: 256, crop: 240, tensorFlowCrop: 240,
            torchvision: (78.642, 94.186), keras: (79.1, 94.4)),
        Row(
            name: "efficientnet_b2", width: 1.1, depth: 1.2, dropout: 0.3, resize: 288, crop: 288, tensorFlowCrop: 260,
            torchvision: (80.608, 95.310), keras: (80.1, 94.9)),
        Row(
            name: "efficientnet_b3", width: 1.2, depth: 1.4, dropout: 0.3, resize: 320, crop: 300, tensorFlowCrop: 300,
            torchvision: (82.008, 96.054), keras: (81.6, 95.7)),
        Row(
            name: "efficientnet_b4", width: 1.4, depth: 1.8, dropout: 0.4, resize: 384, crop: 380, tensorFlowCrop: 380,
            torchvision: (83.384, 96.594), keras: (82.9, 96.4)),
        Row(
            name: "efficientnet_b5", width: 1.6, depth: 2.2, dropout: 0.4, resize: 456, crop: 456, tensorFlowCrop: 456,
            torchvision: (83.444, 96.628), keras: (83.6, 96.7)),
        Row(
            name: "efficientnet_b6", width: 1.8, depth: 2.6, dropout: 0.5, resize: 528, crop: 528, tensorFlowCrop: 528,
            torchvision: (84.008, 96.916), keras: (84.0, 96.8)),
        Row(
            name: "efficientnet_b7", width: 2.0, depth: 3.1, dropout: 0.5, resize: 600, crop: 600, tensorFlowCrop: 600,
            torchvision: (84.122, 96.908), keras: (84.3, 97.0)),
    ]

    static let entries: [NetworkEntry] = rows.map(torchvisionEntry) + rows.map(tensorFlowEntry)

    private static func torchvisionEntry(_ row: Row) -> NetworkEntry {
        var variant = Variant(width: row.width, depth: row.depth, dropout: row.dropout)
        if row.depth >= 2.2 {  // torchvision's B5 to B7 came from TensorFlow's weights and kept its batch norm
            variant.epsilon = 1e-3
            variant.momentum = 0.01
        }
        let preprocessing = Preprocessing.imageNet(resize: row.resize, crop: row.crop, interpolation: .bicubic)
        return entry(row.name, variant, preprocessing, row.torchvision, "torchvision, IMAGENET1K_V1", [.torchvision, .timm])
    }

    private static func tensorFlowEntry(_ row: Row) -> NetworkEntry {
        var variant = Variant(width: row.width, depth: row.depth, dropout: row.dropout)
        variant.padsLikeTensorFlow = true
        variant.epsilon = 1e-3
        variant.momentum = 0.01
        return entry(
            "tf_\(row.name)", variant, .tensorFlowImageNet(crop: row.tensorFlowCrop), row.keras, "Keras applications",
            NetworkFamily.efficientNet.sources)
    }

    private static func entry(
        _ name: String, _ variant: Variant, _ preprocessing: Preprocessing, _ top: (top1: Double, top5: Double), _ source: String,
        _ sources: [WeightSource]
    ) -> NetworkEntry {
        NetworkEntry(name, .efficientNet, preprocessing, top1: top.top1, top5: top.top5, by: source, sources: sources) {
            name, options, inputSize in
            graph(name, variant, options, inputSize: inputSize)
        }
    }
}
