"""Runs exported networks that take photographs as they are, and folders for timm and transformers, in those libraries.

pip install torch torchvision timm transformers onnx onnxruntime pillow safetensors
python check_pixels.py GRAFT FOLDER-OF-PHOTOGRAPHS [WORD ...]    (a WORD selects cases whose name holds it)

Networks are random, with norms that do something. onnxruntime must give Graft's probabilities to within 1e-4 for batches of 1, 3 and 17
(1e-2 where the file resizes: its resampling rounds at other places; what the file states where it is in 8 bits), timm and transformers its logits to within 1e-3 of the largest.
"""
import json, pathlib, subprocess, sys, tempfile

import numpy, onnx, onnxruntime, timm, torch, transformers
from PIL import Image
from safetensors.torch import save_file

GRAFT, PHOTOGRAPHS = sys.argv[1:3]
FILES = sorted(str(path) for path in pathlib.Path(PHOTOGRAPHS).rglob("*.jpg"))[:17]
torch.manual_seed(5)
NAMES = ["ant", "bee", "cat", "dog", "eel"]


def graft(*arguments):
    done = subprocess.run([GRAFT, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(name, folder):
    """A network of timm's as a file of Graft's own."""
    model = timm.create_model(name, num_classes=5)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.weight.data.uniform_(0.4, 0.9)
            module.bias.data.uniform_(-0.3, 0.3)
            module.running_mean.data.uniform_(-0.3, 0.3)
            module.running_var.data.uniform_(0.5, 1.5)
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    # Small enough that no probability is 1, large enough that photographs differ.
    bound = 3 if "efficientnet" in name else 0.03
    model.get_classifier().weight.data.uniform_(-bound, bound)
    timm.models.save_for_hf(model, f"{folder}/source", model_config={"label_names": NAMES}, safe_serialization=True)
    graft("weights", "convert", f"{folder}/source", f"{folder}/plain.safetensors")
    return f"{folder}/plain.safetensors"


def with_metadata(file, folder, **entries):
    from safetensors import safe_open
    with safe_open(file, "pt") as opened:
        metadata, tensors = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}
    save_file(tensors, f"{folder}/changed.safetensors", {**metadata, **entries})
    return f"{folder}/changed.safetensors"


def run_onnx(case, source, folder, *options, bound=1e-4):
    target = f"{folder}/model.onnx"
    graft("export", source, "--format", "onnx", "--output", target, *options, "--check", *FILES)
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=True)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(facts["classes"]) == NAMES and "preprocessing" in facts
    # What the documentation shows.
    check, session = numpy.load(target + ".npz"), onnxruntime.InferenceSession(target)
    answer = lambda images: session.run(None, {"images": images})[0]
    output = session.get_outputs()[0].name
    difference = max(abs(answer(check["images"][:count]) - check[output][:count]).max() for count in (1, 3, 17))
    spread = float(numpy.ptp(check[output], axis=0).max()), float(check[output].max())
    scale = 1 if output == "probabilities" else abs(check[output]).max()
    print(f"{case}: opset {model.opset_import[0].version}, {check['images'].dtype} {check['images'].shape} to {output}: "
          f"{difference / scale:.1e} (answers differ by {spread[0]:.2f}, largest {spread[1]:.2f})", flush=True)
    assert difference / scale < bound
    return session


def onnx_case(name):
    with tempfile.TemporaryDirectory() as folder:
        source = make(name, folder)
        run_onnx(f"{name} float32", source, folder)
        run_onnx(f"{name} uint8", source, folder, "--input", "uint8")
        calibrated = with_metadata(source, folder, temperature="2.5")
        run_onnx(f"{name} uint8 with a temperature", calibrated, folder, "--input", "uint8")
        several = with_metadata(source, folder, loss="binary_cross_entropy")
        run_onnx(f"{name} uint8, several labels", several, folder, "--input", "uint8")
        reversed_ = json.loads(onnx_facts(source)["preprocessing"])
        changed = with_metadata(source, folder, preprocessing=json.dumps({**reversed_, "channelOrder": "bgr", "mean": [100, 110, 120]}))
        run_onnx(f"{name} uint8, blue first", changed, folder, "--input", "uint8")
        session = run_onnx(f"{name} with resizing", source, folder, "--input", "uint8", "--resize", bound=1e-2)
        worst = 0
        for file in FILES[:9]:
            image = numpy.asarray(Image.open(file).convert("RGB"))[None]
            found = json.loads(graft("predict", "--weights", source, "--json", file))["top"]
            mine = {guess["class"]: guess["probability"] for guess in found}
            worst = max(worst, abs(session.run(None, {"images": image})[0][0] - [mine[name] for name in NAMES]).max())
        print(f"{name} with resizing, 9 photographs of any size: {worst:.1e}", flush=True)
        assert worst < 1e-2


def int8_case(name):
    """In 8 bits: on the photographs that it was measured on, the runtime's probabilities are as far from float32's as the file states."""
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/model.onnx"
        graft("export", make(name, folder), "--format", "onnx", "--input", "uint8", "--precision", "int8", "--output", target,
              "--calibrate", *FILES, "--check", *FILES)
        model = onnx.load(target)
        onnx.checker.check_model(model, full_check=True)
        stated = next(entry.value for entry in model.metadata_props if entry.key == "quantization")
        largest = float(stated.split("at most ")[1].split(",")[0])
        check, session = numpy.load(target + ".npz"), onnxruntime.InferenceSession(target)
        found = max(abs(session.run(None, {"images": check["images"][:count]})[0] - check["probabilities"][:count]).max()
                    for count in (1, 3, 17))
        weights = sum(tensor.data_type == onnx.TensorProto.INT8 for tensor in model.graph.initializer)
        print(f"{name} int8: {found:.4f} from float32's, stated {largest:.4f}, {weights} layers in bytes", flush=True)
        assert weights > 5 and found < 1.5 * largest + 0.005


def onnx_facts(file):
    from safetensors import safe_open
    with safe_open(file, "pt") as opened:
        return opened.metadata()


def agrees(file, facts):
    """Whether the crop's corner is the same however halves are rounded: transformers rounds down, the others to even."""
    width, height = Image.open(file).size
    return all((int(facts["resize"] * side / min(width, height)) - facts["crop"]) % 4 != 3 for side in (width, height))


def folder_case(name, library):
    with tempfile.TemporaryDirectory() as folder:
        source, place = make(name, folder), f"{folder}/{library}"
        facts = json.loads(onnx_facts(source)["preprocessing"])
        if library == "transformers":
            facts["resize"] = facts["crop"] + 32
            source = with_metadata(source, folder, preprocessing=json.dumps(facts))
        target, photograph = place, Image.open(next(file for file in FILES if library == "timm" or agrees(file, facts))).convert("RGB")
        graft("export", source, "--format", library, "--output", target)
        photograph.save(f"{folder}/photograph.png")
        predict = lambda weights: numpy.array(json.loads(
            graft("predict", "--weights", weights, "--logits", "--json", f"{folder}/photograph.png"))["logits"])
        expected = predict(source)
        with torch.no_grad():
            if library == "timm":
                model = timm.create_model(f"local-dir:{target}", pretrained=True).eval()
                config = timm.data.resolve_model_data_config(model)
                found = model(timm.data.create_transform(**config, is_training=False)(photograph)[None])[0].numpy()
                assert model.pretrained_cfg["num_classes"] == 5
            else:
                model, info = transformers.AutoModelForImageClassification.from_pretrained(target, output_loading_info=True)
                assert not any(info.values()), info
                pixels = transformers.AutoImageProcessor.from_pretrained(target, backend="pil")(photograph, return_tensors="pt")
                found = model.eval()(pixels["pixel_values"]).logits[0].numpy()
                assert [model.config.id2label[index] for index in range(5)] == NAMES
        difference = abs(found - expected).max() / abs(expected).max()
        back = predict(target)
        print(f"{name} for {library}: {difference:.1e}; read back {abs(back - expected).max():.1e}", flush=True)
        assert difference < 1e-3 and abs(back - expected).max() < 1e-5


CASES = {f"onnx {name}": lambda name=name: onnx_case(name) for name in ("resnet18", "efficientnet_b0")}
for name in ("resnet18", "efficientnet_b0", "densenet121", "mobilenetv2_100", "convnext_atto", "vgg11_bn"):
    CASES[f"int8 {name}"] = lambda name=name: int8_case(name)
for name in ("resnet18", "resnet50", "vgg11_bn", "efficientnet_b0", "tf_efficientnet_b1", "tf_efficientnet_lite0"):
    CASES[f"timm {name}"] = lambda name=name: folder_case(name, "timm")
for name in ("resnet18", "resnet50", "tf_efficientnet_b0", "tf_efficientnet_b1"):
    CASES[f"transformers {name}"] = lambda name=name: folder_case(name, "transformers")
for name, case in CASES.items():
    if not sys.argv[3:] or any(word in name for word in sys.argv[3:]):
        case()
