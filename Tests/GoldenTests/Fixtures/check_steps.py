"""Ten steps of training on real photographs with random weights: Graft's losses must be PyTorch's.

pip install torch torchvision pillow safetensors
python check_steps.py GRAFT FOLDER [NETWORK ...]     (FOLDER holds a folder of photographs for each class)

For one network of each family, the head alone and everything with batch statistics. Weights are torch's random ones, with norms far from
trivial; no augmentation, no shuffling, no dropout; SGD with momentum. Losses agree with float64's to within 1e-3, or twice as far as torch's
own float32 does: with statistics of eight images some networks make much of rounding.
"""
import copy, json, pathlib, subprocess, sys, tempfile

import torch, torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import nn

GRAFT, FOLDER = sys.argv[1:3]
NETWORKS = ["alexnet", "vgg11_bn", "googlenet", "resnet18", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0",
            "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf", "resnext50_32x4d", "densenet121", "inception_v3", "mnasnet0_5",
            "squeezenet1_1", "shufflenet_v2_x0_5", "convnext_tiny"]
STEPS, BATCH = 10, 8
# Larger steps of MNASNet make so much of rounding that nothing can be compared.
RATE_OF = lambda name, head_only: 1e-3 if head_only else 1e-6 if name.startswith("mnasnet") else 1e-4
SIDES = {"alexnet": 224, "inception_v3": 299, "vgg11_bn": 224}


def build(name):
    options = {"aux_logits": False, "transform_input": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(name, weights=None, num_classes=2, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.uniform_(module.bias, -0.2, 0.2)
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if type(module).__name__ == "StochasticDepth":
            module.p = 0.0
        if type(module).__name__ == "CNBlock":
            nn.init.uniform_(module.layer_scale, 0.05, 0.2)
    return model


def batches(side):
    files = sorted(path for path in pathlib.Path(FOLDER).glob("*/*"))
    names = sorted({path.parent.name for path in files})
    chosen = [path for name in names for path in [p for p in files if p.parent.name == name][:STEPS * BATCH // len(names)]]
    chosen.sort(key=lambda path: (path.parent.name, str(path).encode()))  # as Graft lists them
    return names, chosen


def torch_losses(model, files, names, side, head_only, head, rate):
    transform = torchvision.transforms.Compose([
        torchvision.transforms.Resize(side), torchvision.transforms.CenterCrop(side), torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize([0.5] * 3, [0.25] * 3)])
    if head_only:
        model.eval()
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.startswith(head + ".")
    else:
        model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], rate, momentum=0.9)
    losses = []
    for step in range(STEPS):
        own = files[step * BATCH:(step + 1) * BATCH]
        x = torch.stack([transform(Image.open(path).convert("RGB")) for path in own]).to(torch.get_default_dtype())
        loss = nn.functional.cross_entropy(model(x), torch.tensor([names.index(path.parent.name) for path in own]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def graft_losses(name, weights, files, side, head_only, place):
    table = pathlib.Path(place) / "photographs.csv"
    table.write_text("file,label\n" + "".join(f"{path},{path.parent.name}\n" for path in files))
    settings = [f"run.folder={place}/runs", "run.name=check", f"network.architecture={name}", f"network.weights={weights}", "network.dropout=0",
                f"network.preprocessing={{resize: {side}, crop: {side}, interpolation: bilinear, mean: [127.5, 127.5, 127.5], deviation: [63.75, 63.75, 63.75]}}",
                f"data.labels={table}", "data.root=/", "data.augmentation=none", "data.shuffle=false", "data.validation=null",
                f"training.batch_size={BATCH}", "training.epochs=1", "features.cache=off", "schedule.kind=constant",
                f"optimizer={{kind: sgd, learning_rate: {RATE_OF(name, head_only):.7f}, momentum: 0.9, weight_decay: 0}}"]
    settings += ["network.batch_norm=frozen"] if head_only else ['network.unfrozen=["*"]', "network.batch_norm=local"]
    if name.startswith(("efficientnet", "convnext")):
        settings.append("network.stochastic_depth=0")
    config = pathlib.Path(place) / "config.yaml"
    config.write_text("{}\n")
    command = [GRAFT, "train", str(config)] + [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in (pathlib.Path(place) / "runs/check/metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if line.get("kind", line.get("event")) == "step"]


for name in sys.argv[3:] or NETWORKS:
    side = SIDES.get(name, 96)
    for head_only in (True, False):
        torch.manual_seed(3)
        model, rate = build(name), RATE_OF(name, head_only)
        head = next(reversed([n.rpartition(".")[0] for n, _ in model.named_parameters()]))
        names, files = batches(side)
        with tempfile.TemporaryDirectory() as place:
            save_file({n: t.contiguous() for n, t in model.state_dict().items()}, f"{place}/weights.safetensors")
            found = graft_losses(name, f"{place}/weights.safetensors", files, side, head_only, place)
        own = torch_losses(copy.deepcopy(model), files, names, side, head_only, head, rate)
        torch.set_default_dtype(torch.float64)
        expected = torch_losses(model.double(), files, names, side, head_only, head, rate)
        torch.set_default_dtype(torch.float32)
        difference, rounding = (max(abs(a - b) / abs(b) for a, b in zip(losses, expected)) for losses in (found, own))
        print(f"{name} {'head' if head_only else 'all'}: {expected[0]:.4f} … {expected[-1]:.4f}, Graft {found[0]:.4f} … {found[-1]:.4f}, "
              f"largest difference {difference:.1e}, of torch's float32 {rounding:.1e}", flush=True)
        assert len(found) == STEPS and difference < max(1e-3, 2 * rounding), (found, expected)
