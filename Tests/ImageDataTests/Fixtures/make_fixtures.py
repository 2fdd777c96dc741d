"""Makes the fixtures of ImageDataTests: small drawn images of every kind, and what Pillow and torchvision make of them.

    python make_fixtures.py    (Pillow, pillow-heif, tifffile, numpy, torch and torchvision; writes beside itself)

`decoding/NAME.*` are files to be read; `decoding.json` lists what to expect: size and the file of raw R, G, B bytes, or the kind
of error, and by how many levels libraries may differ. `resampling.json`, `transforms.json` and `colour.json` do the same for operations on `source.rgb`.
"""
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import tifffile
from PIL import Image, ImageOps, __version__ as pillow_version
from torchvision.transforms import InterpolationMode, RandAugment, TrivialAugmentWide
from torchvision.transforms.autoaugment import _apply_op
from torchvision.transforms import functional as F

HERE = Path(__file__).parent
(HERE / "decoding").mkdir(exist_ok=True)
(HERE / "expected").mkdir(exist_ok=True)


def drawing(width, height, seed):
    """Gradients, stripes, an edge and some noise: something for every filter to trip over."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    red = 255 * x / width
    green = 127 + 120 * np.sin(x * 0.9 + y * 0.4)
    blue = np.where((x - width / 2) ** 2 + (y - height / 3) ** 2 < (height / 3) ** 2, 240, 20) + 0 * x
    image = np.stack([red, green, blue], -1) + random.normal(0, 12, (height, width, 3))
    return Image.fromarray(image.clip(0, 255).astype(np.uint8), "RGB")


def write_rgb(name, image):
    (HERE / "expected" / f"{name}.rgb").write_bytes(np.asarray(image.convert("RGB")).tobytes())
    return {"expected": f"{name}.rgb", "width": image.width, "height": image.height}


# Decoding ------------------------------------------------------------------------------------------------------------------
decoding = []
base = drawing(27, 21, 1)
alpha = Image.fromarray((np.mgrid[0:21, 0:27][1] * 10 % 256).astype(np.uint8), "L")


def over_white(image):
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(image, mask=image.getchannel("A"))
    return white


def good(filename, data, expected=None, orientation=1, tolerance=0):
    (HERE / "decoding" / filename).write_bytes(data)
    image = expected if expected is not None else ImageOps.exif_transpose(Image.open(io.BytesIO(data)).convert("RGB"))
    if expected is None and orientation != 1:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    entry = {"file": filename, **write_rgb(filename.replace(".", "-"), image)}
    decoding.append(entry | ({"tolerance": tolerance} if tolerance else {}))


def bad(filename, data, error):
    (HERE / "decoding" / filename).write_bytes(data)
    decoding.append({"file": filename, "error": error})


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


jpeg = saved(base, "JPEG", quality=90)
good("ycbcr420.jpg", jpeg)
good("ycbcr422.jpg", saved(base, "JPEG", quality=85, subsampling="4:2:2"))
# Pillow cannot write 4:4:0 (what turning a 4:2:2 picture gives): the same blocks read with the sampling factors exchanged.
square = saved(base.resize((32, 32)), "JPEG", quality=85, subsampling="4:2:2")
good("ycbcr440.jpg", square.replace(b"\x01\x21\x00", b"\x01\x12\x00", 1))
good("ycbcr444.jpg", saved(base, "JPEG", quality=95, subsampling="4:4:4"))
good("rgb.jpg", saved(base, "JPEG", quality=90, keep_rgb=True))
good("grey.jpg", saved(base.convert("L"), "JPEG", quality=90))
good("progressive.jpg", saved(base, "JPEG", quality=80, progressive=True))
good("restarts.jpg", saved(base, "JPEG", quality=80, restart_marker_blocks=2))
good("cmyk.jpg", saved(base.convert("CMYK"), "JPEG", quality=90))
good("jpeg-named.png", jpeg, Image.open(io.BytesIO(jpeg)))
# Bytes after the end marker, and stray bytes between segments: readers warn and go on.
good("trailing.jpg", jpeg + b"trailing bytes")
good("stray.jpg", jpeg[:2] + jpeg[2:20] + b"\0" * 5 + jpeg[20:], Image.open(io.BytesIO(jpeg)))
for value in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = value
    small = base.resize((13, 7))
    good(f"orientation{value}.jpg", saved(small, "JPEG", quality=90, exif=exif), orientation=value)
exif = Image.Exif()
exif[0x0112] = 6
good("orientation6.png", saved(base.resize((13, 7)), "PNG", exif=exif), orientation=6)
good("orientation8.webp", saved(base.resize((13, 7)), "WEBP", exif=exif.tobytes().replace(b"\x06\0\0\0", b"\x08\0\0\0")), orientation=8)
# Other forms that Pillow honours: a number of 32 bits, JPEG's header in a PNG, ImageMagick's text of digits, and XMP.
turned = saved(base.resize((13, 7)), "JPEG", quality=90, exif=exif)
short = turned.find(b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00")
assert short > 0
long = b"\x01\x12\x00\x04\x00\x00\x00\x01\x00\x00\x00\x06"
good("orientation6-long.jpg", turned[:short] + long + turned[short + 12:], orientation=6)


def with_chunk(data, name, body):
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return data[:33] + chunk + data[33:]


plain = saved(base.resize((13, 7)), "PNG")
tiff = exif.tobytes()[6:]
good("orientation6-header.png", with_chunk(plain, b"eXIf", b"Exif\0\0" + tiff), orientation=6)
digits = ("Exif\0\0".encode() + tiff).hex()
profile = f"\nexif\n{len(digits) // 2:8d}\n" + "\n".join(digits[i:i + 72] for i in range(0, len(digits), 72)) + "\n"
packed = b"Raw profile type exif\0\0" + zlib.compress(profile.encode())
good("orientation6-raw.png", with_chunk(plain, b"zTXt", packed), orientation=6)
good("orientation6-text.png", with_chunk(plain, b"tEXt", b"Raw profile type exif\0" + profile.encode()), orientation=6)
xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
segment = b"http://ns.adobe.com/xap/1.0/\0" + xmp
straight = saved(base.resize((13, 7)), "JPEG", quality=90)
good("orientation6-xmp.jpg", straight[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + straight[2:], orientation=6)

good("rgb.png", saved(base, "PNG"))
good("grey.png", saved(base.convert("L"), "PNG"))
good("bilevel.png", saved(base.convert("1"), "PNG"))
good("palette.png", saved(base.quantize(11), "PNG"))
transparent = base.quantize(16)
good("palette-transparent.png", saved(transparent, "PNG", transparency=3), over_white(Image.open(io.BytesIO(saved(transparent, "PNG", transparency=3)))))
rgba = base.copy()
rgba.putalpha(alpha)
good("alpha.png", saved(rgba, "PNG"), over_white(rgba))
grey_alpha = rgba.convert("LA")
good("grey-alpha.png", saved(grey_alpha, "PNG"), over_white(grey_alpha))


def png(width, height, depth, colour, rows, interlace=0):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def plain_rows(array):
    return b"".join(b"\0" + row.tobytes() for row in array)


def scaled(numbers):
    """65,535 is 255: Pillow keeps the high byte of an RGB file instead."""
    return ((numbers.astype(np.uint32) + 128) // 257).astype(np.uint8)


deep = (np.asarray(base).astype(np.uint16) * 257 - 100 * (np.asarray(base) > 9)).astype(">u2")
good("rgb16.png", png(27, 21, 16, 2, plain_rows(deep)), Image.fromarray(scaled(deep), "RGB"))
grey16 = deep[:, :, 1].copy()
good("grey16.png", png(27, 21, 16, 0, plain_rows(grey16)), Image.fromarray(scaled(grey16), "L").convert("RGB"))
adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
for name, source, colour, expected in (("interlaced", base, 2, base), ("interlaced-alpha", rgba, 6, over_white(rgba))):
    pixels = np.asarray(source)
    rows = b"".join(plain_rows(np.ascontiguousarray(pixels[y::dy, x::dx])) for x, y, dx, dy in adam7)
    good(f"{name}.png", png(27, 21, 8, colour, rows, interlace=1), expected)

good("lossy.webp", saved(base, "WEBP", quality=80))
good("lossless.webp", saved(base, "WEBP", lossless=True))
good("alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True), over_white(rgba))

# GIF: interlaced as Pillow writes it, with transparency, the first of several pictures, and one smaller than its canvas.
gif = saved(base.quantize(16), "GIF")
good("interlaced.gif", gif)
good("plain.gif", saved(base.quantize(16), "GIF", interlace=0))
good("gif.jpg", saved(base.resize((4, 4)), "GIF"))
clear = saved(base.quantize(16), "GIF", transparency=3)
good("transparent.gif", clear, over_white(Image.open(io.BytesIO(clear))))
good("animation.gif", saved(base.quantize(16), "GIF", save_all=True, append_images=[base.rotate(90).quantize(16)]), Image.open(io.BytesIO(gif)))
good("canvas.gif", gif[:6] + struct.pack("<HH", 33, 30) + gif[10:])
good("narrow.gif", gif[:6] + struct.pack("<HH", 5, 30) + gif[10:])
bad("truncated.gif", gif[: len(gif) * 2 // 3], "truncated")
bad("colours-alone.gif", gif[:13 + 48] + b";", "damaged")

# BMP: what Pillow writes, and by hand what it only reads.
good("rgb.bmp", saved(base, "BMP"))
good("bmp.png", saved(base.resize((4, 4)), "BMP"))
good("bilevel.bmp", saved(base.convert("1"), "BMP"))
good("grey.bmp", saved(base.convert("L"), "BMP"))
good("palette.bmp", saved(base.quantize(11), "BMP"))


def bmp(width, height, bits, method, pixels, colours=b"", masks=b"", header=40):
    fields = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, method, len(pixels), 2835, 2835, len(colours) // 4, 0) + masks
    fields = fields.ljust(header, b"\0") if header > 40 else fields
    start = 14 + len(fields) + len(colours)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + fields + colours + pixels


numbers = (np.arange(27 * 21, dtype=np.uint32) * 2654435761) & 0xFFFFFFFF
words = (numbers >> 13).astype("<u2").reshape(21, 27)
padded16 = b"".join(row.tobytes() + b"\0\0" for row in words)
good("bits16.bmp", bmp(27, 21, 16, 0, padded16))
good("masks16.bmp", bmp(27, 21, 16, 3, padded16, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
good("bits32.bmp", bmp(27, 21, 32, 0, numbers.astype("<u4").tobytes()))
masked = bmp(27, 21, 32, 3, numbers.astype("<u4").tobytes(), masks=struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000), header=124)
good("alpha32.bmp", masked, over_white(Image.open(io.BytesIO(masked))))
good("top-down.bmp", bmp(27, -21, 32, 0, numbers.astype("<u4").tobytes()))
colours = b"".join(bytes([i * 3 % 256, i * 7 % 256, i * 11 % 256, 0]) for i in range(256))
runs = b"\x05\x09\0\x04\x01\x02\x03\x04\0\x03\x07\x08\x09\0\x04\x0b\0\0" + b"\0\x02\x03\x02" + b"\x06\x21\0\0" + b"\x10\x44\0\0" * 3 + b"\0\x01"
good("runs8.bmp", bmp(16, 7, 8, 1, runs, colours))
runs4 = b"\x05\x19\0\x05\x12\x34\x50\0\x03\x7f\0\0" + b"\0\x02\x03\x01" + b"\x06\x21\0\0" + b"\x0d\x37\0\0" * 2 + b"\0\x01"
good("runs4.bmp", bmp(13, 5, 4, 2, runs4, colours[:64]))
core = struct.pack("<IHHHH", 12, 27, 21, 1, 24)
good("os2.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + core + saved(base, "BMP")[54:])
bad("truncated.bmp", saved(base, "BMP")[:-40], "truncated")
bad("packed.bmp", bmp(27, 21, 24, 5, b"\0" * 99), "unsupported")

# TIFF: colours, depths, packings, tiles, planes, byte orders, turned by its tag, the first of several pages.
good("rgb.tif", saved(base, "TIFF"))
good("tiff.jpg", saved(base.resize((4, 4)), "TIFF"))
good("lzw.tif", saved(base, "TIFF", compression="tiff_lzw"))
good("deflate.tif", saved(base, "TIFF", compression="tiff_adobe_deflate"))
good("packbits.tif", saved(base.convert("L"), "TIFF", compression="packbits"))
good("fax4.tif", saved(base.convert("1"), "TIFF", compression="group4"))
good("palette.tif", saved(base.quantize(11), "TIFF"))
good("cmyk.tif", saved(base.convert("CMYK"), "TIFF"), tolerance=1)
good("alpha.tif", saved(rgba, "TIFF"), over_white(rgba), tolerance=1)
good("pages.tif", saved(base, "TIFF", save_all=True, append_images=[base.rotate(90)]), base)
good("orientation6.tif", saved(base.resize((13, 7)), "TIFF", tiffinfo={0x0112: 6}), orientation=6)


def tiff(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


pixels = np.asarray(base)
good("tiles.tif", tiff(pixels, photometric="rgb", tile=(16, 16)), base)
good("planes.tif", tiff(np.ascontiguousarray(pixels.transpose(2, 0, 1)), photometric="rgb", planarconfig="separate"), base)
good("big-endian.tif", tiff(pixels, photometric="rgb", byteorder=">"), base)
good("big.tif", tiff(pixels, photometric="rgb", bigtiff=True), base)
good("rgb16.tif", tiff(deep.astype("<u2"), photometric="rgb"), Image.fromarray(scaled(deep), "RGB"))
good("grey16.tif", tiff(grey16.astype("<u2"), photometric="minisblack"), Image.fromarray(scaled(grey16), "L").convert("RGB"), tolerance=1)
bad("float.tif", tiff(pixels[:, :, 0].astype("<f4"), photometric="minisblack"), "unsupported")
bad("truncated.tif", saved(base, "TIFF")[:700], "truncated")
bad("damaged.tif", saved(base, "TIFF", compression="tiff_lzw")[:8] + b"\xa5" * 300 + saved(base, "TIFF", compression="tiff_lzw")[308:], "damaged")

# HEIC and AVIF by libheif's own encoders; decoders agree, conversions from YCbCr to RGB round differently.
pillow_heif.register_heif_opener()
large = drawing(64, 48, 4)
for kind, name in (("HEIF", "heic"), ("AVIF", "avif")):
    data = saved(large, kind, quality=90, subsampling="4:4:4", **({"chroma": 444} if kind == "HEIF" else {}))
    good(f"rgb.{name}", data, Image.open(io.BytesIO(data)).convert("RGB"), tolerance=1)
    bad(f"truncated.{name}", data[: len(data) * 2 // 3], "truncated")

bad("truncated.jpg", jpeg[: len(jpeg) * 4 // 5], "truncated")
bad("no-end.jpg", jpeg[:-2], "truncated")
bad("header-only.jpg", jpeg[:100], "truncated")
progressive = saved(base, "JPEG", quality=80, progressive=True)
bad("truncated-progressive.jpg", progressive[: len(progressive) // 2], "truncated")
bad("truncated.png", saved(base, "PNG")[:500], "truncated")
bad("truncated.webp", saved(base, "WEBP", quality=80)[:200], "truncated")
damaged = bytearray(saved(base, "PNG"))
damaged[200] ^= 0x55
bad("damaged.png", bytes(damaged), "damaged")
bad("empty.jpg", b"", "empty")
bad("text.jpg", b"<html>not a picture</html>\n", "notAnImage")
bad("avif.jpg", b"\0\0\0\x20ftypavif" + b"\0" * 20, "unsupported")
bad("heic.jpg", b"\0\0\0\x20ftypheic" + b"\0" * 20, "unsupported")
bad("photoshop.jpg", b"8BPS\0\x01" + b"\0" * 20, "unsupported")
# Of an animation the first picture.
animation = saved(base.resize((4, 4)), "WEBP", save_all=True, append_images=[base.resize((4, 4)).rotate(90)])
good("animation.webp", animation, Image.open(io.BytesIO(animation)))
# Whole files of kinds that readers leave out: 12 bits a sample, and the lossless process.
frame = jpeg.find(b"\xff\xc0")
bad("bits12.jpg", jpeg[:frame + 4] + b"\x0c" + jpeg[frame + 5:], "unsupported")
bad("lossless.jpg", jpeg[:frame] + b"\xff\xc3" + jpeg[frame + 2:], "unsupported")
bad("enormous.png", png(60000, 60000, 8, 2, b""), "tooLarge")
bad("enormous.jpg", jpeg.replace(struct.pack(">HH", 21, 27), struct.pack(">HH", 65500, 65500)), "tooLarge")

# Resampling ----------------------------------------------------------------------------------------------------------------
source = drawing(67, 47, 2)
(HERE / "source.rgb").write_bytes(np.asarray(source).tobytes())
filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
resampling = []
cases = [(32, 24, None), (19, 31, None), (67, 20, None), (20, 47, None), (5, 3, None), (1, 1, None), (40, 33, (30, 20, 23, 19)), (32, 32, (7, 5, 50, 41)), (31, 24, (50, 30, 17, 17)), (16, 16, (3, 2, 1, 1)), (25, 30, (10, 0, 20, 47)), (60, 10, None)]
for filter_name, filter in filters.items():
    for index, (width, height, box) in enumerate(cases):
        image = source if box is None else source.crop((box[0], box[1], box[0] + box[2], box[1] + box[3]))
        result = image.resize((width, height), filter)
        resampling.append({"filter": filter_name, "region": box, **write_rgb(f"{filter_name}{index}", result)})

# torchvision's evaluation transform: resize the short side, crop the centre -------------------------------------------------
transforms = []
for filter_name, interpolation in (("bilinear", InterpolationMode.BILINEAR), ("bicubic", InterpolationMode.BICUBIC)):
    # A tall strip, whose passes Pillow 13 takes in the other order.
    for crop in (12, 17):
        strip = F.center_crop(F.resize(source.crop((5, 0, 25, 47)), [12], interpolation), [crop])
        transforms.append({"filter": filter_name, "resize": 12, "crop": crop, "transposed": False, "region": [5, 0, 20, 47], **write_rgb(f"eval-{filter_name}-strip{crop}", strip)})
    for index, (resize, crop, turned) in enumerate([(40, 32, False), (40, 32, True), (41, 32, False), (24, 24, False), (21, 27, False), (16, 27, True), (60, 21, False), (20, 25, False), (14, 31, False)]):
        image = source.transpose(Image.Transpose.TRANSPOSE) if turned else source
        result = F.center_crop(F.resize(image, [resize], interpolation), [crop])
        transforms.append({"filter": filter_name, "resize": resize, "crop": crop, "transposed": turned, **write_rgb(f"eval-{filter_name}{index}", result)})

# The five views of test-time augmentation: all corners, and the centre -----------------------------------------------------------
corners = []
for name, image in zip(("topLeft", "topRight", "bottomLeft", "bottomRight", "centre"), F.five_crop(F.resize(source, [40]), [32])):
    corners.append({"corner": name, **write_rgb(f"corner-{name}", image)})

# Colour adjustments, as torchvision does them on Pillow images --------------------------------------------------------------
colour = []
small = drawing(31, 17, 3)
(HERE / "colour.rgb").write_bytes(np.asarray(small).tobytes())
for kind, function, factors in (
    ("brightness", F.adjust_brightness, (0.6, 1.4)),
    ("contrast", F.adjust_contrast, (0.6, 1.4)),
    ("saturation", F.adjust_saturation, (0.0, 0.5, 1.7)),
    ("hue", F.adjust_hue, (-0.3, 0.1, 0.5)),
):
    for factor in factors:
        colour.append({"kind": kind, "factor": factor, **write_rgb(f"{kind}{factor}", function(small, factor))})

# Operations of augmentation, by torchvision on Pillow images ------------------------------------------------------------------
square = drawing(32, 32, 5)
(HERE / "square.rgb").write_bytes(np.asarray(square).tobytes())
operations = []
single = [
    ("flip", 0, F.vflip(square)),
    ("grayscale", 0, F.rgb_to_grayscale(square, 3)),
    ("solarize", 128, F.solarize(square, 128)),
    ("posterize", 4, F.posterize(square, 4)),
    ("autocontrast", 0, F.autocontrast(F.adjust_brightness(square, 0.5))),
    ("equalize", 0, F.equalize(square)),
    ("sharpness", 2, F.adjust_sharpness(square, 2)),
    ("sharpness", 0, F.adjust_sharpness(square, 0)),
    ("blur", 0.7, F.gaussian_blur(square, [7, 7], [0.7, 0.7])),
    ("blur", 2, F.gaussian_blur(square, [13, 13], [2, 2])),
    ("rotation", 15, F.affine(square, 15, [0, 0], 1, [0, 0], InterpolationMode.BILINEAR)),
    ("rotation", -77, F.affine(square, -77, [0, 0], 1, [0, 0], InterpolationMode.BILINEAR)),
    ("affine", 10, F.affine(square, 10, [3, -2], 1.2, [7, -4], InterpolationMode.BILINEAR)),
]
for index, (kind, value, image) in enumerate(single):
    operations.append({"kind": kind, "value": value, **write_rgb(f"operation{index}", image)})
policies = []
for policy in (TrivialAugmentWide(), RandAugment()):
    space = policy._augmentation_space(31) if isinstance(policy, TrivialAugmentWide) else policy._augmentation_space(31, (32, 32))
    for kind, (magnitudes, signed) in space.items():
        for strength in (4, 30) if magnitudes.ndim else (4,):
            for sign in (1, -1) if signed else (1,):
                magnitude = sign * float(magnitudes[strength]) if magnitudes.ndim else 0.0
                image = _apply_op(square, kind, magnitude, InterpolationMode.NEAREST, None)
                case = f"{type(policy).__name__}-{kind}-{strength * sign}"
                trivial = isinstance(policy, TrivialAugmentWide)
                policies.append({"trivial": trivial, "kind": kind, "strength": strength, "negative": sign < 0, **write_rgb(case, image)})

lists = {"corners": corners, "decoding": decoding, "resampling": resampling, "transforms": transforms, "colour": colour}
for name, value in (lists | {"operations": operations, "policies": policies}).items():
    (HERE / f"{name}.json").write_text("[\n" + ",\n".join(json.dumps(entry) for entry in value) + "\n]\n")
print("Pillow", pillow_version, sum(f.stat().st_size for f in HERE.rglob("*") if f.is_file()), "bytes")
