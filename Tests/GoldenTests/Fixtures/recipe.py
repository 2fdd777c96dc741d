"""Weights and inputs that Python and Swift compute alike, bit for bit, so that no weights are committed.

Every number is a pure function of the tensor's name, its shape and the element's index. The Swift side is
Tests/TestSupport/WeightRecipe.swift; `python3 recipe.py` prints the values that the test compares with.
"""
import json
import math
import re

import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(word):
    """SplitMix64's finaliser over a uint64 array."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def key(name):
    """FNV-1a (64 bit) of the name's UTF-8 bytes, mixed: where the stream of that name starts."""
    word = 0xCBF29CE484222325
    for byte in name.encode():
        word = ((word ^ byte) * 0x100000001B3) & MASK
    return int(mix(np.array([word], dtype=np.uint64))[0])


def uniform(name, count):
    """`count` float32 numbers in [0, 1) with 24 random bits each."""
    counters = np.uint64(key(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    return (mix(counters) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def ends_residual_branch(name, names):
    """Whether `name` is the scale of the last norm before a residual sum: kept small there, so that deep networks stay bounded."""
    layer = name.removesuffix(".weight")
    if re.fullmatch(r"layer\d+\.\d+\.bn3", layer):
        return True
    if re.fullmatch(r"layer\d+\.\d+\.bn2", layer):
        return layer[:-1] + "3.weight" not in names
    if re.fullmatch(r"trunk_output\..*\.f\.c\.1|layers\.\d+\.[1-9]\d*\.layers\.7", layer):  # RegNet, MNASNet
        return True
    found = re.fullmatch(r"(features\.\d+\.[1-9]\d*\.block\.)(\d+)\.1", layer)  # the first block of a stage has no sum
    if found is None:
        return False
    following = f"{found[1]}{int(found[2]) + 1}"
    return f"{following}.0.weight" not in names and f"{following}.fc1.weight" not in names


def bounds(name, shape, names):
    """The interval [lower, upper) of a tensor's values, as float32 numbers."""
    if name.endswith("running_mean"):
        lower, upper = -0.3, 0.3
    elif name.endswith("running_var"):
        lower, upper = 0.5, 1.5
    elif name in ("fc.weight", "_fc.weight"):
        upper = math.sqrt(1.5 / math.prod(shape[1:]))  # small logits: training from them is stable
        lower = -upper
    elif name.endswith(".layer_scale"):
        lower, upper = 0.0625, 0.1875
    elif len(shape) >= 2:
        upper = math.sqrt(6.0 / math.prod(shape[1:]))  # variance 2 / fan-in: half of it is lost at the next ReLU
        lower = -upper
    elif name.endswith(".weight"):
        if re.fullmatch(r"features\.\d+\.(conv\.\d+|block\.\d+\.1)\.weight", name):  # MobileNets: some end a branch, some stand alone
            lower, upper = 0.4, 1.0
        else:
            lower, upper = (0.0625, 0.1875) if ends_residual_branch(name, names) else (0.5, 1.5)
    elif name.endswith(".fc2.bias"):
        lower, upper = 0.5, 1.5  # of a squeeze-excitation's gate: mostly open
    else:
        lower, upper = -0.3, 0.3
    return np.float32(lower), np.float32(upper)


def tensor(name, shape, names):
    """The recipe's values for one parameter or running statistic of a network that has all of `names`."""
    lower, upper = bounds(name, shape, names)
    return (lower + (upper - lower) * uniform(name, math.prod(shape))).reshape(shape)


def input_batch(shape):
    """A synthetic, already normalised input [N, C, H, W] in [-2, 2), drawn in that order."""
    return (np.float32(-2) + np.float32(4) * uniform("input", math.prod(shape))).reshape(shape)


def published(name):
    """A tensor's name in the library that published it: the reference networks write Caffe's `a/b` as `a:b`."""
    return name.replace(":", "/")


def load(model, moved={}):
    """Fills a torch module with the recipe's values, `num_batches_tracked` left alone, but for elements that `moved` (kinks.py).
    Returns {name: shape} of what was filled."""
    import torch

    state = {published(name): value for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    for name, value in state.items():
        values = torch.from_numpy(tensor(name, tuple(value.shape), state.keys()))
        for element, other in moved.get(name, {}).items():
            values.view(-1)[element] = other
        value.copy_(values)
    return {name: list(value.shape) for name, value in state.items()}


def fnv(data):
    """FNV-1a (64 bit) of bytes as 16 hexadecimal digits: small enough to write down, good enough to find a difference."""
    word = 0xCBF29CE484222325
    for byte in data:
        word = ((word ^ byte) * 0x100000001B3) & MASK
    return f"{word:016x}"


if __name__ == "__main__":
    shapes = {
        "conv1.weight": [8, 3, 7, 7], "bn1.weight": [5], "bn1.bias": [5], "bn1.running_mean": [5], "bn1.running_var": [5],
        "fc.weight": [3, 37], "fc.bias": [3], "_blocks.3._bn2.weight": [5],
        "layer1.0.bn2.weight": [5], "layer2.0.bn2.weight": [5], "layer2.0.bn3.weight": [5],
        "features.2.0.block.3.0.weight": [4, 6, 1, 1], "features.2.0.block.3.1.weight": [5],
        "features.2.1.block.1.0.weight": [4, 1, 5, 5], "features.2.1.block.1.1.weight": [5],
        "features.2.1.block.2.fc1.weight": [2, 4, 1, 1], "features.2.1.block.2.fc2.bias": [5],
        "features.2.1.block.3.0.weight": [4, 6, 1, 1], "features.2.1.block.3.1.weight": [5],
    }
    rows = []
    for name, shape in shapes.items():
        values = tensor(name, shape, shapes.keys())
        rows.append(json.dumps({"name": name, "shape": shape, "checksum": fnv(values.tobytes()), "first": float(values.flat[0])}))
    print('{"tensors": [\n' + ",\n".join(rows) + "\n]}")
