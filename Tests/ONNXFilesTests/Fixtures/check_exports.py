"""Runs exported networks in the programs that they are exported for.

pip install torch torchvision safetensors onnx onnxruntime pillow
python check_exports.py GRAFT PHOTOGRAPH resnet18 resnet50 efficientnet_b0 googlenet alexnet_2012 googlenet_2014

Random weights of any network, with batch norms that do something, are exported in every format; torch, the constructor of torchvision
or of reference_networks.py (strict), safetensors and onnxruntime must give the logits that `graft predict` gives, to within 1e-4.
"""
import json, pathlib, subprocess, sys, tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "GoldenTests" / "Fixtures"))
import numpy, onnx, onnxruntime, recipe, reference_networks, safetensors, torch, torchvision
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.transforms import InterpolationMode, functional

GRAFT, PHOTOGRAPH = sys.argv[1:3]
CLASSES = ["kitten", 'dog "big"', "Lämmchen"]


def graft(*arguments):
    done = subprocess.run([GRAFT, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def predict(file):
    answer = json.loads(graft("predict", "--weights", file, "--logits", "--json", PHOTOGRAPH))
    assert sorted(guess["class"] for guess in answer["top"]) == sorted(CLASSES)
    return numpy.array(answer["logits"])


def prepare(facts):
    """The photograph as the file's own facts say, [1, 3, crop, crop]."""
    image = functional.resize(Image.open(PHOTOGRAPH).convert("RGB"), facts["resize"], InterpolationMode(facts["interpolation"]))
    pixels = numpy.asarray(functional.center_crop(image, facts["crop"]), "float32").transpose(2, 0, 1)
    pixels = pixels[::-1] if facts["channelOrder"] == "bgr" else pixels
    mean, deviation = (numpy.array(facts[key], "float32")[:, None, None] for key in ("mean", "deviation"))
    return torch.from_numpy((pixels - mean) / deviation)[None]


def make(name):
    if name == "efficientnet_lite0":  # under torchvision's names
        return reference_networks.NamedLite(0, len(CLASSES)).eval()
    return reference_networks.make(name, len(CLASSES))[0]


def run_torch(name, state, image):
    model = make(name)
    model.load_state_dict({key.replace("/", ":"): value for key, value in state.items()}, strict=True)
    with torch.no_grad():
        return model(image)[0].numpy()


def run_onnx(file, name, image):
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(facts["classes"]) == CLASSES and facts["architecture"] == name
    batch = torch.cat([image, image.flip(3)]).numpy()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    logits, = session.run(["logits"], {"images": batch})
    assert logits.shape == (2, len(CLASSES))
    return logits[0]


def check(name, folder):
    model = make(name)
    recipe.load(model)
    source = f"{folder}/source.safetensors"
    tensors = {recipe.published(key): value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    save_file(tensors, source, metadata={"architecture": name, "classes": json.dumps(CLASSES)})
    expected = predict(source)
    files = {format: f"{folder}/model.{format}" for format in ("torchvision", "safetensors", "onnx")}
    for format, file in files.items():
        graft("export", source, "--format", format, "--output", file)
    with safetensors.safe_open(files["safetensors"], "np") as file:
        facts = file.metadata()
    assert json.loads(facts["classes"]) == CLASSES and facts["architecture"] == name
    image = prepare(json.loads(facts["preprocessing"]))
    counters = {key: value for key, value in model.state_dict().items() if key.endswith("num_batches_tracked")}
    found = {
        "torch": run_torch(name, torch.load(files["torchvision"], weights_only=True), image),
        "safetensors": run_torch(name, {**load_file(files["safetensors"]), **counters}, image),
        "graft": predict(files["safetensors"]),
        "onnx": run_onnx(files["onnx"], name, image),
    }
    differences = {key: abs(value - expected).max() / abs(expected).max() for key, value in found.items()}
    print(name, {key: f"{value:.1e}" for key, value in differences.items()}, flush=True)
    assert max(differences.values()) < 1e-4


for name in sys.argv[3:]:
    with tempfile.TemporaryDirectory() as folder:
        check(name, folder)
