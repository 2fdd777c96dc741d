"""Makes the .caffemodel files that the tests read, with protobuf's own encoder and the fields of caffe.proto that carry weights.

Run in this folder with protobuf and numpy installed: python make_caffe_fixtures.py
"""

import json

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FLOAT, DOUBLE, INT64, INT32, STRING, MESSAGE = 2, 1, 3, 5, 9, 11
ONE, MANY = 1, 3
# name: [(field, number, kind, count, packed or the message's type)], as in caffe.proto.
messages = {
    "BlobShape": [("dim", 1, INT64, MANY, True)],
    "BlobProto": [("shape", 7, MESSAGE, ONE, "BlobShape"), ("data", 5, FLOAT, MANY, True), ("diff", 6, FLOAT, MANY, True),
                  ("double_data", 8, DOUBLE, MANY, True), ("num", 1, INT32, ONE, None), ("channels", 2, INT32, ONE, None),
                  ("height", 3, INT32, ONE, None), ("width", 4, INT32, ONE, None)],
    "LooseBlob": [("num", 1, INT32, ONE, None), ("channels", 2, INT32, ONE, None), ("height", 3, INT32, ONE, None),
                  ("width", 4, INT32, ONE, None), ("data", 5, FLOAT, MANY, False)],
    "Layer": [("name", 1, STRING, ONE, None), ("type", 2, STRING, ONE, None), ("bottom", 3, STRING, MANY, None),
              ("top", 4, STRING, MANY, None), ("blobs", 7, MESSAGE, MANY, "BlobProto"), ("phase", 10, INT32, ONE, None)],
    "V1Layer": [("bottom", 2, STRING, MANY, None), ("name", 4, STRING, ONE, None), ("type", 5, INT32, ONE, None),
                ("blobs", 6, MESSAGE, MANY, "BlobProto")],
    "LooseLayer": [("name", 4, STRING, ONE, None), ("blobs", 6, MESSAGE, MANY, "LooseBlob")],
    "Net": [("name", 1, STRING, ONE, None), ("input", 3, STRING, MANY, None), ("input_dim", 4, INT32, MANY, None),
            ("layer", 100, MESSAGE, MANY, "Layer"), ("layers", 2, MESSAGE, MANY, "V1Layer")],
    "V0Layer": [("name", 1, STRING, ONE, None), ("type", 2, STRING, ONE, None), ("blobs", 50, MESSAGE, MANY, "BlobProto")],
    "V0Holder": [("layer", 1, MESSAGE, ONE, "V0Layer"), ("bottom", 2, STRING, MANY, None), ("top", 3, STRING, MANY, None)],
    "V0Net": [("name", 1, STRING, ONE, None), ("layers", 2, MESSAGE, MANY, "V0Holder")],
    "LooseNet": [("name", 1, STRING, ONE, None), ("layers", 2, MESSAGE, MANY, "LooseLayer")],
}

file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
for name, fields in messages.items():
    message = file.message_type.add(name=name)
    for field, number, kind, count, extra in fields:
        entry = message.field.add(name=field, number=number, type=kind, label=count)
        if kind == MESSAGE:
            entry.type_name = f".caffe.{extra}"
        elif extra is not None:
            entry.options.packed = extra
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
types = {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}")) for name in messages}

random = np.random.default_rng(5)
weights = {"conv1/7x7_s2": [random.normal(size=(4, 3, 3, 3)), random.normal(size=4)],
           "loss3/classifier": [random.normal(size=(5, 8)), random.normal(size=5)], "scale": [random.normal(size=1)]}
weights = {layer: [blob.astype("float32") for blob in blobs] for layer, blobs in weights.items()}
expected = {}


def expect(file, shape, type="float32"):
    expected[file] = {
        f"{layer}.blobs.{index}": {"type": type, "shape": shape(blob), "values": blob.astype("float32").flatten().tolist()}
        for layer, blobs in weights.items() for index, blob in enumerate(blobs)}


def old_shape(blob):
    return [1] * (4 - blob.ndim) + list(blob.shape)


def old_blob(kind, blob):
    return types[kind](**dict(zip(["num", "channels", "height", "width"], old_shape(blob))), data=blob.flatten().tolist())


def write(file, net):
    open(file, "wb").write(net.SerializeToString())


layers = [types["Layer"](name="data", type="Input", top=["data"])]
doubles = [types["Layer"](name="data", type="Input", top=["data"])]
for layer, blobs in weights.items():
    parts = [types["BlobProto"](shape=types["BlobShape"](dim=b.shape), data=b.flatten().tolist()) for b in blobs]
    layers.append(types["Layer"](name=layer, type="Convolution", bottom=["data"], top=["x"], blobs=parts, phase=1))
    parts = [types["BlobProto"](shape=types["BlobShape"](dim=b.shape), double_data=b.flatten().tolist()) for b in blobs]
    doubles.append(types["Layer"](name=layer, blobs=parts))
write("new.caffemodel", types["Net"](name="GoogLeNet", input=["data"], input_dim=[1, 3, 8, 8], layer=layers))
expect("new.caffemodel", lambda blob: list(blob.shape))
write("double.caffemodel", types["Net"](layer=doubles))
expect("double.caffemodel", lambda blob: list(blob.shape), "float64")
old = [types["V1Layer"](name=n, type=4, bottom=["x"], blobs=[old_blob("BlobProto", b) for b in bs]) for n, bs in weights.items()]
write("old.caffemodel", types["Net"](name="AlexNet", layers=old))
expect("old.caffemodel", old_shape)
# Every number with a tag of its own, as encoders before packed fields wrote.
loose = [types["LooseLayer"](name=n, blobs=[old_blob("LooseBlob", b) for b in bs]) for n, bs in weights.items()]
write("loose.caffemodel", types["LooseNet"](name="AlexNet", layers=loose))
expect("loose.caffemodel", old_shape)
# The layers of 2013, one message deeper.
oldest = [types["V0Holder"](layer=types["V0Layer"](name=n, type="conv", blobs=[old_blob("BlobProto", b) for b in bs]), bottom=["x"])
          for n, bs in weights.items()]
write("oldest.caffemodel", types["V0Net"](name="CaffeNet", layers=oldest))
expect("oldest.caffemodel", old_shape)
with open("expected_caffe.json", "w") as file:
    json.dump(expected, file, separators=(",", ":"))
