"""Writes network-NAME.json for each network named on the command line: its tensors, and PyTorch's logits for recipe weights.

python3 make_network_fixtures.py [NAME ...]    (every network without names; needs torch, torchvision, numpy, Pillow)
Logits are computed in float64; `float32_difference` says how far PyTorch's own float32 is from them.
"""
import dataclasses
import json
import sys

import torch

import recipe
import reference_networks

LARGEST_CROP = 240  # the larger EfficientNets are compared on a smaller crop: the same layers, a tenth of the time


def numbers(values):
    return [float(f"{v:.9g}") for v in values]


def answer(model, x):
    """Logits of the one image or batch in `x`, summed up."""
    with torch.no_grad():
        exact, single = model.double()(x.double()), model.float()(x.float())
    assert exact.norm() / exact.numel() ** 0.5 < 2000 and exact.std() > 0.05, "the recipe's weights do not suit this network"
    return {
        "shape": list(x.shape),
        "first": numbers(exact[0, :10].tolist()),
        "last": numbers(exact[-1, -10:].tolist()),
        "norm": numbers([exact.norm().item()])[0],
        "best": exact.argmax(1).tolist(),
        "float32_difference": float(f"{((single - exact).norm() / exact.norm()).item():.2g}"),
    }


def describe(name):
    model, transform = reference_networks.make(name)
    shapes = recipe.load(model)
    if transform.crop > LARGEST_CROP:
        transform.resize, transform.crop = 256, 224  # (the fixture says so, and the test follows it)
    pixels = transform.pixels(reference_networks.HERE / "photograph.jpg")
    x = transform.tensor(pixels)
    side = reference_networks.smallest_side(name)
    trained = {key for key, _ in model.named_parameters()}
    listing = "".join(f"{key} {'x'.join(map(str, shapes[key]))}\n" for key in sorted(shapes))
    return {
        "network": name,
        "preprocessing": dataclasses.asdict(transform),
        "parameter_count": sum(p.numel() for p in model.parameters()),
        "parameter_tensors": len(trained),
        "tensors": len(shapes),
        "names_and_shapes_checksum": recipe.fnv(listing.encode()),
        **({"stored": shapes} if name == "efficientnet_lite0" else {}),  # other names than torchvision's
        "image": {
            "file": "photograph.jpg",
            "pixels_checksum": recipe.fnv(pixels.tobytes()),
            "pixel_mean": numbers(pixels.reshape(-1, 3).mean(0)),
            "input_mean": numbers(x.mean((0, 2, 3)).tolist()),
            "input_norm": numbers([x.norm().item()])[0],
            "logits": answer(model, x),
        },
        "synthetic": answer(model, torch.from_numpy(recipe.input_batch((2, 3, side, side)))),
    }


if __name__ == "__main__":
    torch.set_num_threads(2)
    for name in sys.argv[1:] or reference_networks.EVERY:
        found = describe(name)
        (reference_networks.HERE / f"network-{name}.json").write_text(
            "{\n " + ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items()) + "\n}\n")
        print(name, "rms of logits", found["image"]["logits"]["norm"] / 1000**0.5, found["image"]["logits"]["float32_difference"],
              found["synthetic"]["norm"] / 2000**0.5, found["synthetic"]["float32_difference"])
