"""Writes cuts-NAME.json for every network: one batch's gradients of every parameter, as PyTorch computes them.

python3 make_cut_fixtures.py [NAME ...]    (every network without names; needs torch, torchvision, numpy, Pillow)

Weights and images are the recipe's, statistics of norms are fixed (so head-only, a middle cut and all layers have the same gradients
where they train the same), two small images, labels 0 and 1. Computed in float64. A parameter, in the order of the names' bytes, is
[norm, projection, projection] onto the recipe's random directions. An image for which a ReLU's input is so near zero that float32
rounds it to the other side would compare nothing but rounding: the images are the first of some for which two float32 runs, which add
up in different orders, agree with float64. `tolerance` is a thousandth.
"""
import fnmatch
import json
import sys

import torch
from torch import nn

import recipe
import reference_networks

CLASSES, IMAGES, TRIES = 3, 2, 16
# The first image to try, where image 0 puts a ReLU's input within 7e-8 (resnet101) or 6e-7 (resnet101_v1) of its layer's deviation
# of zero. PyTorch's float32 runs round it alike, Graft's do not: all layers of resnet101 were 2e-3 off, and a middle cut of
# resnet101_v1 4e-3 while all layers of it agreed. Moving resnet101's image by 3e-7 changes its float64 gradients by 2e-4.
FIRST = {"resnet101": 1, "resnet101_v1": 1}
AUXILIARY = {"googlenet-auxiliary": "googlenet", "googlenet_2014-auxiliary": "googlenet_2014"}


def middle(name, model):
    """Layers to train besides the head: from the middle on, with a gap."""
    if name.startswith("vgg"):
        convolutions = [index for index, layer in enumerate(model.features) if isinstance(layer, nn.Conv2d)]
        return [f"features.{index}" for index in range(convolutions[-2], len(model.features))
                if any(True for _ in model.features[index].parameters())] + ["classifier.3"]
    return {"alexnet": ["features.8", "features.10", "classifier.4"], "alexnet_2012": ["conv4", "conv5", "fc7"],
            "googlenet": ["inception4d", "inception5b"], "googlenet_2014": ["inception_4d/*", "inception_5b/*"]}.get(
                name, ["features.5.1", "features.7"] if "efficientnet" in name else ["layer3.1", "layer4"])


def side(name, auxiliary):
    if auxiliary:
        return 224
    return {"alexnet_2012": 227, "alexnet": 96}.get(name, 64)


def make(name, auxiliary):
    if name == "efficientnet_lite0":  # under torchvision's names, as the others
        return reference_networks.NamedLite(0, CLASSES).eval()
    model = reference_networks.make(name, CLASSES, auxiliary)[0]
    model.training = auxiliary  # the top alone: auxiliary heads speak, norms stay as they are
    return model


def loss_of(model, x):
    labels, logits = torch.arange(IMAGES) % CLASSES, model(x)
    main, *others = logits if isinstance(logits, tuple) else (logits,)
    return sum((0.3 * nn.functional.cross_entropy(other, labels) for other in others), nn.functional.cross_entropy(main, labels))


def gradients(model, x, precision, layout=torch.contiguous_format):
    model = model.to(precision, memory_format=layout)
    model.zero_grad()
    loss = loss_of(model, x.to(precision).contiguous(memory_format=layout))
    loss.backward()
    return loss.item(), {recipe.published(key): p.grad.detach().double() for key, p in model.named_parameters()}


def apart(exact, single):
    return max(((single[key] - value).norm() / value.norm().clamp(min=1e-30)).item() for key, value in exact.items())


def sketch(name, value):
    flat = value.contiguous().flatten()
    directions = (2 * recipe.uniform(f"projection {k} {name}", flat.numel()) - 1 for k in range(2))
    return [float(f"{v:.7g}") for v in [flat.norm().item(), *((torch.from_numpy(d).double() @ flat).item() for d in directions)]]


def describe(case):
    name, auxiliary = AUXILIARY.get(case, case), case in AUXILIARY
    model, extent = make(name, auxiliary), side(name, auxiliary)
    recipe.load(model)
    best = None
    for attempt in range(FIRST.get(case, 0), TRIES):
        stream = f"input {attempt}"
        x = torch.from_numpy(4 * recipe.uniform(stream, IMAGES * 3 * extent * extent) - 2).reshape(IMAGES, 3, extent, extent)
        singles = [gradients(model, x, torch.float32, layout)[1] for layout in (torch.contiguous_format, torch.channels_last)]
        loss, exact = gradients(model, x, torch.float64)
        difference = max(apart(exact, single) for single in singles)
        if best is None or difference < best[0]:
            best = (difference, stream, loss, {key: sketch(key, exact[key]) for key in sorted(exact, key=str.encode)})
        if difference < 2e-5:
            break
    difference, stream, loss, rows = best
    assert 0.02 < loss < 100, f"{case}: a loss of {loss} teaches little"
    assert all(row[0] > 0 for row in rows.values()), f"{case}: a parameter has no gradient"
    patterns = middle(name, model)
    ancestors = lambda key: [".".join(key.split(".")[:n]) for n in range(1, key.count(".") + 2)]
    covered = [key for key in rows if any(fnmatch.fnmatchcase(a, p) for a in ancestors(key) for p in patterns)]
    assert covered, patterns
    print(case, f"loss {loss:.4f}, {len(rows)} parameters, {len(covered)} from the middle, {stream}, float32 differs by {difference:.1e}",
          flush=True)
    head = {"network": name, "auxiliary": auxiliary, "side": extent, "images": IMAGES, "classes": CLASSES, "input": stream,
            "middle": patterns, "loss": float(f"{loss:.9g}"), "float32_difference": float(f"{difference:.2g}"),
            "tolerance": 1e-3}
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows.values())
    (reference_networks.HERE / f"cuts-{case}.json").write_text(
        "{\n" + "".join(f"{json.dumps(k)}: {json.dumps(v)},\n" for k, v in head.items()) + f'"gradients": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    torch.set_num_threads(2)
    for case in sys.argv[1:] or [*reference_networks.EVERY, *AUXILIARY]:
        describe(case)
