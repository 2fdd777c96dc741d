// The residual networks by name, with what their published weights expect and reach.
import Tensors

extension ResNet {
    static let entries: [NetworkEntry] = [
        torchvision("resnet18", .resnet18, 69.758, 89.078),
        torchvision("resnet34", .resnet34, 73.314, 91.420),
        torchvision("resnet50", .resnet50, 76.130, 92.862),
        torchvision("resnet101", .resnet101, 77.374, 93.546),
        torchvision("resnet152", .resnet152, 78.312, 94.046),
        torchvision("resnext50_32x4d", .resnet50.grouped(32, of: 4), 77.618, 93.698),
        torchvision("resnext101_32x8d", .resnet101.grouped(32, of: 8), 79.312, 94.526),
        torchvision("resnext101_64x4d", .resnet101.grouped(64, of: 4), 83.246, 96.454, resize: 232),
        torchvision("wide_resnet50_2", .resnet50.grouped(1, of: 128), 78.468, 94.086),
        torchvision("wide_resnet101_2", .resnet101.grouped(1, of: 128), 78.848, 94.284),
        paper("resnet50_v1", .resnet50.v1, 75.3, 92.2),
        paper("resnet101_v1", .resnet101.v1, 76.4, 92.9),
        paper("resnet152_v1", .resnet152.v1, 77.0, 93.3),
        timm("resnet26d", .resnet26.deep, 76.7),
        timm("resnet50d", .resnet50.deep, 80.5),
        timm("seresnet50", .resnet50.gated, 80.3),
        keras("keras_resnet50", .resnet50.keras, 74.9, 92.1),
        keras("keras_resnet101", .resnet101.keras, 76.4, 92.8),
        keras("keras_resnet152", .resnet152.keras, 76.6, 93.1),
    ]

    private static func torchvision(
        _ name: String, _ variant: Variant, _ top1: Double, _ top5: Double, resize: Int = 256
    ) -> NetworkEntry {
        entry(name, variant, .imageNet(resize: resize), top1, top5, "torchvision, IMAGENET1K_V1")
    }

    /// The figures are the authors' (github.com/KaimingHe/deep-residual-networks), whose files are Caffe's; the preprocessing is that
    /// of v1 weights under torchvision's names.
    private static func paper(_ name: String, _ variant: Variant, _ top1: Double, _ top5: Double) -> NetworkEntry {
        entry(name, variant, .imageNet(), top1, top5, "He et al., 2015")
    }

    /// Networks that timm alone has, under its names.
    private static func timm(_ name: String, _ variant: Variant, _ top1: Double) -> NetworkEntry {
        NetworkEntry(
            name, .resNet, .imageNet(interpolation: .bicubic), top1: top1, top5: nil, by: "timm", sources: [.timm]
        ) { name, options, inputSize in
            graph(name, variant, options, inputSize: inputSize)
        }
    }

    private static func keras(_ name: String, _ variant: Variant, _ top1: Double, _ top5: Double) -> NetworkEntry {
        entry(name, variant, .kerasCaffe, top1, top5, "Keras applications")
    }

    private static func entry(
        _ name: String, _ variant: Variant, _ preprocessing: Preprocessing, _ top1: Double, _ top5: Double, _ source: String
    ) -> NetworkEntry {
        NetworkEntry(name, .resNet, preprocessing, top1: top1, top5: top5, by: source) { name, options, inputSize in
            graph(name, variant, options, inputSize: inputSize)
        }
    }
}
