"""Prints what WeightAverageTests expect: averages of six weights by torch's and timm's own rules.

python average_values.py      needs: pip install torch timm
"""

import torch
from timm.utils import ModelEmaV3
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

WEIGHTS = [1.0, 4.0, 2.0, 8.0, 5.0, 7.0]


def model():
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    return layer


def averages(make, update):
    layer = model()
    average = make(layer)
    for step, weight in enumerate(WEIGHTS):
        with torch.no_grad():
            layer.weight.fill_(weight)
        update(average, layer, step)
        yield average.module.weight.item()


print("ema", list(averages(lambda m: AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.9)), lambda a, m, _: a.update_parameters(m))))
print("swa", list(averages(lambda m: AveragedModel(m, multi_avg_fn=get_swa_multi_avg_fn()), lambda a, m, _: a.update_parameters(m))))
print("timm", list(averages(lambda m: ModelEmaV3(m, decay=0.6, use_warmup=True), lambda a, m, step: a.update(m, step=step + 1))))
