"""Writes map-CASE.json for one network of each family: activation maps as the `grad-cam` package computes them.

python3 make_map_fixtures.py [CASE ...]    (every case without names; needs torch, torchvision, grad-cam, numpy, Pillow)

Weights and images are the recipe's, ten classes, two small images. Computed in float64. Of each image that class is asked about which is
the first with a map that shows something: random networks have classes that nothing speaks for. A map is written as the values of
every twelfth of its side, in both directions, and its mean.
"""
import json
import sys

import numpy as np
import torch
from pytorch_grad_cam import GradCAM, LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

import recipe
import reference_networks

CLASSES, IMAGES, GRID = 10, 2, 12
METHODS = {"gradcam": GradCAM, "layercam": LayerCAM}
# Case: network, Graft's name of the layer (None for the default), torch's module.
CASES = {
    "alexnet": ("alexnet", None, "features.12"), "alexnet_2012": ("alexnet_2012", None, "pool5"),
    "vgg11_bn": ("vgg11_bn", None, "features.28"), "vgg11_bn-features.14": ("vgg11_bn", "features.14", "features.14"),
    "googlenet": ("googlenet", None, "inception5b"), "googlenet_2014": ("googlenet_2014", None, "inception_5b:output"),
    "resnet18": ("resnet18", None, "layer4.1"), "resnet18-layer2": ("resnet18", "layer2", "layer2.1"),
    "resnet50-layer3.2": ("resnet50", "layer3.2", "layer3.2"), "efficientnet_b0": ("efficientnet_b0", None, "features.8"),
    "efficientnet_b0-features.5.1": ("efficientnet_b0", "features.5.1", "features.5.1"),
    "efficientnet_lite0": ("efficientnet_lite0", None, "features.8"), "caffenet": ("caffenet", None, "pool5"),
    "inception_v3": ("inception_v3", None, "Mixed_7c"), "regnet_y_400mf": ("regnet_y_400mf", None, "trunk_output"),
    "densenet121": ("densenet121", "features.denseblock4", "features.denseblock4"),
    "mobilenet_v2": ("mobilenet_v2", None, "features.18"), "mobilenet_v3_small": ("mobilenet_v3_small", None, "features.12"),
    "mnasnet0_5": ("mnasnet0_5", None, "layers"), "efficientnet_v2_s": ("efficientnet_v2_s", None, "features.7"),
    "squeezenet1_1": ("squeezenet1_1", None, "classifier.2"), "shufflenet_v2_x0_5": ("shufflenet_v2_x0_5", None, "conv5"),
    "convnext_tiny": ("convnext_tiny", None, "features"),
}


def make(name):
    if name == "efficientnet_lite0":  # under torchvision's names, whose last layer is a module
        return reference_networks.NamedLite(0, CLASSES).eval()
    return reference_networks.make(name, CLASSES)[0]


def maps(method, model, layer, x, classes):
    with METHODS[method](model, [layer]) as cam:
        return cam(x, [ClassifierOutputTarget(label) for label in classes])


def describe(case):
    name, layer, module = CASES[case]
    side = {"alexnet_2012": 227, "alexnet": 224, "caffenet": 227, "inception_v3": 160}.get(name, 96)
    model = make(name)
    recipe.load(model)
    model.double()
    target = model.get_submodule(module)
    x = torch.from_numpy(recipe.input_batch((IMAGES, 3, side, side))).double()
    places = (np.arange(GRID) * side + side // 2) // GRID
    rows = []
    for method in METHODS:
        classes, chosen = [None] * IMAGES, [None] * IMAGES
        for label in range(CLASSES):
            for image, found in enumerate(maps(method, model, target, x, [label] * IMAGES)):
                if classes[image] is None and found.std() > 0.1:
                    classes[image], chosen[image] = label, found
            if None not in classes:
                break
        single = maps(method, model.float(), target, x.float(), classes)
        model.double()
        print(case, method, classes, f"float32 differs by {np.abs(single - np.stack(chosen)).max():.1e}", flush=True)
        rows.append({"method": method, "classes": classes, "mean": [round(float(m.mean()), 6) for m in chosen],
                     "values": [[round(float(v), 5) for v in m[np.ix_(places, places)].flat] for m in chosen]})
    head = {"network": name, "layer": layer, "side": side, "images": IMAGES, "classes": CLASSES, "grid": GRID}
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (reference_networks.HERE / f"map-{case}.json").write_text(
        "{\n" + "".join(f"{json.dumps(k)}: {json.dumps(v)},\n" for k, v in head.items()) + f'"maps": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    torch.set_num_threads(2)
    for case in sys.argv[1:] or CASES:
        describe(case)
