"""Exercises and questions of notebook 10."""

import random

import torch

from helpers.exercises.comparing import Wrong, kind
from helpers.exercises.grading import Exercise, call_on_all, check_function, function
from helpers.exercises.questions import Choice, Question


def _smoothed(label, classes, share):
    target = torch.full((classes,), share / classes)
    target[label] += 1 - share
    return target


def _labels():
    """Four classes to check by hand, then others."""
    return [(2, 4, 0.2), (0, 2, 0.5), (1, 3, 0.0), (9, 10, 0.1), (4, 7, 0.35), (0, 100, 0.2)]


def _one_place(label, classes, value, elsewhere):
    target = torch.full((classes,), float(elsewhere))
    target[label] = value
    return target


smooth = Exercise(
    "smooth",
    function(
        _smoothed,
        _labels,
        [
            (lambda n, k, e: _one_place(n, k, 1 - e, e / (k - 1)), "You spread the share over the other classes only; the right one gets its part, too."),
            (lambda n, k, e: _one_place(n, k, 1 - e, e / k), "The right class keeps 1 − share, and gets its part of the share on top. Yours do not add up to 1."),
            (lambda n, k, e: _one_place(n, k, 1 + e / k, e / k), "You add the share without taking it from the right class: yours add up to more than 1."),
            (lambda n, k, e: _one_place(n, k, 1 - e, e), "Each class gets the whole share; divide it by the number of classes."),
            (lambda n, k, e: _one_place(n, k, 1.0, 0.0), "Nothing is smoothed: this is the plain label, for share 0."),
        ],
        praise="`F.cross_entropy(…, label_smoothing=share)` does this for you.",
    ),
    [
        "Begin with what every class gets: `torch.full((classes,), share / classes)`.",
        "Then add to the right class what is left: how much of the 1 has not been given away?",
        "All classes together must add up to 1.",
    ],
    """def smooth(label, classes, share):
    target = torch.full((classes,), share / classes)
    target[label] += 1 - share
    return target""",
)  # fmt: skip


def _seconds(pictures, epochs, multiply_adds, rate):
    return pictures * epochs * multiply_adds * 6 / rate


def _runs():
    """Numbers to check by hand (1000·2·1,000,000·6 / 100,000,000,000 = 0.12), then random ones."""
    draw = random.Random(0)
    cases = [(1_000, 2, 1_000_000, 100_000_000_000)]
    return cases + [
        (draw.randrange(1, 90) * 1_000, draw.randrange(1, 20), draw.randrange(1, 99) * 100_000, draw.randrange(1, 40) * 10**10)
        for _ in range(6)
    ]  # fmt: skip


training_seconds = Exercise(
    "training_seconds",
    function(
        _seconds,
        _runs,
        [
            (lambda n, e, m, r: n * e * m * 2 / r, "That is the way forward only; the way back costs twice as much again."),
            (lambda n, e, m, r: n * e * m * 3 / r, "A multiply-add is two operations."),
            (lambda n, e, m, r: n * e * m / r, "A multiply-add is two operations, and the way back costs twice the way forward."),
            (lambda n, e, m, r: n * m * 6 / r, "You forgot the epochs."),
            (lambda n, e, m, r: e * m * 6 / r, "You forgot the pictures."),
            (lambda n, e, m, r: n * e * m * 4 / r, "The way back costs twice the way forward, so forward and back are three times the way forward."),
            (lambda n, e, m, r: r / (n * e * m * 6), "You have it upside down: operations divided by operations a second are seconds."),
        ],
    ),
    [
        "How many operations does one picture cost on the way forward? A multiply-add is two.",
        "The way back costs twice as much. So one picture costs three times the way forward.",
        "Times pictures, times epochs, divided by operations a second.",
    ],
    """def training_seconds(pictures, epochs, multiply_adds, rate):
    return pictures * epochs * multiply_adds * 6 / rate""",
)  # fmt: skip


def _batches():
    draw = torch.Generator().manual_seed(0)
    return [torch.randint(0, 256, (64, 3, 6, 8), dtype=torch.uint8, generator=draw) for _ in range(6)]


def _grade_flip_some(flip_some):
    check_function(flip_some, ["batch"])
    batches = _batches()
    results, _ = call_on_all(flip_some, [(batch,) for batch in batches], ["batch"])
    flipped = []
    for batch, result in zip(batches, results):
        if result is None:
            raise Wrong("not solved yet")
        if not isinstance(result, torch.Tensor) or result.shape != batch.shape:
            raise Wrong(f"Not yet. A batch of shape (64, 3, 6, 8) is wanted; your function returns {kind(result)}.")
        if result.dtype != torch.uint8:
            raise Wrong(f"Not yet. The batch was torch.uint8 and must stay so; yours is {result.dtype}.")
        same, mirrored = (_equal_each(result, wanted) for wanted in (batch, batch.flip(3)))
        if not bool((same | mirrored).all()):
            index = int((~(same | mirrored)).nonzero()[0])
            if bool(_equal_each(result, batch.flip(2))[index]):
                raise Wrong(
                    f"Not yet. Picture {index} stands on its head: a car with its wheels up is no car of the test."
                )
            if bool(_equal_each(result, batch.flip(1))[index]):
                raise Wrong(f"Not yet. In picture {index} the colours have changed places; the columns should.")
            raise Wrong(f"Not yet. Picture {index} is neither what it was nor its mirror image.")
        flipped.append(mirrored.float().mean().item())
    if not any(flipped):
        raise Wrong("Not yet. No picture was flipped.")
    if all(share == 1 for share in flipped):
        raise Wrong("Not yet. Every picture was flipped, each time; leave about half as they are.")
    if all(share in (0, 1) for share in flipped):
        raise Wrong("Not yet. You toss one coin for the whole batch; toss one for each picture.")
    if len(set(flipped)) == 1 and _which(results[0], batches[0]) == _which(results[1], batches[1]):
        raise Wrong("Not yet. The same places of the batch are flipped each time; let chance decide.")
    mean = sum(flipped) / len(flipped)
    if not 0.35 < mean < 0.65:
        raise Wrong(f"Not yet. {100 * mean:.0f} % of the pictures were flipped; about half should be.")
    return f"{100 * mean:.0f} % of 384 pictures were flipped. Try it: give it to `train.fit` as `augment`."


def _equal_each(one, other):
    """bool (N,): which pictures of two batches are equal."""
    return (one == other).flatten(1).all(dim=1)


def _which(result, batch):
    return _equal_each(result, batch.flip(3)).tolist()


flip_some = Exercise(
    "flip_some",
    _grade_flip_some,
    [
        "`batch.flip(3)` is every picture mirrored: axis 3 is the columns.",
        "A coin for each picture: `coins = torch.rand(len(batch)) < 0.5`.",
        "`torch.where(coins[:, None, None, None], batch.flip(3), batch)` takes the mirror image where a coin shows True.",
    ],
    """def flip_some(batch):
    coins = torch.rand(len(batch)) < 0.5
    return torch.where(coins[:, None, None, None], batch.flip(3), batch)  # one of many""",
)

QUESTIONS = (
    Question(
        "You have tried ten recipes on the test set and kept the best. What is its accuracy worth?",
        (
            Choice("It is what you may expect of new pictures.", "The best of ten is partly the luckiest of ten on just these pictures. New ones will not repeat that luck."),
            Choice("It is too high: you chose by these pictures.", "Whatever you choose by is used up. So recipes are chosen on validation pictures, and the test set meets the last one.", right=True),
            Choice("Nothing changes: no weight was trained on them.", "Weights were not, but the recipe was chosen by them. That is learning, too."),
        ),
    ),
    Question(
        "Two recipes reach 85.4 % and 85.6 %, each trained once. Which one is better?",
        (
            Choice("You cannot tell from one run each.", "Another seed moves the accuracy by some tenths. Train both from several seeds and compare means with their spread.", right=True),
            Choice("The second: its accuracy is higher.", "It would have to be higher than another seed of the first would be. One run each cannot show that."),
            Choice("The first: it has to be simpler.", "Nothing was said of that. And the accuracies may differ by chance only."),
        ),
    ),
    Question(
        "A network has twice the multiply-adds of another. Does an epoch take twice as long?",
        (
            Choice("Yes: time is proportional to the work.", "Only if both keep the processor equally busy. Small layers and odd shapes leave much of it idle."),
            Choice("No, just as long: all run at the same time.", "Two cores do a limited number of operations a second. More work takes longer, though not always in proportion."),
            Choice("Longer; how much depends on the layers.", "The ladder's share of the limit shows it: some networks use a tenth of what the machine can do, others more than half.", right=True),
        ),
    ),
)  # fmt: skip
