"""Exercises and questions of notebook 07."""

import copy
import math
import random

import torch
from torch import nn

from helpers import arithmetic
from helpers.exercises.comparing import Wrong, kind
from helpers.exercises.grading import Exercise, function
from helpers.exercises.questions import Choice, Question


def _costs(filters, depth, size, rows, columns):
    weights = filters * depth * size * size
    return weights + filters, weights * rows * columns


def _layers():
    """One to check by hand, then others in which no two numbers are alike."""
    cases = [(2, 1, 3, 4, 5), (1, 3, 5, 2, 7), (8, 3, 3, 28, 26)]
    draw = random.Random(0)
    return cases + [tuple(draw.sample(range(2, 40), 5)) for _ in range(6)]


costs = Exercise(
    "costs",
    function(
        _costs,
        _layers,
        [
            (lambda n, d, f, h, w: (n * d * f * f, n * d * f * f * h * w), "You forgot the biases: one for each filter."),
            (lambda n, d, f, h, w: (n * d * f * f + 1, n * d * f * f * h * w), "Every filter has a bias of its own."),
            (lambda n, d, f, h, w: (n * f * f + n, n * f * f * h * w), "You forgot the depth: a filter has a flat kernel for each of its input's maps."),
            (lambda n, d, f, h, w: (d * f * f + 1, d * f * f * h * w), "That is one filter alone; there are several."),
            (lambda n, d, f, h, w: (n * d * f + n, n * d * f * h * w), "A kernel is square: size times size."),
            (lambda n, d, f, h, w: (n * d * f * f + n, n * d * f * f), "Your products are those of one stop; a filter stops once for each number of its map."),
            (lambda n, d, f, h, w: (n * d * f * f + n, (n * d * f * f + n) * h * w), "You count the biases as products; a bias is only added."),
            (lambda n, d, f, h, w: (n * d * f * f + n, d * f * f * h * w), "Your products are those of one filter; each filter makes a map of its own."),
            (lambda n, d, f, h, w: (n * d * f * f * h * w, n * d * f * f + n), "You have the two the wrong way round: parameters come first."),
        ],
        praise="The first does not depend on the size of the picture, the second does.",
    ),
    [
        "How many numbers has one filter, through its whole depth? And how many filters are there?",
        "Each number of the maps costs one product for every weight of its filter. How many numbers has a map?",
        "`weights = filters * depth * size * size`. The biases are parameters, but no products.",
    ],
    """def costs(filters, depth, size, rows, columns):
    weights = filters * depth * size * size
    return weights + filters, weights * rows * columns""",
)  # fmt: skip


def _how_many(size, wanted):
    return math.ceil((wanted - 1) / (size - 1))


def _fields():
    """Some to check by hand, then random ones; in about half of them the last layer sees more than is wanted."""
    cases = [(3, 5), (3, 7), (5, 9), (3, 3), (3, 6), (5, 6)]
    draw = random.Random(0)
    while len(cases) < 30:
        size = draw.randint(2, 9)
        cases.append((size, draw.randint(size, 60)))
    return cases


how_many = Exercise(
    "how_many",
    function(
        _how_many,
        _fields,
        [
            (lambda f, n: math.ceil(n / f), "You add up whole windows, but they overlap: another layer widens the view by size − 1 only."),
            (lambda f, n: n // f, "You add up whole windows, but they overlap: another layer widens the view by size − 1 only."),
            (lambda f, n: (n - 1) // (f - 1), "You round down: then the last layer does not see enough. Round up."),
            (lambda f, n: (n - 1) / (f - 1), "Layers are whole: round up, with `math.ceil`."),
            (lambda f, n: math.ceil((n - f) / (f - 1)), "You forgot the first layer, which sees size×size pixels."),
            (lambda f, n: (n - 1) // (f - 1) + 1, "Where it comes out even, you add a layer too many."),
            (lambda f, n: math.ceil(n / (f - 1)), "Before the first layer a number sees 1 pixel, itself, not 0: take that one off."),
            (lambda f, n: math.ceil(math.log(n) / math.log(f)), "You multiply the sizes; without strides the view grows by addition."),
        ],
        praise="With strides or pooling in between it takes fewer: `arithmetic.receptive_field` counts those, too.",
    ),
    [
        "One 3×3 layer sees 3 pixels, two see 5, three see 7. What does each layer add?",
        "Without any layer a number sees 1 pixel, itself. How much is left to be added?",
        "`math.ceil((wanted - 1) / (size - 1))`; `import math` first.",
    ],
    """import math


def how_many(size, wanted):
    return math.ceil((wanted - 1) / (size - 1))""",
)  # fmt: skip

INPUT, SCORES = (3, 32, 32), 10
MOST_PARAMETERS, MOST_MULTIPLY_ADDS, LEAST_FIELD = 10_000, 1_000_000, 20
SEES_ALL = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten, nn.Linear)


def _grade_network(answer):
    if isinstance(answer, (list, tuple)):
        raise Wrong("Not yet. Those are layers in a list; put them into nn.Sequential(layer, layer, …).")
    if not isinstance(answer, nn.Module):
        raise Wrong(f"A network is wanted, such as nn.Sequential(…); you gave {kind(answer)}.")
    network = copy.deepcopy(answer).cpu().eval()  # the learner's own stays as it is
    try:
        trace = arithmetic.trace_shapes(network, INPUT)
    except ValueError as error:
        raise Wrong(f"Not yet. A picture of 3×32×32 does not get through: {str(error).rstrip('.')}.") from error
    if trace[-1].output_shape != (SCORES,):
        raise Wrong(f"Not yet. Your network ends in {trace[-1].output_shape}; wanted are {SCORES} scores.")
    field = _field_of_last_convolution(network, trace)
    if field < LEAST_FIELD:
        raise Wrong(
            f"Not yet. A number of your last convolution sees {field}×{field} pixels; {LEAST_FIELD}×{LEAST_FIELD} are "
            "wanted. A stride or a pooling early on widens what all later layers see."
        )
    _check_bends(network)
    parameters, products = sum(row.parameters for row in trace), sum(row.multiply_adds for row in trace)
    counted = f"{parameters:,} parameters, {products:,} multiply-adds, receptive field {field}×{field}"
    if parameters > MOST_PARAMETERS:
        dearest = max(trace, key=lambda row: row.parameters)
        raise Wrong(
            f"Not yet. You have {counted}: at most {MOST_PARAMETERS:,} parameters are allowed. Layer {dearest.name} "
            f"({dearest.kind}) has {dearest.parameters:,} of them."
        )
    if products > MOST_MULTIPLY_ADDS:
        dearest = max(trace, key=lambda row: row.multiply_adds)
        raise Wrong(
            f"Not yet. You have {counted}: at most {MOST_MULTIPLY_ADDS:,} multiply-adds are allowed. Layer "
            f"{dearest.name} ({dearest.kind}) needs {dearest.multiply_adds:,} of them."
        )
    return f"{counted}."


def _field_of_last_convolution(network, trace):
    """How many pixels, along one axis, a number sees in the last convolution before a layer that sees everything."""
    layers = [network.get_submodule(row.name) for row in trace]
    head = next((place for place, layer in enumerate(layers) if isinstance(layer, SEES_ALL)), len(layers))
    places = [place for place, layer in enumerate(layers[:head]) if isinstance(layer, nn.Conv2d)]
    if not places:
        raise Wrong("Not yet. There is no nn.Conv2d before the layers that see everything at once.")
    try:
        return arithmetic.receptive_field(layers[: places[-1] + 1])[-1].size
    except ValueError as error:
        raise Wrong(f"Not yet. The receptive field cannot be counted: {str(error).rstrip('.')}.") from error


def _check_bends(network):
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        one, two = torch.randn(2, 1, *INPUT, generator=draw)
        black = network(0 * one)
        bend = network(one + two) + black - network(one) - network(two)  # 0 where all layers together are one
        if bend.abs().max() <= 1e-3 * (network(one) - black).abs().max():
            raise Wrong("Not yet. There is no ReLU or max pooling: all your layers together are one linear layer.")


network = Exercise(
    "network",
    _grade_network,
    [
        "`print(arithmetic.trace_shapes(network, (3, 32, 32)))` shows which layer costs what.",
        "Multiply-adds are weights times numbers of a map. So make the maps small early: stride 2 in the first layer.",
        "After stride 2 and 2×2 pooling each 3×3 convolution widens the view by 8 pixels.",
        "End with `nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps, 10)`.",
    ],
    """network = nn.Sequential(
    nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
)  # 8,506 parameters, 749,888 multiply-adds, receptive field 23×23; one of many""",
)  # fmt: skip

QUESTIONS = (
    Question(
        "How deep is each kernel of nn.Conv2d(64, 32, kernel_size=3)?",
        (
            Choice("32: one layer for each filter", "32 is how many kernels there are, and so how many maps come out."),
            Choice("64: as deep as what comes in", "64 maps come in, and each kernel has 3·3 weights for every one of them.", right=True),
            Choice("1: a kernel is a flat 3×3 grid", "That holds for a single grey picture only. With 64 maps a kernel has 64·3·3 weights."),
        ),
    ),
    Question(
        "In place of one 5×5 convolution you put two of 3×3, ReLU between them, with as many maps. What do you get?",
        (
            Choice("The same view, fewer weights, one more ReLU.", "18 weights against 25 for each pair of maps, and both see 5×5 pixels.", right=True),
            Choice("A smaller view: 3×3 pixels in place of 5×5.", "The second kernel sees 3×3 numbers that each saw 3×3 pixels: together 5×5."),
            Choice("The same function, only cheaper.", "Without ReLU between them the two are one 5×5 kernel, though not any you like. With ReLU they are something that no single kernel is."),
        ),
    ),
    Question(
        "Network A is 0.3 points ahead of B on average; the 95 % interval goes from −0.2 to +0.8. What may you say?",
        (
            Choice("A is better: its mean is higher.", "The interval holds 0: seeds alone could make this much of a difference."),
            Choice("A and B are equally good.", "That is not shown either: A may be 0.8 points better, for all you know, or 0.2 worse."),
            Choice("These runs do not show which is better.", "More seeds would make the interval narrower.", right=True),
        ),
    ),
)  # fmt: skip
