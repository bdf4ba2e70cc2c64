"""Exercises and questions of notebook 05."""

import functools

import numpy as np
import torch
import torch.nn.functional as F

from helpers import augment
from helpers.exercises.comparing import DEEPEST, Wrong, count, described, difference, grid, is_number, kind, short
from helpers.exercises.grading import Exercise, call_on_all, check_function, check_returned, function, sample
from helpers.exercises.questions import Choice, Question


def _moved(image, by):
    return augment.shift(image, by)


BY_HAND = torch.tensor([[1, 2, 3], [4, 5, 6]])


def _images():
    """A small image to check by hand, then random ones, moved by 1 pixel and more."""
    draw = torch.Generator().manual_seed(0)
    return [
        (BY_HAND, 1),
        *((torch.rand(n, n + 2, generator=draw), by) for n, by in [(3, 1), (4, 2), (5, 3), (6, 5), (8, 4)]),
    ]


_grade_moves = function(
    _moved,
    _images,
    [
        (lambda image, by: image.roll(by, dims=1), "What leaves on the right comes in again on the left."),
        (lambda image, by: augment.shift(image, -by), "You move it to the left."),
        (lambda image, by: image.roll(-by, dims=1), "You move it to the left, and what leaves comes in again."),
        (lambda image, by: augment.shift(image, 0, by) if by < len(image) else 0 * image, "You move it down."),
        (lambda image, by: F.pad(image, (by, 0)), "Your image grows wider; what leaves it is lost."),
        (
            lambda image, by: image[:, :-by],
            "You cut the last columns off; columns of zeros must come in on the left in their place.",
        ),
        (
            lambda image, by: torch.cat([image[:, :by], image[:, :-by]], dim=1),
            "The gap still holds what stood there before; it must be 0.",
        ),
        (
            lambda image, by: torch.cat([image[:, :1].expand(-1, by), image[:, :-by]], dim=1),
            "You fill the gap with the image's first column; it must be 0.",
        ),
        (
            lambda image, by: torch.cat([0 * image[:, :by], image[:, by:]], dim=1),
            "You blacken the first columns, but the image stays where it was.",
        ),
        (lambda image, by: augment.shift(image, 1), "You move it by 1 pixel, however large `by` is."),
        (lambda image, by: 0 * image, "Your image is black: nothing of the old one was copied into it."),
        (lambda image, by: image, "Your image stays where it was."),
    ],
    praise="This is `augment.shift`, without its checks.",
)


def _grade_shift_right(answer):
    praise = _grade_moves(answer)
    try:
        [still], _ = call_on_all(answer, [(BY_HAND, 0)], ["image", "by"])
        found = difference(still, BY_HAND)
        fails = found is not None and _is_empty(still)
    except Wrong as error:
        if error.__cause__ is None:  # not an error that the answer raised
            raise
        found, fails = "", True
    if fails:
        raise Wrong(
            "Not yet. All moves by 1 pixel or more are right, but by = 0 fails. Do you write `image[:, :-by]`? For by = 0 "
            "that is `:-0`, the same as `:0`, and holds no column at all. Count from the left: "
            "`image[:, :image.shape[1] - by]`."
        )
    if found is not None:
        raise Wrong(f"Not yet. For {described((BY_HAND, 0), ['image', 'by'])} your function's result {found}.")
    return praise


def _is_empty(result):
    """Whether a result has rows without numbers, as a tensor, an array or a list of lists."""
    try:
        return np.shape(result) == (len(BY_HAND), 0)
    except (TypeError, ValueError, RuntimeError):
        return False


shift_right = Exercise(
    "shift_right",
    _grade_shift_right,
    [
        "Begin with an image of zeros: `moved = torch.zeros_like(image)`.",
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
    """Two images whose distances are 5 and 0, then random ones."""
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
            (lambda a, b: (b - a).sum(dim=1).mean(), "Differences of both signs cancel out; square them first."),
            (lambda a, b: (b - a).sum(dim=1).abs().mean(), "Differences of both signs cancel out; square them first."),
            (lambda a, b: (b.mean(dim=0) - a.mean(dim=0)).norm(), "That is the distance of the mean features."),
            (lambda a, b: (b - a).norm(dim=1).sum(), "That is the sum of the distances; divide by the images."),
            (lambda a, b: (b - a).norm(dim=1).sum() / a.shape[1], "You divided by the features, not by the images."),
            (lambda a, b: (b - a).norm(dim=1), "That is one distance for each image; take their mean."),
            (lambda a, b: (b - a).norm(dim=0).mean(), "You add up down the columns: one row is one image, so use dim=1."),
            (lambda a, b: (b - a).norm(), "You add up over all images before the root; take the root of each row."),
            (
                lambda a, b: (b - a).square().sum(dim=1).mean().sqrt(),
                "You take the mean before the root; take the root of each row, then the mean.",
            ),
            (
                lambda a, b: (b - a).square().mean(dim=1).sqrt().mean(),
                "You take the mean of a row's squares; the distance has their sum.",
            ),
            (lambda a, b: (b - a).square().mean(), "That is the mean squared error; the distance is the root of a sum."),
            (lambda a, b: (b - a).square().mean().sqrt(), "That is the root of the mean of all squares; sum up each row."),
            (lambda a, b: (b - a).abs().mean(), "That is the mean absolute difference; square, sum up each row, take the root."),
            (
                lambda a, b: torch.cdist(a, b).mean(),
                "You compare every image with every other; compare each with its own moved one.",
            ),
            (lambda a, b: 1 - F.cosine_similarity(a, b).mean(), "That is the cosine distance, which sees no lengths."),
        ],
    ),
    [
        "One distance for each row: square the differences, add up along the row, take the root.",
        "`dim=1` adds up along the rows: `(moved - still).square().sum(dim=1)`.",
        "At the end take the mean over the images.",
    ],
    """def distance(still, moved):
    return (moved - still).square().sum(dim=1).sqrt().mean()""",
)  # fmt: skip

LEAST = 4  # numbers that describe an image, each with something of its own to say
FARTHEST = [(4, 4), (-4, -4), (4, 0), (0, 4), (-4, 0), (0, -4), (-4, 4)]
STEPS = [*FARTHEST, (1, 0), (0, 1), (2, 2), (-2, 0), (3, -3), (0, 3), (-1, -2), (1, -4)]  # (right, down)


@functools.lru_cache
def _canvases():
    """(names, canvases of 48×48 that hold one piece of each class of clothes in the middle)."""
    clothes = sample("fashion_mnist", "train")
    first = [int((clothes.labels == label).nonzero()[0]) for label in range(10)]
    return list(clothes.classes), F.pad(clothes.images[first], [10] * 4).float() / 255


def _numbers(result, depth=0):
    """What `describe` returns, whatever its shape, as a row of doubles; raises `Wrong` where it holds anything else."""
    if isinstance(result, (list, tuple)) and depth < DEEPEST:
        return torch.cat([torch.zeros(0).double(), *(_numbers(part, depth + 1) for part in result)])
    if is_number(result):
        return grid([result], np.shape([result]), "Your function's result").double().flatten()
    if isinstance(result, (torch.Tensor, np.ndarray)) and not getattr(result, "is_nested", False) and result.ndim:
        return grid(result, result.shape, "Your function's result").double().flatten()
    raise Wrong(f"Not yet. A tensor of numbers is wanted; your function returns {kind(result)}.")


def _grade_describe(describe):
    check_function(describe, ["image"])
    names, images = _canvases()
    bag = names.index("bag")
    dark, bright = sorted(range(2), key=lambda index: images[index].sum())  # of a T-shirt and a trouser
    dimmed = images[bright] * (images[dark].sum() / images[bright].sum())  # now as bright as the other on average
    moved = [augment.shift(images[bag], *step) for step in STEPS]
    results, printed = call_on_all(describe, [(image,) for image in (*images, images[bag], dimmed, *moved)], ["image"])
    check_returned(results, printed)
    rows = [_numbers(result) for result in results]
    _check_counts(rows)
    still, again, dimmed, moved = torch.stack(rows[:10]), rows[10], rows[11], rows[12:]
    scale, spread = still.abs().amax(dim=0), still.std(dim=0)
    rounding = 1e-5 * scale + 1e-12

    if ((again - still[bag]).abs() > rounding).any():
        raise Wrong(
            "Not yet. Called twice with the same image, your function gives different numbers: chance is at work in it. "
            "Draw kernels once, before the function, or with a fixed seed."
        )
    _check_moves(still[bag], moved, rounding + 1e-3 * spread)
    if not (spread > 1e-4 * scale).any():
        raise Wrong("Not yet. Nothing moves your numbers, but they are the same for every image.")
    for one in range(10):
        for other in range(one):
            if _alike(still[one], still[other], rounding + 0.01 * spread):
                raise Wrong(
                    f"Not yet. Nothing moves your numbers, but {names[other]} and {names[one]} get the same ones."
                )
    _check_own(still[:, spread > 1e-4 * scale], still.shape[1])
    if _alike(dimmed, still[dark], rounding + 0.01 * spread):
        raise Wrong(
            f"Not yet. {names[0].capitalize()} and {names[1]} get the same numbers as soon as both are equally bright on "
            "average: the mean brightness is all that your numbers tell."
        )
    return "It stays when the image moves, and tells ten kinds of clothes apart."


def _check_counts(rows):
    lengths = [len(row) for row in rows]
    if len(set(lengths)) > 1:
        raise Wrong(
            f"Not yet. Your function gives {count(min(lengths), 'number')} for one image and {max(lengths):,} for "
            "another; give as many for each image."
        )
    if lengths[0] < LEAST:
        raise Wrong(f"Not yet. Your function gives {count(lengths[0], 'number')}; at least {LEAST} are wanted.")


def _alike(one, other, allowed):
    return bool(((one - other).abs() <= allowed).all())


def _check_moves(still, moved, allowed):
    """Raise `Wrong` where the numbers of the bag change when it moves."""
    stays = {step: _alike(row, still, allowed) for step, row in zip(STEPS, moved)}
    if all(stays.values()):
        return
    for stride in (2, 3, 4):
        if all(stays[step] for step in STEPS if step[0] % stride == step[1] % stride == 0):
            raise Wrong(
                f"Not yet. Moves by {stride} pixels change nothing, others do: that is a stride or a pooling of {stride}."
            )
    changes = torch.stack([(row - still).abs() - allowed for row in moved])
    step, place = divmod(int(changes.argmax()), len(still))
    before, after = still[place].item(), moved[step][place].item()
    raise Wrong(
        f"Not yet. When the bag moves {_in_words(*STEPS[step])}, your number at index {place} changes from {short(before)} "
        f"to {short(after)}. Is there still a place in your numbers?"
    )


def _in_words(right, down):
    """A move in words: "4 pixels to the left and 1 up"."""
    ways = [(right, "to the right", "to the left"), (down, "down", "up")]
    first, *second = [(abs(by), positive if by > 0 else negative) for by, positive, negative in ways if by]
    return f"{count(first[0], 'pixel')} {first[1]}" + "".join(f" and {by} {way}" for by, way in second)


def _check_own(columns, total):
    """Raise `Wrong` unless enough columns differ from image to image and are no multiples of others."""
    centred = columns - columns.mean(dim=0)
    unit = centred / centred.norm(dim=0)
    same = (unit.T @ unit).abs() > 1 - 1e-9
    own = int((same.triu(diagonal=1).sum(dim=0) == 0).sum())  # columns that go with none before them
    if own == 1 and len(unit.T) == total and torch.allclose(columns, columns[:, :1]):
        raise Wrong(f"Not yet. Your {total} numbers are copies of one. Give {LEAST} numbers at least that differ.")
    if own == 1 and len(unit.T) == total:
        raise Wrong(
            "Not yet. Your numbers are all multiples of one of them. (Without ReLU, the mean of a convolved map is just "
            "the mean of the image, times the sum of the kernel.)"
        )
    if own < LEAST:
        raise Wrong(
            f"Not yet. Your {total} numbers say only {count(own, 'different thing')}; the others are the same for every "
            f"image, or copies or multiples of these. At least {LEAST} different ones are wanted."
        )


describe = Exercise(
    "describe",
    _grade_describe,
    [
        "Convolution is equivariant: the map moves along. What makes one number of a map, wherever its parts are?",
        "Several kernels, ReLU, then the mean of each whole map: no pooling, no stride before it.",
        "`F.conv2d(image, kernels)` with kernels of shape (4, 1, 3, 3), for example random ones with a fixed seed.",
    ],
    """kernels = torch.randn(8, 1, 3, 3, generator=torch.Generator().manual_seed(0))

def describe(image):
    maps = F.relu(F.conv2d(image, kernels, padding=1))
    return maps.mean(dim=(1, 2))  # one of many ways""",
    seconds=20,
    prepare=_canvases,
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
            Choice("It fails: it has learned about shifts only.", "The notebook has measured it: turned by 60°, 6 % of the images were named right, fewer than by guessing.", right=True),
            Choice("It copes: it is invariant now.", "To shifts only. Turned edges are other edges to the kernels, and training did not show them."),
            Choice("It copes, thanks to its pooling.", "Pooling forgives small shifts. A turn moves the parts of the shoe against each other."),
        ),
    ),
)  # fmt: skip
