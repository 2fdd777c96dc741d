"""Reads models as timm, transformers and training scripts save them: `graft predict` must give what the library itself gives; what Graft
does not have must be refused by name.

pip install torch torchvision timm transformers onnx pillow safetensors
python check_hub.py GRAFT PHOTOGRAPH [WORD ...]     (a WORD selects cases whose name holds it)

Networks are random, with norms far from trivial; pixels are prepared by the library's own transform from the folder's own files, so that
crop share, interpolation, mean and deviation are compared too (transformers rounds the corner of an odd crop down, torchvision, timm and
Graft round halves to even: here no half occurs). Logits agree to within 1e-3 of the largest, classes by name.
"""
import json, pathlib, subprocess, sys, tempfile

import numpy, timm, torch, torchvision, transformers
from PIL import Image
from safetensors.torch import save_file

GRAFT, PHOTOGRAPH = sys.argv[1:3]
torch.manual_seed(5)
NAMES = ["ant", "bee", "cat", "dog", "eel"]


def shake(model):
    """Gives a network's norms and biases values that matter."""
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.weight.data.uniform_(0.4, 0.9)
            module.bias.data.uniform_(-0.3, 0.3)
            module.running_mean.data.uniform_(-0.3, 0.3)
            module.running_var.data.uniform_(0.5, 1.5)
        elif getattr(module, "bias", None) is not None:
            module.bias.data.uniform_(-0.3, 0.3)
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    for name, parameter in model.named_parameters():
        if name.endswith((".gamma", ".layer_scale_parameter")):  # of ConvNeXt: as large as trained ones are
            parameter.data.uniform_(0.05, 0.2)
    return model.eval()


def graft(*arguments):
    done = subprocess.run([GRAFT, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(case, network, path, expected, names=None, options=()):
    facts = graft("weights", "inspect", "--json", path)
    assert facts["fits"] and network in [facts["network"], *facts["alternatives"]], (case, facts["network"], facts["certainty"])
    found = graft("predict", *options, "--weights", path, "--logits", "--json", PHOTOGRAPH)
    difference = numpy.abs(numpy.array(found["logits"]) - expected).max() / numpy.abs(expected).max()
    if names:
        assert facts["classes"] == names and found["top"][0]["class"] == names[int(expected.argmax())], (case, facts["classes"])
    pixels = facts["preprocessing"]
    print(f"{case}: {facts['network']}, {facts.get('hub', 'no hub')}, {facts['source']}'s names, {pixels['resize']}/{pixels['crop']} "
          f"{pixels['interpolation']}: {difference:.1e}", flush=True)
    assert difference < 1e-3, case


def timm_logits(model, **overlay):
    config = {**timm.data.resolve_model_data_config(model), **overlay}
    image = timm.data.create_transform(**config, is_training=False)(Image.open(PHOTOGRAPH).convert("RGB"))
    with torch.no_grad():
        return model(image[None])[0].numpy()


def timm_case(name, network, folder, **overlay):
    model = shake(timm.create_model(name, pretrained=False, num_classes=5, pretrained_cfg_overlay=overlay))
    timm.models.save_for_hf(model, folder, model_config={"label_names": NAMES}, safe_serialization=True)
    expected = timm_logits(model)
    check(f"timm {name}", network, folder, expected, NAMES)
    # Named by the file itself, the folder's JSON counts as well.
    check(f"timm {name} by its file", network, f"{folder}/model.safetensors", expected, NAMES)


def transformers_case(name, network, folder, model, processor, sharded=False, safe=True):
    model = shake(model)
    model.config.id2label = dict(enumerate(NAMES))
    model.config.label2id = {n: i for i, n in enumerate(NAMES)}
    if safe:
        model.save_pretrained(folder, max_shard_size="1MB" if sharded else "5GB")
    else:
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(folder)
        torch.save(model.state_dict(), f"{folder}/pytorch_model.bin")
    processor.save_pretrained(folder)
    loaded = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    # The slow processor is Pillow's, as Graft's resampling is.
    pixels = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")(Image.open(PHOTOGRAPH).convert("RGB"), return_tensors="pt")
    with torch.no_grad():
        expected = loaded(pixels["pixel_values"]).logits[0].numpy()
    check(f"transformers {name}", network, folder, expected, NAMES)


def resnet(kind, depths, **options):
    widths = [64, 128, 256, 512] if kind == "basic" else [256, 512, 1024, 2048]
    config = transformers.ResNetConfig(layer_type=kind, depths=depths, hidden_sizes=widths, num_labels=5, **options)
    return transformers.ResNetForImageClassification(config)


def regnet(kind, depths, widths, group):
    return transformers.RegNetForImageClassification(transformers.RegNetConfig(
        layer_type=kind, depths=depths, hidden_sizes=widths, groups_width=group, num_labels=5))


def convnext_processor(**options):
    return transformers.ConvNextImageProcessor(**{"size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3,
                                                  "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], **options})


def efficientnet(width, depth, hidden, side, padding):
    return transformers.EfficientNetForImageClassification(transformers.EfficientNetConfig(
        width_coefficient=width, depth_coefficient=depth, hidden_dim=hidden, image_size=side, depthwise_padding=padding, num_labels=5))


def mobilenet(width, side, **options):
    """Google's, with the background as another class."""
    model = transformers.MobileNetV2ForImageClassification(transformers.MobileNetV2Config(
        depth_multiplier=width, image_size=side, num_labels=5, **options))
    processor = transformers.MobileNetV2ImageProcessor(size={"shortest_edge": side + 32}, crop_size={"height": side, "width": side})
    return model, processor


def efficientnet_processor(side):
    return transformers.EfficientNetImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side},
                                                   do_center_crop=True, image_mean=[0.485, 0.456, 0.406],
                                                   image_std=[0.47853944, 0.4732864, 0.47434163])


def script_cases(folder):
    """What training scripts save, of a torchvision ResNet-18."""
    model = shake(torchvision.models.resnet18(num_classes=5))
    expected = timm_logits(model, input_size=(3, 224, 224), crop_pct=0.875, interpolation="bilinear", mean=(0.485, 0.456, 0.406),
                           std=(0.229, 0.224, 0.225))

    class Lit(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.criterion = model, torch.nn.CrossEntropyLoss(weight=torch.ones(5))

    lightning = {"epoch": 1, "global_step": 2, "pytorch-lightning_version": "2.5.0", "loops": {"fit_loop": {"state_dict": {}}},
                 "callbacks": {"ModelCheckpoint{'monitor': 'v'}": {"best_model_score": torch.tensor(0.9), "best_model_path": "a.ckpt"}},
                 "optimizer_states": [torch.optim.SGD(model.parameters(), 0.1, momentum=0.9).state_dict()], "lr_schedulers": [],
                 # Objects of classes that the reader has never heard of.
                 "hyper_parameters": {"lr": 0.1, "loss": torch.nn.CrossEntropyLoss, "options": transformers.ResNetConfig(), "path": pathlib.Path("x")},
                 "hparams_name": "kwargs"}
    compiled, parallel = torch.compile(model), torch.nn.DataParallel(model)
    files = {"lightning net.": {**lightning, "state_dict": Lit().state_dict()},
             "lightning model.": {**lightning, "state_dict": {f"model.{n}": t for n, t in model.state_dict().items()}},
             "torch.compile": compiled.state_dict(), "DataParallel": parallel.state_dict(),
             "DataParallel of torch.compile": torch.nn.DataParallel(compiled).state_dict(),
             "lightning torch.compile": {**lightning, "state_dict": {f"model._orig_mod.{n}": t for n, t in model.state_dict().items()}}}
    for name, content in files.items():
        path = f"{folder}/{name.replace(' ', '-')}.ckpt"
        torch.save(content, path)
        check(name, "resnet18", path, expected)
    for name in ("torch.compile", "DataParallel"):
        path = f"{folder}/{name}.safetensors"
        save_file(files[name], path)
        check(f"{name} in safetensors", "resnet18", path, expected)


def refused(case, path, *words):
    done = subprocess.run([GRAFT, "predict", "--weights", str(path), PHOTOGRAPH], capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("graft: ")]
    print(f"{case}: {(lines or ['NOT REFUSED'])[0].replace(str(path), 'FILE')[:230]}", flush=True)
    assert done.returncode == 65 and len(lines) == 1 and all(word in lines[0] for word in words), (case, done.returncode, done.stderr)


def refusals(folder):
    def timm_folder(name, words, **options):
        place = f"{folder}/{name}"
        timm.models.save_for_hf(timm.create_model(name, num_classes=5, **options), place, safe_serialization=True)
        refused(f"timm {name}", place, *words)

    def transformers_folder(name, model, *words):
        place = f"{folder}/{name}"
        model.save_pretrained(place)
        refused(f"transformers {name}", place, *words)

    for name, kind in [("vit_tiny_patch16_224", "vision transformers"), ("swin_tiny_patch4_window7_224", "Swin"),
                       ("resnetaa50", "resnetaa50"), ("seresnext26d_32x4d", "seresnext26d"), ("efficientnet_lite0", "tf_efficientnet_lite0"),
                       ("efficientnet_b5", "epsilon"), ("mixer_s32_224", "mixer"), ("repvgg_a0", "repvgg")]:
        timm_folder(name, [kind])
    timm_folder("resnet18", ["other settings"], act_layer="gelu", block_args={"attn_layer": "se"})
    t = transformers
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    transformers_folder("vit", t.ViTForImageClassification(t.ViTConfig(**small)), "'vit'", "vision transformers")
    transformers_folder("swin", t.SwinForImageClassification(t.SwinConfig(embed_dim=24, depths=[1, 1], num_heads=[1, 1])), "'swin'")
    transformers_folder("bert", t.BertModel(t.BertConfig(**small, vocab_size=50)), "'bert'")
    transformers_folder("narrow", t.ResNetForImageClassification(t.ResNetConfig(hidden_sizes=[32, 64, 128, 256], depths=[1, 1, 1, 1])), "'resnet'", "widths")
    transformers_folder("gelu", resnet("basic", [2, 2, 2, 2], hidden_act="gelu"), "'resnet'", "activation")
    transformers_folder("narrow mobilenet", mobilenet(0.5, 224)[0], "'mobilenet_v2'", "widths")
    transformers_folder("even padding", mobilenet(1.0, 224, tf_padding=False)[0], "'mobilenet_v2'", "padding")
    model = torchvision.models.resnet18()
    wide = torchvision.models.resnet._resnet(torchvision.models.resnet.Bottleneck, [3, 4, 6, 3], None, False, width_per_group=72)
    quantised = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(4, 4)), dtype=torch.qint8)
    optimizer = torch.optim.Adam(model.parameters())
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    files = {"module.pt": (model, ["whole pickled object (torchvision.models.resnet.ResNet)", "model.state_dict()"]),
             "module_in.pt": ({"epoch": 1, "model": model}, ["entry 'model' is a whole pickled object"]),
             "wide.pth": (wide.state_dict(), ["names of resnet50 with other widths"]),
             "ghost.pth": (timm.create_model("ghostnet_100").state_dict(), ["timm"]),
             "quantised.pth": (quantised.state_dict(), ["quantised"]),
             "optimizer.pt": (optimizer.state_dict(), ["optimizer"]),
             "training_args.bin": (t.ResNetConfig(), ["whole pickled object"]),
             "numbers.pt": ({"epoch": 3}, ["no state dict"])}
    for name, (content, words) in files.items():
        torch.save(content, f"{folder}/{name}")
        refused(name, f"{folder}/{name}", *words)
    torch.jit.script(torch.nn.Linear(2, 2)).save(f"{folder}/script.pt")
    refused("a scripted module", f"{folder}/script.pt", "TorchScript")
    import onnx
    from onnx import helper
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [helper.make_tensor_value_info("x", 1, [1])], [helper.make_tensor_value_info("y", 1, [1])])
    onnx.save(helper.make_model(graph, producer_name="check"), f"{folder}/m.onnx")
    refused("ONNX", f"{folder}/m.onnx", "ONNX")
    blobs = {"GGUF": b"GGUF\x03\0\0\0" + bytes(64), "TensorFlow Lite": b"\x1c\0\0\0TFL3" + bytes(64), "OpenVINO": b'<?xml version="1.0"?><net name="x"/>',
             "TensorFlow checkpoint": bytes(64) + bytes.fromhex("57fb808b247547db"),
             "SavedModel": b"\x08\x01\x12" + bytes([60]) + bytes(60)}
    for name, content in blobs.items():
        pathlib.Path(f"{folder}/blob").write_bytes(content)
        refused(name, f"{folder}/blob", name.split()[0])
    place = pathlib.Path(f"{folder}/empty")
    place.mkdir()
    (place / "model.onnx").write_bytes(b"x")
    refused("a folder of ONNX", place, "ONNX")


CASES = {
    "timm resnet50": lambda f: timm_case("resnet50", "resnet50", f, crop_pct=0.95, interpolation="bicubic"),
    "timm resnet18": lambda f: timm_case("resnet18", "resnet18", f, input_size=(3, 160, 160), crop_pct=0.9),
    "timm vgg11_bn": lambda f: timm_case("vgg11_bn", "vgg11_bn", f),
    "timm efficientnet_b0": lambda f: timm_case("efficientnet_b0", "efficientnet_b0", f),
    "timm efficientnet_b2": lambda f: timm_case("efficientnet_b2", "efficientnet_b2", f),
    "timm tf_efficientnet_b1": lambda f: timm_case("tf_efficientnet_b1", "tf_efficientnet_b1", f, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    "timm tf_efficientnet_lite0": lambda f: timm_case("tf_efficientnet_lite0", "efficientnet_lite0", f),
    **{f"timm {name}": (lambda f, name=name, network=network: timm_case(name, network, f)) for name, network in {
        "convnext_tiny": "convnext_tiny", "convnext_atto": "convnext_atto", "convnext_nano": "convnext_nano", "densenet121": "densenet121",
        "resnet26d": "resnet26d", "resnet50d": "resnet50d", "seresnet50": "seresnet50", "tf_efficientnetv2_b0": "tf_efficientnetv2_b0",
        "tf_efficientnetv2_b3": "tf_efficientnetv2_b3", "tf_efficientnetv2_s": "tf_efficientnetv2_s",
        "mobilenetv3_large_100": "mobilenetv3_large_100", "mobilenetv2_100": "mobilenet_v2", "regnetx_004_tv": "regnet_x_400mf", "regnety_008_tv": "regnet_y_800mf",
        "regnety_032": "regnet_y_3_2gf"}.items()},
    "transformers convnext": lambda f: transformers_case(
        "convnext-tiny", "convnext_tiny", f, transformers.ConvNextForImageClassification(transformers.ConvNextConfig(num_labels=5)),
        convnext_processor()),
    "transformers regnet y": lambda f: transformers_case(
        "regnet-y-004", "regnet_y_400mf", f, regnet("y", [1, 3, 6, 6], [48, 104, 208, 440], 8), convnext_processor()),
    "transformers regnet x": lambda f: transformers_case(
        "regnet-x-032", "regnet_x_3_2gf", f, regnet("x", [2, 6, 15, 2], [96, 192, 432, 1008], 48), convnext_processor()),
    "transformers resnet50": lambda f: transformers_case("resnet-50", "resnet50", f, resnet("bottleneck", [3, 4, 6, 3]), convnext_processor()),
    "transformers resnet50 v1": lambda f: transformers_case(
        "resnet-50 v1", "resnet50_v1", f, resnet("bottleneck", [3, 4, 6, 3], downsample_in_bottleneck=True), convnext_processor()),
    "transformers resnet18": lambda f: transformers_case(
        "resnet-18 in shards", "resnet18", f, resnet("basic", [2, 2, 2, 2]), convnext_processor(resample=2), sharded=True),
    "transformers resnet34": lambda f: transformers_case(
        "resnet-34 .bin", "resnet34", f, resnet("basic", [3, 4, 6, 3]), convnext_processor(), safe=False),
    **{f"transformers mobilenet_v2 {width}": (lambda f, width=width, side=side: transformers_case(
        f"mobilenet_v2 {width}", f"tf_mobilenet_v2_{width}".replace(".", "_"), f, *mobilenet(width, side)))
        for width, side in [(0.35, 96), (0.75, 160), (1.0, 224), (1.4, 224)]},
    "transformers efficientnet b0": lambda f: transformers_case(
        "efficientnet-b0", "tf_efficientnet_b0", f, efficientnet(1.0, 1.0, 1280, 224, []), efficientnet_processor(224)),
    "transformers efficientnet b1": lambda f: transformers_case(
        "efficientnet-b1", "tf_efficientnet_b1", f, efficientnet(1.0, 1.1, 1280, 240, [16]), efficientnet_processor(240)),
    "scripts": script_cases,
    "refusals": refusals,
}
for name, case in CASES.items():
    if sys.argv[3:] and not any(word in name for word in sys.argv[3:]):
        continue
    with tempfile.TemporaryDirectory() as folder:
        case(folder)
