// EfficientNetV2: Tan and Le, EfficientNetV2: Smaller Models and Faster Training, 2021. EfficientNet's blocks, the first stages of which
// expand by one 3×3 convolution. Names and details are torchvision's; padding is TensorFlow's where its weights need that.
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

    /// The base network, which TensorFlow's B0 to B3 scale.
    private static let base = [
        fused(1, 1, 16, 1), fused(4, 2, 32, 2), fused(4, 2, 48, 2), gated(4, 2, 96, 3), gated(6, 1, 112, 5), gated(6, 2, 192, 8),
    ]

    static let entries =
        [
            entry("efficientnet_v2_s", small, dropout: 0.2, .imageNet(resize: 384, crop: 384), 84.228, 96.878),
            entry("efficientnet_v2_m", medium, dropout: 0.3, .imageNet(resize: 480, crop: 480), 85.112, 97.156),
            entry(
                "efficientnet_v2_l", large, dropout: 0.4,
                .imageNet(resize: 480, crop: 480, interpolation: .bicubic).withInceptionRange(), 85.808, 97.788),
            tensorFlow("b0", base, scaled: (1, 1), resize: 256, crop: 224, 78.7, 94.3),
            tensorFlow("b1", base, scaled: (1, 1.1), resize: 272, crop: 240, 79.8, 95.0),
            tensorFlow("b2", base, scaled: (1.1, 1.2), resize: 292, crop: 260, 80.5, 95.1),
            tensorFlow("b3", base, scaled: (1.2, 1.4), resize: 331, crop: 300, 82.0, 95.8),
            tensorFlow("s", small, resize: 384, crop: 384, 83.9, 96.7),
            tensorFlow("m", medium, resize: 480, crop: 480, 85.3, 97.4),
            tensorFlow("l", large, resize: 480, crop: 480, 85.7, 97.5),
        ]

    private static func variant(_ stages: [Stage], stem: Int, head: Int, dropout: Float) -> EfficientNet.Variant {
        var variant = EfficientNet.Variant(width: 1, depth: 1, dropout: dropout)
        (variant.stages, variant.stem, variant.head) = (stages, stem, head)
        variant.epsilon = 1e-3
        return variant
    }

    private static func entry(
        _ name: String, _ stages: [Stage], dropout: Float, _ preprocessing: Preprocessing, _ top1: Double, _ top5: Double
    ) -> NetworkEntry {
        let variant = variant(stages, stem: stages[0].channels, head: 1280, dropout: dropout)
        return NetworkEntry(
            name, .efficientNetV2, preprocessing, top1: top1, top5: top5, by: "torchvision, IMAGENET1K_V1",
            sources: [.torchvision]
        ) { name, options, inputSize in
            EfficientNet.graph(name, variant, options, inputSize: inputSize)
        }
    }

    /// TensorFlow's networks, under timm's names. `scaled` has factors on the channels and the blocks of every stage: channels go to the
    /// nearest multiple of eight, without EfficientNet's rule that a tenth at most is lost.
    private static func tensorFlow(
        _ size: String, _ stages: [Stage], scaled: (width: Double, depth: Double)? = nil, resize: Int, crop: Int, _ top1: Double,
        _ top5: Double
    ) -> NetworkEntry {
        let (width, depth) = scaled ?? (1, 1)
        func channels(_ count: Int) -> Int { max(8, Int(Double(count) * width + 4) / 8 * 8) }
        let stages = stages.map { stage in
            Stage(
                expansion: stage.expansion, kernel: stage.kernel, stride: stage.stride, channels: channels(stage.channels),
                depth: Int((Double(stage.depth) * depth).rounded(.up)), isFused: stage.isFused)
        }
        let stem = scaled == nil ? stages[0].channels : channels(32)
        var variant = variant(stages, stem: stem, head: channels(1280), dropout: 0.2)
        (variant.padsLikeTensorFlow, variant.momentum) = (true, 0.01)
        let pixels = Preprocessing.imageNet(resize: resize, crop: crop, interpolation: .bicubic)
        return NetworkEntry(
            "tf_efficientnetv2_\(size)", .efficientNetV2, scaled == nil ? pixels.withInceptionRange() : pixels, top1: top1,
            top5: top5, by: "Keras applications", sources: [.torchvision, .timm]
        ) { [variant] name, options, inputSize in
            EfficientNet.graph(name, variant, options, inputSize: inputSize)
        }
    }
}
