"""Exercises and questions of notebook 07."""

import math
import random

from helpers import arithmetic
from helpers.exercises import networks
from helpers.exercises.comparing import Wrong, count
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
            (lambda n, d, f, h, w: (n * f * f + n, n * f * f * h * w), "You forgot the depth: a kernel is as deep as its input."),
            (lambda n, d, f, h, w: (d * f * f + 1, d * f * f * h * w), "That is one filter alone; there are several."),
            (lambda n, d, f, h, w: (n * d * f + n, n * d * f * h * w), "A kernel is square: size times size."),
            (lambda n, d, f, h, w: (n * d * f * f + n, n * d * f * f), "Your products are those of one stop; a filter stops once for each number of its map."),
            (lambda n, d, f, h, w: (n * d * f * f + n, (n * d * f * f + n) * h * w), "You count the biases as products; a bias is only added."),
            (lambda n, d, f, h, w: (n * d * f * f + n, d * f * f * h * w), "Your products are those of one filter; each filter makes a map of its own."),
            (lambda n, d, f, h, w: (n * d * f * f * h * w, n * d * f * f + n), "You have the two the wrong way round: parameters come first."),
            (lambda n, d, f, h, w: (n * d * f * f + n, 2 * n * d * f * f * h * w), "You count a product and its sum as two; a multiply-add is both together."),
            (lambda n, d, f, h, w: (n * d * f * f + d, n * d * f * f * h * w), "Each filter has one bias, whatever its depth."),
            (lambda n, d, f, h, w: (n * d * f * f + n, n * d * f * f * h), "A map has rows times columns numbers; you count one column."),
            (lambda n, d, f, h, w: (n * d * f * f + n, n * d * f * f * (h + w)), "A map has rows times columns numbers."),
            (lambda n, d, f, h, w: (n * d * f * f + n, n * d * f * f * h * w * d), "The depth counts once: it is in the weights already."),
        ],
        praise="The first does not depend on the size of the image, the second does.",
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
            (lambda f, n: (n - 1) // (f - 1) + 1, "Where it comes out even, you add a layer too many: before the first layer a number sees 1 pixel already, itself."),
            (lambda f, n: math.ceil(math.log(n) / math.log(f)), "You multiply the sizes; without strides the view grows by addition."),
            (lambda f, n: round((n - 1) / (f - 1)), "You round to the nearest whole number: then the last layer may not see enough. Round up."),
            (lambda f, n: n - f + 1, "You take one pixel for each further layer; it widens the view by size − 1."),
            (lambda f, n: 1 + (n - 1) * (f - 1), "That is what so many layers would see; how many layers does it take?"),
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

INPUT = (3, 32, 32)
MOST_PARAMETERS, MOST_MULTIPLY_ADDS, LEAST_FIELD = 10_000, 1_000_000, 20


def _grade_network(answer):
    network = networks.network_in(answer, *INPUT)
    networks.check_scores(network, *INPUT)
    field = networks.seen_field(network, *INPUT)
    if field is None:
        raise Wrong("Not yet. There is no convolution before the layers that see everything at once.")
    if min(field) < LEAST_FIELD:
        raise Wrong(
            f"Not yet. A number of your last convolution sees {field[0]}×{field[1]} pixels; {LEAST_FIELD}×{LEAST_FIELD} are "
            "wanted. A stride or a pooling early on widens what all later layers see."
        )
    if networks.is_linear(network, *INPUT):
        raise Wrong("Not yet. There is no ReLU or max pooling: all your layers together are one linear layer.")
    parameters, products = networks.all_parameters(network), networks.multiply_adds(network, *INPUT)
    counted = (
        f"{count(parameters, 'parameter')}, {count(products, 'multiply-add')}, receptive field {field[0]}×{field[1]}"
    )
    if parameters > MOST_PARAMETERS:
        raise Wrong(
            f"Not yet. You have {counted}: at most {MOST_PARAMETERS:,} parameters are allowed."
            f"{_dearest(network, 'parameters')}"
        )
    if products > MOST_MULTIPLY_ADDS:
        raise Wrong(
            f"Not yet. You have {counted}: at most {MOST_MULTIPLY_ADDS:,} multiply-adds are allowed."
            f"{_dearest(network, 'multiply_adds')}"
        )
    networks.check_ending(network, *INPUT)
    return f"{counted}."


def _dearest(network, what):
    """A sentence on the layer with the most parameters or multiply-adds, where the layers can be told apart."""
    try:
        rows = [row for row in arithmetic.trace_shapes(network, INPUT) if isinstance(getattr(row, what), int)]
    except ValueError:
        return ""
    dearest = max(rows, key=lambda row: getattr(row, what), default=None)
    if not dearest or not getattr(dearest, what):
        return ""
    where = f"Layer {dearest.name} ({dearest.kind})" if dearest.name else f"{dearest.kind} itself, outside its layers,"
    return f" {where} has {count(getattr(dearest, what), what.replace('_', '-').removesuffix('s'))}."


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
    seconds=20,
)  # fmt: skip

QUESTIONS = (
    Question(
        "How deep is each kernel of nn.Conv2d(64, 32, kernel_size=3)?",
        (
            Choice("32: one layer for each filter", "32 is how many kernels there are, and so how many maps come out."),
            Choice("64: as deep as what comes in", "64 maps come in, and each kernel has 3·3 weights for every one of them.", right=True),
            Choice("1: a kernel is a flat 3×3 grid", "That holds for a single grey image only. With 64 maps a kernel has 64·3·3 weights."),
        ),
    ),
    Question(
        "In place of one 5×5 convolution from 32 maps to 32 you put two of 3×3, ReLU between them. What do you get?",
        (
            Choice("The same view, fewer weights, one more ReLU.", "18 weights against 25 for each pair of maps, and both see 5×5 pixels.", right=True),
            Choice("A smaller view: 3×3 pixels in place of 5×5.", "The second kernel sees 3×3 numbers that each saw 3×3 pixels: together 5×5."),
            Choice("The same function, only cheaper.", "Without padding and ReLU the two are one 5×5 kernel, though not any you like. With ReLU they are something that no single kernel is."),
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
