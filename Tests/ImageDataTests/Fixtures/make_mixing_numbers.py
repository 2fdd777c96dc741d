"""Prints the cases of MixingTests.rectanglesAreTorchvisions: what torchvision's CutMix makes of a share and a centre.

    python make_mixing_numbers.py    (torchvision)
"""
import torch
from torchvision.transforms import v2

cases = [(0.5, 16, 16, 32), (0.9, 3, 30, 32), (0.1, 31, 0, 32), (0.73, 100, 7, 224), (0.02, 112, 112, 224), (0.999, 5, 5, 224)]
for share, column, row, side in cases:
    mix = v2.CutMix(alpha=1.0, num_classes=2)
    mix._dist = type("Fixed", (), {"sample": lambda self, shape: torch.tensor([share], dtype=torch.float64)})()
    centre = iter([torch.tensor([column]), torch.tensor([row])])
    original, torch.randint = torch.randint, lambda *_, **__: next(centre)
    images = torch.zeros(2, 3, side, side)
    images[1] = 1
    try:
        found = mix.make_params([images])
    finally:
        torch.randint = original
    left, top, right, bottom = found["box"]
    print(f"({share}, {column}, {row}, {side}, {left}, {top}, {right - left}, {bottom - top}, {found['lam_adjusted']!r}),")
