"""Writes shards/*.tar with the webdataset package: four tiny photographs each, labelled in three ways, and one with long names.

    python make_shards.py    (webdataset 1.0, pillow)
"""
import io

import webdataset
from PIL import Image


def photograph(index, kind):
    data = io.BytesIO()
    Image.new("RGB", (8 + index, 8), (40 * index, 90, 200 - 30 * index)).save(data, kind)
    return data.getvalue()


names = ["ant/one", "ant/two", "bee/one", "bee/two"]
for label in ("cls", "txt", "json", "many"):
    with webdataset.TarWriter(f"shards/{label}.tar", mtime=0) as shard:
        for index, name in enumerate(names):
            suffix, kind = ("jpg", "JPEG") if index % 2 == 0 else ("png", "PNG")
            sample = {"__key__": name, suffix: photograph(index, kind)}
            if label == "cls":
                sample["cls"] = index // 2 * 10
            elif label == "txt":
                sample["txt"] = name[:3]
            elif label == "json":
                sample["json"] = {"label": name[:3], "width": 8 + index}
            else:
                sample["json"] = {"labels": [name[:3], "small"] if index else []}
            shard.write(sample)
with webdataset.TarWriter("shards/long.tar", mtime=0) as shard:
    for name in names:
        shard.write({"__key__": name[:4] + "very/" * 60 + name[4:], "jpg": photograph(1, "JPEG"), "txt": name[:3] + " é"})
