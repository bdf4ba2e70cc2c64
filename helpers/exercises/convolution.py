"""Exercises and questions of notebook 01."""

import torch
import torch.nn.functional as F

from helpers.exercises.comparing import Wrong, difference, grid, short
from helpers.exercises.grading import Exercise, value
from helpers.exercises.questions import Choice, Question


def _one_number(row, column, number):
    kernel = torch.zeros(3, 3)
    kernel[row, column] = number
    return kernel


SLIPS_OF_HALF = [
    (torch.full((3, 3), 0.5), "Nine times a half adds up nine neighbours: 4.5 times as bright, and blurred."),
    (_one_number(1, 1, 1.0), "A 1 in the middle gives the picture itself, at full brightness."),
    (torch.full((3, 3), 0.5 / 9), "That is a blur at half brightness: each pixel is mixed with its neighbours."),
    (torch.full((3, 3), 1 / 9), "That is a blur at full brightness: each pixel is mixed with its neighbours."),
    (_one_number(1, 1, -0.5), "Half as strong, but a negative of the picture: what was bright is below 0."),
    (_one_number(1, 1, 2.0), "A 2 in the middle makes the picture twice as bright."),
]


def _grade_half(answer):
    kernel = grid(answer, (3, 3), "Your kernel")
    if difference(kernel, _one_number(1, 1, 0.5)) is None:
        return
    for slip, words in SLIPS_OF_HALF:
        if difference(kernel, slip) is None:
            raise Wrong(f"Not yet. {words}")
    total = kernel.sum().item()
    if abs(total - 0.5) > 1e-3:
        raise Wrong(
            f"Not yet. Where all pixels are 1, your kernel gives {short(total)}, the sum of its numbers; "
            "half as bright is half of 1."
        )
    if kernel[1, 1].abs() <= 1e-4:
        raise Wrong(
            "Not yet. Half as bright, but moved or blurred: each pixel comes from its neighbours, not from itself."
        )
    raise Wrong("Not yet. Flat ground gets half as bright, but elsewhere each pixel is mixed with its neighbours.")


half = Exercise(
    "half",
    _grade_half,
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
            (16 * 5 * 5, "That is one kernel, without its bias. There are 32."),
            (16 * 5 * 5 + 32, "You have 32 biases, but the weights of one kernel only: each of the 32 has 16·5·5."),
            (32 * (16 * 5 + 1), "A kernel has rows and columns: 5·5 numbers in each of its 16 slices, not 5."),
            (32 * 16 + 32, "You forgot the size of a kernel: each of its 16 slices has 5·5 numbers."),
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
    kernel = grid(answer, (3, 3), "Your kernel")
    total, largest = kernel.sum().item(), kernel.abs().max().item()
    if abs(total) > 1e-4 * largest:
        raise Wrong(f"Not yet. Its numbers add up to {short(total)}, so it is not silent on flat ground.")
    rising, falling = _strongest(kernel, RISING), _strongest(kernel, FALLING)
    if max(rising, falling) <= 1e-4 * largest:
        raise Wrong("Not yet. It is silent on every diagonal edge.")
    if falling >= 2 * rising:
        raise Wrong("Not yet. It finds edges that fall to the right; mirror it, left to right.")
    if rising < 2 * falling:
        raise Wrong(
            f"Not yet. Rising edges get at most {short(rising)}, falling ones {short(falling)}: rising ones must get "
            "at least twice as much."
        )
    return f"Rising edges get up to {short(rising)}, falling ones {short(falling)}, flat ground 0."


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
