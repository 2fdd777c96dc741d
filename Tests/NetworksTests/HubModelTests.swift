// What `config.json` and `preprocessor_config.json` of timm and transformers amount to. Fixtures/check_hub.py compares with the libraries.
import Tensors
import Testing

@testable import Networks

@Suite struct HubModelTests {
    private func timm(_ architecture: String, _ more: String = "") -> HubModel? {
        HubModel(
            config: """
                {"architecture": "\(architecture)", "num_classes": 2, "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.95,
                "interpolation": "bicubic", "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}\(more)}
                """)
    }

    @Test func timmsWordsAreRead() throws {
        let model = try #require(timm("tv_resnet50.v1", #", "label_names": ["cat", "dog"]"#))
        #expect(model.library == .timm && model.name == "tv_resnet50" && model.network == "resnet50" && model.refusal == nil)
        #expect(model.classes == ["cat", "dog"] && model.warnings == [])
        #expect(
            model.preprocessing
                == Preprocessing(
                    resize: 235, crop: 224, interpolation: .bicubic, mean: [127.5, 127.5, 127.5],
                    deviation: [63.75, 63.75, 63.75]))
        #expect(timm("tf_efficientnet_lite3")?.network == "efficientnet_lite3")
        #expect(timm("regnety_008_tv")?.network == "regnet_y_800mf" && timm("regnety_008")?.network == nil)
        #expect(timm("regnetx_032")?.network == "regnet_x_3_2gf" && timm("convnext_nano")?.network == "convnext_nano")
        #expect(timm("tf_efficientnet_b2_ns")?.network == "tf_efficientnet_b2")
        let labels = #", "label_names": {"1": "dog", "0": "cat"}, "model_args": {"drop_rate": 0.2}"#
        #expect(timm("vgg16_bn", labels)?.classes == ["cat", "dog"])
    }

    @Test(arguments: [
        ("resnetaa50", "", "is timm's resnetaa50, which Graft does not have"),
        ("swin_tiny_patch4_window7_224", "", "(of the Swin transformers)"),
        ("efficientnet_lite0", "", "take tf_efficientnet_lite0"), ("efficientnet_b6", "", "another epsilon"),
        ("resnet18", #", "model_args": {"act_layer": "gelu"}"#, "other settings (act_layer)"),
        ("resnet18", #", "global_pool": "max""#, "other settings (global_pool)"),
    ])
    func timmsOtherNetworksAreRefused(name: String, more: String, words: String) throws {
        let model = try #require(timm(name, more))
        #expect(model.network == nil && model.refusal?.contains(words) == true, "\(model.refusal ?? "")")
    }

    private func resNet(_ old: String = "", _ new: String = "", _ processor: String? = nil) -> HubModel? {
        let config = """
            {"model_type": "resnet", "depths": [3, 4, 6, 3], "hidden_sizes": [256, 512, 1024, 2048], "layer_type": "bottleneck",
            "hidden_act": "relu", "embedding_size": 64, "id2label": {"0": "LABEL_0", "1": "LABEL_1"}}
            """
        return HubModel(config: config.replacing(old, with: new), processor: processor)
    }

    @Test func transformersWordsAreRead() throws {
        // As microsoft/resnet-50 has it.
        let processor = #"{"crop_pct": 0.875, "feature_extractor_type": "ConvNextFeatureExtractor", "resample": 3, "size": 224}"#
        let model = try #require(resNet("-", "-", processor))
        #expect(model.library == .transformers && model.network == "resnet50" && model.classes == nil && model.warnings == [])
        #expect(model.preprocessing == .imageNet(interpolation: .bicubic))
        #expect(resNet("64,", #"64, "downsample_in_bottleneck": true,"#)?.network == "resnet50_v1")
        #expect(resNet("6, 3]", "23, 3, 1]")?.network == nil)
        #expect(resNet("relu", "gelu")?.refusal?.contains("of other depth, widths, padding or activation") == true)
        #expect(resNet("64,", #"64, "quantization_config": {},"#)?.refusal?.contains("quantised") == true)
        #expect(
            HubModel(config: #"{"model_type": "vit"}"#)?.refusal?.contains("'vit' of transformers (of the vision transformers)")
                == true)
        #expect(HubModel(config: "{}") == nil && HubModel(config: "[1]") == nil && HubModel(config: "no JSON") == nil)
    }

    @Test func efficientNetsPadAsTheirSizeWants() {
        func model(_ width: Double, _ depth: Double, _ side: Int, _ padding: [Int]) -> String? {
            HubModel(
                config: """
                    {"model_type": "efficientnet", "width_coefficient": \(width), "depth_coefficient": \(depth), "image_size": \(side),
                    "depthwise_padding": \(padding)}
                    """)?.network
        }
        // google/efficientnet-b0, -b1 and -b2.
        #expect(model(1.0, 1.0, 224, []) == "tf_efficientnet_b0")
        #expect(model(1.0, 1.1, 240, [16]) == "tf_efficientnet_b1")
        #expect(model(1.1, 1.2, 260, [5, 8, 16]) == "tf_efficientnet_b2")
        #expect(model(1.0, 1.1, 240, []) == nil && model(1.5, 1.1, 240, [16]) == nil)
    }

    @Test func mobileNetsAreToldByTheirWidth() {
        func model(_ width: Double, _ more: String = "") -> String? {
            HubModel(config: #"{"model_type": "mobilenet_v2", "depth_multiplier": \#(width)\#(more)}"#)?.network
        }
        // google/mobilenet_v2_0.35_96, _1.0_224 and _1.4_224.
        #expect(model(0.35) == "tf_mobilenet_v2_0_35" && model(1) == "tf_mobilenet_v2_1_0" && model(1.4) == "tf_mobilenet_v2_1_4")
        #expect(model(0.5) == nil && model(1, #", "tf_padding": false"#) == nil && model(1, #", "output_stride": 16"#) == nil)
        #expect(model(1, #", "layer_norm_eps": 1e-5"#) == nil && model(1, #", "hidden_act": "relu""#) == nil)
    }

    /// What is written for transformers is read back as the same network, with the same names.
    @Test(arguments: [
        "resnet18", "resnet50_v1", "convnext_small", "tf_efficientnet_b1", "regnet_x_3_2gf", "regnet_y_400mf",
        "tf_mobilenet_v2_1_0",
        "tf_mobilenet_v2_0_75",
    ])
    func foldersOfTransformersNameTheirNetwork(name: String) throws {
        let entry = try NetworkCatalog.entry(named: name)
        let graph = entry.build(BuildOptions(classes: 3))
        let folder = try HubFolder(for: .transformers, entry, graph, entry.preprocessing, classes: ["a", "b", "c"])
        let config = try #require(folder.facts["config.json"])
        let model = try #require(HubModel(config: config, processor: folder.facts["preprocessor_config.json"]))
        #expect(model.network == name && model.classes == ["a", "b", "c"] && model.preprocessing == entry.preprocessing)
        let shapes = Dictionary(uniqueKeysWithValues: folder.tensors.map { ($0.name, $0.shape) })
        #expect(try NameTable.match(shapes, to: graph, of: entry).fits)
    }

    @Test func whatGraftPreparesOtherwiseIsTold() throws {
        let large = try #require(
            resNet("-", "-", #"{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}}"#))
        #expect(large.warnings.contains { $0.contains("squashes photographs") } && large.preprocessing?.crop == 384)
        let keras = try #require(
            resNet(
                "-", "-",
                #"{"image_processor_type": "EfficientNetImageProcessor", "size": {"height": 224, "width": 224}, "resample": 0, "image_mean": [0, 0, 0], "image_std": [0.5, 0.5, 0.5]}"#
            ))
        #expect(keras.preprocessing?.deviation == [63.75, 63.75, 63.75] && keras.warnings.count == 2)
    }
}
