"""Exercises and questions of notebook 05."""

import functools

import torch
import torch.nn.functional as F

from helpers import augment
from helpers.exercises.comparing import Wrong, kind
from helpers.exercises.grading import Exercise, call_on_all, check_function, function, sample
from helpers.exercises.questions import Choice, Question


def _moved(image, by):
    return augment.shift(image, by)


def _pictures():
    """A small picture to check by hand, then random ones, moved by 0 pixels and more."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([[1, 2, 3], [4, 5, 6]]), 1), (torch.tensor([[1, 2, 3], [4, 5, 6]]), 0)]
    return cases + [(torch.rand(n, n + 2, generator=draw), by) for n, by in [(3, 1), (4, 2), (5, 3), (6, 5), (8, 4)]]


shift_right = Exercise(
    "shift_right",
    function(
        _moved,
        _pictures,
        [
            (lambda image, by: image.roll(by, dims=1), "What leaves on the right comes in again on the left."),
            (lambda image, by: augment.shift(image, -by), "You move it to the left."),
            (lambda image, by: augment.shift(image, 0, by) if by < len(image) else 0 * image, "You move it down."),
            (lambda image, by: F.pad(image, (by, 0)), "Your picture grows wider; what leaves it is lost."),
        ],
        praise="This is `augment.shift`, without its checks.",
    ),
    [
        "Begin with a picture of zeros: `moved = torch.zeros_like(image)`.",
        "Which columns of `moved` are filled, and from which columns of `image`?",
        "With `width = image.shape[1]`: columns by … width of the new one are columns 0 … width − by of the old one.",
    ],
    """def shift_right(image, by):
    moved = torch.zeros_like(image)
    moved[:, by:] = image[:, : image.shape[1] - by]
    return moved""",
)


def _mean_distance(still, moved):
    return (moved - still).square().sum(dim=1).sqrt().mean()


def _features():
    """Two pictures whose distances are 5 and 0, then random ones."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([[3.0, 4.0], [1.0, 1.0]]))]
    return cases + [tuple(torch.randn(2, n, 3 + n, generator=draw)) for n in (1, 2, 5, 9)]


distance = Exercise(
    "distance",
    function(
        _mean_distance,
        _features,
        [
            (lambda a, b: (b - a).square().sum(dim=1).mean(), "You forgot the square root."),
            (lambda a, b: (b - a).abs().sum(dim=1).mean(), "You add up absolute differences; square them first."),
            (lambda a, b: (b.mean(dim=0) - a.mean(dim=0)).norm(), "That is the distance of the mean features."),
            (lambda a, b: (b - a).norm(dim=1).sum(), "That is the sum of the distances; divide by the pictures."),
            (lambda a, b: (b - a).norm(dim=1).sum() / a.shape[1], "You divided by the features, not by the pictures."),
            (lambda a, b: (b - a).norm(dim=1), "That is one distance a picture; take their mean."),
        ],
    ),
    [
        "One distance for each row: square the differences, add up along the row, take the root.",
        "`dim=1` adds up along the rows: `(moved - still).square().sum(dim=1)`.",
        "At the end take the mean over the pictures.",
    ],
    """def distance(still, moved):
    return (moved - still).square().sum(dim=1).sqrt().mean()""",
)


@functools.lru_cache
def _canvases():
    """A trouser and a bag, then other classes, in the middle of a canvas of 44×44."""
    clothes = sample("fashion_mnist", "train")
    first = [int((clothes.labels == label).nonzero()[0]) for label in (1, 8, 0, 9, 5)]
    return F.pad(clothes.images[first], [8] * 4).float() / 255


def _grade_describe(describe):
    check_function(describe, ["image"])
    pictures = list(_canvases())
    steps = [(right, down) for right in (-4, -2, -1, 0, 1, 3, 4) for down in (-4, -3, -1, 0, 1, 2, 4)]
    given = [(picture,) for picture in pictures]
    given += [(augment.shift(pictures[1], *step),) for step in steps]
    results, _ = call_on_all(describe, given, ["image"])
    for result in results:
        if result is None:
            raise Wrong("not solved yet")
        if not isinstance(result, torch.Tensor) or result.ndim != 1:
            raise Wrong(
                f"Not yet. A tensor with one axis, (numbers,), is wanted; your function returns {kind(result)}."
            )
    if len(results[0]) < 4:
        raise Wrong(f"Not yet. {len(results[0])} numbers a picture; give 4 at least.")
    if not all(torch.isfinite(result).all() for result in results):
        raise Wrong("Not yet. Some of your numbers are NaN or infinite.")
    still, moved = results[1], results[len(pictures) :]
    size = still.norm().clamp(min=1e-6)
    changes = [((after - still).norm() / size).item() for after in moved]
    odd = [c for c, (right, down) in zip(changes, steps) if right % 2 or down % 2]
    even = [c for c, (right, down) in zip(changes, steps) if right % 2 == 0 and down % 2 == 0]
    if max(even) <= 1e-4 < max(odd):
        raise Wrong("Not yet. Even shifts change nothing, odd ones do: that is a stride or a pooling of 2.")
    if max(changes) > 1e-4:
        right, down = steps[changes.index(max(changes))]
        raise Wrong(
            f"Not yet. Moved {right} to the right and {down} down, a bag's numbers change by {100 * max(changes):.2g} %. "
            "Is there still a place in them?"
        )
    apart = min((results[i] - results[j]).norm().item() for i in range(len(pictures)) for j in range(i))
    if apart < 0.01 * size:
        raise Wrong("Not yet. Nothing moves them, but two pictures of different classes get the same numbers.")
    return "It stays when the picture moves, and tells pictures of five classes apart."


describe = Exercise(
    "describe",
    _grade_describe,
    [
        "Convolution is equivariant: the map moves along. What makes one number of a map, wherever its parts are?",
        "Several kernels, ReLU, then the mean of each whole map: no pooling, no stride before it.",
        "`F.conv2d(image[None], kernels)` with kernels of shape (4, 1, 3, 3), for example random ones with a fixed seed.",
    ],
    """kernels = torch.randn(8, 1, 3, 3, generator=torch.Generator().manual_seed(0))

def describe(image):
    maps = F.relu(F.conv2d(image[None], kernels, padding=1))
    return maps.mean(dim=(2, 3))[0]  # one of many""",
)

QUESTIONS = (
    Question(
        "Convolution alone makes a network …",
        (
            Choice("… invariant: the output stays when the input moves.", "The feature map does not stay: it moves along with the input. That is equivariance."),
            Choice("… equivariant: the map moves along with the input.", "What was found is found again, at another place of the map.", right=True),
            Choice("… neither: each place has a kernel of its own.", "The same kernel is used at every place. So what it finds here, it finds there."),
        ),
    ),
    Question(
        "With stride 2, which shift changes the pooled numbers more?",
        (
            Choice("By 2 pixels: it is farther.", "Two pixels are one whole step of the window: the pooled map moves by one, and its numbers stay."),
            Choice("Both alike.", "An even shift moves the pooled map by whole squares. An odd one puts other pixels together."),
            Choice("By 1 pixel: it cuts the windows anew.", "Other pixels come together in a window, and the numbers change.", right=True),
        ),
    ),
    Question(
        "A network was trained with random shifts. You turn the shoe by 60°. What do you expect?",
        (
            Choice("It fails: it has learned about shifts only.", "The notebook has measured it: turned by 60°, hardly a picture is named right.", right=True),
            Choice("It copes: it is invariant now.", "To shifts only. Turned edges are other edges to the kernels, and training did not show them."),
            Choice("It copes, thanks to its pooling.", "Pooling forgives small shifts. A turn moves the parts of the shoe against each other."),
        ),
    ),
)  # fmt: skip
