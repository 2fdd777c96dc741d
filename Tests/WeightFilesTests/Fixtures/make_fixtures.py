"""Makes the weight files that the tests read, with the real libraries, and expected.json with what they hold.

Run in this folder with torch, numpy and safetensors installed: python make_fixtures.py
"""

import argparse
import io
import json
import os
import pathlib
import pickle
import struct
import tarfile
import zipfile
from collections import Counter, OrderedDict, defaultdict

import numpy
import torch
from safetensors.torch import save_file

expected = {}
types = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint8, torch.bool]


def values(tensor):
    return {"type": str(tensor.dtype).split(".")[1], "shape": list(tensor.shape), "values": tensor.float().flatten().tolist()}


def expect(file, tensors):
    expected[file] = {name: values(tensor) for name, tensor in tensors.items()}


def numbers(*shape, dtype=torch.float32):
    tensor = torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape) + 1)) * 3
    return (tensor > 0) if dtype == torch.bool else tensor.abs().to(dtype) if dtype == torch.uint8 else tensor.to(dtype)


def of_each_type():
    return {str(dtype).split(".")[1]: numbers(3, 2, dtype=dtype) for dtype in types}


def of_each_kind():
    """A state dict with every layout of elements that torch knows."""
    base = numbers(4, 5, 3)
    return OrderedDict(
        **of_each_type(), scalar=torch.tensor(7.5), counter=torch.tensor(12), empty=torch.zeros(0, 4), base=base,
        transposed=base.permute(2, 0, 1), sliced=base[1:3, ::2, 1:], shared=base[2], column=base[:, 3, 2],
        expanded=numbers(1, 3).expand(2, 3), channels_last=numbers(2, 3, 2, 2).to(memory_format=torch.channels_last),
        half_transposed=numbers(3, 4, dtype=torch.float16).t(), ones=numbers(1, 5, 1, 2).transpose(1, 3))


def save(file, value, tensors=None, **options):
    torch.save(value, file, **options)
    if tensors is not None:
        expect(file, tensors)


def torch_files():
    state = of_each_kind()
    save("zip.pth", state, state)
    save("zip_protocol4.pth", state, state, pickle_protocol=4)
    save("legacy.pth", state, state, _use_new_zipfile_serialization=False)
    parameters = OrderedDict(weight=torch.nn.Parameter(numbers(2, 3)), bias=torch.nn.Parameter(numbers(2), requires_grad=False))
    save("parameters.pth", parameters, parameters)
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    plain = module.state_dict()
    save("module.pth", plain, plain)
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    module(torch.ones(1, 2, 2, 2)).sum().backward()
    optimizer.step()
    plain = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    prefixed = OrderedDict((f"module.{name}", tensor) for name, tensor in plain.items())
    wrapped = {"epoch": 3, "arch": "resnet", "best_acc1": torch.tensor(76.1), "lr": 0.1, "none": None, "big": 1 << 80,
               "list": [1, (2.5, "x")], "state_dict": prefixed, "optimizer": optimizer.state_dict()}
    save("wrapped.pth", wrapped, plain)
    save("wrapped_legacy.pth", wrapped, plain, _use_new_zipfile_serialization=False)
    averaged = {"n_averaged": torch.tensor(5), **{f"module.{name}": tensor + 1 for name, tensor in plain.items()}}
    save("ema.pth", {"model": plain, "model_ema": averaged, "args": {"lr": 1}}, {n: t + 1 for n, t in plain.items()})
    save("compiled.pth", {"model": {"state_dict": {f"module._orig_mod.{n}": t for n, t in plain.items()}}}, plain)


def training_script_files():
    """Checkpoints with what scripts save beside the weights: options, counts, NumPy's numbers."""
    plain = {"0.weight": numbers(2, 3), "0.bias": numbers(2)}
    averaged = {name: tensor + 1 for name, tensor in plain.items()}
    beside = {"args": argparse.Namespace(lr=0.1, milestones=[3, 6], output=pathlib.PurePosixPath("runs")),
              "milestones": Counter([3, 6, 6]), "losses": defaultdict(list, train=[1.5]), "best": numpy.float64(76.1),
              "curve": numpy.arange(3.0), "device": torch.device("cpu"), "size": torch.Size([2, 3]), "seen": {1, 2}}
    for file, options in [("training.pth", {}), ("training_legacy.pth", {"_use_new_zipfile_serialization": False}),
                          ("training_protocol4.pth", {"pickle_protocol": 4})]:
        save(file, {**beside, "generator": plain, "epoch": 3}, plain, **options)
    save("ema_inside.pth", {"state_dict": plain, "ema": {"decay": 0.999, "module": averaged}}, averaged)
    save("ema_named.pth", {"params": plain, "params_ema": {f"module.{n}": t for n, t in averaged.items()}}, averaged)
    save("ema_empty.pth", {"net": plain, "model_ema": None, "ema": {"decay": 0.999}}, plain)


class Call:
    """An object whose pickle asks for a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def refused_files():
    torch.save({"weight": numbers(2), "evil": Call(os.system, "touch pwned")}, "evil.pth")
    torch.save({"weight": numbers(2), "evil": Call(os.system, "touch pwned")}, "evil_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"weight": numbers(2), "evil": Call(eval, "1 + 1")}, "evil_protocol4.pth", pickle_protocol=4)
    torch.save({"weight": torch.quantize_per_tensor(numbers(2), 0.1, 0, torch.qint8)}, "quantized.pth")
    torch.save(torch.nn.Linear(2, 2), "whole_model.pth")
    torch.save({"weight": torch.ones(2, dtype=torch.uint16)}, "uint16.pth")
    torch.save({"weight": torch.ones(2, dtype=torch.complex64).conj()}, "complex.pth")
    torch.save({"epoch": 3, "numbers": [1, 2]}, "no_tensors.pth")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), "script.pth")
    source, target = zipfile.ZipFile("module.pth"), zipfile.ZipFile("deflated.pth", "w", zipfile.ZIP_DEFLATED)
    for name in source.namelist():
        target.writestr(name, source.read(name))
    target.close()


def zip64_file():
    """The same as module.pth, with zip64 records as files beyond 4 GiB have them."""
    source, target = zipfile.ZipFile("module.pth"), zipfile.ZipFile("zip64.pth", "w")
    for name in source.namelist():
        with target.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
            entry.write(source.read(name))
    target.close()
    blob = bytearray(open("zip64.pth", "rb").read())
    end = blob.rindex(b"PK\5\6")
    count, size, offset = struct.unpack("<HII", blob[end + 10:end + 20])
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    open("zip64.pth", "wb").write(blob[:end] + record + locator + tail)
    expected["zip64.pth"] = values_of("zip64.pth")


def values_of(file, **options):
    return {name: values(tensor) for name, tensor in torch.load(file, **options).items()}


def legacy_views_file():
    """Storage views, which torch wrote until 1.0: a storage that is part of another."""
    storage = numbers(12)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, tuple) and value[:1] == ("view",):
                offset, count = value[1:]
                return ("storage", torch.FloatStorage, "123", "cpu", 12, (f"view{offset}", offset, count))
            return None

    rebuild = torch._utils._rebuild_tensor
    state = {"first": Call(rebuild, ("view", 2, 6), 0, (2, 3), (3, 1)), "second": Call(rebuild, ("view", 6, 6), 1, (5,), (1,))}
    with open("legacy_views.pth", "wb") as file:
        pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
        pickle.dump(1001, file, 2)
        pickle.dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, file, 2)
        Pickler(file, 2).dump(state)
        pickle.dump(["123"], file, 2)
        file.write(struct.pack("<q", 12) + storage.numpy().tobytes())
    expected["legacy_views.pth"] = values_of("legacy_views.pth", weights_only=False)


def untyped_file():
    """A tensor on an untyped storage, rebuilt with its type beside it."""
    tensor = numbers(3, 2)
    call = Call(torch._utils._rebuild_tensor_v3, tensor.untyped_storage(), 0, (3, 2), (2, 1), False, OrderedDict(), torch.float32)
    torch.save({"weight": call}, "untyped.pth")
    expected["untyped.pth"] = values_of("untyped.pth", weights_only=False)


def tar_file():
    """The container of torch before 0.1.10."""
    storage, doubles = numbers(12), numbers(4, dtype=torch.float64)
    storages = io.BytesIO()
    pickle.dump(2, storages, 2)
    for key, kind, data in [(94001, torch.FloatStorage, storage), (94002, torch.DoubleStorage, doubles)]:
        pickle.dump((key, "cpu", kind), storages, 2)
        storages.write(struct.pack("<q", data.numel()) + data.numpy().tobytes())
    pickle.dump([(94003, 94001, 2, 8)], storages, 2)
    tensors = io.BytesIO()
    pickle.dump(3, tensors, 2)
    for key, of, kind, shape, strides, offset in [
            (1, 94001, torch.FloatTensor, (2, 3), (1, 2), 4), (2, 94002, torch.DoubleTensor, (4,), (1,), 0),
            (3, 94003, torch.FloatTensor, (2, 2), (2, 1), 1)]:
        pickle.dump((key, of, kind), tensors, 2)
        tensors.write(struct.pack(f"<i4x{len(shape)}q{len(shape)}qq", len(shape), *shape, *strides, offset))

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return str(value.number) if isinstance(value, Reference) else None

    class Reference:
        def __init__(self, number):
            self.number = number

    main = io.BytesIO()
    Pickler(main, 2).dump(OrderedDict([("weight", Reference(1)), ("bias", Reference(2)), ("view", Reference(3))]))
    system = pickle.dumps({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2)
    with tarfile.open("tar.pth", "w:", format=tarfile.PAX_FORMAT) as archive:
        for name, data in [("sys_info", system), ("pickle", main.getvalue()), ("tensors", tensors.getvalue()),
                           ("storages", storages.getvalue())]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    expected["tar.pth"] = values_of("tar.pth", weights_only=False)


def safetensors_file():
    tensors = {**of_each_type(), "ünïcode \"name\"": numbers(2), "empty": torch.zeros(0, 3), "scalar": torch.tensor(2.5)}
    save_file(tensors, "all.safetensors", metadata={"format": "pt"})
    expect("all.safetensors", tensors)


torch_files()
training_script_files()
refused_files()
zip64_file()
legacy_views_file()
untyped_file()
tar_file()
safetensors_file()
with open("expected.json", "w") as file:
    json.dump(expected, file, indent=None, separators=(",", ":"))
