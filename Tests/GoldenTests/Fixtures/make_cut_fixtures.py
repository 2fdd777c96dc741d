"""Writes cuts-NAME.json for every network: one batch's gradients of every parameter, as PyTorch computes them.

python3 make_cut_fixtures.py [NAME ...]    (every network without names; needs torch, torchvision, numpy, Pillow)

Weights and images are the recipe's, statistics of norms are fixed (so head-only, a middle cut and all layers have the same gradients
where they train the same), two small images, labels 0 and 1. Computed in float64. A parameter, in the order of the names' bytes, is
[norm, projection, projection] onto the recipe's random directions. Some weights are moved away from kinks (kinks.py), so that float32
takes the same sides as float64 on every processor. `tolerance` is a thousandth.
"""
import fnmatch
import json
import sys

import torch
from torch import nn

import kinks
import recipe
import reference_networks

CLASSES, IMAGES = 3, 2
AUXILIARY = {f"{name}-auxiliary": name for name in ("googlenet", "googlenet_2014", "inception_v3")}
MIDDLES = {"mobilenet_v2": ["features.14", "features.18"], "tf_mobilenet_v2": ["features.14", "features.18"], "mobilenetv3": ["features.8", "classifier.0"], "mobilenet_v3": ["features.8", "classifier.0"],
           "regnet": ["trunk_output.block3.block3-1", "trunk_output.block4"],
           "densenet": ["features.denseblock3.denselayer2", "features.denseblock4"], "mnasnet": ["layers.11.1", "layers.14"],
           "inception": ["Mixed_6d", "Mixed_7c"], "efficientnet": ["features.5.1", "features.7"],
           "tf_efficientnet": ["features.5.1", "features.7"], "caffenet": ["conv4", "conv5", "fc7"],
           "convnext_tiny": ["features.5.8", "features.7"], "convnext": ["features.5.5", "features.7"], "squeezenet": ["features.10", "features.12"],
           "shufflenet": ["stage3.7", "stage4"]}


def middle(name, model):
    """Layers to train besides the head: from the middle on, with a gap."""
    if name.startswith("vgg"):
        convolutions = [index for index, layer in enumerate(model.features) if isinstance(layer, nn.Conv2d)]
        return [f"features.{index}" for index in range(convolutions[-2], len(model.features))
                if any(True for _ in model.features[index].parameters())] + ["classifier.3"]
    return {"alexnet": ["features.8", "features.10", "classifier.4"], "alexnet_2012": ["conv4", "conv5", "fc7"],
            "googlenet": ["inception4d", "inception5b"], "googlenet_2014": ["inception_4d/*", "inception_5b/*"]}.get(
                name, next((layers for start, layers in MIDDLES.items() if name.startswith(start)), ["layer3.1", "layer4"]))


def side(name, auxiliary):
    if auxiliary:
        return 299 if name == "inception_v3" else 224
    return {"alexnet_2012": 227, "caffenet": 227, "alexnet": 96, "inception_v3": 96}.get(name, 64)


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
    extent = side(name, auxiliary)
    x = torch.from_numpy(4 * recipe.uniform("input", IMAGES * 3 * extent * extent) - 2).reshape(IMAGES, 3, extent, extent)

    def forward(moved, watch):
        model = make(name, auxiliary)
        recipe.load(model, moved)
        with watch(model.double()):
            loss_of(model, x.double())

    moved = kinks.avoid(forward, away=3e-5 if auxiliary else 1e-4)  # of so many pixels some end near a kink
    model = make(name, auxiliary)
    recipe.load(model, moved)
    singles = [gradients(model, x, torch.float32, layout)[1] for layout in (torch.contiguous_format, torch.channels_last)]
    loss, exact = gradients(model, x, torch.float64)
    difference = max(apart(exact, single) for single in singles)
    rows = {key: sketch(key, exact[key]) for key in sorted(exact, key=str.encode)}
    assert difference < 2e-4, f"{case}: PyTorch's float32 differs by {difference}"
    assert 0.02 < loss < 1000, f"{case}: a loss of {loss} teaches little"
    assert all(row[0] > 0 for row in rows.values()), f"{case}: a parameter has no gradient"
    patterns = middle(name, model)
    ancestors = lambda key: [".".join(key.split(".")[:n]) for n in range(1, key.count(".") + 2)]
    covered = [key for key in rows if any(fnmatch.fnmatchcase(a, p) for a in ancestors(key) for p in patterns)]
    assert covered, patterns
    print(case, f"loss {loss:.4f}, {len(rows)} parameters, {len(covered)} from the middle, {sum(map(len, moved.values()))} moved, float32 differs by {difference:.1e}",
          flush=True)
    head = {"network": name, "auxiliary": auxiliary, "side": extent, "images": IMAGES, "classes": CLASSES,
            "middle": patterns, "moved": kinks.written(moved), "loss": float(f"{loss:.9g}"), "float32_difference": float(f"{difference:.2g}"),
            "tolerance": 1e-3}
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows.values())
    (reference_networks.HERE / f"cuts-{case}.json").write_text(
        "{\n" + "".join(f"{json.dumps(k)}: {json.dumps(v)},\n" for k, v in head.items()) + f'"gradients": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    torch.set_num_threads(2)
    for case in sys.argv[1:] or [*reference_networks.EVERY, *AUXILIARY]:
        describe(case)
