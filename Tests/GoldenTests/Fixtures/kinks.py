"""Moves a few weights of a network a little, so that none of its values stands at a kink.

Where a ReLU's input is within rounding of zero, or two pixels of a max pooling's window within rounding of each other, the gradient of
float32 is not that of float64, whoever computes it: another order of the same sums puts the value on the other side, and whole
thousandths of a tensor's gradient go elsewhere. Comparisons of gradients would compare nothing but rounding. So biases of layers
before a ReLU are moved until all their inputs keep a distance from its kinks, and single weights of convolutions before a max pooling
until the first two of every window are a fifth of it apart, both in the layer's deviations. float32 differs from float64 by less than a
tenth of that. What moved is written into the fixture: {tensor: [[element, value]]}.
"""
import contextlib

import torch
from torch import nn
from torch.nn import functional

import recipe

ROUNDS = 400


class Kink:
    """One call of a ReLU, a ReLU6 or a max pooling in a forward pass: what went in, in each of a run's steps."""

    def __init__(self, places, window, owners):
        self.places, self.window, self.owners, self.values = places, window, owners, []

    def owner(self, channel):
        """The convolution or linear layer and the norm, if any, that made a channel, and the channel's number there."""
        for owner, count in self.owners:
            if channel < count:
                return owner, channel
            channel -= count
        raise AssertionError("a channel without a layer")

    def near(self, away):
        """Channels with values less than `away` from a kink: {channel: shift of the bias that ends it, or None for a tie}."""
        return self.ties(away / 5) if self.window else self.crossings(away)

    def crossings(self, away):
        found = {}
        scale = torch.stack([v.std() for v in self.values]).max().item()
        distance = torch.stack([(v - place).abs().transpose(0, 1).flatten(1).amin(1) for v in self.values for place in self.places])
        for channel in (distance.amin(0) < away * scale).nonzero().flatten().tolist():
            values = torch.cat([v[:, channel].flatten().double() for v in self.values])
            found[channel] = clearance(torch.cat([values - place for place in self.places]), 2 * away * scale)
        return found

    def ties(self, apart):
        found = {}
        for values in self.values:
            size, stride, padding, ceil = self.window
            reach = size + stride if ceil else 0  # windows may go on beyond the padding
            padded = functional.pad(values, (padding, padding + reach) * 2, value=-torch.inf)
            patches = padded.unfold(2, size, stride).unfold(3, size, stride).flatten(4)
            first, second = patches.topk(2, dim=4).values.unbind(4)
            gap = first - second
            # Pixels of the same surroundings are the same to the weights: it does not matter which of them wins.
            near = (first > 0) & (gap > 1e-9 * values.std()) & (gap < apart * values.std())
            found.update(dict.fromkeys(near.transpose(0, 1).flatten(1).any(1).nonzero().flatten().tolist()))
        return found


def clearance(values, margin):
    """The shift nearest to zero after which no value is within `margin` of zero."""
    ordered = values.sort().values
    low = torch.cat([torch.tensor([-torch.inf], dtype=torch.float64), ordered + margin])
    high = torch.cat([ordered - margin, torch.tensor([torch.inf], dtype=torch.float64)])
    room = low <= high
    nearest = torch.zeros(()).double().clamp(low[room], high[room])
    return -nearest[nearest.abs().argmin()].item()


@contextlib.contextmanager
def watching(model, kinks):
    """Collects the kinks of the model's forward passes in `kinks`, in their order; those that no gradient passes are left out."""
    names = {module: name for name, module in model.named_modules()}
    originals = {name: getattr(functional, name) for name in ("relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "max_pool2d", "avg_pool2d", "local_response_norm")}
    cat, plus, times, chunk, seen = torch.cat, torch.Tensor.__add__, torch.Tensor.__mul__, torch.Tensor.chunk, [0]

    def note(x, places, window):
        if x.requires_grad:
            if seen[0] == len(kinks):
                kinks.append(Kink(places, window, x.owners))
            kinks[seen[0]].values.append(x.detach().clone() if window else x.detach().float())
            seen[0] += 1

    def activation(name, places):
        def run(x, *arguments, **options):
            note(x, places, None)
            return owned(originals[name](x, *arguments, **options), x.owners)
        return run

    def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        note(x, (), (kernel_size, stride or kernel_size, padding, ceil_mode))
        return owned(originals["max_pool2d"](x, kernel_size, stride, padding, dilation, ceil_mode), x.owners)

    def keeping_channels(name):
        return lambda x, *arguments, **options: owned(originals[name](x, *arguments, **options), getattr(x, "owners", []))

    def concatenated(values, dim=0):
        return owned(cat(values, dim), sum((v.owners for v in values), []))

    def added(x, y):  # a shortcut and a branch: the branch's layer may move
        return owned(plus(x, y), y.owners) if hasattr(y, "owners") else plus(x, y)

    def scaled(x, y):  # a gate, which keeps the branch's layer
        return owned(times(x, y), x.owners) if hasattr(x, "owners") else times(x, y)

    def parts(x, *arguments, **options):  # channels that pass by are no layer's to move
        return [owned(part, [((None, None), part.shape[1])]) for part in chunk(x, *arguments, **options)]

    def after(module, inputs, output):
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            output.owners = [((names[module], None), output.shape[1])]
        elif isinstance(module, nn.BatchNorm2d):
            made = inputs[0].owners  # by several layers where a concatenation is normalised
            layer = made[0][0][0] if len(made) == 1 else None
            output.owners = [((layer, names[module]), output.shape[1])]

    def before(module, inputs):
        if module is model:
            seen[0] = 0

    hooks = [module.register_forward_hook(after) for module in names] + [model.register_forward_pre_hook(before)]
    replaced = {"relu": activation("relu", (0,)), "relu6": activation("relu6", (0, 6)), "hardtanh": activation("hardtanh", (0, 6)),
                "hardswish": activation("hardswish", (-3, 3)), "hardsigmoid": activation("hardsigmoid", (-3, 3)),
                "max_pool2d": max_pool2d,
                **{name: keeping_channels(name) for name in ("avg_pool2d", "local_response_norm")}}
    try:
        torch.cat, torch.Tensor.__add__, torch.Tensor.__mul__, torch.Tensor.chunk = concatenated, added, scaled, parts
        for name, function in replaced.items():
            setattr(functional, name, function)
        yield
    finally:
        torch.cat, torch.Tensor.__add__, torch.Tensor.__mul__, torch.Tensor.chunk = cat, plus, times, chunk
        for name, function in originals.items():
            setattr(functional, name, function)
        for hook in hooks:
            hook.remove()


def owned(value, owners):
    value.owners = owners
    return value


def avoid(run, away):
    """Finds what has to move. `run(moved, watch)` makes the model, loads the recipe's weights and what moved, and goes through its forward
    passes within `watch(model)`, in float64. Returns `moved`, with which all keep `away`."""
    moved, turn = {}, 0
    for round in range(ROUNDS):
        kinks, models = [], []

        def watch(model):
            models.append(model)
            return watching(model, kinks)

        run(moved, watch)
        count = 0
        for kink in kinks:
            for channel, shift in kink.near(away).items():
                (layer, norm), own = kink.owner(channel)
                if shift is None:
                    name, part = f"{layer}.weight", weights_of(moved, recipe.published(f"{layer}.weight"), models[0])
                    turn += 1
                    size = part[own].numel()
                    element = own * size + turn * 7919 % size
                    value = part.flatten()[element] + 1e-3 * part[own].std() * (1 if turn % 2 else -1)
                else:
                    name, element = f"{norm or layer}.bias", own
                    value = weights_of(moved, recipe.published(name), models[0])[own].double() + shift
                moved.setdefault(recipe.published(name), {})[element] = value.float().item()
                count += 1
        print(f"  round {round}: {count} channels near a kink, of {len(kinks)} layers", flush=True)
        if count == 0:
            return moved
    raise AssertionError("no weights without kinks were found")


def weights_of(moved, name, model):
    """A tensor as training begins with it."""
    shapes = {recipe.published(key): tuple(value.shape) for key, value in model.state_dict().items()}
    values = torch.from_numpy(recipe.tensor(name, shapes[name], shapes.keys())).clone()
    for element, value in moved.get(name, {}).items():
        values.view(-1)[element] = value
    return values


def written(moved):
    """What moved, for JSON."""
    return {name: [[element, float(f"{value:.9g}")] for element, value in sorted(values.items())] for name, values in sorted(moved.items())}
