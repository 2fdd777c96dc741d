// Networks that Graft does not have, known by the names of their layers and their own: so that a message can say what a file is.

/// A kind of network from elsewhere.
package enum ForeignNetwork {
    /// Parts of tensors' names that only one kind has, in the libraries that write them; the first that is found counts.
    private static let marks: [(part: String, kind: String)] = [
        (
            "resnet.embedder.embedder.convolution",
            "a ResNet of other depth or widths in Hugging Face's transformers"
        ),
        (
            "efficientnet.embeddings.convolution",
            "an EfficientNet of another size in Hugging Face's transformers"
        ),
        ("vit.embeddings.", "a vision transformer in Hugging Face's transformers"),
        ("bottom_up.res2.", "a detector of detectron2"),
        ("backbone.fpn.", "a detector of torchvision"), ("rpn_head.", "a detector"), ("roi_heads.", "a detector"),
        ("dwconv.weight", "a ConvNeXt"),
        ("conv_dw.weight_ms", "a ConvNeXt"), ("encoder_layer_", "a vision transformer"),
        (".attn.relative_position_bias", "a Swin transformer"),
        (".attn.qkv.", "a vision transformer"), ("cls_token", "a vision transformer"), ("text_model.", "CLIP"),
        ("visual.", "CLIP"),
        ("conv_stem.0.rbr", "a RepVGG"),
        (".primary_conv.", "a GhostNet of timm's"),
        ("stages.0.blocks.0.", "another network of timm's"),
    ]

    /// Beginnings of names of architectures.
    private static let names: [(beginning: String, kind: String)] = [
        ("mobilenet", "this MobileNet"), ("densenet", "this DenseNet"), ("convnext", "this ConvNeXt"),
        ("vit", "vision transformers"),
        ("deit", "vision transformers"), ("swin", "Swin transformers"),
        ("inception", "Inception v4 and Inception-ResNets"),
        ("regnet", "this RegNet"), ("shufflenet", "this ShuffleNet"), ("mnasnet", "this MNASNet"), ("resnext", "this ResNeXt"),
        ("wide_resnet", "this wide ResNet"), ("xception", "Xceptions"), ("nasnet", "NASNets"),
        ("efficientnetv2", "this EfficientNetV2"),
        ("maxvit", "vision transformers"), ("clip", "CLIP"),
    ]

    /// What a file with such tensors is of.
    package static func named(by tensors: some Collection<String>) -> String? {
        marks.first { mark in tensors.contains { $0.contains(mark.part) } }?.kind
    }

    /// What an architecture of such a name is.
    static func called(_ name: String) -> String? {
        let name = name.lowercased().replacing("-", with: "_")
        return names.first { name.hasPrefix($0.beginning) }?.kind
    }
}
