"""The lab of notebook 12: a patient, and one of five tests that you order."""

import functools
import math

from helpers import checks, clinic, pixels
from helpers.widgets.lab import Lab, check_named, chooser, slider

TESTS = ("inputs", "first loss", "one batch", "gradients", "baseline")
TOP = 3  # of the axes of loss


def ward_lab(charts, start=1):
    """Choose a patient and order a test; the curve of its loss stands beside it, and that of a healthy program.

    charts: name of a patient in `clinic.PATIENTS` → {"sick": its chart, "cured": that of its cured program}, as
    `clinic.examined` makes them.  The names are not told: the patients are numbered as they come.
    """
    check_named("charts", charts)
    for name, both in charts.items():
        checks.one_of("each name in charts", name, tuple(clinic.PATIENTS))
        if not isinstance(both, dict) or not {"sick", "cured"} <= set(both):
            raise ValueError(f"charts[{name!r}] must hold 'sick' and 'cured'; got {checks.shown(both)}")
    names = list(charts)
    start = checks.whole("start", start, 1, len(names))

    def draw(patient, test):
        name = names[patient - 1]
        sick, healthy = charts[name]["sick"], charts[name]["cured"]
        panel, words = _RESULTS[test](name, sick, healthy)
        curve = _curve(sick, healthy, "losses")
        title = f"loss over {5 * len(sick['losses'])} steps; dashed: ln({sick['classes']})"
        ends = f"loss {_loss(sick['losses'][0])} at first, {_loss(sick['losses'][-1])} in the end"
        return pixels.row(
            [curve, panel], [title, f"patient {patient}: {test}"]
        ), f"patient {patient}, {test}: {words}; {ends}"

    controls = {"patient": slider("patient", 1, len(names), start), "test": chooser("test", TESTS, TESTS[0])}
    twin = [{"patient": 1 + n % len(names), "test": test} for n, test in enumerate(TESTS)]
    return Lab(draw, controls, twin)


def _loss(value):
    if value is None:
        return "NaN"
    return "99 or more" if value >= clinic.UNBOUNDED else pixels.number(value, 2)


def _curve(sick, healthy, key):
    return pixels.curves(
        [sick[key], healthy[key]], ["this patient", "a healthy program"], TOP, math.log(sick["classes"])
    )


@functools.cache
def _images(name):
    painted, labels = clinic.first_inputs(clinic.PATIENTS[name].sick)
    return pixels.rows([pixels.picture(image, 2) for image in painted], labels, 3), labels


def _inputs(name, sick, healthy):
    images, labels = _images(name)
    lines = [
        f"mean {pixels.number(sick['mean'], 2)}, standard deviation {pixels.number(sick['std'], 2)}",
        f"from {pixels.number(sick['least'], 2)} to {pixels.number(sick['most'], 2)}",
        f"{sick['among']} of the {sick['valid']} validation images are training images, too",
    ]
    return pixels.column(
        [images, *map(pixels.text, lines)]
    ), f"six images labelled {', '.join(labels)}; {'; '.join(lines)}"


def _first_loss(name, sick, healthy):
    guessing = math.log(sick["classes"])
    losses = {
        "loss of the first batch": sick["first_loss"],
        f"guessing: ln({sick['classes']})": guessing,
        "a healthy program": healthy["first_loss"],
    }
    lines = [f"{words:<24}{_loss(loss):>8}" for words, loss in losses.items()]
    return pixels.table(lines, 0), f"the first batch costs {_loss(sick['first_loss'])}, guessing {guessing:.2f}"


def _one_batch(name, sick, healthy):
    last = _loss(sick["one_batch"][-1])
    panel = _curve(sick, healthy, "one_batch")
    words = "100 steps on the same 20 images"
    return pixels.column([pixels.text(words), panel]), f"{words} bring the loss to {last}"


def _gradients(name, sick, healthy):
    heads = ("first", "last", "first", "last")
    lines = [f"{'':<16}{'this patient':^18}  {'healthy':^18}", f"{'':<16}" + "  ".join(f"{head:>8}" for head in heads)]
    for layer, (first, last) in sick["norms"].items():
        lengths = [first, last, *healthy["norms"][layer]]
        lines.append(f"{layer:<16}" + "  ".join(f"{_norm(length):>8}" for length in lengths))
    said = ", ".join(f"{layer} {_norm(first)} and {_norm(last)}" for layer, (first, last) in sick["norms"].items())
    return pixels.table(lines), f"length of the gradient at the first step and over the last 20: {said}"


def _norm(value):
    return "NaN" if value is None else f"{value:.2g}" if value < 100 else f"{value:.0f}"


def _baseline(name, sick, healthy):
    names = ["training", "validation", "baseline", "healthy"]
    shares = [sick["train_accuracy"], sick["valid_accuracy"], sick["baseline"], healthy["valid_accuracy"]]
    said = ", ".join(f"{what} {100 * share:.0f} %" for what, share in zip(names, shares))
    return pixels.bars(shares, names, marked=2), f"accuracy: {said}"


_RESULTS = dict(zip(TESTS, (_inputs, _first_loss, _one_batch, _gradients, _baseline)))
