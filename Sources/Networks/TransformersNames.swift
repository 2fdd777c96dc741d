// The layers of residual networks and EfficientNets under the names of Hugging Face's transformers.
import Graphs

/// Names in `ResNetForImageClassification` and `EfficientNetForImageClassification`. A bare model (`ResNetModel`) has them without the
/// first part, and no head.
enum TransformersNames {
    /// Of a parameter in torchvision's naming of a residual network.
    static func resNet(_ parameter: ParameterSpec) -> StoredParameter {
        let parts = parameter.name.split(separator: ".").map(String.init)
        let leaf = parts[parts.count - 1]
        switch parts[0] {
        case "fc": return StoredParameter(["classifier.1.\(leaf)"], for: parameter)
        case "conv1", "bn1": return stored("resnet", "embedder.embedder.\(kind(parts[0])).\(leaf)", parameter)
        default:
            // layer2.0.conv1.weight, layer2.0.downsample.1.bias
            let stage = (Int(parts[0].dropFirst(5)) ?? 1) - 1
            let inside =
                parts[2] == "downsample"
                ? "shortcut.\(parts[3] == "0" ? "convolution" : "normalization")"
                : "layer.\((parts[2].last?.wholeNumberValue ?? 1) - 1).\(kind(parts[2]))"
            return stored("resnet", "encoder.stages.\(stage).layers.\(parts[1]).\(inside).\(leaf)", parameter)
        }
    }

    private static func kind(_ layer: String) -> String { layer.hasPrefix("bn") ? "normalization" : "convolution" }

    /// Of a parameter in an EfficientNet; `names` knows where it stands.
    static func efficientNet(_ names: EfficientNetNames, _ parameter: ParameterSpec) -> StoredParameter {
        let (layer, leaf) = names.place(of: parameter)
        let name: String
        switch layer {
        case .stem: name = "embeddings.convolution"
        case .stemNorm: name = "embeddings.batchnorm"
        case .head: name = "encoder.top_conv"
        case .headNorm: name = "encoder.top_bn"
        case .classifier: return StoredParameter(["classifier.\(leaf)"], for: parameter)
        case .block(let stage, let position, let part):
            name = "encoder.blocks.\(names.index(stage: stage, position: position)).\(parts[part] ?? "")"
        }
        return stored("efficientnet", "\(name).\(leaf)", parameter)
    }

    private static let parts: [EfficientNetNames.Part: String] = [
        .expand: "expansion.expand_conv", .expandNorm: "expansion.expand_bn", .depthwise: "depthwise_conv.depthwise_conv",
        .depthwiseNorm: "depthwise_conv.depthwise_norm", .squeeze: "squeeze_excite.reduce", .excite: "squeeze_excite.expand",
        .project: "projection.project_conv", .projectNorm: "projection.project_bn",
    ]

    private static func stored(_ model: String, _ name: String, _ parameter: ParameterSpec) -> StoredParameter {
        StoredParameter(["\(model).\(name)", name], for: parameter)
    }
}
