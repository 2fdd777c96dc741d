"""Writes optimizers.json and schedules.json beside this file: what torch.optim does over a dozen steps.

Run with a Python that has torch, timm and numpy: python make_fixtures.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from timm.optim import Lamb, Lars, RMSpropTF

HERE = Path(__file__).parent
STEPS = 12
SLICES = [0, 7, 20, 37]  # three groups of odd lengths
GROUPS = [{"multiplier": 1.0, "decay": True}, {"multiplier": 0.1, "decay": True}, {"multiplier": 2.0, "decay": False}]


def listed(array):
    return [float(f"{value:.9g}") for value in array]  # nine digits name a float32 exactly


def optimizer_case(name, kind, rate, decay, **settings):
    generator = np.random.default_rng(5)
    start = generator.normal(size=SLICES[-1]).astype(np.float32)
    gradients = generator.normal(size=(STEPS, SLICES[-1])).astype(np.float32)
    slices = [torch.nn.Parameter(torch.tensor(start[a:b])) for a, b in zip(SLICES, SLICES[1:])]
    groups = [
        {"params": [values], "lr": rate * group["multiplier"], "weight_decay": decay if group["decay"] else 0.0}
        for values, group in zip(slices, GROUPS)
    ]
    kinds = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop,
             "rmsprop_tf": RMSpropTF, "lars": Lars, "lamb": Lamb}
    optimizer = kinds[kind](groups, lr=rate, **settings)
    after = []
    for gradient in gradients:
        for values, a, b in zip(slices, SLICES, SLICES[1:]):
            values.grad = torch.tensor(gradient[a:b])
        optimizer.step()
        after.append(listed(torch.cat([values.detach() for values in slices]).numpy()))
    settings = {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
    return {"name": name, "kind": kind, "rate": rate, "decay": decay, "settings": settings, "start": listed(start),
            "gradients": [listed(row) for row in gradients], "after": after}


def schedule_case(name, build, epochs=6, steps_per_epoch=5):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.2)
    scheduler = build(optimizer, epochs * steps_per_epoch)
    rates = []
    for _ in range(epochs * steps_per_epoch):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"name": name, "rates": rates}


def warmed(optimizer, main, steps):
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, main], milestones=[steps])


def main():
    torch.manual_seed(0)
    rates = torch.optim.lr_scheduler
    optimizers = [
        optimizer_case("sgd", "sgd", 0.05, 0.0, momentum=0.0),
        optimizer_case("sgd, decay", "sgd", 0.05, 0.01, momentum=0.0),
        optimizer_case("sgd, momentum", "sgd", 0.05, 1e-4, momentum=0.9),
        optimizer_case("sgd, nesterov", "sgd", 0.05, 0.01, momentum=0.9, nesterov=True),
        optimizer_case("adamw", "adamw", 0.01, 0.05, betas=(0.9, 0.999), eps=1e-8),
        optimizer_case("adamw, other constants", "adamw", 0.003, 0.0, betas=(0.8, 0.95), eps=1e-6),
        optimizer_case("adam, decay", "adam", 0.01, 0.05, betas=(0.9, 0.999), eps=1e-8),
        optimizer_case("rmsprop", "rmsprop", 0.01, 0.0, alpha=0.99, momentum=0.0, eps=1e-8),
        optimizer_case("rmsprop, momentum, decay", "rmsprop", 0.01, 0.01, alpha=0.9, momentum=0.9, eps=1e-3),
        optimizer_case("rmsprop_tf", "rmsprop_tf", 0.01, 1e-3, alpha=0.9, momentum=0.9, eps=1e-3),
        optimizer_case("lars", "lars", 0.5, 0.01, momentum=0.9, trust_coeff=0.02),
        optimizer_case("lars, nesterov", "lars", 0.5, 1e-3, momentum=0.9, nesterov=True, trust_coeff=0.01),
        optimizer_case("lamb", "lamb", 0.01, 0.05, betas=(0.9, 0.999), eps=1e-6, max_grad_norm=None),
        optimizer_case("lamb, other constants", "lamb", 0.003, 0.01, betas=(0.8, 0.95), eps=1e-8, max_grad_norm=None),
    ]
    schedules = [
        schedule_case("constant", lambda o, total: rates.ConstantLR(o, factor=1, total_iters=0)),
        schedule_case("step every 10", lambda o, total: rates.StepLR(o, step_size=10, gamma=0.3)),
        schedule_case("milestones 10 15 25", lambda o, total: rates.MultiStepLR(o, milestones=[10, 15, 25], gamma=0.5)),
        schedule_case("cosine", lambda o, total: rates.CosineAnnealingLR(o, T_max=total, eta_min=0.02)),
        schedule_case("warm-up 7, constant", lambda o, total: warmed(o, rates.ConstantLR(o, factor=1, total_iters=0), 7)),
        schedule_case("warm-up 7, cosine", lambda o, total: warmed(o, rates.CosineAnnealingLR(o, T_max=total - 7), 7)),
        schedule_case("polynomial", lambda o, total: rates.PolynomialLR(o, total_iters=total, power=2.0)),
        schedule_case("one cycle", lambda o, total: rates.OneCycleLR(o, max_lr=0.2, total_steps=total + 1, cycle_momentum=False)),
        schedule_case("one cycle, rise 0.1", lambda o, total: rates.OneCycleLR(o, max_lr=0.2, total_steps=total + 1, pct_start=0.1, cycle_momentum=False)),
    ]
    clipping = []
    for scale, maximum in [(1.0, 1.0), (0.001, 1.0), (30.0, 0.25)]:
        values = torch.nn.Parameter(torch.zeros(SLICES[-1]))
        gradient = torch.tensor(np.random.default_rng(8).normal(size=SLICES[-1]).astype(np.float32) * np.float32(scale))
        values.grad = gradient.clone()
        norm = torch.nn.utils.clip_grad_norm_([values], maximum)
        clipping.append({"maximum": maximum, "norm": float(norm), "before": listed(gradient), "after": listed(values.grad)})
    plateaus = []
    values = [0.5, 0.6, 0.61, 0.61, 0.6099, 0.61005, 0.62, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7, 0.1, 0.1, 0.1]
    for mode, patience in [("max", 2), ("max", 0), ("min", 1), ("min", 4)]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
        scheduler = rates.ReduceLROnPlateau(optimizer, mode=mode, factor=0.5, patience=patience)
        found = []
        for value in values:
            scheduler.step(value)
            found.append(optimizer.param_groups[0]["lr"])
        plateaus.append({"higherIsBetter": mode == "max", "patience": patience, "values": values, "rates": found})
    rest = {"schedules": schedules, "clipping": clipping, "plateaus": plateaus}
    for name, content in [("optimizers", optimizers), ("schedules", rest)]:
        (HERE / f"{name}.json").write_text(json.dumps(content) + "\n")


main()
