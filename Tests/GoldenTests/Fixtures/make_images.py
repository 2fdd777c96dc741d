"""Draws the fixtures' images: one JPEG like a photograph, and a folder of small PNG files in three classes.

python3 make_images.py    (needs numpy and Pillow; writes photograph.jpg and classes/ beside itself)
"""
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

HERE = pathlib.Path(__file__).parent


def scene(width, height, seed, hue):
    """A smooth sky-like gradient, blurred blobs, hard-edged shapes and grain, in colours around `hue`."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    phases = random.uniform(0, 6.28, 3)
    waves = [127 + 90 * np.sin(2.5 * x * (c + 1) + 3 * y + phases[c] + hue) for c in range(3)]
    image = Image.fromarray(np.stack(waves, 2).clip(0, 255).astype(np.uint8))
    for layer in range(2):
        draw = ImageDraw.Draw(image)
        for _ in range(9):
            left, top = random.uniform(-0.1, 0.9) * width, random.uniform(-0.1, 0.9) * height
            box = [left, top, left + random.uniform(0.05, 0.4) * width, top + random.uniform(0.05, 0.4) * height]
            colour = tuple(int(v) for v in random.integers(0, 256, 3))
            (draw.ellipse if random.random() < 0.5 else draw.rectangle)(box, fill=colour)
        if layer == 0:
            image = image.filter(ImageFilter.GaussianBlur(max(width, height) / 60))
    grain = random.normal(0, 6, (height, width, 1)) + random.normal(0, 3, (height, width, 3))
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    scene(341, 277, 7, 0.4).save(HERE / "photograph.jpg", quality=80)
    for number, name in enumerate(["autumn", "meadow", "ocean"]):
        folder = HERE / "classes" / name
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(6):
            width, height = (132, 112) if index % 2 == 0 else (112, 130)
            scene(width, height, 100 * number + index, 2.1 * number).quantize(48).save(folder / f"{index}.png", optimize=True)
