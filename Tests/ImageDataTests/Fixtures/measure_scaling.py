"""Measures what decoding JPEGs at a fraction of their size costs in accuracy: the figures in ImageDecoding.swift.

    python measure_scaling.py FOLDER    (Pillow and numpy; every JPEG below FOLDER whose shorter side has at least 220 pixels)

For each divisor and each remaining shrink: the mean absolute difference, in levels, between a random part of the photograph shrunk
after full decoding and shrunk after smaller decoding; its mean over photographs, its largest, and the share above 1.
"""
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image

random.seed(1)
files = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
for divisor in (2, 4, 8):
    for shrink in (1.5, 2, 2.5, 3):
        means = []
        for path in files:
            full = Image.open(path)
            width, height = full.size
            small = Image.open(path)
            small.draft("RGB", (width // divisor, height // divisor))
            small, full = small.convert("RGB"), full.convert("RGB")
            if min(width, height) < 220 or small.width != -(-width // divisor):
                continue
            part = [int(random.uniform(0.6, 1) * side) // 8 * 8 for side in (width, height)]
            left, top = random.randint(0, width - part[0]) // 8 * 8, random.randint(0, height - part[1]) // 8 * 8
            box = (left, top, left + part[0], top + part[1])
            size = tuple(max(1, round(side / (divisor * shrink))) for side in part)
            exact = np.asarray(full.resize(size, Image.BILINEAR, box=box)).astype(int)
            fast = np.asarray(small.resize(size, Image.BILINEAR, box=tuple(edge / divisor for edge in box))).astype(int)
            means.append(abs(exact - fast).mean())
        means = np.array(means)
        print(f"1/{divisor}, then 1/{shrink}: mean {means.mean():.2f}, largest {means.max():.2f}, above 1: {np.mean(means > 1):.1%} of {len(means)}")
