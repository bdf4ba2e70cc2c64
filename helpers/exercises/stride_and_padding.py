"""Exercises and questions of notebook 04."""

import contextlib
import random

import numpy as np
import torch

from helpers import arithmetic
from helpers.exercises.comparing import Wrong, count, is_number, kind
from helpers.exercises.grading import Exercise, function, value
from helpers.exercises.questions import Choice, Question


def _true_size(n, f, stride, padding):
    return (n + 2 * padding - f) // stride + 1


def _windows():
    """Settings in which the window fits: one setting changed after the other, then random ones."""
    cases = [(7, 3, 1, 0), (7, 3, 2, 0), (7, 3, 3, 0), (7, 3, 1, 1), (8, 3, 2, 1)]
    draw = random.Random(0)
    while len(cases) < 60:
        n, f, stride, padding = draw.randint(4, 64), draw.randint(1, 7), draw.randint(1, 4), draw.randint(0, 3)
        if f <= n + 2 * padding:
            cases.append((n, f, stride, padding))
    return cases


output_size = Exercise(
    "output_size",
    function(
        _true_size,
        _windows,
        [
            (lambda n, f, stride, padding: (n - f) // stride + 1, "You forgot the padding."),
            (
                lambda n, f, stride, padding: (n + padding - f) // stride + 1,
                "You counted the padding once; it stands on both sides.",
            ),
            (
                lambda n, f, stride, padding: (n + 2 * padding - f) // stride,
                "You count the steps, which is one less than the stops: the first stop needs no step.",
            ),
            (
                lambda n, f, stride, padding: -(-(n + 2 * padding - f) // stride) + 1,
                "You round up: the last window sticks out. A stop that does not fit is none: round down.",
            ),
            (
                lambda n, f, stride, padding: round((n + 2 * padding - f) / stride) + 1,
                "You round to the nearest whole number. A step that does not fit is none: round down.",
            ),
            (
                lambda n, f, stride, padding: int((n + 2 * padding - f) / stride + 0.5) + 1,
                "You round to the nearest whole number. Part of a step is no step: round down.",
            ),
            (
                lambda n, f, stride, padding: (n + 2 * padding - f) / stride + 1,
                "Rows are whole: a part of a step is no stop. Round down, with // in place of /.",
            ),
            (
                lambda n, f, stride, padding: n + 2 * padding - f + 1,
                "You forgot the stride: that is the case of stride 1.",
            ),
            (lambda n, f, stride, padding: n - f + 1, "You forgot the stride and the padding."),
            (
                lambda n, f, stride, padding: (n + 2 * padding - f + 1) // stride,
                "The + 1 is the first stop: add it after the division, not before.",
            ),
            (
                lambda n, f, stride, padding: n + 2 * padding - f // stride + 1,
                "Python divides before it subtracts: put n + 2·padding − f in brackets.",
            ),
            (
                lambda n, f, stride, padding: (n + 2 * padding) // stride - f + 1,
                "Take f off before you divide: the room for the window is n + 2·padding − f.",
            ),
            (
                lambda n, f, stride, padding: (n + 2 * padding) // stride,
                "You forgot the kernel: the window must fit, so its f numbers leave less room.",
            ),
            (
                lambda n, f, stride, padding: (n + 2 * padding - f - 1) // stride + 1,
                "You took 1 too much away. In the notebook's formula the window reaches over d(f − 1) + 1 numbers; "
                "without gaps that is f.",
            ),
            (lambda n, f, stride, padding: n // stride, "That is the stride alone: kernel and padding count as well."),
            (lambda n, f, stride, padding: n, "That is the size before the layer."),
        ],
        praise="It is what `arithmetic.output_size` computes for windows without gaps.",
    ),
    [
        "How long is the line with padding at both ends? How much room is left to the right of the first stop?",
        "Each further stop uses up `stride` numbers of that room. `//` divides and rounds down.",
        "Do not forget the first stop itself.",
    ],
    """def output_size(n, f, stride, padding):
    room = n + 2 * padding - f  # to the right of the first stop
    return room // stride + 1""",
)

in_features = Exercise(
    "in_features",
    value(
        32 * 7 * 7,
        [
            ((32, 7, 7), "That is the shape of the maps; `nn.Linear` wants to know how many numbers they hold."),
            ((1, 32 * 7 * 7), "That is the shape behind `nn.Flatten`; its second number is the answer."),
            (7, "That is how many rows the maps have; all their numbers are wanted."),
            (7 * 7, "You forgot the channels: there are 32 maps of that size."),
            (32, "That is the number of maps; each of them holds many numbers."),
            (32 * 7, "Each map has rows and columns: 7·7 numbers, not 7."),
            (16 * 7 * 7, "16 maps go into the second convolution; its 32 kernels make 32."),
            (3 * 7 * 7, "3 channels go into the network; the second convolution makes 32 maps."),
            (32 * 15 * 15, "You forgot the pooling: it makes 16×16 of 32×32."),
            (
                32 * 6 * 6,
                "6×6 is one too few: did you forget the padding of the first convolution, or the + 1 of the formula?",
            ),
            (32 * 7.5 * 7.5, "You forgot the floor: 13 / 2 = 6.5 is rounded down, as half a step is no stop."),
            (
                32 * 8 * 8,
                "Stride 2 does not just halve: a 3×3 window on 16 pixels without padding has (16 − 3) / 2 = 6.5 steps, "
                "rounded down.",
            ),
            (32 * 14 * 14, "You forgot the stride of the second convolution."),
            (
                32 * 16 * 16,
                "You forgot that the second convolution has stride 2 and no padding: 16 pixels become fewer.",
            ),
            (16 * 16 * 16, "That is what goes into the second convolution; what comes out of it?"),
            (32 * 32 * 32, "That is 32 maps of the size of the image: pooling and stride make them smaller."),
            (3 * 32 * 32, "That is the image itself; the layers make other maps of it."),
            (10, "10 numbers come out of the linear layer; how many go in?"),
            (10 * 32 * 7 * 7, "That is the number of weights in the linear layer; how many numbers go in?"),
        ],
        praise="32·7·7: 32 maps of 7×7.",
    ),
    [
        "Go layer by layer. How many rows are left after the first convolution, and after the pooling?",
        "16 rows go into the second convolution: f = 3, stride 2, no padding. Mind the floor.",
        "The numbers in line are maps times rows times columns. How many maps come out of the second convolution?",
    ],
    "in_features = 32 * 7 * 7  # 32 → 32 → 16 → 7 rows; 1568 numbers",
)

START, END, MOST_LAYERS, LARGEST = 64, 8, 4, 7


def _as_triples(answer):
    """The layers as triples of ints; raises `Wrong` where they are none."""
    answer = _as_list(answer)
    if not isinstance(answer, (list, tuple)):
        raise Wrong(f"A list of triples is wanted, such as [(7, 1, 0), (5, 1, 2)]; you gave {kind(answer)}.")
    if len(answer) == 3 and all(map(is_number, answer)):
        raise Wrong("Not yet. That is one layer, not a list of layers: put square brackets around it.")
    triples = [_as_triple(layer, number) for number, layer in enumerate(answer, start=1)]
    if len(triples) > MOST_LAYERS:
        raise Wrong(f"Not yet. You have {len(triples)} layers; at most {MOST_LAYERS} are allowed.")
    return triples


def _as_list(answer):
    """A tensor or an array as lists of its numbers; anything else as it is."""
    if isinstance(answer, (np.ndarray, torch.Tensor)):
        with contextlib.suppress(RuntimeError):  # one without plain numbers, such as a sparse one: `kind` names it
            return answer.tolist()
    return answer


def _as_triple(layer, number):
    layer = _as_list(layer)
    if not isinstance(layer, (list, tuple)):
        shown = kind(layer)
    elif len(layer) == 3 and all(is_number(n) and float(n).is_integer() for n in layer):
        return tuple(map(int, layer))
    else:
        shown = f"({', '.join(map(kind, layer[:6]))})"
    raise Wrong(
        f"Not yet. Layer {number} is {shown}; each layer must be three whole numbers in brackets: "
        "(kernel size, stride, padding)."
    )


def _grade_layers(answer):
    sizes, triples = [START], _as_triples(answer)
    for number, (f, stride, padding) in enumerate(triples, start=1):
        n, layer = sizes[-1], f"Layer {number}, {(f, stride, padding)},"
        if f % 2 == 0:
            raise Wrong(f"Not yet. {layer} has an even kernel; only odd ones are allowed.")
        try:
            size = arithmetic.output_size(n, f, stride, padding)
        except ValueError as error:
            raise Wrong(f"Not yet. {layer} cannot work on {n} pixels: {error}.") from error
        if f > LARGEST:
            raise Wrong(f"Not yet. {layer} has a kernel larger than {LARGEST}.")
        if stride > f:
            raise Wrong(f"Not yet. {layer} has a stride longer than its kernel: it skips pixels between its stops.")
        dropped = (n + 2 * padding - f) % stride
        if dropped:
            raise Wrong(
                f"Not yet. {layer} makes {size} of {n}, but drops {count(dropped, 'row')}: "
                f"{n} + 2·{padding} − {f} = {n + 2 * padding - f} cannot be divided by {stride} without a remainder."
            )
        sizes.append(size)
    way = " → ".join(map(str, sizes))
    if sizes[-1] != END:
        raise Wrong(f"Not yet. Nothing is dropped, but the way is {way}: it must end at {END}.")
    field = arithmetic.receptive_field(triples)[-1].size
    beyond = f" (more than the {START} that there are: the rest is padding)" if field > START else ""
    return (
        f"{way}, and nothing is dropped. Each of the last {END} numbers has a receptive field of "
        f"{count(field, 'pixel')}{beyond}."
    )


layers = Exercise(
    "layers",
    _grade_layers,
    [
        "Try halving three times with (3, 2, 1), and read what the check says.",
        "64 is even and every kernel is odd. Is `n + 2p − f` even or odd then? Which strides can divide it?",
        "A stride of 3 divides 64 + 2·1 − 3 = 63. How many pixels come out, and what can follow?",
    ],
    """layers = [(3, 3, 1), (3, 3, 1)]  # one of many: 64 → 22 → 8
# [(7, 7, 3), (3, 1, 0)] goes 64 → 10 → 8. With odd kernels an even size stays even,
# and an even stride always drops something.""",
)

QUESTIONS = (
    Question(
        "A layer pads the image of a boot by 2. What happens to the boot?",
        (
            Choice("It gets larger, as the grid does.", "The grid grows by 4 rows and 4 columns, but these hold zeros. The boot covers as many pixels as before."),
            Choice("It is squeezed to make room for the frame.", "Nothing is resized: no pixel of the image changes. The frame is laid around it."),
            Choice("Nothing: only zeros are added around it.", "The window can stop at more places. What it sees there is zeros and the image's own pixels.", right=True),
        ),
    ),
    Question(
        "nn.Conv2d(16, 32, 3, stride=2, padding=1) gets maps of 28×28. What size comes out?",
        (
            Choice("28×28: for a 3×3 kernel, padding 1 keeps the size.", "Only with stride 1. With stride 2 the window leaves out every second of those 28 stops."),
            Choice("14×14: the first stop, and 13 steps from there.", "The room is 28 + 2 − 3 = 27. Divided by 2 that is 13.5, rounded down 13 steps; with the first stop, 14.", right=True),
            Choice("13×13: 27 / 2 = 13.5, which is rounded down.", "13 is the number of steps. The first stop needs no step: 13 + 1 = 14."),
        ),
    ),
    Question(
        "Two 3×3 convolutions follow each other; the first has stride 2. How many pixels does a number of the second layer see?",
        (
            Choice("5×5: each of the two adds 2.", "So it is with stride 1. After a stride of 2, the numbers of the first layer lie two pixels apart: the second adds 2·2."),
            Choice("7×7: the first adds 2, and the second 4.", "1 + 2·1 = 3 after the first, 3 + 2·2 = 7 after the second: two more numbers, each two pixels further on.", right=True),
            Choice("9×9: the second sees three times three pixels.", "The three fields of 3 pixels begin only two pixels apart, so they overlap. Side by side, with stride 3, they would make 9."),
        ),
    ),
)  # fmt: skip
