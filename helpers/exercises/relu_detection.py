"""Exercises and questions of notebook 02."""

import contextlib
import math

import torch
import torch.nn.functional as F

from helpers import pixels, plots
from helpers.exercises.comparing import Wrong, difference, grid, is_number, kind, short
from helpers.exercises.grading import Exercise, function
from helpers.exercises.own_work import without
from helpers.exercises.questions import Choice, Question


def _relu(values):
    return values.clamp(min=0)


def _numbers():
    """A few numbers to check by hand, then random ones of one to four axes."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([[1.5, -2.0], [0.0, 3.0]]),), (torch.tensor([-1.0, -0.5, 400.0]),)]
    return cases + [(torch.randn(shape, generator=draw),) for shape in [(3, 4), (2, 3, 4), (8, 8), (2, 3, 5, 5)]]


_grade_my_relu = function(
    _relu,
    _numbers,
    [
        (lambda v: v.abs(), "That is the absolute value: it turns −2 into 2. ReLU turns −2 into 0."),
        (lambda v: v.clamp(max=0), "You keep what is below 0; ReLU keeps what is above."),
        (lambda v: v[v > 0], "You drop the negative numbers, so the shape changes; ReLU writes a 0 in their place."),
        (lambda v: (v > 0).float(), "You give 1 where something is above 0; ReLU keeps the number itself."),
        (lambda v: -v.clamp(max=0), "You keep what is below 0, without its sign; ReLU keeps what is above."),
    ],
    praise="The same as F.relu, for every shape that was tried.",
)  # fmt: skip

my_relu = Exercise(
    "my_relu",
    without(("relu", "relu_"), _grade_my_relu),
    [
        "`values > 0` is a tensor of True and False. In a product True counts as 1, False as 0.",
        "`torch.where(condition, this, that)` takes `this` where the condition is true, else `that`.",
    ],
    """def my_relu(values):
    return values * (values > 0)""",
)  # fmt: skip


def _dead(activations):
    return (activations.amax(dim=(0, 2, 3)) == 0).sum()


def _activations():
    """Two images and three maps to check by hand, then random ones: maps that are 0 in all, in some and in no images."""
    draw = torch.Generator().manual_seed(0)
    cases = [
        (torch.tensor([[[[0.0, 0]], [[0.0, 0]], [[1.0, 0]]], [[[0.0, 0]], [[0.0, 2]], [[0.0, 3]]]]),),
        (_barely_alive(),),
    ]
    for images, maps, side in [(2, 4, 2), (3, 5, 4), (6, 8, 3), (10, 16, 5), (20, 32, 4)]:
        values = torch.randn(images, maps, side, side, generator=draw).relu()
        values *= torch.rand(1, maps, 1, 1, generator=draw) < 0.6  # 0 in all images
        values *= torch.rand(images, maps, 1, 1, generator=draw) < 0.6  # 0 in this image
        cases.append((values,))
    return cases


def _barely_alive():
    """Two images, seven maps: 0 everywhere, never above 0.0001, never above 0.005, a plain one, and three that are constant.

    There are more constant ones than nearly dead ones, so that whoever counts the first is told apart from the second.
    """
    maps = torch.zeros(2, 7, 3, 3)
    maps[0, 1, 1, 1], maps[1, 2, 0, 2], maps[1, 3, 2, 0] = 0.0001, 0.005, 3
    maps[:, 4], maps[:, 5], maps[:, 6] = 1, 1, 2
    return maps


dead = Exercise(
    "dead",
    function(
        _dead,
        _activations,
        [
            (lambda a: (a.amax(dim=(0, 2, 3)) == 0).double().mean(), "That is their share; the count is wanted."),
            (lambda a: (a[0].amax(dim=(1, 2)) == 0).sum(), "You look at the first image only."),
            (lambda a: (a.amax(dim=(2, 3)) == 0).any(dim=0).sum(),
             "You count the maps that are 0 in some image; a dead one is 0 in every image."),
            (lambda a: (a.amax(dim=(2, 3)) == 0).sum(),
             "You count a map once for each image in which it is 0; count it once, and only if it is 0 in all."),
            (lambda a: (a == 0).sum(), "You count the zeros; count the maps that hold nothing but zeros."),
            (lambda a: (a.amax(dim=(0, 2, 3)) > 0).sum(), "Those are the maps that live; count the others."),
            *[(lambda a, limit=limit: (a.amax(dim=(0, 2, 3)) < limit).sum(),
               "A map that is almost 0 lives; a dead one is 0 itself, everywhere.") for limit in (0.001, 0.01)],
            (lambda a: (a.std(dim=(0, 2, 3)) == 0).sum(),
             "A map that is 1 everywhere lives, although nothing in it varies; a dead one is 0 everywhere."),
            (lambda a: (a.amin(dim=(0, 2, 3)) == 0).sum(),
             "You count the maps that hold a 0 somewhere; a dead one holds nothing else."),
            (lambda a: (a.amax(dim=(1, 2, 3)) == 0).sum(), "You count images; the maps are on axis 1."),
        ],
    ),
    [
        "What is the maximum of a map that is 0 everywhere? After ReLU nothing is below 0.",
        "`activations[:, 0]` is the first map, in all images. `activations.shape[1]` is the number of maps.",
        "`activations.amax(dim=(0, 2, 3))` is each map's maximum over images, rows and columns.",
    ],
    """def dead(activations):
    return (activations.amax(dim=(0, 2, 3)) == 0).sum()""",
)  # fmt: skip


SIDE, FIRES = 18, 1e-5  # pixels of a test image; what counts as above 0, rounding aside
OTHER_CORNERS = ("upper right", "lower left", "lower right")


def _squares():
    """(top, left, size) of white squares, of several sizes and places, 3 pixels or more from the image's border.

    None is smaller than 4, so that no window holds two of its corners.
    """
    draw = torch.Generator().manual_seed(0)
    squares = [(6, 6, 5)]
    for size in [4, 5, 6, 7, 8, 9, 12]:
        top, left = torch.randint(3, SIDE - 3 - size + 1, (2,), generator=draw).tolist()
        squares.append((top, left, size))
    return squares


def _stops_on(*dots):
    """The stops, (16, 16), whose 3×3 window holds one of the pixels (row, column)."""
    image = torch.zeros(1, 1, SIDE, SIDE)
    for row, column in dots:
        image[0, 0, row, column] = 1
    return F.max_pool2d(image, 3, stride=1)[0, 0] > 0


def _answers_to(kernel, bias, top, left, size):
    """The largest number, before ReLU, at each kind of stop."""
    image = torch.zeros(1, 1, SIDE, SIDE)
    image[:, :, top : top + size, left : left + size] = 1
    answers = F.conv2d(image, kernel[None, None])[0, 0] + bias
    white = F.avg_pool2d(image, 3, stride=1)[0, 0]  # which share of the window is white
    bottom, right = top + size - 1, left + size - 1
    stops = {
        "upper left": _stops_on((top, left)),
        "upper right": _stops_on((top, right)),
        "lower left": _stops_on((bottom, left)),
        "lower right": _stops_on((bottom, right)),
        "black": white < 0.01,
        "white": (white > 0.99) & ~_stops_on((top, left), (top, right), (bottom, left), (bottom, right)),
    }
    stops["edge"] = ~torch.stack(list(stops.values())).any(dim=0)
    return {name: answers[where].max().item() if where.any() else -torch.inf for name, where in stops.items()}


def _pair(answer):
    """The kernel (3, 3) and the bias, a float, of an answer.  Raises `Wrong` for what is no such pair."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:  # a tensor cannot hold both
        raise Wrong(f"A pair (kernel, bias) is wanted, such as (torch.zeros(3, 3), 0.0); you gave {kind(answer)}.")
    kernel, bias = grid(answer[0], (3, 3), "Your kernel"), answer[1]
    if not is_number(bias):
        raise Wrong(f"Not yet. Your bias {difference(bias, 0.0)}.")
    bias = float(bias)
    if not math.isfinite(bias):
        raise Wrong(f"Not yet. Your bias is {short(bias)}, which is not a finite number.")
    return kernel, bias


def _grade_corner(answer):
    kernel, bias = _pair(answer)
    tried = [(size, _answers_to(kernel, bias, top, left, size)) for top, left, size in _squares()]
    for size, most in tried:
        _check_stops(most, f"With a square of {size}×{size} pixels")
    return f"{len(tried)} squares tried: it fires at the upper left corner of each, and nowhere else."


def show_corner(answer=None):
    """Draw what `corner` is to do on one white square and, where the answer is a pair (kernel, bias), what it does."""
    image, wanted = torch.zeros(8, 8), torch.zeros(6, 6)
    image[2:6, 3:7] = 1
    wanted[0:3, 1:4] = torch.nan
    panels = [pixels.number_grid(image, window=(2, 3, 1, 1)), pixels.number_grid(wanted, shade="plain")]
    captions = [
        "image: the corner to be found\nis framed",
        "the map after ReLU: above 0 in\nat least one of the empty squares",
    ]
    alt = "An image of 8×8 numbers, 0 but for a square of 1. The 6×6 map wanted: 0, except for 3×3 squares left empty."
    with contextlib.suppress(Wrong):
        kernel, bias = _pair(answer)
        yours = F.relu(F.conv2d(image[None, None], kernel[None, None])[0, 0] + bias)
        panels.append(pixels.number_grid(yours, shade="signed", digits=0 if (yours == yours.round()).all() else 1))
        captions.append("what yours makes of it")
        alt += f" Yours: {[[round(number, 1) for number in row] for row in yours.tolist()]}."
    plots.show(pixels.row(panels, captions, ["→", ""]), alt)


def _check_stops(most, where):
    """Raise `Wrong` where it fires elsewhere than at the upper left corner, or not there."""
    corner = most["upper left"]
    if max(most.values()) <= FIRES:
        raise Wrong("Not yet. It is silent everywhere: no number is above 0. Is the bias too low?")
    if most["black"] > FIRES:
        raise Wrong(
            "Not yet. It fires on flat ground, where all is black: there only the bias is left, and it is above 0."
        )
    if most["white"] > FIRES:
        raise Wrong(
            "Not yet. It fires on flat ground inside the square: there the sum of the kernel plus the bias is above 0."
        )
    edge, other = most["edge"], max(OTHER_CORNERS, key=most.get)
    if edge > FIRES and corner > edge + FIRES:
        raise Wrong(
            f"Not yet. {where} it fires along an edge too, up to {short(edge)}; at the corner it gives {short(corner)}. "
            "The bias must be lower."
        )
    if edge > FIRES and edge > most[other] - FIRES:
        raise Wrong(
            f"Not yet. {where} it finds an edge, not a corner: the edge gets {short(edge)}, the corner {short(corner)}, and no bias "
            "can change that order. The kernel must look for black above *and* on the left."
        )
    if most[other] > FIRES and most[other] > corner + FIRES:
        raise Wrong(f"Not yet. {where} it answers most strongly at the {other} corner: mirror the kernel.")
    if most[other] > FIRES and corner > most[other] + FIRES:
        raise Wrong(f"Not yet. {where} it fires at the {other} corner too, but less strongly: the bias must be lower.")
    if most[other] > FIRES:
        raise Wrong(
            f"Not yet. {where} it fires at the {other} corner too, just as strongly: the kernel must tell them apart."
        )


corner = Exercise(
    "corner",
    _grade_corner,
    [
        "Lay the middle of the window on the corner pixel. Which four of the nine pixels are white?",
        "Give those four a positive number, and the five black ones a negative number.",
        "At the corner such a kernel gives 4, along an edge at most 2. Which threshold lies between? The bias is its negative.",
    ],
    """kernel = torch.tensor([[-1.0, -1, -1], [-1, 1, 1], [-1, 1, 1]])
corner = (kernel, -3.0)  # one of many""",
)  # fmt: skip

QUESTIONS = (
    Question(
        "How many numbers of a ReLU layer does training change?",
        (
            Choice("one for each map: its threshold", "The threshold is a bias, and that belongs to the convolution before it. ReLU always cuts at 0."),
            Choice("none: nothing in it is learned", "ReLU is a fixed function, max(0, x). Training changes the numbers that go into it.", right=True),
            Choice("one for each number of the map", "ReLU treats all numbers alike, and it has nothing to train."),
        ),
    ),
    Question(
        "Ten 3×3 convolutions in a row, no padding, nothing in between. What can they do?",
        (
            Choice("more than any single kernel: ten layers are deep", "Without a bend, depth only enlarges the kernel. Two of them are one 5×5 kernel, ten are one 21×21 kernel."),
            Choice("what ten kernels side by side can do", "Side by side, ten kernels give ten maps. In a row they give one, that of a single 21×21 kernel."),
            Choice("no more than one 21×21 kernel", "Each further layer adds 2 pixels to the one kernel: 3, 5, 7, … 21.", right=True),
        ),
    ),
    Question(
        "After ReLU, a feature map holds a 0 at one place. What follows?",
        (
            Choice("The kernel did not find its pattern there.", "Its sum plus the bias was 0 or below. The image may be bright or dark there.", right=True),
            Choice("The image is black there.", "A bright, flat place gives an edge kernel a 0 as well. And on black, a bias above 0 is what is left."),
            Choice("The map is dead.", "A dead map is 0 everywhere, for every image. Single zeros are ReLU's normal work."),
        ),
    ),
)  # fmt: skip
