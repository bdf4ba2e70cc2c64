"""The CNNs that the course trains: each a base that extracts features and a head that decides.

Every model maps normalised pictures (N, C, H, W), float, to logits (N, classes): one score per
class, the largest wins; softmax turns them into probabilities.
"""

from collections import OrderedDict

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
