"""Exercises and questions of notebook 01."""

import torch
import torch.nn.functional as F

from helpers.exercises.comparing import Wrong, difference
from helpers.exercises.grading import Exercise, value
from helpers.exercises.questions import Choice, Question


def _one_number(row, column, number):
    kernel = torch.zeros(3, 3)
    kernel[row, column] = number
    return kernel


half = Exercise(
    "half",
    value(
        _one_number(1, 1, 0.5),
        [
            (torch.full((3, 3), 0.5), "Nine times a half adds up nine neighbours: 4.5 times as bright, and blurred."),
            (_one_number(1, 1, 1.0), "A 1 in the middle gives the picture itself, at full brightness."),
            (
                torch.full((3, 3), 0.5 / 9),
                "That is a blur at half brightness: each pixel is mixed with its neighbours.",
            ),
            (_one_number(0, 0, 0.5), "Half as bright, but moved: the number stands in a corner, not in the middle."),
        ],
    ),
    [
        "Which kernel of the first slider changes nothing?",
        "The identity has a single 1 in the middle. What if that number were smaller?",
    ],
    """half = torch.zeros(3, 3)
half[1, 1] = 0.5""",
)

parameters = Exercise(
    "parameters",
    value(
        32 * (16 * 5 * 5 + 1),
        [
            (32 * 16 * 5 * 5, "You forgot the biases: one for each kernel."),
            (32 * (5 * 5 + 1), "You forgot the depth: a kernel is as deep as its input, here 16."),
            (32 * 5 * 5, "You forgot the depth and the biases: a kernel is as deep as its input, here 16."),
            (32 * 16 * 5 * 5 + 16, "Biases belong to the kernels (32), not to the maps that come in (16)."),
            (16 * (32 * 5 * 5 + 1), "You swapped the two: 16 maps come in, 32 kernels make 32 maps."),
            (16 * 5 * 5 + 1, "That is one kernel and its bias. There are 32."),
        ],
        praise="And it stays so for pictures of any size.",
    ),
    [
        "How many numbers are in one kernel? It is as deep as its input.",
        "One kernel: 16·5·5 weights and one bias. There are 32 of them.",
    ],
    "parameters = 32 * (16 * 5 * 5 + 1)  # 12,832",
)

_ROW, _COLUMN = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
RISING, FALLING = (_ROW + _COLUMN > 8).float(), (_COLUMN > _ROW).float()  # bright on one side of a diagonal


def _strongest(kernel, picture):
    return F.conv2d(picture[None, None], kernel[None, None]).abs().max().item()


def _grade_diagonal(answer):
    found = difference(answer, torch.zeros(3, 3))
    if found is not None and "index" not in found:
        raise Wrong(f"Not yet. Your kernel {found}.")
    kernel = torch.as_tensor(answer).detach().float()
    total = kernel.sum().item()
    if abs(total) > 1e-4:
        raise Wrong(f"Not yet. Its numbers add up to {total:.3g}, so it is not silent on flat ground.")
    rising, falling = _strongest(kernel, RISING), _strongest(kernel, FALLING)
    if rising < 1e-4 and falling < 1e-4:
        raise Wrong("Not yet. It is silent on every diagonal edge.")
    if falling >= 2 * rising:
        raise Wrong("Not yet. It finds edges that fall to the right: mirror it.")
    if rising < 2 * falling:
        raise Wrong(
            f"Not yet. Rising edges get at most {rising:.3g}, falling ones {falling:.3g}: it must favour the rising "
            "ones, by twice at least."
        )
    return f"Rising edges get up to {rising:.3g}, falling ones {falling:.3g}, flat ground 0."


diagonal = Exercise(
    "diagonal",
    _grade_diagonal,
    [
        "Flat ground must give 0. What does that say of the sum of the nine numbers?",
        "Along the edge nothing changes: give equal numbers to the squares on one rising line.",
        "Negative numbers at the top left, positive ones at the bottom right, 0 on the line between.",
    ],
    """diagonal = torch.tensor([[-2.0, -1, 0], [-1, 0, 1], [0, 1, 2]])  # one of many""",
)

QUESTIONS = (
    Question(
        "A colour picture meets one 3×3 kernel. How many feature maps come out?",
        (
            Choice("one", "The kernel has a slice for each channel, and the three results are added up.", right=True),
            Choice("three, one a channel", "The results of the kernel's three slices are added up to one map. Three maps need three kernels."),
            Choice("nine, one for each number", "The nine products of each slice are added up: one number at each stop."),
        ),
    ),
    Question(
        "Your pictures become twice as wide and high. Does a layer of 5×5 kernels need more parameters?",
        (
            Choice("Yes, four times as many.", "There are four times as many stops, but the same 25 numbers (for each channel) are used at every one."),
            Choice("Yes, twice as many.", "The kernel does not grow with the picture: the same numbers are used at every stop."),
            Choice("No, just as many.", "The same numbers are used at every stop, however many stops there are.", right=True),
        ),
    ),
)  # fmt: skip
