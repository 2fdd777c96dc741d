"""The PyTorch networks that the fixtures are made with, by Graft's names, and the transforms that belong to their weights."""
import collections
import dataclasses
import math
import pathlib

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import FusedMBConvConfig, MBConvConfig

HERE = pathlib.Path(__file__).parent


@dataclasses.dataclass
class Transform:
    """What happens to a file's pixels: short side to `resize`, centre square of `crop`, (x - mean) / deviation on 0...255."""

    resize: int
    crop: int
    interpolation: str
    mean: list
    deviation: list
    channel_order: str = "rgb"

    def pixels(self, path):
        """The cropped picture as uint8 [crop, crop, 3]."""
        resample = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[self.interpolation]
        image = Image.open(path).convert("RGB")
        width, height = image.size
        short = min(width, height)
        size = (self.resize if width == short else int(self.resize * width / short),
                self.resize if height == short else int(self.resize * height / short))
        image = torchvision.transforms.functional.center_crop(image.resize(size, resample), self.crop)
        return np.asarray(image)

    def tensor(self, pixels):
        """The network's input [1, 3, crop, crop], in float64."""
        ordered = pixels if self.channel_order == "rgb" else pixels[..., ::-1]
        values = (ordered.astype(np.float64) - np.array(self.mean)) / np.array(self.deviation)
        return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


def image_net(resize=256, crop=224, interpolation="bilinear"):
    return Transform(resize, crop, interpolation, [255 * v for v in (0.485, 0.456, 0.406)],
                     [255 * v for v in (0.229, 0.224, 0.225)])


class SameConvolution(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: the odd pixel is added below and to the right."""

    def forward(self, x):
        pads = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(x, pads))


def same(inputs, outputs, kernel, stride=1, groups=1):
    return SameConvolution(inputs, outputs, kernel, stride, groups=groups, bias=False)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class LiteBlock(nn.Module):
    def __init__(self, inputs, outputs, expand, kernel, stride):
        super().__init__()
        wide = inputs * expand
        self.expands, self.adds = expand != 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv, self._bn0 = same(inputs, wide, 1), norm(wide)
        self._depthwise_conv, self._bn1 = same(wide, wide, kernel, stride, groups=wide), norm(wide)
        self._project_conv, self._bn2 = same(wide, outputs, 1), norm(outputs)

    def forward(self, x):
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 with the tensor names of the `efficientnet-pytorch` package."""

    ROWS = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
            (6, 3, 1, 320, 1)]

    def __init__(self, classes=1000):
        super().__init__()
        self._conv_stem, self._bn0 = same(3, 32, 3, 2), norm(32)
        blocks, channels = [], 32
        for expand, kernel, stride, outputs, count in self.ROWS:
            for index in range(count):
                blocks.append(LiteBlock(channels, outputs, expand, kernel, stride if index == 0 else 1))
                channels = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = same(channels, 1280, 1), norm(1280)
        self._fc = nn.Linear(1280, classes)

    def forward(self, x):
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)))
        return self._fc(x.mean((2, 3)))  # dropout stands before the linear layer in training


class NamedLite(nn.Module):
    """Any EfficientNet-Lite, under the names that torchvision would give it. Stem, head, first and last stage are not scaled."""

    SCALES = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2), 3: (1.2, 1.4), 4: (1.4, 1.8)}
    CROPS = {1: 240, 2: 260, 3: 280, 4: 300}

    def __init__(self, number, classes):
        super().__init__()
        width, depth = self.SCALES[number]
        stages, channels = [self.unit(3, 32, 3, 2)], 32
        for stage, (expand, kernel, stride, outputs, count) in enumerate(EfficientNetLite0.ROWS):
            wanted = outputs * width
            outputs = max(8, int(wanted + 4) // 8 * 8)
            outputs += 8 if outputs < 0.9 * wanted else 0
            blocks = []
            for index in range(count if stage in (0, 6) else math.ceil(count * depth)):
                wide = channels * expand
                parts = [self.unit(channels, wide, 1)] if expand > 1 else []
                parts += [self.unit(wide, wide, kernel, stride if index == 0 else 1, wide), self.unit(wide, outputs, 1)[:2]]
                block = nn.Module()
                block.block = nn.Sequential(*parts)
                blocks.append(block)
                channels = outputs
            stages.append(nn.Sequential(*blocks))
        self.features = nn.Sequential(*stages, self.unit(channels, 1280, 1))
        self.classifier = nn.Sequential(nn.Identity(), nn.Linear(1280, classes))  # torchvision's dropout comes first

    @staticmethod
    def unit(inputs, outputs, kernel, stride=1, groups=1):
        return nn.Sequential(same(inputs, outputs, kernel, stride, groups), norm(outputs), nn.ReLU6())

    def forward(self, x):
        x = self.features[0](x)
        for stage in self.features[1:-1]:
            for block in stage:
                y = block.block(x)
                x = x + y if y.shape == x.shape else y
        return self.classifier(self.features[-1](x).mean((2, 3)))


class CaffePool(nn.MaxPool2d):
    def __init__(self, stride=2, padding=0):
        super().__init__(3, stride, padding, ceil_mode=True)


def caffe_norm():
    return nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)


def alexnet_2012(classes, pools_first=False):
    """The layers of the deploy.prototxt of bvlc_alexnet, in its order; or of bvlc_reference_caffenet."""
    layers = {
        "conv1": nn.Conv2d(3, 96, 11, 4), "relu1": nn.ReLU(), "norm1": caffe_norm(), "pool1": CaffePool(),
        "conv2": nn.Conv2d(96, 256, 5, padding=2, groups=2), "relu2": nn.ReLU(), "norm2": caffe_norm(), "pool2": CaffePool(),
        "conv3": nn.Conv2d(256, 384, 3, padding=1), "relu3": nn.ReLU(),
        "conv4": nn.Conv2d(384, 384, 3, padding=1, groups=2), "relu4": nn.ReLU(),
        "conv5": nn.Conv2d(384, 256, 3, padding=1, groups=2), "relu5": nn.ReLU(), "pool5": CaffePool(), "flat": nn.Flatten(),
        "fc6": nn.Linear(9216, 4096), "relu6": nn.ReLU(), "fc7": nn.Linear(4096, 4096), "relu7": nn.ReLU(),
        "fc8": nn.Linear(4096, classes),
    }
    names = list(layers)
    if pools_first:
        for n in (1, 2):
            at = names.index(f"norm{n}")
            names[at:at + 2] = [f"pool{n}", f"norm{n}"]
    return nn.Sequential(collections.OrderedDict((name, layers[name]) for name in names))


class GoogLeNet2014(nn.Module):
    """The layers of train_val.prototxt of bvlc_googlenet; names with `/` written as `:`, which torch allows. In training (dropout
    left out) it gives the logits of the auxiliary heads as well."""

    TABLE = {"3a": (192, 64, 96, 128, 16, 32, 32), "3b": (256, 128, 128, 192, 32, 96, 64), "4a": (480, 192, 96, 208, 16, 48, 64),
             "4b": (512, 160, 112, 224, 24, 64, 64), "4c": (512, 128, 128, 256, 24, 64, 64), "4d": (512, 112, 144, 288, 32, 64, 64),
             "4e": (528, 256, 160, 320, 32, 128, 128), "5a": (832, 256, 160, 320, 32, 128, 128),
             "5b": (832, 384, 192, 384, 48, 128, 128)}

    def __init__(self, classes, auxiliary=False):
        super().__init__()
        convolutions = {"conv1:7x7_s2": (3, 64, 7, 2), "conv2:3x3_reduce": (64, 64, 1, 1), "conv2:3x3": (64, 192, 3, 1)}
        for name, (inputs, one, three_reduced, three, five_reduced, five, pool) in self.TABLE.items():
            for part, size in {"1x1": (inputs, one, 1, 1), "3x3_reduce": (inputs, three_reduced, 1, 1),
                               "3x3": (three_reduced, three, 3, 1), "5x5_reduce": (inputs, five_reduced, 1, 1),
                               "5x5": (five_reduced, five, 5, 1), "pool_proj": (inputs, pool, 1, 1)}.items():
                convolutions[f"inception_{name}:{part}"] = size
        self.heads = {"4a": ("loss1", 512), "4d": ("loss2", 528)} if auxiliary else {}
        for name, inputs in self.heads.values():
            convolutions[f"{name}:conv"] = (inputs, 128, 1, 1)
            self.add_module(f"{name}:fc", nn.Linear(2048, 1024))
            self.add_module(f"{name}:classifier", nn.Linear(1024, classes))
        for name in self.TABLE:
            self.add_module(f"inception_{name}:output", nn.Identity())
        for name, (inputs, outputs, kernel, stride) in convolutions.items():
            self.add_module(name, nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2))
        self.add_module("loss3:classifier", nn.Linear(1024, classes))

    def layer(self, name, x):
        return functional.relu(getattr(self, name)(x))

    def forward(self, x):
        x = caffe_norm()(CaffePool()(self.layer("conv1:7x7_s2", x)))
        x = caffe_norm()(self.layer("conv2:3x3", self.layer("conv2:3x3_reduce", x)))
        x, auxiliary = CaffePool()(x), []
        for name in self.TABLE:
            part = lambda suffix, value: self.layer(f"inception_{name}:{suffix}", value)
            x = torch.cat([part("1x1", x), part("3x3", part("3x3_reduce", x)), part("5x5", part("5x5_reduce", x)),
                           part("pool_proj", CaffePool(1, 1)(x))], 1)
            x = getattr(self, f"inception_{name}:output")(x)
            if name in self.heads:
                head = self.heads[name][0]
                y = self.layer(f"{head}:conv", functional.avg_pool2d(x, 5, 3, ceil_mode=True)).flatten(1)
                auxiliary.append(getattr(self, f"{head}:classifier")(self.layer(f"{head}:fc", y)))
            if name in ("3b", "4e"):
                x = CaffePool()(x)
        logits = getattr(self, "loss3:classifier")(x.mean((2, 3)))  # 7x7 of Caffe's 7x7
        return (logits, *auxiliary[::-1]) if self.training and auxiliary else logits


KERAS_CAFFE = ("bilinear", [103.939, 116.779, 123.68], [1.0] * 3, "bgr")
TENSORFLOW_CROPS = [224, 240, 260, 300, 380, 456, 528, 600]


def paper_strides(model):
    """The paper's and Keras's: the stride on the first 1x1 convolution."""
    for layer in (model.layer2, model.layer3, model.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    return model


def like_keras(model):
    """Convolutions with biases, and Keras's epsilon."""
    for module in list(model.modules()):
        for key, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d):
                setattr(module, key, nn.Conv2d(child.in_channels, child.out_channels, child.kernel_size, child.stride,
                                               child.padding, bias=True))
            elif isinstance(child, nn.BatchNorm2d):
                child.eps = 1.001e-5
    return model


def like_tensorflow(model):
    """TensorFlow's padding and epsilon."""
    for module in list(model.modules()):
        for key, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d):
                setattr(module, key, SameConvolution(child.in_channels, child.out_channels, child.kernel_size, child.stride,
                                                     groups=child.groups, bias=child.bias is not None))
            elif isinstance(child, nn.BatchNorm2d):
                child.eps = 1e-3
    return model


SMALL_CONVNEXTS = {"convnext_atto": (40, (2, 2, 6, 2), 256), "convnext_femto": (48, (2, 2, 6, 2), 256),
                   "convnext_pico": (64, (2, 2, 6, 2), 256), "convnext_nano": (80, (2, 2, 8, 2), 235)}
TENSORFLOW_V2_BASES = {"b0": (1, 1, 256, 224), "b1": (1, 1.1, 272, 240), "b2": (1.1, 1.2, 292, 260), "b3": (1.2, 1.4, 331, 300)}


def tensorflow_v2(size, classes):
    """TensorFlow's EfficientNetV2s under torchvision's names; the real ones are compared in check_hub.py."""
    if size not in TENSORFLOW_V2_BASES:
        side = 384 if size == "s" else 480
        transform = Transform(side, side, "bicubic", [127.5] * 3, [127.5] * 3)
        return like_tensorflow(torchvision.models.get_model(f"efficientnet_v2_{size}", weights=None, num_classes=classes)), transform
    width, depth, resize, crop = TENSORFLOW_V2_BASES[size]
    channels = lambda count: int(count * width + 4) // 8 * 8
    base = [(FusedMBConvConfig, 1, 1, 32, 16, 1), (FusedMBConvConfig, 4, 2, 16, 32, 2), (FusedMBConvConfig, 4, 2, 32, 48, 2),
            (MBConvConfig, 4, 2, 48, 96, 3), (MBConvConfig, 6, 1, 96, 112, 5), (MBConvConfig, 6, 2, 112, 192, 8)]
    settings = [kind(expand, 3, stride, channels(inputs), channels(outputs), math.ceil(layers * depth))
                for kind, expand, stride, inputs, outputs, layers in base]
    model = torchvision.models.EfficientNet(settings, 0.2, num_classes=classes, last_channel=channels(1280))
    return like_tensorflow(model), image_net(resize, crop, "bicubic")


def tensorflow_mobilenet(name, classes):
    """Google's MobileNetV2s under torchvision's names; the real ones are compared in check_hub.py."""
    width = float(name.removeprefix("tf_mobilenet_v2_").replace("_", "."))
    crop = {0.35: 96, 0.75: 160}.get(width, 224)
    model = like_tensorflow(torchvision.models.MobileNetV2(classes, width_mult=width))
    return model, Transform(crop + 32, crop, "bilinear", [127.5] * 3, [127.5] * 3)


def made_here(name, classes, auxiliary):
    """Networks that torchvision has no constructor of, or another variant; None for the others."""
    plain = lambda base: torchvision.models.get_model(base, weights=None, num_classes=classes)
    if name == "efficientnet_lite0":
        return EfficientNetLite0(classes), Transform(256, 224, "bicubic", [127.0] * 3, [128.0] * 3)
    if name.startswith("efficientnet_lite"):
        crop = NamedLite.CROPS[int(name[-1])]
        return NamedLite(int(name[-1]), classes), Transform(crop + 32, crop, "bicubic", [127.0] * 3, [128.0] * 3)
    if name.startswith("tf_efficientnetv2_"):
        return tensorflow_v2(name.rpartition("_")[2], classes)
    if name.startswith("tf_mobilenet_v2_"):
        return tensorflow_mobilenet(name, classes)
    if name.startswith("tf_"):
        crop = TENSORFLOW_CROPS[int(name[-1])]
        return like_tensorflow(plain(name[3:])), image_net(crop + 32, crop, "bicubic")
    if name.startswith("keras_"):
        return like_keras(paper_strides(plain(name[6:]))), Transform(256, 224, *KERAS_CAFFE)
    if name.endswith("_v1"):
        return paper_strides(plain(name[:-3])), image_net()
    if name in ("resnet26d", "resnet50d", "seresnet50"):
        import timm
        return timm.create_model(name, num_classes=classes), image_net(interpolation="bicubic")
    if name == "mobilenetv3_large_100":  # under torchvision's names
        model = plain("mobilenet_v3_large")
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 1e-5
        return model, image_net(interpolation="bicubic")
    if name in SMALL_CONVNEXTS:  # under torchvision's names
        width, depths, resize = SMALL_CONVNEXTS[name]
        settings = [CNBlockConfig(width << i, width << i + 1 if i < 3 else None, depth) for i, depth in enumerate(depths)]
        return torchvision.models.ConvNeXt(settings, num_classes=classes), image_net(resize, 224, "bicubic")
    if name == "alexnet_2012":
        return alexnet_2012(classes), image_net(256, 227)
    if name == "caffenet":
        return alexnet_2012(classes, pools_first=True), Transform(256, 227, "bilinear", [104.0, 117.0, 123.0], [1.0] * 3, "bgr")
    if name == "googlenet_2014":
        return GoogLeNet2014(classes, auxiliary), Transform(256, 224, "bilinear", [104.0, 117.0, 123.0], [1.0] * 3, "bgr")
    if name == "googlenet":
        model = torchvision.models.googlenet(weights=None, aux_logits=auxiliary, init_weights=False, num_classes=classes)
        return model, Transform(256, 224, "bilinear", [127.5] * 3, [127.5] * 3)  # what `transform_input` amounts to
    if name == "inception_v3":
        model = torchvision.models.inception_v3(weights=None, aux_logits=auxiliary, init_weights=False, num_classes=classes)
        return model, Transform(342, 299, "bilinear", [127.5] * 3, [127.5] * 3)  # what `transform_input` amounts to
    return None


def make(name, classes=1000, auxiliary=False):
    """The network `name` in eval mode, and the transform that belongs to its weights."""
    model, transform = made_here(name, classes, auxiliary) or (None, None)
    if model is None:
        model = torchvision.models.get_model(name, weights=None, num_classes=classes)
        published = torchvision.models.get_model_weights(name).IMAGENET1K_V1.transforms()
        transform = image_net(published.resize_size[0], published.crop_size[0], published.interpolation.value)
        transform.mean, transform.deviation = ([255 * v for v in values] for values in (published.mean, published.std))
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # for those who ask for training, which the auxiliary heads need
    return model.eval(), transform


EVERY = (
    ["alexnet", "alexnet_2012", "googlenet", "googlenet_2014"]
    + [f"vgg{n}{norms}" for n in (11, 13, 16, 19) for norms in ("", "_bn")]
    + [f"resnet{n}" for n in (18, 34, 50, 101, 152)] + [f"{kind.format(n)}" for kind in ("resnet{}_v1", "keras_resnet{}") for n in (50, 101, 152)]
    + [f"{prefix}efficientnet_b{n}" for prefix in ("", "tf_") for n in range(8)] + [f"efficientnet_lite{n}" for n in range(5)]
    + ["caffenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "resnext50_32x4d", "resnext101_32x8d",
       "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"]
    + [f"regnet_{kind}_{size}" for kind in "xy" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")]
    + [f"densenet{n}" for n in (121, 161, 169, 201)] + [f"mnasnet{n}" for n in ("0_5", "0_75", "1_0", "1_3")]
    + ["resnet26d", "resnet50d", "seresnet50", "mobilenetv3_large_100"] + list(SMALL_CONVNEXTS)
    + [f"tf_efficientnetv2_{size}" for size in ("b0", "b1", "b2", "b3", "s", "m", "l")]
    + [f"tf_mobilenet_v2_{width}" for width in ("0_35", "0_75", "1_0", "1_4")]
    + ["squeezenet1_0", "squeezenet1_1"] + [f"shufflenet_v2_{size}" for size in ("x0_5", "x1_0", "x1_5", "x2_0")]
    + [f"efficientnet_v2_{size}" for size in "sml"] + [f"convnext_{size}" for size in ("tiny", "small", "base", "large")])


def smallest_side(name):
    """The side of the synthetic input of a network: small where the layers allow it."""
    if name in ("alexnet_2012", "caffenet"):
        return 227  # its linear layers want features of six by six
    return 224 if name.startswith(("alexnet", "vgg")) else 96
