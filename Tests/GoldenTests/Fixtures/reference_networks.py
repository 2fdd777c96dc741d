"""The PyTorch networks that the fixtures are made with, by Graft's names, and the transforms that belong to their weights."""
import dataclasses
import pathlib

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional

HERE = pathlib.Path(__file__).parent


@dataclasses.dataclass
class Transform:
    """What happens to a file's pixels: short side to `resize`, centre square of `crop`, (x - mean) / deviation on 0...255."""

    resize: int
    crop: int
    interpolation: str
    mean: list
    deviation: list

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
        values = (pixels.astype(np.float64) - np.array(self.mean)) / np.array(self.deviation)
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


def make(name, classes=1000):
    """The network `name` in eval mode, and the transform that belongs to its weights."""
    if name == "efficientnet_lite0":
        return EfficientNetLite0(classes).eval(), Transform(256, 224, "bicubic", [127.0] * 3, [128.0] * 3)
    if name == "googlenet":
        model = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False, num_classes=classes)
        return model.eval(), Transform(256, 224, "bilinear", [127.5] * 3, [127.5] * 3)  # what `transform_input` amounts to
    base = name.removesuffix("_v1")
    model = torchvision.models.get_model(base, weights=None, num_classes=classes).eval()
    if name.endswith("_v1"):  # the paper's: the stride on the first 1x1 convolution
        for layer in (model.layer2, model.layer3, model.layer4):
            layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    published = torchvision.models.get_model_weights(base).IMAGENET1K_V1.transforms()
    return model, image_net(published.resize_size[0], published.crop_size[0], published.interpolation.value)
