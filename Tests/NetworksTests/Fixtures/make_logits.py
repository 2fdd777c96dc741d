"""Writes logits.json: what other libraries' own networks say about one synthetic image, with weights that Swift computes alike.

pip install torch torchvision timm transformers efficientnet_pytorch keras; KERAS_BACKEND=torch python make_logits.py
Every tensor is drawn from its name in the library's file (recipe.py of the golden tests), in the shape of that file, so that a
wrong name, layout, epsilon, padding or order of layers shows. Logits are computed in float64 where the library can.
"""
import json, math, pathlib, sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "GoldenTests" / "Fixtures"))
import keras, numpy, torch, torchvision, timm, transformers
from efficientnet_pytorch import EfficientNet
from torch import nn
from torch.nn import functional
import recipe


def values(name, shape, fan_in, norm_scale):
    """Uniform numbers in an interval that suits the tensor's part; `fan_in` is None for vectors."""
    if fan_in:
        upper = math.sqrt(6 / fan_in)
        lower = -upper
    elif name.endswith(("running_var", "moving_variance")):
        lower, upper = 0.5, 1.5
    elif name.endswith(("running_mean", "moving_mean", "bias", "beta", "blobs.1")):
        lower, upper = -0.3, 0.3
    else:  # a norm's scale: too large, and a deep network is chaotic; too small, and its logits ignore the image
        lower, upper = 0.5 * norm_scale, 1.5 * norm_scale
    lower, upper = numpy.float32(lower), numpy.float32(upper)
    return (lower + (upper - lower) * recipe.uniform(name, math.prod(shape))).reshape(shape)


def image(side):
    return recipe.input_batch((1, 3, side, side))


def row(network, source, side, answer, scale=1, norm_scale=1):
    """`answer` gives the logits of an image [1, 3, side, side]; `scale` multiplies the image, for networks on 0...255."""
    logits, mirrored = (numpy.asarray(answer(x * numpy.float32(scale)), dtype="float64").reshape(-1)
                        for x in (image(side), image(side)[..., ::-1].copy()))
    entry = {"network": network, "source": source, "side": side, "scale": scale, "norm_scale": norm_scale, "classes": len(logits)}
    change = numpy.linalg.norm(mirrored - logits) / numpy.linalg.norm(logits)
    print(network, source, "rms", numpy.linalg.norm(logits) / len(logits) ** 0.5, "change when mirrored", change)
    assert change > 0.01, "the logits hardly depend on the image, so mistakes would hide"
    return {**entry, "norm": float(f"{numpy.linalg.norm(logits):.9g}"), "first": [float(f"{v:.9g}") for v in logits[:10]]}


def torch_row(network, source, side, model, file_name=lambda name: name, scale=1, norm_scale=1):
    for name, tensor in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            shape = tuple(tensor.shape)
            fan_in = math.prod(shape[1:]) if len(shape) > 1 else None
            tensor.copy_(torch.from_numpy(values(file_name(name), shape, fan_in, norm_scale)))
    model = model.eval().double()
    with torch.no_grad():
        exact, single = model(torch.from_numpy(image(side)).double()), model.float()(torch.from_numpy(image(side))).double()
        assert (exact - single).norm() < 2e-5 * exact.norm(), "float32 does not suffice for these weights"
        model.double()
        return row(network, source, side, lambda x: model(torch.from_numpy(x).double()), scale, norm_scale)


def keras_row(network, side, model, normalization=1):
    """`normalization` undoes what the model does to its input first."""
    for layer in model.layers:
        for variable in layer.weights:
            if layer.__class__.__name__ == "Normalization":
                continue
            shape = tuple(variable.shape)
            is_depthwise = layer.__class__.__name__ == "DepthwiseConv2D"
            fan_in = math.prod(shape[:2] if is_depthwise else shape[:-1]) if len(shape) > 1 else None
            variable.assign(values(f"{layer.name}/{layer.name}/{variable.name}", shape, fan_in, 1))
    def answer(x):
        x = numpy.ascontiguousarray(x.transpose(0, 2, 3, 1)) * numpy.float32(normalization)
        return keras.ops.convert_to_numpy(model(x, training=False))

    return row(network, "keras", side, answer)


class CaffePool(nn.MaxPool2d):
    def __init__(self, stride=2, padding=0):
        super().__init__(3, stride, padding, ceil_mode=True)


def caffe_norm():
    return nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)


def alexnet_2012(classes):
    """The layers of Caffe's deploy.prototxt of bvlc_alexnet, in its order."""
    layers = {
        "conv1": nn.Conv2d(3, 96, 11, 4), "relu1": nn.ReLU(), "norm1": caffe_norm(), "pool1": CaffePool(),
        "conv2": nn.Conv2d(96, 256, 5, padding=2, groups=2), "relu2": nn.ReLU(), "norm2": caffe_norm(), "pool2": CaffePool(),
        "conv3": nn.Conv2d(256, 384, 3, padding=1), "relu3": nn.ReLU(),
        "conv4": nn.Conv2d(384, 384, 3, padding=1, groups=2), "relu4": nn.ReLU(),
        "conv5": nn.Conv2d(384, 256, 3, padding=1, groups=2), "relu5": nn.ReLU(), "pool5": CaffePool(), "flat": nn.Flatten(),
        "fc6": nn.Linear(9216, 4096), "relu6": nn.ReLU(), "fc7": nn.Linear(4096, 4096), "relu7": nn.ReLU(),
        "fc8": nn.Linear(4096, classes),
    }
    return nn.Sequential(__import__("collections").OrderedDict(layers))


class GoogLeNet2014(nn.Module):
    """The layers of Caffe's deploy.prototxt of bvlc_googlenet; names with `/` written as `:`, which torch allows."""

    TABLE = {"3a": (192, 64, 96, 128, 16, 32, 32), "3b": (256, 128, 128, 192, 32, 96, 64), "4a": (480, 192, 96, 208, 16, 48, 64),
             "4b": (512, 160, 112, 224, 24, 64, 64), "4c": (512, 128, 128, 256, 24, 64, 64), "4d": (512, 112, 144, 288, 32, 64, 64),
             "4e": (528, 256, 160, 320, 32, 128, 128), "5a": (832, 256, 160, 320, 32, 128, 128),
             "5b": (832, 384, 192, 384, 48, 128, 128)}

    def __init__(self, classes):
        super().__init__()
        convolutions = {"conv1:7x7_s2": (3, 64, 7, 2), "conv2:3x3_reduce": (64, 64, 1, 1), "conv2:3x3": (64, 192, 3, 1)}
        for name, (inputs, one, three_reduced, three, five_reduced, five, pool) in self.TABLE.items():
            for part, size in {"1x1": (inputs, one, 1, 1), "3x3_reduce": (inputs, three_reduced, 1, 1),
                               "3x3": (three_reduced, three, 3, 1), "5x5_reduce": (inputs, five_reduced, 1, 1),
                               "5x5": (five_reduced, five, 5, 1), "pool_proj": (inputs, pool, 1, 1)}.items():
                convolutions[f"inception_{name}:{part}"] = size
        for name, (inputs, outputs, kernel, stride) in convolutions.items():
            self.add_module(name, nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2))
        self.add_module("loss3:classifier", nn.Linear(1024, classes))

    def layer(self, name, x):
        return functional.relu(getattr(self, name)(x))

    def forward(self, x):
        x = caffe_norm()(CaffePool()(self.layer("conv1:7x7_s2", x)))
        x = caffe_norm()(self.layer("conv2:3x3", self.layer("conv2:3x3_reduce", x)))
        x = CaffePool()(x)
        for name in self.TABLE:
            part = lambda suffix, value: self.layer(f"inception_{name}:{suffix}", value)
            x = torch.cat([part("1x1", x), part("3x3", part("3x3_reduce", x)), part("5x5", part("5x5_reduce", x)),
                           part("pool_proj", CaffePool(1, 1)(x))], 1)
            if name in ("3b", "4e"):
                x = CaffePool()(x)
        return getattr(self, "loss3:classifier")(functional.avg_pool2d(x, 7, 1).flatten(1))


def caffe_file_name(name):
    layer, leaf = name.rsplit(".", 1)
    return f"{layer.replace(':', '/')}.blobs.{0 if leaf == 'weight' else 1}"


def transformers_row(network, model, norm_scale=1):
    forward = model.forward
    model.forward = lambda x: forward(pixel_values=x).logits
    return torch_row(network, "transformers", 96, model, norm_scale=norm_scale)


def transformers_resnet(kind, depths, **options):
    widths = [64, 128, 256, 512] if kind == "basic" else [256, 512, 1024, 2048]
    return transformers.ResNetForImageClassification(transformers.ResNetConfig(
        layer_type=kind, depths=depths, hidden_sizes=widths, num_labels=10, **options))


def transformers_efficientnet(width, depth, hidden):
    return transformers.EfficientNetForImageClassification(transformers.EfficientNetConfig(
        width_coefficient=width, depth_coefficient=depth, hidden_dim=hidden, image_size=96, num_labels=10))


applications, tv = keras.applications, torchvision.models
top = {"weights": None, "classes": 10, "classifier_activation": None}
rows = [
    keras_row("keras_resnet50", 96, applications.ResNet50(input_shape=(96, 96, 3), **top)),
    keras_row("tf_efficientnet_b0", 96, applications.EfficientNetB0(input_shape=(96, 96, 3), **top), normalization=255),
    keras_row("tf_efficientnet_b0", 101, applications.EfficientNetB0(input_shape=(101, 101, 3), **top), normalization=255),
    keras_row("vgg16", 224, applications.VGG16(input_shape=(224, 224, 3), **top)),
    torch_row("efficientnet_b0", "timm", 96, timm.create_model("efficientnet_b0", num_classes=10)),
    torch_row("tf_efficientnet_b1", "timm", 101, timm.create_model("tf_efficientnet_b1", num_classes=10), norm_scale=0.95),
    torch_row("efficientnet_lite0", "timm", 101, timm.create_model("tf_efficientnet_lite0", num_classes=10)),
    torch_row("efficientnet_lite2", "timm", 96, timm.create_model("tf_efficientnet_lite2", num_classes=10)),
    torch_row("vgg11", "timm", 224, timm.create_model("vgg11", num_classes=10)),
    torch_row("tf_efficientnet_b0", "efficientnet-pytorch", 101,
              EfficientNet.from_name("efficientnet-b0", image_size=101, num_classes=10)),
    torch_row("efficientnet_b2", "torchvision", 96, tv.efficientnet_b2(num_classes=10)),
    torch_row("efficientnet_b5", "torchvision", 96, tv.efficientnet_b5(num_classes=10), norm_scale=0.9),
    torch_row("googlenet", "torchvision", 96, tv.googlenet(num_classes=10, aux_logits=False, init_weights=False)),
    torch_row("alexnet", "torchvision", 160, tv.alexnet(num_classes=10)),
    torch_row("vgg13_bn", "torchvision", 64, tv.vgg13_bn(num_classes=10)),
    torch_row("alexnet_2012", "caffe", 227, alexnet_2012(10), caffe_file_name, scale=64),
    torch_row("googlenet_2014", "caffe", 224, GoogLeNet2014(10), caffe_file_name, scale=64),
    transformers_row("resnet18", transformers_resnet("basic", [2, 2, 2, 2])),
    transformers_row("resnet50", transformers_resnet("bottleneck", [3, 4, 6, 3]), norm_scale=0.8),
    transformers_row("resnet50_v1", transformers_resnet("bottleneck", [3, 4, 6, 3], downsample_in_bottleneck=True), norm_scale=0.8),
    transformers_row("tf_efficientnet_b0", transformers_efficientnet(1.0, 1.0, 1280)),
    transformers_row("tf_efficientnet_b2", transformers_efficientnet(1.1, 1.2, 1408)),
]
(HERE / "logits.json").write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
