// EfficientNetV2: Tan and Le, EfficientNetV2: Smaller Models and Faster Training, 2021. EfficientNet's blocks, the first stages of which
// expand by one 3×3 convolution. Names and details are torchvision's.
import Tensors

/// The EfficientNetV2s by name.
enum EfficientNetV2 {
    private typealias Stage = EfficientNet.Stage

    /// A stage whose blocks expand and filter at once, without a gate.
    private static func fused(_ expansion: Int, _ stride: Int, _ channels: Int, _ depth: Int) -> Stage {
        Stage(expansion: expansion, kernel: 3, stride: stride, channels: channels, depth: depth, isFused: true)
    }

    private static func gated(_ expansion: Int, _ stride: Int, _ channels: Int, _ depth: Int) -> Stage {
        Stage(expansion: expansion, kernel: 3, stride: stride, channels: channels, depth: depth)
    }

    /// The paper's table 4, and its larger sisters.
    private static let small = [
        fused(1, 1, 24, 2), fused(4, 2, 48, 4), fused(4, 2, 64, 4), gated(4, 2, 128, 6), gated(6, 1, 160, 9),
        gated(6, 2, 256, 15),
    ]
    private static let medium = [
        fused(1, 1, 24, 3), fused(4, 2, 48, 5), fused(4, 2, 80, 5), gated(4, 2, 160, 7), gated(6, 1, 176, 14),
        gated(6, 2, 304, 18), gated(6, 1, 512, 5),
    ]
    private static let large = [
        fused(1, 1, 32, 4), fused(4, 2, 64, 7), fused(4, 2, 96, 7), gated(4, 2, 192, 10), gated(6, 1, 224, 19),
        gated(6, 2, 384, 25), gated(6, 1, 640, 7),
    ]

    static let entries = [
        entry("efficientnet_v2_s", small, dropout: 0.2, .imageNet(resize: 384, crop: 384), 84.228, 96.878),
        entry("efficientnet_v2_m", medium, dropout: 0.3, .imageNet(resize: 480, crop: 480), 85.112, 97.156),
        entry(
            "efficientnet_v2_l", large, dropout: 0.4,
            .imageNet(resize: 480, crop: 480, interpolation: .bicubic).withInceptionRange(), 85.808, 97.788),
    ]

    private static func entry(
        _ name: String, _ stages: [Stage], dropout: Float, _ preprocessing: Preprocessing, _ top1: Double, _ top5: Double
    ) -> NetworkEntry {
        var variant = EfficientNet.Variant(width: 1, depth: 1, dropout: dropout)
        variant.stages = stages
        variant.stem = stages[0].channels
        variant.head = 1280
        variant.epsilon = 1e-3
        return NetworkEntry(
            name, .efficientNetV2, preprocessing, top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1"
        ) { [variant] name, options, inputSize in
            EfficientNet.graph(name, variant, options, inputSize: inputSize)
        }
    }
}
