"""Writes training-NAME.json and gradients-NAME.json: ten steps, and one batch's gradients, as PyTorch computes them.

python3 make_training_fixtures.py [NAME ...]    (all cases without names; needs torch, torchvision, numpy, Pillow)

Weights are the recipe's, images are those of classes/ in the order of their paths, batches of five (the last of an epoch has
three), no augmentation. Some weights are moved away from kinks in all steps (kinks.py), so that float32 takes the same sides as float64
on every processor. Everything is computed in float64. `float32_difference` says how far PyTorch's own float32 runs are from that,
relative to a tensor's gradient or change: rounding, where a weight hardly moves. A case where it exceeds AGREEMENT is chaotic and not
written; `tolerance` allows another implementation four times as much. A tensor is described by norms and by projections onto the
recipe's random directions, whose differences estimate the relative error of the whole tensor.
"""
import json
import math
import sys
from contextlib import nullcontext

import torch

import kinks
import recipe
import reference_networks

AGREEMENT = 0.025
CLASSES, BATCH, STEPS, RESIZE, CROP = 3, 5, 10, 104, 96
SGD = {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.9, "weight_decay": 1e-4}
SLOW, SLOWER, SLOWEST = ({**SGD, "learning_rate": rate} for rate in (0.003, 0.001, 0.0003))  # where larger steps would be chaotic
ADAMW = {"kind": "adamw", "learning_rate": 1e-4, "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.01}


def case(network, unfrozen, batch_norm="frozen", optimizer=SGD, label_smoothing=0.0, clip_norm=None, size=(RESIZE, CROP),
         moves=True):
    return {"network": network, "unfrozen": unfrozen, "batch_norm": batch_norm, "optimizer": optimizer,
            "label_smoothing": label_smoothing, "clip_norm": clip_norm, "size": size, "moves": moves}


TRAINING = {
    "resnet18-head": case("resnet18", [], optimizer=SLOWER),
    "resnet18-layer4": case("resnet18", ["layer4"]),
    "resnet18-layer4-affine": case("resnet18", ["layer4"], "affine"),
    "resnet18-layer4-local": case("resnet18", ["layer4"], "local"),
    "resnet18-layer4-adamw": case("resnet18", ["layer4"], optimizer=ADAMW),
    "resnet18-layer4-smoothing": case("resnet18", ["layer4"], label_smoothing=0.1),
    "resnet18-layer4-clipped": case("resnet18", ["layer4"], clip_norm=1.0),
    # Ten steps through all layers: of more pixels some always end near a kink.
    "resnet18-all": case("resnet18", ["*"], optimizer=SLOWER, size=(36, 32)),
    # Not moved: each move changes the gradients of the steps before, and they do not come to rest.
    "resnet18-all-local": case("resnet18", ["*"], "local", SLOW, moves=False),
    "resnet50-head": case("resnet50", [], optimizer=SLOWEST),
    # These two are not moved either, for the same reason.
    "resnet50-layer4": case("resnet50", ["layer4"], optimizer=SLOW, moves=False),
    "resnet50-all-local": case("resnet50", ["*"], "local", SLOWER, moves=False),
}
GRADIENTS = {
    "resnet18-head": case("resnet18", []),
    "resnet18-middle": case("resnet18", ["layer3.1", "layer4"], "affine"),
    "resnet18-all-local": case("resnet18", ["*"], "local"),
    "resnet50-middle": case("resnet50", ["layer3.5", "layer4"]),
    "resnet50-all": case("resnet50", ["*"], "affine"),
    "resnet50_v1-all-local": case("resnet50_v1", ["*"], "local"),
    "efficientnet_lite0-all": case("efficientnet_lite0", ["*"], "affine"),
    "efficientnet_b0-all": case("efficientnet_b0", ["*"], "affine"),
    "efficientnet_b0-block-local": case("efficientnet_b0", ["features.6.1"], "local"),
    "googlenet-all": case("googlenet", ["*"], "affine"),
    # Not moved: its windows are full of neighbours that are almost alike, and whichever wins gives the same gradient.
    "alexnet-features": case("alexnet", ["features"], moves=False),
}
HEADS = {"efficientnet_lite0": "_fc", "efficientnet_b0": "classifier.1", "alexnet": "classifier.6"}
FULL_SIZE = {"alexnet"}  # its classifier wants features of six by six


def significant(value):
    return float(f"{float(value):.9g}")


def images(transform):
    folder = reference_networks.HERE / "classes"
    names = sorted(path.name for path in folder.iterdir())
    files = sorted(folder.glob("*/*.png"), key=lambda path: str(path).encode())
    pixels = [transform.pixels(path) for path in files]
    return ([f"{path.parent.name}/{path.name}" for path in files], torch.cat([transform.tensor(p) for p in pixels]),
            torch.tensor([names.index(path.parent.name) for path in files]), recipe.fnv(b"".join(p.tobytes() for p in pixels)))


def trained(name, options):
    covered = [*options["unfrozen"], HEADS.get(options["network"], "fc")]
    return "*" in covered or any(name == layer or name.startswith(layer + ".") for layer in covered)


def prepared(options, moved):
    """The network with the recipe's weights, each layer in the mode that the case asks for; (model, transform, names of what may change)."""
    model, transform = reference_networks.make(options["network"], CLASSES)
    recipe.load(model, moved)
    for layer, module in model.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for key, parameter in module.named_parameters():
                parameter.requires_grad = options["batch_norm"] != "frozen" and trained(f"{layer}.{key}", options)
            module.train(options["batch_norm"] == "local" and trained(layer, options))
        else:
            for key, parameter in module.named_parameters(layer, recurse=False):
                parameter.requires_grad = trained(key, options)
    changing = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    if options["batch_norm"] == "local":
        changing |= {key for key, _ in model.named_buffers() if "running" in key and trained(key, options)}
    if options["network"] not in FULL_SIZE:
        transform.resize, transform.crop = options["size"]
    return model, transform, changing


def optimizer_for(model, options):
    settings = options["optimizer"]
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings["weight_decay"]},
              {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0}]  # norms and biases
    if settings["kind"] == "adamw":
        return torch.optim.AdamW(groups, lr=settings["learning_rate"], betas=settings["betas"], eps=settings["epsilon"])
    return torch.optim.SGD(groups, lr=settings["learning_rate"], momentum=settings["momentum"])


def loss_of(model, options, x, labels):
    return torch.nn.functional.cross_entropy(model(x), labels, label_smoothing=options["label_smoothing"])


def run(options, moved, precision, steps, layout=torch.contiguous_format, watch=nullcontext):
    """Trains for `steps` within `watch(model)`. Returns losses, norms of the gradients, {name: (before, after)} and the first batch's gradients."""
    model, transform, changing = prepared(options, moved)
    files, inputs, labels, checksum = images(transform)
    model, inputs = model.to(precision, memory_format=layout), inputs.to(precision).contiguous(memory_format=layout)
    before = {key: value.detach().clone() for key, value in model.state_dict().items() if key in changing}
    optimizer, losses, norms, gradients = optimizer_for(model, options), [], [], None
    count = -(-len(files) // BATCH)
    with watch(model):
        for step in range(steps):
            part = slice(step % count * BATCH, (step % count + 1) * BATCH)
            loss = loss_of(model, options, inputs[part], labels[part])
            optimizer.zero_grad()
            loss.backward()
            trained_now = {key: p for key, p in model.named_parameters() if p.requires_grad}
            gradients = gradients or {key: p.grad.detach().clone() for key, p in trained_now.items()}
            norms.append(torch.nn.utils.clip_grad_norm_(trained_now.values(), options["clip_norm"] or math.inf).item())
            optimizer.step()
            losses.append(loss.item())
    after = {key: value.detach() for key, value in model.state_dict().items() if key in changing}
    return {"files": files, "transform": transform, "checksum": checksum, "losses": losses, "norms": norms, "gradients": gradients,
            "tensors": {key: (before[key], after[key]) for key in sorted(before)}}


def projections(name, values):
    """The values' dot products with three directions, uniform in [-1, 1), that belong to the tensor's name."""
    flat = values.double().flatten()
    return [significant((torch.from_numpy(2 * recipe.uniform(f"projection {k} {name}", flat.numel()).astype("float64") - 1) * flat).sum())
            for k in range(3)]


def sketch(name, values):
    return {"norm": significant(values.norm()), "first": [significant(v) for v in values.flatten()[:4]],
            "projections": projections(name, values)}


def apart(exact, single):
    return ((single.double() - exact).norm() / exact.norm()).item() if exact.norm() > 0 else single.norm().item()


def worst(exact, singles):
    return float(f"{max(apart(exact, single) for single in singles):.2g}")


def all_runs(options, steps):
    """What moves away from kinks, the run in float64, and two in float32, whose kernels add up in different orders."""
    moved = {}
    if options["moves"]:
        moved = kinks.avoid(lambda moved, watch: run(options, moved, torch.float64, steps, watch=watch), away=3e-5)
    layouts = (torch.contiguous_format, torch.channels_last)
    return moved, run(options, moved, torch.float64, steps), [run(options, moved, torch.float32, steps, layout) for layout in layouts]


def common(options, moved, found):
    return {"settings": {**{key: value for key, value in options.items() if key not in ("size", "moves")}, "classes": CLASSES, "resize": found["transform"].resize,
                         "crop": found["transform"].crop, "batch_size": BATCH, "files": found["files"],
                         "pixels_checksum": found["checksum"], "moved": kinks.written(moved)}}


def training(options):
    moved, exact, singles = all_runs(options, STEPS)
    rows = []
    for name, (before, after) in exact["tensors"].items():
        others = [single["tensors"][name] for single in singles]
        rows.append({"name": name, "shape": list(after.shape), "sum": significant(after.sum()), "weights": sketch(name, after),
                     "change": sketch(name, after - before),
                     "float32_difference": worst(after - before, [other[1] - other[0] for other in others])})
    return {**common(options, moved, exact), "losses": [significant(v) for v in exact["losses"]],
            "gradient_norms": [significant(v) for v in exact["norms"]], "tensors": rows}


def gradients(options):
    moved, exact, singles = all_runs(options, 1)
    rows = [{"name": name, "shape": list(value.shape), "gradient": sketch(name, value),
             "float32_difference": worst(value, [single["gradients"][name] for single in singles])}
            for name, value in exact["gradients"].items()]
    return {**common(options, moved, exact), "losses": [significant(exact["losses"][0])], "tensors": rows}


def write(kind, name, found):
    furthest = max(found["tensors"], key=lambda row: row["float32_difference"])
    found = {**found, "tolerance": max(1e-3, 4 * furthest["float32_difference"])}
    print(f"{kind}-{name}: losses {found['losses'][0]:.4f} to {found['losses'][-1]:.4f}, gradients {found.get('gradient_norms', ['-'])[0]}"
          f", float32 differs by {furthest['float32_difference']} at most, in {furthest['name']}", flush=True)
    if furthest["float32_difference"] > AGREEMENT:
        print("  NOT WRITTEN: the case is chaotic")
        return
    rows = ",\n  ".join(json.dumps(row) for row in found.pop("tensors"))
    head = ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items())
    (reference_networks.HERE / f"{kind}-{name}.json").write_text(f'{{\n {head},\n "tensors": [\n  {rows}\n ]\n}}\n')


if __name__ == "__main__":
    torch.set_num_threads(2)
    wanted = sys.argv[1:]
    for name, options in GRADIENTS.items():
        if not wanted or name in wanted:
            write("gradients", name, gradients(options))
    for name, options in TRAINING.items():
        if not wanted or name in wanted:
            write("training", name, training(options))
