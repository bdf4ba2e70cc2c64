"""Exercises and questions of notebook 10."""

import random

import torch

from helpers.exercises.comparing import Wrong, kind
from helpers.exercises.grading import Exercise, call_on_all, check_function, check_returned, function
from helpers.exercises.questions import Choice, Question


def _smoothed(label, classes, share):
    target = torch.full((classes,), share / classes)
    target[label] += 1 - share
    return target


def _labels():
    """Four classes to check by hand, then others."""
    return [(2, 4, 0.2), (0, 2, 0.5), (1, 3, 0.0), (9, 10, 0.1), (4, 7, 0.35), (0, 100, 0.2)]


LABEL = ["label", "classes", "share"]  # the arguments of exercise 1


def _one_place(label, classes, value, elsewhere):
    target = torch.full((classes,), float(elsewhere))
    target[label] = value
    return target


_compare_labels = function(
    _smoothed,
    _labels,
    [
        (lambda n, k, e: _one_place(n, k, 1 - e, e / (k - 1)), "You spread the share over the other classes only; the right one gets its part, too."),
        (lambda n, k, e: _one_place(n, k, 1 - e, e / k), "The right class keeps 1 − share, and gets its part of the share on top. Yours do not add up to 1."),
        (lambda n, k, e: _one_place(n, k, 1 + e / k, e / k), "You add the share without taking it from the right class: yours add up to more than 1."),
        (lambda n, k, e: _one_place(n, k, 1 - e, e), "Each class gets the whole share; divide it by the number of classes."),
        (lambda n, k, e: _one_place(n, k, 1.0, e / k), "The right class keeps all of its 1: take the share from it first."),
        (lambda n, k, e: _one_place(n, k, 1 - e, 0.0), "You take the share from the right class, and give it to none: spread it over all classes."),
        (lambda n, k, e: _one_place(n, k, 1.0, 0.0), "Nothing is smoothed: this is the plain label, for share 0."),
        (lambda n, k, e: _one_place(n, k, 1 - e / k, e / k), "You take from the right class what one class gets; take the whole share, and then give it its part."),
        (lambda n, k, e: _one_place(n, k, 1 - e + 1 / k, 1 / k), "Each class gets a part of the whole 1; spread the share alone."),
        (lambda n, k, e: _one_place(n, k, e, 0.0), "The right class keeps 1 − share, and gets its part of the share on top; you leave it the share alone."),
        (lambda n, k, e: _one_place(n, k, e / k, e / k), "Every class has its part of the share; the right one still has to get the rest of the 1."),
        (lambda n, k, e: _one_place((n - 1) % k, k, 1 - e + e / k, e / k), "You are one place off: classes count from 0."),
    ],
)  # fmt: skip


def _grade_smooth(smooth):
    _compare_labels(smooth)
    results, _ = call_on_all(smooth, _labels(), LABEL)
    for result in results:
        if not isinstance(result, torch.Tensor):
            raise Wrong(f"Not yet. The numbers are right, but they come as {kind(result)}; a tensor is wanted: "
                        "put `torch.tensor(…)` around them.")  # fmt: skip
    return "`F.cross_entropy(…, label_smoothing=share)` does this for you."


smooth = Exercise(
    "smooth",
    _grade_smooth,
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


def _seconds(images, epochs, multiply_adds, rate):
    return images * epochs * multiply_adds * 6 / rate


def _runs():
    """Numbers to check by hand (10,000·2·1,000,000·6 / 100,000,000,000 = 1.2), then random ones of 10 s or more."""
    draw = random.Random(0)
    cases = [(10_000, 2, 1_000_000, 100_000_000_000)]
    while len(cases) < 8:
        images, epochs = draw.randrange(1, 90) * 1_000, draw.randrange(2, 20)
        case = images, epochs, draw.randrange(1, 99) * 100_000, draw.randrange(1, 40) * 10**10
        if _seconds(*case) >= 10 and not _seconds(*case).is_integer():
            cases.append(case)
    return cases


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
            (lambda n, e, m, r: e * m * 6 / r, "You forgot the images."),
            (lambda n, e, m, r: n * e * m * 4 / r, "The way back costs twice the way forward, so forward and back are three times the way forward."),
            (lambda n, e, m, r: n * e * m * 8 / r, "You count the way back three times; forward and back together are three times the way forward."),
            (lambda n, e, m, r: n * e * m * 12 / r, "You count twice that a multiply-add is two operations."),
            (lambda n, e, m, r: n * e * m * 6000 / r, "That is in milliseconds; seconds are wanted."),
            (lambda n, e, m, r: m * 6 / r, "That is for one image; you forgot images and epochs."),
            (lambda n, e, m, r: r / (n * e * m * 6), "You have it upside down: operations divided by operations a second are seconds."),
            (lambda n, e, m, r: n * e * m * 6, "That is how many operations it takes; divide them by `rate`."),
            (lambda n, e, m, r: n * e * m * 6 * r, "Operations divided by operations a second are seconds; you multiply."),
            (lambda n, e, m, r: n * e * m * 6 // r, "You drop what is behind the point: give the seconds as they come."),
            (lambda n, e, m, r: round(n * e * m * 6 / r), "You round to whole seconds: give them as they come."),
            (lambda n, e, m, r: n * e * m / 10 / r, "That is in minutes; seconds are wanted."),
        ],
    ),
    [
        "How many operations does one image cost on the way forward? A multiply-add is two.",
        "The way back costs twice as much. So one image costs three times the way forward.",
        "Times images, times epochs, divided by operations a second.",
    ],
    """def training_seconds(images, epochs, multiply_adds, rate):
    return images * epochs * multiply_adds * 6 / rate""",
)  # fmt: skip


def _batches():
    """Twelve batches, not all of one size; random pixels, so that no image is its own mirror image."""
    draw = torch.Generator().manual_seed(0)
    sizes = [64] * 10 + [50, 33]
    return [torch.randint(0, 256, (size, 3, 6, 8), dtype=torch.uint8, generator=draw) for size in sizes]


def _grade_flip_some(flip_some):
    check_function(flip_some, ["batch"])
    batches = _batches()
    try:
        results, printed = call_on_all(flip_some, [(batch,) for batch in batches], ["batch"])
    except Wrong as wrong:
        raise _in_other_words(wrong) from wrong.__cause__
    check_returned(results, printed)
    for batch, result in zip(batches, results):
        _check_images(batch, result)
    return _check_chance([_which(result, batch) for batch, result in zip(batches, results)])


def _in_other_words(wrong):
    """What is wrong, where an error of torch is a slip of this exercise."""
    error = str(wrong.__cause__)
    if "must match the size of tensor" in error:
        return Wrong("Not yet. Your coins do not fit the batch: one for each image is wanted, `len(batch)` of them. For "
                     "`torch.where` they also need the axes of the batch, `coins.reshape(-1, 1, 1, 1)`.")  # fmt: skip
    if "step must be greater than zero" in error:
        return Wrong("Not yet. A tensor cannot be cut backwards, by a step of −1: `.flip(3)` mirrors the columns.")
    return wrong


def _check_images(batch, result):
    """Raise `Wrong` where an image is neither what it was nor its mirror image."""
    shape = tuple(batch.shape)
    if isinstance(result, (list, tuple)) and len(result) == len(batch):
        raise Wrong(f"Not yet. Your function returns {kind(result)}; a tensor of shape {shape} is wanted: "
                    "`torch.stack` makes one of a list of images.")  # fmt: skip
    if not isinstance(result, torch.Tensor) or result.shape != batch.shape:
        raise Wrong(f"Not yet. A batch of shape {shape} is wanted; your function returns {kind(result)}.")
    if result.dtype != torch.uint8:
        raise Wrong(f"Not yet. The batch was torch.uint8 and must stay so; yours is {result.dtype}.")
    fine = _equal_each(result, batch) | _which(result, batch)
    if not bool(fine.all()):
        index = int((~fine).nonzero()[0])
        raise Wrong(f"Not yet. {_what_happened(batch, result, index)}")


def _what_happened(batch, result, index):
    """What became of an image that is neither what it was nor its mirror image, in a sentence."""
    known = [
        (batch.flip(2), f"Image {index} stands on its head: a car with its wheels up is no car of the test."),
        (batch.flip((2, 3)), f"Image {index} is turned by half a turn: mirror its columns alone, `flip(3)`."),
        (batch.flip(1), f"In image {index} the colours have changed places; the columns should."),
        (batch.flip(0), "The images have changed places in the batch; their columns should, `flip(3)`."),
    ]
    for changed, words in known:
        if bool(_equal_each(result, changed)[index]):
            return words
    if any(torch.equal(result[index], other) for images in (batch, batch.flip(3)) for other in images):
        return f"In place {index} stands another image of the batch: their order must stay, as their labels do."
    return f"Image {index} is neither what it was nor its mirror image."


def _check_chance(flipped):
    """The praise; raises `Wrong` where the images that are flipped are not chosen by chance, each on its own."""
    shares = [which.float().mean().item() for which in flipped]
    if not any(shares):
        raise Wrong("Not yet. No image was flipped.")
    if all(share == 1 for share in shares):
        raise Wrong("Not yet. Every image was flipped, each time; leave about half as they are.")
    if all(share in (0, 1) for share in shares):
        raise Wrong("Not yet. You toss one coin for the whole batch; toss one for each image.")
    of_one_size = [which.tolist() for which in flipped if len(which) == len(flipped[0])]
    if all(which == of_one_size[0] for which in of_one_size):
        raise Wrong("Not yet. The same places of the batch are flipped each time; let chance decide.")
    mean = torch.cat(flipped).float().mean().item()
    if not 0.4 < mean < 0.6:  # over five standard deviations of 723 coins
        raise Wrong(f"Not yet. {100 * mean:.0f} % of the images were flipped; about half should be.")
    return (
        f"{100 * mean:.0f} % of {len(torch.cat(flipped))} images were flipped. "
        "Try it: give it to `train.fit` as `augment`."
    )


def _equal_each(one, other):
    """bool (N,): which images of two batches are equal."""
    return (one == other).flatten(1).all(dim=1)


def _which(result, batch):
    """bool (N,): which images have been mirrored."""
    return _equal_each(result, batch.flip(3))


flip_some = Exercise(
    "flip_some",
    _grade_flip_some,
    [
        "`batch.flip(3)` is every image mirrored: axis 3 is the columns.",
        "A coin for each image: `coins = torch.rand(len(batch)) < 0.5`.",
        "Make a copy, `result = batch.clone()`. Then `result[coins]` are the images of the copy whose coin shows True.",
    ],
    """def flip_some(batch):
    result = batch.clone()
    coins = torch.rand(len(batch)) < 0.5
    result[coins] = batch[coins].flip(3)
    return result  # one of many ways""",
    seconds=10,  # who takes torchvision's flip imports it first
)

QUESTIONS = (
    Question(
        "You have tried ten recipes on the test set and kept the best. What is its accuracy worth?",
        (
            Choice("It is what you may expect of new images.", "The best of ten is partly the luckiest of ten on just these images. New ones will not repeat that luck."),
            Choice("It is too high: you chose by these images.", "Whatever you choose by is used up. So recipes are chosen on validation images, and the test set meets the last one.", right=True),
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
            Choice("Yes: time is proportional to the work.", "Only if both keep the processor equally busy. Small layers leave much of it idle, and every step has its fixed cost."),
            Choice("No, just as long: all run at the same time.", "Two cores do a limited number of operations a second. More work takes longer, though not always in proportion."),
            Choice("Longer; how much depends on the layers.", "In the table the rung “kernels” needs about sixteen times the multiply-adds of “adamw”, and nowhere near sixteen times the seconds.", right=True),
        ),
    ),
)  # fmt: skip
