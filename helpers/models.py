"""The CNNs that the course trains: each a base that extracts features and a head that decides.

Every model maps normalised pictures (N, C, H, W), float, to logits (N, classes): one score per
class, the largest wins; softmax turns them into probabilities.
"""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn


def lenet(channels=1, size=28, classes=10):
    """LeNet as PyTorch's beginner tutorial has it: two 5×5 convolutions, three linear layers.

    channels, size: those of the input, (N, channels, size, size).  62,006 weights for CIFAR-10.
    After LeCun et al. 1998, "Gradient-based learning applied to document recognition", with ReLU
    and max pooling in place of the original's tanh and trained subsampling.
    """
    base = nn.Sequential(
        nn.Conv2d(channels, 6, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
    )  # fmt: skip
    side = ((size - 4) // 2 - 4) // 2  # each 5×5 convolution takes 4 pixels, each pooling halves
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(16 * side * side, 120), nn.ReLU(),
        nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, classes),
    )  # fmt: skip
    return base_and_head(base, head)


def small_cnn(channels=1, width=32, classes=10):
    """Three blocks of 3×3 convolution, batch norm, ReLU and max pooling; global average pooling; one linear layer.

    Takes pictures of any size from 8×8 up.  width: feature maps of the first block; each further
    block has twice as many.  94,186 weights with the defaults.
    """
    base = nn.Sequential(
        conv_block(channels, width),
        conv_block(width, 2 * width),
        conv_block(2 * width, 4 * width),
    )
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes))
    return base_and_head(base, head)


CONDENSERS = ("none", "max", "average", "blur", "global")


def condensing_cnn(condense="max", size=44, width=8, classes=10):
    """Three 3×3 convolutions that differ only in how each is condensed: the networks of the shift curve (notebook 05).

    Takes grey pictures (N, 1, size, size).  condense: what follows each convolution, batch norm and
    ReLU: "none" keeps every pixel; "max" and "average" pool 2×2; "blur" takes the maximum at every
    pixel and blurs before it keeps each second one (Zhang 2019, "Making Convolutional Networks
    Shift-Invariant Again"); "global" is "max" with a global average before the linear layer.
    Raises ValueError for another one.
    """
    if condense not in CONDENSERS:
        raise ValueError(f"condense must be one of {', '.join(CONDENSERS)}; got {condense!r}")
    channels = [1, width, 2 * width, 4 * width]
    blocks = [
        nn.Sequential(
            nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            *_condenser(condense, after),
        )
        for before, after in pairwise(channels)
    ]  # fmt: skip
    side = {"none": size, "global": 1}.get(condense, size // 2 // 2 // 2)
    condense_all = [nn.AdaptiveAvgPool2d(1)] if condense == "global" else []
    head = nn.Sequential(*condense_all, nn.Flatten(), nn.Linear(channels[-1] * side * side, classes))
    return base_and_head(nn.Sequential(*blocks), head)


def _condenser(condense, channels):
    if condense == "none":
        return []
    if condense == "average":
        return [nn.AvgPool2d(2)]
    if condense == "blur":
        return [nn.MaxPool2d(2, stride=1), blur(channels)]
    return [nn.MaxPool2d(2)]


def blur(channels, stride=2):
    """A convolution that is not trained: each map alone, with the kernel 1-2-1 in both directions, over 16."""
    layer = nn.Conv2d(
        channels, channels, 3, stride, padding=1, groups=channels, bias=False, padding_mode="reflect"
    ).requires_grad_(False)
    line = torch.tensor([1.0, 2.0, 1.0])
    layer.weight.copy_((line[:, None] * line / 16).expand_as(layer.weight))
    return layer


def conv_block(in_channels, out_channels):
    """Filter (convolution), detect (ReLU), condense (max pooling); batch norm keeps the numbers in range."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),  # batch norm brings the bias
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def base_and_head(base, head):
    """One model of two named parts, so that `model.base` and `model.head` can be looked at alone."""
    return nn.Sequential(OrderedDict(base=base, head=head))


def count_parameters(model):
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
