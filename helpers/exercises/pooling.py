"""Exercises and questions of notebook 03."""

import torch
import torch.nn.functional as F

from helpers.exercises import networks
from helpers.exercises.comparing import Wrong, count
from helpers.exercises.grading import Exercise, function, value
from helpers.exercises.own_work import without
from helpers.exercises.questions import Choice, Question


def _pooled(values):
    return F.max_pool2d(values[None], 2)[0]


def _maps():
    """Three small maps to check by hand, one with an odd number of rows and one below 0, then random ones."""
    draw = torch.Generator().manual_seed(0)
    cases = [
        (torch.tensor([[1.0, 3.0, 2.0, 0.0], [5.0, 2.0, 1.0, 4.0]]),),
        (torch.tensor([[1.0, 2.0], [3.0, 0.0], [9.0, 9.0]]),),
        (torch.tensor([[-4.0, -1.0], [-3.0, -2.0]]),),
    ]
    return cases + [(torch.randn(h, w, generator=draw),) for h, w in [(4, 4), (6, 2), (5, 7), (8, 9), (3, 3)]]


_grade_max_pool = function(
    _pooled,
    _maps,
    [
        (lambda values: F.avg_pool2d(values[None], 2)[0],
         "You take the mean of each window; its largest number is wanted."),
        (lambda values: -F.max_pool2d(-values[None], 2)[0], "You take the smallest number of each window."),
        (lambda values: F.max_pool2d(values[None], 2, stride=1)[0],
         "Your windows overlap: they move by 1, not by 2."),
        (lambda values: F.max_pool2d(values[None], 2, ceil_mode=True)[0],
         "You keep a row or column that is left over: you round up. Pooling rounds down and drops it."),
        (lambda values: values[: len(values) // 2 * 2 : 2, : values.shape[1] // 2 * 2 : 2],
         "You take the upper left number of each window, not the largest."),
        (lambda values: _pooled(values).clamp(min=0),
         "Your search for the largest starts at 0, but a window may hold negative numbers only."),
        (lambda values: F.max_pool2d(values[None], (1, 2))[0],
         "Your windows are one row high: two rows belong to each."),
        (lambda values: F.max_pool2d(values[None], (2, 1))[0],
         "Your windows are one column wide: two columns belong to each."),
        (lambda values: F.max_pool2d(values[None], 2, stride=1)[0, : len(values) // 2, : values.shape[1] // 2],
         "Your windows overlap: each begins 1 further than the last, not 2. Where does window (row, column) begin?"),
    ],
    praise="With other sizes and strides it works the same way; see `arithmetic.pool2d`.",
)  # fmt: skip

PYTORCHS_OWN = tuple(
    name.format(axes)
    for axes in (1, 2, 3)
    for name in ("max_pool{}d", "max_pool{}d_with_indices", "adaptive_max_pool{}d")
)
max_pool = Exercise(
    "max_pool",
    without(PYTORCHS_OWN, _grade_max_pool),
    [
        "How many whole pairs of rows are there? `values.shape[0] // 2`.",
        "Window (row, column) begins at `values[2 * row, 2 * column]` and is 2 by 2.",
        "`values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max()`",
    ],
    """def max_pool(values):
    rows, columns = values.shape[0] // 2, values.shape[1] // 2
    pooled = torch.zeros(rows, columns)
    for row in range(rows):
        for column in range(columns):
            pooled[row, column] = values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max()
    return pooled""",
)  # fmt: skip

head_parameters = Exercise(
    "head_parameters",
    value(
        64 * 7 * 7 * 10 + 10,
        [
            (64 * 14 * 14 * 10 + 10, "You forgot the pooling: it makes 7×7 of 14×14."),
            (64 * 7 * 7 * 10, "You forgot the biases: one for each class."),
            (64 * 7 * 7 * 10 + 64, "A linear layer has one bias for each class, not for each map."),
            (7 * 7 * 10 + 10, "You forgot the 64 maps: `nn.Flatten` puts the numbers of all maps in one line."),
            (32 * 7 * 7 * 10 + 10, "You halved the maps as well. Pooling works on each map alone: 64 are left."),
            (16 * 7 * 7 * 10 + 10, "You kept a quarter of the maps as well. Pooling works on each map alone: 64 are left."),
            (64 * 7 * 14 * 10 + 10, "You halved one axis only; rows and columns are both halved."),
            (64 * 10 + 10, "That is global average pooling, one number a map. Here it is 2×2 max pooling."),
            (64 * 7 * 7 + 10, "You give each number one weight. Each of the 10 classes has a weight for every number."),
            (64 * 7 * 7, "That is how many numbers come in. Each of the 10 classes has a weight for every one."),
        ],
        praise="64 maps of 7×7 are 3,136 numbers. Without the pooling it would be four times as many.",
    ),
    [
        "What does 2×2 pooling make of 14×14? And of 64 maps?",
        "64 maps of 7×7 stand in one line. Each of the 10 classes has a weight for every number, and one bias.",
    ],
    "head_parameters = 64 * 7 * 7 * 10 + 10  # 31,370",
)  # fmt: skip

MOST = 3_000
SIZES = ((32, 32), (48, 48), (40, 56))


def _grade_model(answer):
    first, *others = [(3, *size) for size in SIZES]
    network = networks.network_in(answer, *first)
    convolutions = networks.convolutions(network, *first)
    if convolutions < 2:
        have = ["no convolution", "one convolution only"][convolutions]
        raise Wrong(f"Not yet. Your network has {have}; give it two at least.")
    parameters = networks.all_parameters(network)
    if parameters > MOST:
        raise Wrong(f"Not yet. Your network has {count(parameters, 'parameter')}; {MOST:,} are allowed.")
    networks.check_scores(network, *first)
    for shape in others:
        _check_size(network, shape)
    if networks.is_linear_between_convolutions(network, *first):
        raise Wrong("Not yet. No ReLU stands between your convolutions, so they are one larger convolution.")
    networks.check_ending(network, *first)
    return f"{count(parameters, 'parameter')}, and it takes images of any of the three sizes."


def _check_size(network, shape):
    """Raise `Wrong` where it does not take images of another size as it takes those of 32×32."""
    try:
        networks.check_scores(network, *shape)
    except Wrong as error:
        raise Wrong(
            f"Not yet. It takes 32×32, but fails on {shape[1]}×{shape[2]}: a larger image sends more numbers to the "
            "head than it takes. Pool each map to one number first, whatever the map's size."
        ) from error


model = Exercise(
    "model",
    _grade_model,
    [
        "Which pooling gives one number for each map, whatever the size of the image?",
        "End with `nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps, 10)`.",
        "A 3×3 convolution from 8 to 16 maps has 8·16·9 + 16 = 1,168 parameters. `models.count_parameters(model)` counts them all.",
    ],
    """model = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
)  # 1,562 parameters; one of many""",
)  # fmt: skip

QUESTIONS = (
    Question(
        "64 feature maps go into 2×2 max pooling. How many come out?",
        (
            Choice("16: one number of four is kept", "One number of four is kept in every map: rows and columns are halved. The maps are still 64."),
            Choice("32: pooling halves what comes in", "It halves the rows and the columns. It works on each map alone, so no map is lost."),
            Choice("64: each map is pooled alone", "Height and width shrink; the depth stays.", right=True),
        ),
    ),
    Question(
        "What does training change in a max pooling layer?",
        (
            Choice("nothing: it has no parameters", "Taking the largest number needs no weights. You choose size and stride when you build the layer.", right=True),
            Choice("which number of a window it keeps", "It always keeps the largest. Training changes the convolutions before it, and so which number is the largest."),
            Choice("how large its windows are", "The size is yours to choose when you build the layer; training does not touch it."),
        ),
    ),
    Question(
        "A network has max pooling. What is that good for when a shoe moves?",
        (
            Choice("The shoe is found anywhere, turned or not.", "Only shifts smaller than a window are forgiven, and not all. A turned shoe has other edges; pooling does not turn them back."),
            Choice("Some shifts by a pixel are forgiven.", "A window's result stays while its largest number stays and no larger one enters.", right=True),
            Choice("Nothing: pooling does no more than save work.", "It saves work, and more: the sleeve above moved left by a pixel, and its windows kept their largest numbers."),
        ),
    ),
)  # fmt: skip
