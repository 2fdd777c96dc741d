"""Makes the Keras files that the tests read, with keras and h5py themselves, and expected_keras.json with what they hold.

Run in this folder with keras, h5py and a backend of keras installed: KERAS_BACKEND=torch python make_keras_fixtures.py
"""

import json

import h5py
import keras
import numpy as np
from keras import layers
from keras.src.legacy.saving import legacy_h5_format

expected = {}


def values(array):
    array = keras.ops.convert_to_numpy(array)
    return {"type": str(array.dtype), "shape": list(array.shape), "values": array.astype("float32").flatten().tolist()}


def small_model(dtype="float32"):
    keras.utils.set_random_seed(3)
    image = keras.Input((5, 5, 2), name="input_1")
    x = layers.Conv2D(3, 3, name="conv1_conv", dtype=dtype)(image)
    x = layers.BatchNormalization(name="conv1_bn", dtype=dtype)(x)
    x = layers.DepthwiseConv2D(2, use_bias=False, name="dwconv", dtype=dtype)(x)
    x = layers.Conv2D(2, 1, name="top_conv", dtype=dtype)(x)
    x = layers.Flatten(name="flatten")(x)
    model = keras.Model(image, layers.Dense(3, name="predictions", dtype=dtype)(x))
    for weight in model.weights:
        weight.assign(np.random.default_rng(len(weight.path)).normal(size=weight.shape))
    return model


def by_path(model):
    return {f"{layer.name}/{weight.path}": values(weight) for layer in model.layers for weight in layer.weights}


def by_number(file, model):
    """The paths of a new file, by the names of layers that it tells."""
    groups = {}
    file.visititems(lambda path, item: groups.update({item.attrs["name"]: path}) if "name" in item.attrs else None)
    return {f"{groups[layer.name]}/{number}": values(weight) for layer in model.layers for number, weight in enumerate(layer.weights)}


def keras_files():
    model = small_model()
    model.save("keras.keras")
    model.save_weights("keras.weights.h5")
    with h5py.File("keras.weights.h5") as file:
        expected["keras.keras"] = expected["keras.weights.h5"] = by_number(file, model)
    with h5py.File("keras_weights_only.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 5, 5, 2)), np.ones((2, 3)), verbose=0)
    model.save("keras_whole.h5")
    expected["keras_whole.h5"] = by_path(model)
    model = small_model()
    expected["keras_weights_only.h5"] = by_path(model)
    for dtype in ["float16", "bfloat16"]:
        model = small_model(dtype)
        model.save_weights(f"keras_{dtype}.weights.h5")
        with h5py.File(f"keras_{dtype}.weights.h5") as file:
            expected[f"keras_{dtype}.weights.h5"] = by_number(file, model)


def old_file():
    """As Keras 1 and 2 wrote: fixed-length byte strings, a long list in pieces, `:0` in names."""
    random = np.random.default_rng(1)
    weights = {"block1_conv1": [("block1_conv1_W_1:0", random.normal(size=(3, 3, 2, 2)).astype("f4")),
                                ("block1_conv1_b_1:0", random.normal(size=2).astype("f4"))],
               "block1_pool": [], "fc1": [("fc1/kernel:0", random.normal(size=(4, 3))), ("fc1/steps:0", np.int64(7))]}
    with h5py.File("keras_old.h5", "w") as file:
        file.attrs["layer_names0"] = np.array([b"fc1"])
        file.attrs["layer_names1"] = np.array([b"block1_pool", b"block1_conv1"])
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.0.1"
        for layer, entries in weights.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array([name.encode() for name, _ in entries], dtype=None if entries else "S1")
            for name, value in entries:
                group.create_dataset(name, data=value)
    expected["keras_old.h5"] = {f"{layer}/{name}": values(value) for layer, entries in weights.items() for name, value in entries}


def chunked_file():
    """As h5py and h5repack cut and compress: chunks that do not fill their dataset, every known filter, many chunks."""
    random = np.random.default_rng(4)
    kinds = {"plain": {}, "gzip": {"compression": "gzip"}, "shuffle": {"compression": "gzip", "shuffle": True},
             "checksum": {"compression": "gzip", "shuffle": True, "fletcher32": True}}
    with h5py.File("keras_chunked.h5", "w") as file:
        for name, options in kinds.items():
            for shape, chunks, kind in [((3, 3, 5, 7), (2, 3, 2, 4), "f4"), ((9,), (4,), "f8"), ((5, 3), (8, 8), "f2")]:
                value = random.normal(size=shape).astype(kind)
                options = {**options, "maxshape": (None,) * len(shape)} if chunks == (8, 8) else options
                file.create_dataset(f"{name}/{len(shape)}", data=value, chunks=chunks, **options)
                expected.setdefault("keras_chunked.h5", {})[f"{name}/{len(shape)}"] = values(value)
        value = random.normal(size=(100, 3)).astype("f4")
        file.create_dataset("many/kernel:0", data=value, chunks=(1, 2))
        expected["keras_chunked.h5"]["many/kernel:0"] = values(value)


def refused_files():
    with h5py.File("keras_lzf.h5", "w") as file:
        file.create_dataset("a/kernel:0", data=np.ones((8, 8), "f4"), chunks=(4, 4), compression="lzf")
    with h5py.File("keras_unwritten.h5", "w") as file:
        file.create_dataset("a/kernel:0", (8, 8), "f4", chunks=(4, 4))[:4] = 1
    with h5py.File("keras_bomb.h5", "w") as file:
        file.create_dataset("a/kernel:0", data=np.zeros((1000, 1000), "f4"), chunks=(1000, 1000), compression="gzip")
    with h5py.File("keras_latest.h5", "w", libver="latest") as file:
        file.create_dataset("a/kernel:0", data=np.ones((8, 8), "f4"))
    with h5py.File("keras_big_endian.h5", "w") as file:
        file.create_dataset("a/kernel:0", data=np.ones((2, 2), ">f4"))


keras_files()
old_file()
chunked_file()
refused_files()
with open("expected_keras.json", "w") as file:
    json.dump(expected, file, separators=(",", ":"))
