"""Exercises and questions of notebook 01."""

import torch
import torch.nn.functional as F

from helpers.exercises.comparing import Wrong, grid, short
from helpers.exercises.grading import Exercise, function, value
from helpers.exercises.own_work import without
from helpers.exercises.questions import Choice, Question


def _map_of(image, kernel, **settings):
    return F.conv2d(image[None, None], kernel[None, None], **settings)[0, 0]


def _convolved(image, kernel):
    return _map_of(image, kernel)


def _windows(image, f):
    """What lies under the kernel at each stop: (rows of stops, columns of stops, f, f)."""
    return image.unfold(0, f, 1).unfold(1, f, 1)


def _filled_only(image, kernel, rows, columns):
    """The map with zeros outside of these rows and columns."""
    values = _map_of(image, kernel)
    result = torch.zeros_like(values)
    result[rows, columns] = values[rows, columns]
    return result


def _added_on(image, kernel):
    values = _map_of(image, kernel)
    return values.flatten().cumsum(0).view_as(values)


SLIPS_OF_CONVOLVE = [
    (lambda image, kernel: _map_of(image, kernel.flip(0, 1)),
     "You turn the kernel by 180°, as mathematics books do; here it is laid on as it is."),
    (lambda image, kernel: _map_of(image, kernel.flip(1)), "You mirror the kernel, left to right."),
    (lambda image, kernel: _map_of(image, kernel.flip(0)), "You mirror the kernel, top to bottom."),
    (lambda image, kernel: _map_of(image, kernel.T), "You lay the kernel on with its rows and columns swapped."),
    (lambda image, kernel: _map_of(image, kernel).T,
     "Rows and columns are swapped: it is `image[rows, columns]` and `result[row, column]`, rows first."),
    (lambda image, kernel: _map_of(image, kernel)[:-1, :-1],
     "You leave out the last row and the last column of stops: that many steps make one stop more."),
    (lambda image, kernel: _filled_only(image, kernel, slice(-1), slice(-1)),
     "Your last row and last column of stops stay 0: there is one stop more than there are steps."),
    (lambda image, kernel: F.pad(_map_of(image, kernel), (0, 1, 0, 1)),
     "Your result has a row and a column too many, which no stop fills."),
    (lambda image, kernel: F.pad(_map_of(image, kernel), (0, len(kernel) - 1, 0, len(kernel) - 1)),
     "Your result is as large as the image, but the window has fewer stops than the image has pixels: it must fit in."),
    (lambda image, kernel: _map_of(F.pad(image, (0, len(kernel) - 1, 0, len(kernel) - 1)), kernel),
     "You let the window stick out on the right and below. All of it must lie on the image."),
    (lambda image, kernel: _map_of(image, kernel, padding=len(kernel) // 2),
     "You let the window stick out over the edge of the image. All of it must lie on the image."),
    (lambda image, kernel: _map_of(image, kernel)[0, 0],
     "That is one stop only, the first; a number for each stop is wanted."),
    (lambda image, kernel: torch.full_like(_map_of(image, kernel), _map_of(image, kernel)[0, 0]),
     "Your window does not move: every stop gets the number of the first. It must begin at (row, column)."),
    (lambda image, kernel: _filled_only(image, kernel, slice(1), slice(1)),
     "Only the first stop is filled. Does `return` stand inside the loops?"),
    (lambda image, kernel: _filled_only(image, kernel, slice(1), slice(None)),
     "Only the first row of stops is filled. Does `return` stand inside a loop?"),
    (lambda image, kernel: _map_of(image, kernel).diag().diag(),
     "Only the stops on the diagonal are filled: for each row, go through all columns, in a loop within the loop."),
    (lambda image, kernel: image[len(kernel) - 1 :, len(kernel) - 1 :] * kernel[-1, -1],
     "You keep the last of the products at each stop: add all of them up."),
    (lambda image, kernel: _map_of(image, kernel) / kernel.numel(),
     "You take the mean of the products; their sum is wanted."),
    (lambda image, kernel: (_windows(image, len(kernel)) * kernel).amax(dim=(2, 3)),
     "You take the largest of the products; their sum is wanted."),
    (lambda image, kernel: _map_of(image, torch.ones_like(kernel)),
     "You add up the pixels of the window, and do not multiply them by the kernel."),
    (lambda image, kernel: _map_of(image, torch.ones_like(kernel)) * kernel.sum(),
     "You multiply the two sums. Multiply number by number first, and add up then."),
    (lambda image, kernel: (_windows(image, len(kernel)) @ kernel).sum(dim=(2, 3)),
     "`@` is the product of matrices; `*` multiplies number by number."),
    (lambda image, kernel: _map_of(image, kernel).trunc(),
     "You cut off what stands behind the point: let your result hold fractions, as `torch.zeros(…)` does."),
    (_added_on, "You add each stop to those before it: begin anew with 0 at every stop."),
    (lambda image, kernel: _map_of(image, kernel, stride=len(kernel)),
     "Your windows lie side by side. Move on by one pixel only, so that they overlap."),
]  # fmt: skip


def _squares():
    """Square images and 3×3 kernels: two to check by hand, then random ones."""
    draw = torch.Generator().manual_seed(0)
    kernel = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 3.0, -1.0]])
    image = torch.tensor([[1.0, 2.0, 0.0, 1.0], [0.0, 1.0, 3.0, 0.0], [2.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 2.0]])
    cases = [(image, kernel), (image[1:, 1:], kernel)]
    return cases + [_random(draw, size, size, 3) for size in (5, 6, 9)]


def _oblongs():
    draw = torch.Generator().manual_seed(1)
    return [_random(draw, rows, columns, 3) for rows, columns in [(3, 5), (5, 3), (4, 8), (9, 6)]]


def _odd_kernels():
    draw = torch.Generator().manual_seed(2)
    return [_random(draw, *sizes) for sizes in [(6, 7, 5), (4, 3, 1), (8, 8, 7)]]


def _even_kernels():
    draw = torch.Generator().manual_seed(3)
    return [_random(draw, *sizes) for sizes in [(3, 4, 2), (9, 7, 4)]]


def _random(draw, rows, columns, f):
    """An image of eighths from 0 to 1, and a kernel of halves from −2 to 2: their sums are exact."""
    image = torch.randint(0, 9, (rows, columns), generator=draw) / 8
    return image, torch.randint(-4, 5, (f, f), generator=draw) / 2


_STAGES = [
    (function(_convolved, _squares, SLIPS_OF_CONVOLVE), ""),
    (function(_convolved, _oblongs), "On square images your function is right. On others it is not: count rows and columns apart. "),
    (function(_convolved, _odd_kernels),
     "With 3×3 kernels your function is right. With others it is not: take the size from the kernel. "),
    (function(_convolved, _even_kernels),
     "For odd sizes your function is right. For even ones it is not: they have no middle. There are `image.shape[0] - f + 1` "
     "stops in a column, and the window begins at (row, column). "),
]  # fmt: skip


def _grade_convolve(answer):
    for grade, so_far in _STAGES:
        try:
            grade(answer)
        except Wrong as wrong:
            raise Wrong(f"Not yet. {so_far}{str(wrong).removeprefix('Not yet. ')}" if so_far else str(wrong)) from wrong
    return "Your function gives what F.conv2d gives, on 14 images, with kernels from 1×1 to 7×7."


PYTORCHS_OWN = (
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "convolution", "_convolution", "mkldnn_convolution",
)  # fmt: skip
convolve = Exercise(
    "convolve",
    without(PYTORCHS_OWN, _grade_convolve),
    [
        "How many stops are there in a column, and how many in a row? A window of f rows has `image.shape[0] - f + 1`.",
        "Begin with `result = torch.zeros(stops in a column, stops in a row)`. Then go through the rows in a loop, and "
        "in it through the columns in a second one.",
        "What lies under the kernel at (row, column) is `image[row : row + f, column : column + f]`. Multiply, add up, and "
        "write the sum to `result[row, column]`.",
    ],
    """def convolve(image, kernel):
    f = len(kernel)
    result = torch.zeros(image.shape[0] - f + 1, image.shape[1] - f + 1)
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            window = image[row : row + f, column : column + f]
            result[row, column] = (window * kernel).sum()
    return result""",
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
            (16 * 5 * 5 + 1, "That is one kernel and its bias. There are 32."),
            (16 * 5 * 5, "That is one kernel, without its bias. There are 32."),
            (16 * 5 * 5 + 32, "You have 32 biases, but the weights of one kernel only: each of the 32 has 16·5·5."),
            (32 * (16 * 5 + 1), "A kernel has rows and columns: 5·5 numbers in each of its 16 slices, not 5."),
            (32 * 16 + 32, "You forgot the size of a kernel: each of its 16 slices has 5·5 numbers."),
        ],
        praise="And it stays so for images of any size.",
    ),
    [
        "How many numbers are in one kernel? It is as deep as its input.",
        "One kernel: 16·5·5 weights and one bias. There are 32 of them.",
    ],
    "parameters = 32 * (16 * 5 * 5 + 1)  # 12,832",
)

_ROW, _COLUMN = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
RISING, FALLING = (_ROW + _COLUMN > 8).float(), (_COLUMN > _ROW).float()  # bright on one side of a diagonal


def _strongest(kernel, image):
    return _map_of(image, kernel).abs().max().item()


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
    if rising < 2 * falling * (1 - 1e-4):  # sums of fractions are rounded
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
        "A colour image meets one 3×3 kernel. How many feature maps come out?",
        (
            Choice("one", "The kernel has a slice for each channel, and the three results are added up.", right=True),
            Choice("three, one per channel", "The results of the kernel's three slices are added up to one map. Three maps need three kernels."),
            Choice("nine, one for each number", "The nine products of each slice are added up: one number at each stop."),
        ),
    ),
    Question(
        "Your images become twice as wide and high. Does a layer of 5×5 kernels need more parameters?",
        (
            Choice("Yes, four times as many.", "There are four times as many stops, but the same 25 numbers (for each channel) are used at every one."),
            Choice("Yes, twice as many.", "The kernel does not grow with the image: the same numbers are used at every stop."),
            Choice("No, just as many.", "The same numbers are used at every stop, however many stops there are.", right=True),
        ),
    ),
    Question(
        "The 27 numbers of a colour kernel add up to 0. What does it answer where everything is pure red?",
        (
            Choice("0, since they add up to 0", "That holds on grey, where the three channels are alike. Pure red has 0 in green and blue, whose slices add nothing."),
            Choice("the sum of its red slice", "The red channel is 1 and the others are 0, so only the red slice's nine numbers are added up.", right=True),
            Choice("a number near 1, as red is bright", "Brightness does not decide it. The answer depends on the kernel: here it is the sum of the red slice, whatever that is."),
        ),
    ),
)  # fmt: skip
