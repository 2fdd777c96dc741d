#!/usr/bin/env python3
"""Prints the README's table of memory: what a training step at batch 32 takes in Graft, and in PyTorch.

    python3 Tests/Measurements/memory_table.py .build/release/graft [NAME ...]     (all networks without names)

Graft's figures are those of `graft plan`, which are what it allocates; PyTorch's are the peak resident memory of a fresh process that
takes two steps of SGD with momentum, on one thread, in channels_last, less what the process held before it made the network
(needs torch and torchvision; networks of which torchvision has no constructor are left without). Megabytes of 10^6 bytes.
"""
import json
import subprocess
import sys

BATCH = 32
CONFIG = "configs/random-resnet50.yaml"

STEP = """
import resource, sys, torch, torchvision
name, side, everything = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "all"
torch.set_num_threads(1)
torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
model = torchvision.models.get_model(name, weights=None, num_classes=2, **options).to(memory_format=torch.channels_last)
layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]
for parameter in model.parameters():
    parameter.requires_grad = everything
for parameter in layers[-1].parameters():
    parameter.requires_grad = True
model.train()
for layer in model.modules():
    if isinstance(layer, torch.nn.BatchNorm2d):
        layer.eval()
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01, momentum=0.9)
x, y = torch.randn(BATCH, 3, side, side).contiguous(memory_format=torch.channels_last), torch.arange(BATCH) % 2
for _ in range(2):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def planned(graft, name, extent):
    unfrozen = '["*"]' if extent == "all" else "[]"
    command = [graft, "plan", CONFIG, "--json", "--classes", "2", "--set", f"network.architecture={name}", "--set", f"training.batch_size={BATCH}",
               "--set", f"network.unfrozen={unfrozen}"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["memory"]


def measured(name, side, extent):
    done = subprocess.run([sys.executable, "-c", STEP.replace("BATCH", str(BATCH)), name, str(side), extent],
                          capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 else None


def megabytes(bytes):
    return "–" if bytes is None else f"{bytes / 1e6:,.0f}"


def main(graft, names):
    lines = subprocess.run([graft, "networks", "--json"], capture_output=True, text=True, check=True).stdout.splitlines()
    listed = [json.loads(line) for line in lines]
    print("| network | input | head: arena | head: together | head: PyTorch | all: arena | all: together | all: PyTorch |")
    print("|---|---|---|---|---|---|---|---|")
    for network in listed:
        name, side = network["name"], network["input_size"]
        if names and name not in names:
            continue
        cells = []
        for extent in ("head", "all"):
            memory = planned(graft, name, extent)
            cells += [megabytes(memory["arena_bytes"]), megabytes(memory["total_bytes"]), megabytes(measured(name, side, extent))]
        print(f"| {name} | {side} | {' | '.join(cells)} |", flush=True)


main(sys.argv[1], sys.argv[2:])
