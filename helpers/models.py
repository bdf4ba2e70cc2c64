"""The CNNs that the course trains: each a base that extracts features and a head that decides.

Every model maps normalised images (N, C, H, W), float, to logits (N, classes): one score per
class, the largest wins; softmax turns them into probabilities.  Every function here raises a
ValueError that names the argument and its value where no network could come of it.
"""

import hashlib
import json
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

from helpers import checks

MOST_MAPS = 1_000  # beside each other, and classes: more than any network of the course has by far
WHITENING_FLOOR = 5e-4  # added to each variance, so that directions with next to none are not blown up


def lenet(channels=1, size=28, classes=10):
    """LeNet as PyTorch's beginner tutorial has it: two 5×5 convolutions, three linear layers.

    channels, size: those of the input, (N, channels, size, size), 16×16 or larger.  62,006 weights for CIFAR-10.
    After LeCun et al. 1998, "Gradient-based learning applied to document recognition", with ReLU
    and max pooling in place of the original's tanh and trained subsampling.
    """
    channels, classes = _count("channels", channels), _count("classes", classes)
    size = checks.whole("size", size, 16)  # of a smaller image the two convolutions and poolings leave nothing
    base = nn.Sequential(
        nn.Conv2d(channels, 6, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
    )  # fmt: skip
    side = ((size - 4) // 2 - 4) // 2  # each 5×5 convolution takes 4 pixels, each pooling halves
    _check_weights(16 * side * side * 120, size=size)
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(16 * side * side, 120), nn.ReLU(),
        nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, classes),
    )  # fmt: skip
    return base_and_head(base, head)


def small_cnn(channels=1, width=32, classes=10, batch_norm=True):
    """Three blocks of 3×3 convolution, batch norm, ReLU and max pooling; global average pooling; one linear layer.

    Takes images of any size from 8×8 up.  width: feature maps of the first block; each further
    block has twice as many.  94,186 weights with the defaults.
    """
    channels, width, classes = _count("channels", channels), _count("width", width), _count("classes", classes)
    base = nn.Sequential(
        conv_block(channels, width, batch_norm),
        conv_block(width, 2 * width, batch_norm),
        conv_block(2 * width, 4 * width, batch_norm),
    )
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes))
    return base_and_head(base, head)


CONDENSERS = ("max", "average", "blur", "stride", "global")
HALVINGS = 8  # of the three steps together: each keeps every second row and column


def condensing_cnn(condense="max", size=48, width=8, classes=10):
    """Three 3×3 convolutions that differ only in how each is condensed: the networks of the shift curve (notebook 05).

    Takes grey images (N, 1, size, size); size can be divided by 8.  condense: what halves the sides after
    each convolution, batch norm and ReLU: "max" and "average" pool 2×2; "blur" takes the maximum at every
    pixel and blurs before it keeps each second one (Zhang 2019, "Making Convolutional Networks
    Shift-Invariant Again"); "stride" just keeps each second one, by a convolution of stride 2; "global" is
    "max" with a global average before the linear layer.
    An image is padded with its own other side, as if it were wound around a ring: so there is no frame
    that would tell where a thing lies, and a shift changes nothing but the place.
    """
    checks.one_of("condense", condense, CONDENSERS)
    size = checks.whole("size", size, HALVINGS)
    if size % HALVINGS:
        raise ValueError(f"size must be a multiple of {HALVINGS}, since it is halved three times; got {size}")
    width, classes = _count("width", width), _count("classes", classes)
    blocks = [_condensing_block(*both, condense) for both in pairwise([1, width, 2 * width, 4 * width])]
    side = 1 if condense == "global" else size // HALVINGS
    _check_weights(4 * width * side * side * classes, size=size, width=width, classes=classes)
    condense_all = [nn.AdaptiveAvgPool2d(1)] if condense == "global" else []
    head = nn.Sequential(*condense_all, nn.Flatten(), nn.Linear(4 * width * side * side, classes))
    return base_and_head(nn.Sequential(*blocks), head)


def _condensing_block(before, after, condense):
    stride = 2 if condense == "stride" else 1
    layers = [
        nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, padding_mode="circular", bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    ]
    if condense == "average":
        layers.append(nn.AvgPool2d(2))
    elif condense == "blur":
        layers += [nn.CircularPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, stride=1), blur(after)]
    elif condense != "stride":
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def plain_cnn(
    channels=1, filters=32, kernel_size=3, depth=3, stride=1, pool=True, padding="same", bottleneck=0,
    batch_norm=True, dropout=0.0, map_dropout=0.0, classes=10,
):  # fmt: skip
    """`depth` convolutions of `filters` maps each, a global average, one linear layer: the network of notebooks 07 and 08.

    Takes images (N, channels, H, W).  stride: of each of the first three convolutions.  pool: 2×2
    max pooling after each of the first three.  padding: "same", for odd kernel sizes, or "valid", which is none.
    bottleneck: maps of a 1×1 convolution before each later one; 0 for none.  dropout: the chance of
    0 for each feature before the linear layer.  map_dropout: for each whole map, after each convolution.
    Both chances are from 0 up to, not including, 1.
    """
    channels, filters, classes = _count("channels", channels), _count("filters", filters), _count("classes", classes)
    kernel_size, depth, stride = _count("kernel_size", kernel_size), _count("depth", depth), _count("stride", stride)
    bottleneck = _count("bottleneck", bottleneck, 0)
    pool, batch_norm = checks.flag("pool", pool), checks.flag("batch_norm", batch_norm)
    dropout = checks.number("dropout", dropout, least=0, below=1)
    map_dropout = checks.number("map_dropout", map_dropout, least=0, below=1)
    checks.one_of("padding", padding, ("same", "valid"))
    if padding == "same" and kernel_size % 2 == 0:
        raise ValueError(
            f'padding="same" needs an odd kernel_size, since an even one has no pixel in its middle; got {kernel_size}'
        )
    widest = max(channels, filters) * filters * kernel_size**2
    _check_weights(depth * widest, filters=filters, kernel_size=kernel_size, depth=depth)
    layers = []
    for block in range(depth):
        condenses = block < 3
        if bottleneck and block:
            layers += [nn.Conv2d(channels, bottleneck, 1), nn.ReLU()]
            channels = bottleneck
        layers += [
            nn.Conv2d(
                channels, filters, kernel_size, stride if condenses else 1,
                padding=kernel_size // 2 if padding == "same" else 0, bias=not batch_norm,
            ),
            *([nn.BatchNorm2d(filters)] if batch_norm else []),
            nn.ReLU(),
            *([nn.Dropout2d(map_dropout)] if map_dropout else []),
            *([nn.MaxPool2d(2)] if pool and condenses else []),
        ]  # fmt: skip
        channels = filters
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *([nn.Dropout(dropout)] if dropout else []),
            nn.Linear(channels, classes)]  # fmt: skip
    return base_and_head(nn.Sequential(*layers), nn.Sequential(*head))


def flat_cnn(channels=1, size=28, filters=16, hidden=256, dropout=0.0, classes=10):
    """Two blocks of 3×3 convolution, ReLU and 2×2 max pooling, flattened, and two linear layers: most weights are in the first of these.

    Takes images (N, channels, size, size), 4×4 or larger.  hidden: units between the linear layers.
    dropout: the chance of 0 for each number that either of them takes, from 0 up to, not including, 1.
    206,010 weights for Fashion-MNIST.  The kind of head that dropout was made for (notebook 08), and that
    overfits at once without it; after Krizhevsky and others 2012, "ImageNet Classification with Deep
    Convolutional Neural Networks", in small.
    """
    channels, filters, classes = _count("channels", channels), _count("filters", filters), _count("classes", classes)
    hidden, size = _count("hidden", hidden), checks.whole("size", size, 4)
    dropout = checks.number("dropout", dropout, least=0, below=1)
    side = size // 2 // 2
    _check_weights(filters * side * side * hidden, size=size, filters=filters, hidden=hidden)
    base = nn.Sequential(
        conv_block(channels, filters, batch_norm=False), conv_block(filters, filters, batch_norm=False)
    )
    first, second = ([nn.Dropout(dropout)] if dropout else [] for _ in range(2))
    head = nn.Sequential(
        nn.Flatten(), *first, nn.Linear(filters * side * side, hidden), nn.ReLU(), *second, nn.Linear(hidden, classes)
    )
    return base_and_head(base, head)


def blur(channels, stride=2):
    """A convolution that is not trained: each map alone, with the kernel 1-2-1 in both directions, over 16.

    A map is padded with its own other side.
    """
    channels, stride = _count("channels", channels), _count("stride", stride)
    layer = nn.Conv2d(
        channels, channels, 3, stride, padding=1, groups=channels, bias=False, padding_mode="circular"
    ).requires_grad_(False)
    line = torch.tensor([1.0, 2.0, 1.0])
    layer.weight.copy_((line[:, None] * line / 16).expand_as(layer.weight))
    return layer


def conv_block(in_channels, out_channels, batch_norm=True):
    """Filter (convolution), detect (ReLU), condense (max pooling); batch norm keeps the numbers in range."""
    in_channels, out_channels = _count("in_channels", in_channels), _count("out_channels", out_channels)
    batch_norm = checks.flag("batch_norm", batch_norm)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=not batch_norm),  # it brings its own bias
        *([nn.BatchNorm2d(out_channels)] if batch_norm else []),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def fast_cnn(channels=3, widths=(32, 64, 128), classes=10, activation=nn.ReLU):
    """The network of the fastest recipes: a stem of 2×2 kernels, and a block of two convolutions for each width.

    Takes images (N, channels, H, W), 32×32 or about that.  The stem learns like every other layer,
    until `whiten_stem` gives it its kernels and freezes them.  activation: nn.ReLU, or nn.GELU, a ReLU
    with a soft bend.  After Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU".
    """
    channels, classes = _count("channels", channels), _count("classes", classes)
    if not isinstance(widths, (tuple, list)) or not 1 <= len(widths) <= 5:
        raise ValueError(
            f"widths must be a tuple of one to five whole numbers, a block each; got {checks.shown(widths)}"
        )
    widths = [_count("each of widths", width) for width in widths]
    try:
        checks.module("activation()", activation())
    except (TypeError, ValueError):
        got = checks.shown(activation)
        raise ValueError(f"activation must be a class of layers without sizes, such as nn.ReLU; got {got}") from None
    stem = nn.Conv2d(channels, 8 * channels, kernel_size=2)
    in_and_out = pairwise([stem.out_channels, *widths])
    base = nn.Sequential(
        stem, activation(),
        *(_fast_block(before, after, activation) for before, after in in_and_out),
    )  # fmt: skip
    head = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(widths[-1], classes))
    return base_and_head(base, head)


def _fast_block(in_channels, out_channels, activation):
    """Two 3×3 convolutions with batch norm and an activation; max pooling right after the first, so that the rest has less to do."""
    first = [
        _convolution_that_hands_on(in_channels, out_channels),
        nn.MaxPool2d(2),
        _batch_norm(out_channels),
        activation(),
    ]
    second = [_convolution_that_hands_on(out_channels, out_channels), _batch_norm(out_channels), activation()]
    return nn.Sequential(*first, nn.Sequential(*second))


def _convolution_that_hands_on(in_channels, out_channels):
    """A 3×3 convolution whose first kernels start by handing on a channel each as it is, so that signals get through."""
    layer = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
    nn.init.dirac_(layer.weight[: min(in_channels, out_channels)])
    return layer


def _batch_norm(channels):
    """Batch norm for short runs: its running mean and variance follow fast; the next kernel sets the scale, so it has none."""
    layer = nn.BatchNorm2d(channels, momentum=0.6)
    layer.weight.requires_grad_(False)
    return layer


@torch.no_grad()
def whiten_stem(model, images):
    """Set the kernels of the model's stem so that its outputs are uncorrelated and have variance 1 over these images.

    From then on they are not trained, and neither are their biases, which are 0.  model: a `fast_cnn`, on any device.
    images: normalised, float32 or float64 (N, C, H, W); a few thousand do.  The kernels are the
    eigenvectors of the patches' covariance, each divided by the root of its eigenvalue; each comes
    twice, with both signs, since the ReLU that follows keeps only what is above 0.
    """
    stem = _stem(model)
    checks.tensor("images", images, "(N, C, H, W)", (torch.float32, torch.float64))
    channels, height, width = images.shape[1:]
    if channels != stem.in_channels or min(height, width) < 2:
        raise ValueError(
            f"images must be (N, {stem.in_channels}, H, W), 2×2 or larger, as the stem takes them; "
            f"got {tuple(images.shape)}"
        )
    checks.finite("images", images)
    patches = F.unfold(images, stem.kernel_size).transpose(1, 2).flatten(0, 1)  # (all patches, C·k·k)
    variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
    kernels = (directions / (variances + WHITENING_FLOOR).sqrt()).T.reshape(-1, *stem.weight.shape[1:])
    stem.weight.copy_(torch.cat([kernels, -kernels]))
    stem.bias.zero_()
    stem.requires_grad_(False)


def _stem(model):
    """The stem of a `fast_cnn`: two 2×2 kernels for each number of a patch.  Raises ValueError where there is none."""
    checks.module("model", model)
    base = getattr(model, "base", None)
    stem = next(iter(base), None) if isinstance(base, nn.Sequential) else None
    if not isinstance(stem, nn.Conv2d) or stem.weight.shape != (8 * stem.in_channels, stem.in_channels, 2, 2):
        raise ValueError(
            f"model must be a fast_cnn, whose first layer has eight 2×2 kernels for each channel; got {checks.shown(stem or model)}"
        )
    return stem


def base_and_head(base, head):
    """One model of two named parts, so that `model.base` and `model.head` can be looked at alone."""
    return nn.Sequential(OrderedDict(base=checks.module("base", base), head=checks.module("head", head)))


def count_parameters(model):
    """How many numbers training may change: frozen weights, such as those of `blur`, are left out."""
    weights = list(checks.module("model", model).parameters())
    if any(nn.parameter.is_lazy(w) for w in weights):
        raise ValueError("model has lazy layers, whose sizes the first batch decides: send one through it, then count")
    return sum(w.numel() for w in weights if w.requires_grad)


def _count(name, value, least=1):
    return checks.whole(name, value, least, MOST_MAPS)


def _check_weights(weights, **numbers):
    if weights > checks.MOST_NUMBERS:
        named = ", ".join(f"{name}={value}" for name, value in numbers.items())
        raise ValueError(
            f"{named} would make a network of more than {checks.MOST_NUMBERS:,} weights: take smaller numbers"
        )


# ---- trained networks ----------------------------------------------------------------------

WEIGHTS = Path(__file__).resolve().parent / "weights"  # what `helpers/weights/make_weights.py` wrote
TRAINED = ("cifar10", "fashion_mnist", "seven_classes")


def trained(name):
    """A network that the course carries, trained on the full set, in evaluation mode, on the CPU; says how right it is.

    name: "cifar10" or "fashion_mnist", for images of these sets; or "seven_classes", for images of CIFAR-10's
    classes without frogs, horses and ships.  Every weight may be trained on but those of a whitened stem.
    How it was made: `about(name)`.  Raises ValueError for another name, and where its file is damaged.
    """
    facts = about(name)
    path = WEIGHTS / f"{name}.safetensors"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise ValueError(
            f"{path} is not the file that was made for the course: fetch it anew, by `git checkout {path}`"
        )
    weights = safetensors.torch.load(content)
    build = {"fast_cnn": fast_cnn, "small_cnn": small_cnn}[facts["network"]]
    options = {key: getattr(nn, value) if key == "activation" else value for key, value in facts["options"].items()}
    model = build(classes=len(facts["classes"]), **options)
    model.load_state_dict(
        {key: value.float() if value.is_floating_point() else value for key, value in weights.items()}
    )
    if facts["whiten"]:
        model.base[0].requires_grad_(False)
    print(
        f"{name}: {facts['network']}, {facts['parameters']:,} parameters, trained for {facts['epochs']} epochs on "
        f"{facts['train_images']:,} images; right for {100 * facts['test_accuracy']:.1f} % of {facts['test_images']:,} test images"
    )
    return model.eval()


def about(name):
    """What is known of a network that the course carries: a dict.

    classes: their names, in the order of its logits.  mean, std: of each channel of its training images, on the
    scale from 0 to 1: images must be normalised by these.  test_accuracy, valid_accuracy: 0 to 1.
    network, options, recipe, seed, epochs, train_images, test_images, command, date, hardware: how it was made.
    """
    checks.one_of("name", name, TRAINED)
    return json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
