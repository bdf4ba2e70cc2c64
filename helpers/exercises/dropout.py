"""Exercises and questions of notebook 08."""

import math

import torch
from torch import nn

from helpers.exercises.comparing import Wrong, difference, kind
from helpers.exercises.grading import UNSOLVED, Exercise, call_on_all, check_function, check_returned, function
from helpers.exercises.questions import Choice, Question

_WHOLE = "A mean need not be a whole number: give it as it comes."
OFTEN = 0.22  # the p that is asked for most often; no tenth, so that a coin with ten sides shows
LEEWAY = 0.06  # that the share dropped may differ from p: over five standard deviations of 2,000 coins


def _values():
    """(x, p): eight times the same 2,000 numbers, p far from 1 − p; then p = 0, and other shapes; none of x is 0."""
    draw = torch.Generator().manual_seed(0)
    x = 1 + torch.rand(50, 40, generator=draw)
    y = 1 + torch.rand(2000, generator=draw)
    return [*[(x, OFTEN)] * 8, (x, 0.0), *[(y, 0.7)] * 5, *[(-y.view(10, 8, 5, 5), 0.5)] * 5]


def _grade_dropout(dropout):
    if isinstance(dropout, (type, nn.Module)):
        raise Wrong(f"Not yet. A function of x and p is wanted, one that returns numbers; you gave {kind(dropout)}.")
    check_function(dropout, ["x", "p"])
    given = _values()
    try:
        results, printed = call_on_all(dropout, given, ["x", "p"])
    except Wrong as wrong:
        if "must match the size of tensor" in str(wrong.__cause__):
            raise Wrong("Not yet. Your mask does not fit x, which may have any shape: draw it with the shape of x, "
                        "`torch.rand(x.shape)`.") from None  # fmt: skip
        raise
    check_returned(results, printed)
    for (x, p), result in zip(given, results):
        _check_form(x, p, result)
    results = [result.detach().cpu().double() for result in results]
    _check_coins(given, results)
    for (x, p), result in zip(given, results):
        _check_kept(x.double(), p, result)
    masks = [result != 0 for (_, p), result in zip(given, results) if p == OFTEN]
    if any(torch.equal(masks[0], mask) for mask in masks[1:]):
        raise Wrong("Not yet. Two calls drop the same numbers: the mask must be drawn anew at each call.")
    counts = {int(mask.sum()) for mask in masks}
    if len(counts) == 1:
        raise Wrong(f"Not yet. Just {counts.pop():,} of 2,000 are kept, each time: toss a coin for each number.")
    return "It does what `nn.Dropout(p)` does in `train()`."


def _check_form(x, p, result):
    """Raise `Wrong` where a result is not a tensor of real numbers, shaped like x."""
    if not isinstance(result, torch.Tensor) or result.shape != x.shape:
        raise Wrong(f"Not yet. For p = {p} a tensor of shape {tuple(x.shape)} is wanted; yours gives {kind(result)}.")
    if result.dtype == torch.bool:
        raise Wrong("Not yet. Your function returns the mask alone; multiply x by it.")
    if not result.is_floating_point() or not result.isfinite().all():
        raise Wrong(f"Not yet. For p = {p} your result holds {_strange(result)}.")


def _strange(result):
    if not result.is_floating_point():
        return f"numbers of type {result.dtype}, where x has {torch.get_default_dtype()}"
    return "NaN or infinity: what do you divide by?"


def _check_coins(given, results):
    """Raise `Wrong` where all numbers of a call share one coin; p is there many times, so that luck does not hide it."""
    for chance in {p for _, p in given}:
        kept = [(result != 0).double().mean().item() for (_, p), result in zip(given, results) if p == chance]
        if set(kept) == {0.0, 1.0}:
            raise Wrong("Not yet. You toss one coin for all numbers of a call: toss a coin for each number.")


def _check_kept(x, p, result):
    """Raise `Wrong` where a result is not x with about a share p at 0 and the rest times 1/(1 − p)."""
    where = f"For p = {p}"
    kept = result != 0
    share = 1 - kept.double().mean().item()
    if p and share == 0:
        raise Wrong(f"Not yet. {where} no number was set to 0.")
    if share == 1:
        raise Wrong(f"Not yet. {where} every number was set to 0.")
    if p and x.ndim > 1 and _falls_together(kept):
        raise Wrong("Not yet. Whole rows or columns fall together: toss a coin for each number.")
    if p > 0.05 and abs(share - (1 - p)) < LEEWAY < abs(share - p):
        raise Wrong(
            f"Not yet. {where} your function drops {100 * share:.0f} % and keeps the rest: p is the chance of 0."
        )
    if abs(share - p) > LEEWAY:
        raise Wrong(f"Not yet. {where} your function sets {100 * share:.0f} % of the numbers to 0.{_coin(share, p)}")
    if torch.allclose(result[kept], result[kept][0]):
        raise Wrong(
            f"Not yet. {where} all kept numbers are {result[kept][0]:.4g}: you return a mask; multiply x by it."
        )
    factors = (result / x)[kept]
    factor = factors.mean().item()
    if not torch.allclose(factors, factors[:1], rtol=1e-3):
        raise Wrong(f"Not yet. {where} the kept numbers are not all multiplied by the same factor.")
    right = 1 / (1 - p)
    if abs(factor - right) > 2e-3 * right:
        raise Wrong(f"Not yet. {where} {_factor(factor, p, share)} Right is 1/(1 − p) = {right:.4g}.")


def _falls_together(kept):
    """Whether the mask is one and the same along some axis."""
    return any(bool((kept == kept.narrow(axis, 0, 1)).all()) for axis in range(kept.ndim))


def _coin(share, p):
    """A sentence for those who took another coin: one that shows 0 with a chance that is not p."""
    bell = 0.5 * (1 + math.erf(p / math.sqrt(2)))  # how much of torch.randn lies below p
    randn = "`torch.randn` is not even between 0 and 1; `torch.rand` is."
    known = [(0.5, "That is an even coin; it should show 0 with the chance p."), (bell, randn), (1 - bell, randn)]
    chance, words = min(known, key=lambda one: abs(one[0] - share))
    return f" {words}" if abs(chance - share) < LEEWAY else ""


def _factor(factor, p, share):
    """What was done to the kept numbers, in a sentence; share: of those at 0."""
    known = [
        (1.0, "your kept numbers are not scaled, so the mean sinks."),
        (1 - p, "your kept numbers are multiplied by 1 − p, where they should be divided by it."),
        (1 / p if p else 0.0, "your kept numbers are divided by p, the chance of 0; divide by the chance to be kept."),
        (p, "your kept numbers are multiplied by p."),
        (1 / (1 - p) ** 2, "your kept numbers are divided by 1 − p twice."),
    ]
    for value, words in known:
        if abs(factor - value) < 2e-3 * value:
            return words
    if abs(factor * (1 - share) - 1) < 1e-4:
        return "your kept numbers are divided by the share that happened to be kept, another one at each call."
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
    """(keep, units), for the last three the mean of units is no whole number."""
    return [(0.8, 250), (0.5, 64), (0.25, 16), (0.9, 1000), (0.4, 10), (0.3, 25), (0.7, 33), (0.5, 9)]


settings = Exercise(
    "settings",
    function(
        _settings,
        _papers,
        [
            (lambda k, n: (k, k * n, 1 / k), "`nn.Dropout` takes the chance of 0, not the chance to be kept."),
            (lambda k, n: (k, (1 - k) * n, 1 / (1 - k)),
             "You read keep as the chance of 0; it is the chance to be kept."),
            (lambda k, n: (k, (1 - k) * n, 1 / k),
             "You mix up what is kept and what is dropped: p is the chance of 0, and you count the units kept."),
            (lambda k, n: (1 - k, (1 - k) * n, 1 / k), "You count the units that are dropped."),
            (lambda k, n: (1 - k, k * n, k), "You multiply by keep; a kept unit stands for more, so divide by it."),
            (lambda k, n: (1 - k, k * n, 1.0), "You do not scale the units that are kept."),
            (lambda k, n: (1 - k, k * n, 1 / (1 - k)),
             "You divide by p, the chance of 0; divide by the chance to be kept."),
            (lambda k, n: (1 - k, k * n, 1 - k), "You multiply by p; a kept unit stands for more: divide by keep."),
            (lambda k, n: (1 - k, int(k * n), 1 / k), _WHOLE),
            (lambda k, n: (1 - k, round(k * n), 1 / k), _WHOLE),
            (lambda k, n: (1 - k, math.ceil(k * n), 1 / k), _WHOLE),
            (lambda k, n: (1 - k, 1 / k, k * n), "The order is: p, units kept, factor."),
            (lambda k, n: (k * n, 1 - k, 1 / k), "The order is: p, units kept, factor."),
            (lambda k, n: (100 * (1 - k), k * n, 1 / k), "You give p in per cent; it is a chance, between 0 and 1."),
            (lambda k, n: (1 - k, k, 1 / k), "You give the chance to be kept; multiply it by the number of units."),
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
    """A small network with batch norm and dropout, in a base and a head, and images for it; always the same."""
    torch.manual_seed(0)
    base = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(8, 10))
    return nn.Sequential(base, head), torch.randn(16, 1, 8, 8)


COMES_IN = {
    "train()": {},
    "eval()": {},
    "train(), but for `model[0][1]`, its batch norm, in eval()": {"0.1": False},
    "eval(), but for `model[1][2]`, its dropout, in train()": {"1.2": True},
}  # how the network of exercise 3 is handed over, and which of its layers have another mode than the rest


def _grade_answers(answers):
    check_function(answers, ["model", "x"])
    for came, others in COMES_IN.items():
        model, x = _network()
        model.train(came.startswith("train"))
        for layer, training in others.items():
            model.get_submodule(layer).train(training)
        _check_answers(answers, model, x, came)
    return "The same answer each time, from all units, and training can go on where it was."


def _check_answers(answers, model, x, came):
    """Raise `Wrong` where it answers at random, with dropped units, or leaves another network or no gradients behind."""
    before, settings, modes = _state(model), repr(model), _modes(model)
    first, second = answers(model, x.clone()), answers(model, x.clone())
    if not torch.is_grad_enabled():
        raise Wrong("Not yet. Your function leaves gradients switched off for whatever comes next: "
                    "ask inside `with torch.no_grad():`.")  # fmt: skip
    if first is None:
        raise Wrong(UNSOLVED)
    for result in (first, second):
        if not isinstance(result, torch.Tensor) or result.shape != (16, 10):
            raise Wrong(f"Not yet. For 16 images logits of shape (16, 10) are wanted; yours gives {kind(result)}.")
    first, second = first.detach(), second.detach()
    if difference(first, second) is not None:
        raise Wrong("Not yet. Called twice with the same images, it gives two answers: dropout is still at work.")
    if repr(model) != settings:
        raise Wrong("Not yet. Your function changes a layer for good, such as the p of its dropout; change its mode.")
    after = _state(model)
    if any(not torch.equal(after[name], value) for name, value in before.items()):
        raise Wrong("Not yet. To ask is not to learn: your function has changed the means that batch norm keeps.")
    if not all(weight.requires_grad for weight in model.parameters()):
        raise Wrong(
            "Not yet. Your function leaves weights with `requires_grad` False: they could not be trained any more."
        )
    _check_modes(modes, _modes(model), came)
    with torch.no_grad():
        right = model.eval()(x)
    if difference(first, right.softmax(dim=1)) is None:
        raise Wrong("Not yet. You give probabilities; logits are the scores before softmax.")
    if difference(first, right) is not None:
        raise Wrong("Not yet. It gives the same answer twice, but not the one of the whole network, in eval().")


def _state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def _modes(model):
    """The mode of each layer by its name, of the network itself under "": True for train()."""
    return {name: layer.training for name, layer in model.named_modules()}


def _check_modes(before, after, came):
    """Raise `Wrong` where a layer is left in another mode than it had."""
    if before == after:
        return
    if len(set(before.values())) == len(set(after.values())) == 1:
        raise Wrong(f"Not yet. The model came in {came} and is left in {_mode(after[''])}: "
                    "whoever uses it next is surprised.")  # fmt: skip
    changed = [name for name in before if after[name] != before[name]]
    if changed == [""]:
        raise Wrong(f"Not yet. The model came in {came}; now its layers have their mode again, but "
                    f"`model.training` says {after['']}: the model itself is one of `model.modules()`.")  # fmt: skip
    layer = next(name for name in changed if name)
    raise Wrong(f"Not yet. The model came in {came}; now `{_as_written(layer)}` is in {_mode(after[layer])}. "
                "Note the mode of each layer before you change any, and give it back.")  # fmt: skip


def _as_written(layer):
    """A layer's name as a learner writes it: "1.2" is model[1][2]."""
    return "model" + "".join(f"[{part}]" for part in layer.split("."))


def _mode(training):
    return "train()" if training else "eval()"


answers = Exercise(
    "answers",
    _grade_answers,
    [
        "In which mode does dropout let everything through?",
        "`layer.training` is True in `train()`. Note it of each layer in `model.modules()` before you change the mode.",
        "`layer.training = True` and `= False` set a mode, too: give back to each layer the one that you noted.",
    ],
    """def answers(model, x):
    modes = {layer: layer.training for layer in model.modules()}  # of the model itself, too
    model.eval()
    with torch.no_grad():
        logits = model(x)
    for layer, was_training in modes.items():
        layer.training = was_training
    return logits  # one of many""",
)

QUESTIONS = (
    Question(
        "You measure a network with dropout and forgot model.eval(). What do you see?",
        (
            Choice("An error message.", "There is none: a network may run in either mode. That is why the mistake is so common."),
            Choice("The right accuracy, only slower.", "Units are dropped at random, so some images that it knows are named wrong."),
            Choice("A worse accuracy, another one each time.", "Each call draws another mask. Two runs that differ on the same images are the hint.", right=True),
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
            Choice("Add it: it cannot hurt.", "It can: with all images, p = 0.5 cost both networks of the figure several points."),
            Choice("Measure your own network, with several seeds.", "With and without, all else equal, and with the interval of the difference.", right=True),
            Choice("Leave it out: batch norm has replaced it.", "That is as blind as adding it: the figure's network with batch norm differs from the other in much more than that."),
        ),
    ),
)  # fmt: skip
