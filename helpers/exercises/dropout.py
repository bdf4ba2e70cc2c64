"""Exercises and questions of notebook 08."""

import torch
from torch import nn

from helpers.exercises.comparing import Wrong, difference, kind
from helpers.exercises.grading import UNSOLVED, Exercise, call_on_all, check_function, function
from helpers.exercises.questions import Choice, Question

LEEWAY = 0.06  # that the share dropped may differ from p: over five standard deviations of 2,000 coins


def _values():
    """(x, p) of 2,000 numbers each: five times the same, with p far from 1 − p; then p = 0, and other shapes."""
    draw = torch.Generator().manual_seed(0)
    x = 1 + torch.rand(50, 40, generator=draw)
    y = torch.randn(2000, generator=draw)
    return [*[(x, 0.2)] * 5, (x, 0.0), (y, 0.7), (y.view(10, 8, 5, 5), 0.5)]


def _grade_dropout(dropout):
    check_function(dropout, ["x", "p"])
    given = _values()
    results, printed = call_on_all(dropout, given, ["x", "p"])
    if all(result is None for result in results):
        raise Wrong(
            "Your function prints, but returns nothing: end it with `return` and the result." if printed else UNSOLVED
        )
    for (x, p), result in zip(given, results):
        _check_kept(x, p, result)
    masks = [result != 0 for result in results[:5]]
    if any(torch.equal(masks[0], mask) for mask in masks[1:]):
        raise Wrong("Not yet. Two calls drop the same numbers: the mask must be drawn anew at each call.")
    counts = {int(mask.sum()) for mask in masks}
    if len(counts) == 1:
        raise Wrong(f"Not yet. Just {counts.pop():,} of 2,000 are kept, each time: toss a coin for each number.")
    return "It does what `nn.Dropout(p)` does in `train()`."


def _check_kept(x, p, result):
    """Raise `Wrong` where a result is not x with about a share p at 0 and the rest times 1/(1 − p)."""
    where = f"For p = {p}"
    if not isinstance(result, torch.Tensor) or result.shape != x.shape:
        raise Wrong(f"Not yet. {where} a tensor of shape {tuple(x.shape)} is wanted; yours gives {kind(result)}.")
    result = result.detach().double()
    if result.isnan().any() or result.isinf().any():
        raise Wrong(f"Not yet. {where} your result holds NaN or infinity: what do you divide by?")
    kept = result != 0
    share, x = 1 - kept.double().mean().item(), x.double()
    if p and share == 0:
        raise Wrong(f"Not yet. {where} no number was set to 0.")
    if share == 1:
        raise Wrong(f"Not yet. {where} every number was set to 0.")
    if p and x.ndim == 2 and ((kept == kept[0]).all() or (kept == kept[:, :1]).all()):
        raise Wrong("Not yet. Whole rows or columns fall together: toss a coin for each number.")
    if p > 0.05 and abs(share - (1 - p)) < LEEWAY < abs(share - p):
        raise Wrong(
            f"Not yet. {where} your function drops {100 * share:.0f} % and keeps the rest: p is the chance of 0."
        )
    if abs(share - p) > LEEWAY:
        raise Wrong(f"Not yet. {where} your function sets {100 * share:.0f} % of the numbers to 0.")
    factors = (result / x)[kept]
    factor = factors.mean().item()
    if not torch.allclose(factors, factors[:1], rtol=1e-4):
        raise Wrong(f"Not yet. {where} the kept numbers are not all multiplied by the same factor.")
    right = 1 / (1 - p)
    if abs(factor - right) > 1e-3:
        raise Wrong(f"Not yet. {where} {_factor(factor, p)} Right is 1/(1 − p) = {right:.4g}.")


def _factor(factor, p):
    """What was done to the kept numbers, in a sentence."""
    known = [
        (1.0, "your kept numbers are not scaled, so the mean sinks."),
        (1 - p, "your kept numbers are multiplied by 1 − p, where they should be divided by it."),
        (1 / p if p else 0.0, "your kept numbers are divided by p, the chance of 0; divide by the chance to be kept."),
        (p, "your kept numbers are multiplied by p."),
    ]
    for value, words in known:
        if abs(factor - value) < 1e-3:
            return words
    return f"your kept numbers are multiplied by {factor:.4g}."


dropout = Exercise(
    "dropout",
    _grade_dropout,
    [
        "A coin for each number: `coins = torch.rand(x.shape)`, even between 0 and 1. For which coins is a number kept?",
        "`kept = torch.rand(x.shape) >= p` is True with a chance of 1 − p.",
        "A mask times x leaves the kept numbers. Then divide by the chance to be kept.",
    ],
    """def dropout(x, p):
    kept = torch.rand(x.shape) >= p
    return x * kept / (1 - p)""",
)


def _settings(keep, units):
    return 1 - keep, keep * units, 1 / keep


def _papers():
    return [(0.8, 250), (0.5, 64), (0.25, 16), (0.9, 1000), (0.4, 10)]


settings = Exercise(
    "settings",
    function(
        _settings,
        _papers,
        [
            (lambda k, n: (k, k * n, 1 / k), "`nn.Dropout` takes the chance of 0, not the chance to be kept."),
            (lambda k, n: (k, (1 - k) * n, 1 / (1 - k)),
             "You read keep as the chance of 0; it is the chance to be kept."),
            (lambda k, n: (1 - k, (1 - k) * n, 1 / k), "You count the units that are dropped."),
            (lambda k, n: (1 - k, k * n, k), "You multiply by keep; a kept unit stands for more, so divide by it."),
            (lambda k, n: (1 - k, k * n, 1.0), "You do not scale the units that are kept."),
            (lambda k, n: (1 - k, k * n, 1 / (1 - k)),
             "You divide by p, the chance of 0; divide by the chance to be kept."),
        ],
        praise="Look twice at what p means wherever you read it.",
    ),
    [
        "Kept or dropped, there is no third: both chances add up to 1.",
        "For keep = 0.8 and 250 units it is (0.2, 200, 1.25).",
    ],
    """def settings(keep, units):
    return 1 - keep, keep * units, 1 / keep""",
)  # fmt: skip


def _network():
    """A small network with batch norm and dropout, and pictures for it; always the same."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Dropout(0.5), nn.Linear(8, 10)), torch.randn(16, 1, 8, 8)


def _grade_answers(answers):
    check_function(answers, ["model", "x"])
    for training in (True, False):
        model, x = _network()
        model.train(training)
        _check_answers(answers, model, x, training)
    return "The same answer each time, from all units, and training can go on where it was."


def _check_answers(answers, model, x, training):
    """Raise `Wrong` where the function answers at random, with dropped units, or leaves another network behind."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first, second = answers(model, x.clone()), answers(model, x.clone())
    if first is None:
        raise Wrong(UNSOLVED)
    for result in (first, second):
        if not isinstance(result, torch.Tensor) or result.shape != (16, 10):
            raise Wrong(f"Not yet. For 16 pictures logits of shape (16, 10) are wanted; yours gives {kind(result)}.")
    mode = "train()" if training else "eval()"
    if difference(first, second.detach()) is not None:
        raise Wrong("Not yet. Called twice with the same pictures, it gives two answers: dropout is still at work.")
    if any(not torch.equal(value, before[name]) for name, value in model.state_dict().items()):
        raise Wrong("Not yet. To ask is not to learn: your function has changed the means that batch norm keeps.")
    modes = {layer.training for layer in model.modules()}
    if len(modes) > 1:
        raise Wrong(f"Not yet. The model came in {mode}; now a part of it is in another mode.")
    if modes != {training}:
        now = "eval()" if training else "train()"
        raise Wrong(f"Not yet. The model came in {mode} and is left in {now}: whoever uses it next is surprised.")
    with torch.no_grad():
        right = model.eval()(x)
    if difference(first, right) is not None:
        raise Wrong("Not yet. It gives the same answer twice, but not the one of the whole network, in eval().")


answers = Exercise(
    "answers",
    _grade_answers,
    [
        "In which mode does dropout let everything through?",
        "`model.training` is True in `train()`. Note it before you change the mode.",
        "`model.train(True)` and `model.train(False)` set a mode: give back the one that you noted.",
    ],
    """def answers(model, x):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(x)
    model.train(was_training)
    return logits  # one of many; a part that you keep in eval() on purpose would need its mode noted, too""",
)

QUESTIONS = (
    Question(
        "You measure a network with dropout and forgot model.eval(). What do you see?",
        (
            Choice("An error message.", "There is none: a network may run in either mode. That is why the mistake is so common."),
            Choice("The right accuracy, only slower.", "Units are dropped at random, so some pictures that it knows are named wrong."),
            Choice("A worse accuracy, another one each time.", "Each call draws another mask. Two runs that differ on the same pictures are the hint.", right=True),
        ),
    ),
    Question(
        "What does nn.Dropout(0.2) do in eval()?",
        (
            Choice("It multiplies by 0.8.", "So did the first papers. PyTorch scales in training instead, by 1/0.8, and leaves eval() alone."),
            Choice("Nothing at all.", "What comes in goes out. The kept units were scaled in training, so the mean fits.", right=True),
            Choice("It drops 20 %, always the same units.", "In eval() no unit is dropped, and no mask is drawn."),
        ),
    ),
    Question(
        "A tutorial promises +2 % from dropout. What do you do?",
        (
            Choice("Add it: it cannot hurt.", "Look at the figures above: on all of the photos, every p cost points."),
            Choice("Measure your own network, with several seeds.", "With and without, all else equal, and with the interval of the difference.", right=True),
            Choice("Leave it out: batch norm has replaced it.", "Above, a network without batch norm gained, on few photos; yours may, too. Only a measurement tells."),
        ),
    ),
)  # fmt: skip
