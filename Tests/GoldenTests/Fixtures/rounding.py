"""How far PyTorch's own float32 gradients are from float64's: what rounding alone does where values lie at kinks.

usage: python rounding.py [NETWORK …]      needs: pip install torch torchvision

A value within its last digits of zero (ReLU), or two equal ones in a window (max pooling), may fall to either side; a gradient then
goes another way. The fixtures keep values away from kinks (kinks.py); photographs do not. Prints ‖float32 − float64‖ / ‖float64‖ over
the gradients of all parameters, median and largest, in both memory layouts: new networks in training mode, four images of noise.
"""

import sys

import torch
import torchvision


def gradients(model, images, labels):
    model.zero_grad()
    torch.nn.functional.cross_entropy(model(images), labels).backward()
    return {name: parameter.grad.double().clone() for name, parameter in model.named_parameters()}


def main():
    torch.manual_seed(0)
    for name in sys.argv[1:] or ["vgg19", "vgg16_bn", "googlenet", "resnet18", "resnet50"]:
        options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        model = torchvision.models.get_model(name, weights=None, num_classes=10, **options).train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0
        images, labels = torch.rand(4, 3, 224, 224) * 4 - 2, torch.arange(4)
        found = {"contiguous": gradients(model, images, labels)}
        last = torch.channels_last
        found["channels_last"] = gradients(model.to(memory_format=last), images.contiguous(memory_format=last), labels)
        exact = gradients(model.double(), images.double(), labels)
        for layout, single in found.items():
            shares = sorted(float((single[n] - exact[n]).norm() / exact[n].norm()) for n in exact if exact[n].norm() > 1e-12)
            print(f"{name:12} {layout:14} median {shares[len(shares) // 2]:.1e}  largest {shares[-1]:.1e}", flush=True)


main()
