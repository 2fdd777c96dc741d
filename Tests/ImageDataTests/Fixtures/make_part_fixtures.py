"""Makes parts/*.jpg, drawn images of every kind of JPEG in which parts can be decoded alone.

    python make_part_fixtures.py    (Pillow and numpy; writes beside itself)

Pillow writes three kinds of chroma subsampling. The others are made of these by exchanging the sampling factors in the header for
others with as many blocks: the picture is scrambled, but it is a whole one.
"""
import io
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent / "parts"
HERE.mkdir(exist_ok=True)
random = np.random.default_rng(3)


def drawing(width, height, noise=25):
    y, x = np.mgrid[0:height, 0:width].astype(float)
    squares = np.where((x // 7 + y // 5) % 2, 230, 20)
    image = np.stack([255 * x / width, 127 + 120 * np.sin(x * 0.9 + y * 0.4), squares], -1)
    return Image.fromarray((image + random.normal(0, noise, image.shape)).clip(0, 255).astype(np.uint8))


def photograph(width, height):
    """Smooth shapes, some edges and a camera's noise."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = [127 + 100 * np.sin(x / a + y / b) for a, b in ((90, 70), (-60, 110), (130, -45))]
    image = np.stack(waves, -1) * np.where((x - 300) ** 2 + (y - 250) ** 2 < 150**2, 0.6, 1.0)[..., None]
    return Image.fromarray((image + random.normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8))


def write(name, image, *exchange, **options):
    stream = io.BytesIO()
    image.save(stream, "JPEG", **{"quality": 75, **options})
    data = stream.getvalue()
    for old, new in [exchange] if exchange else []:
        assert bytes([1, old, 0]) in data
        data = data.replace(bytes([1, old, 0]), bytes([1, new, 0]), 1)
    (HERE / f"{name}.jpg").write_bytes(data)


base, blocks = drawing(163, 131), drawing(160, 128)
for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
    digits = subsampling.replace(":", "")
    write(digits, base, subsampling=subsampling)
    write(f"{digits}-progressive", base, subsampling=subsampling, progressive=True)
write("440", blocks, 0x21, 0x12, subsampling="4:2:2")
write("411", blocks, 0x22, 0x41, subsampling="4:2:0")
write("411-upright", blocks, 0x22, 0x14, subsampling="4:2:0")
write("rgb", base, keep_rgb=True)
write("grey", base.convert("L"))
write("cmyk", base.convert("CMYK"))
write("restarts", base, restart_marker_blocks=3)
write("tiny", drawing(17, 9))
write("pixel", drawing(1, 1))
write("photograph", photograph(605, 451), quality=60)
