// The residual networks by name, with what their published weights expect and reach.
import Tensors

extension ResNet {
    static let entries: [NetworkEntry] = [
        torchvision("resnet18", .resnet18, 69.758, 89.078),
        torchvision("resnet34", .resnet34, 73.314, 91.420),
        torchvision("resnet50", .resnet50, 76.130, 92.862),
        torchvision("resnet101", .resnet101, 77.374, 93.546),
        torchvision("resnet152", .resnet152, 78.312, 94.046),
        paper("resnet50_v1", .resnet50.v1, 75.3, 92.2),
        paper("resnet101_v1", .resnet101.v1, 76.4, 92.9),
        paper("resnet152_v1", .resnet152.v1, 77.0, 93.3),
        keras("keras_resnet50", .resnet50.keras, 74.9, 92.1),
        keras("keras_resnet101", .resnet101.keras, 76.4, 92.8),
        keras("keras_resnet152", .resnet152.keras, 76.6, 93.1),
    ]

    private static func torchvision(_ name: String, _ variant: Variant, _ top1: Double, _ top5: Double) -> NetworkEntry {
        entry(name, variant, .imageNet(), top1, top5, "torchvision, IMAGENET1K_V1")
    }

    /// The figures are the authors' (github.com/KaimingHe/deep-residual-networks), whose files are Caffe's; the preprocessing is that
    /// of v1 weights under torchvision's names.
    private static func paper(_ name: String, _ variant: Variant, _ top1: Double, _ top5: Double) -> NetworkEntry {
        entry(name, variant, .imageNet(), top1, top5, "He et al., 2015")
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
