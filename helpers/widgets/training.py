"""Labs on what changes a training: augmented images, a small network by its hyperparameters, the mask of dropout."""

import textwrap

import torch

from helpers import arithmetic, checks, models, pixels
from helpers.widgets.lab import FEWER, Lab, check_grid, check_named, chooser, slider, tenths


def gallery_lab(images, names, transforms, draws=6, strength=5, zoom=4, twin=None):
    """One image, many draws: what a random transform makes of it, by its strength and its seed.

    images: uint8 tensors (C, H, W), of one set or of several.  names: one for each image.  transforms: name →
    function from a strength, 1 to 10, to a transform from such an image to another one, such as
    torchvision's.  twin: the states that stand in where no kernel runs, as dicts of the controls' values; None
    takes the first, the middle and the last transform.  What is wrong with a transform, the readout says.
    Raises ValueError where images and names differ.
    """
    if len(images) != len(names) or not len(images):
        raise ValueError(f"names must be one for each image: {len(images)} images, {len(names)} names")
    for image in images:
        checks.tensor("an image", image, "(C, H, W)", (torch.uint8,))
    check_named("transforms", transforms)
    checks.whole("draws", draws, 1)
    checks.whole("strength", strength, 1, 10)

    def draw(image, transform, strength, seed):
        original = images[image]
        words = f"{names[image]}, {transform} at strength {strength}, seeds {seed} to {seed + draws - 1}"
        changed, wrongs = [], []
        for number in range(draws):
            torch.default_generator.manual_seed(seed + number)  # and not that of a GPU, which a lab leaves alone
            result, wrong = _transformed(transforms[transform], strength, original)
            changed.append(pixels.picture(original if result is None else result, zoom))
            wrongs += [f"seed {seed + number}: {wrong}"] if wrong else []
        captions = ["as it is", *(f"seed {seed + number}" for number in range(draws))]
        return pixels.rows([pixels.picture(original, zoom), *changed], captions, columns=draws + 1), "; ".join(
            wrongs[:1]
        ) or words

    controls = {
        "image": slider("image", 0, len(images) - 1, 0),
        "transform": chooser("transform", list(transforms), next(iter(transforms))),
        "strength": slider("strength", 1, 10, strength),
        "seed": slider("seed", 0, 50, 0),
    }
    named = list(transforms)
    usual = [
        {"image": i % len(images), "transform": name}
        for i, name in enumerate(dict.fromkeys([named[0], named[len(named) // 2], named[-1]]))
    ]
    page = {"strength": [1, 3, 5, 8, 10], "seed": [0, 1, 2]}
    return Lab(draw, controls, twin or usual, page=page, note=FEWER)


def _transformed(make, strength, image):
    """(the changed image, ""), or (None, what is wrong with the transform that `make` gives for this strength)."""
    try:
        result = make(strength)(image.clone())
    except Exception as error:  # a learner's own transform may raise anything
        return None, f"the transform raises {type(error).__name__}: {error}"
    if not isinstance(result, torch.Tensor) or result.shape != image.shape or result.dtype != image.dtype:
        got = f"{result.dtype} {tuple(result.shape)}" if isinstance(result, torch.Tensor) else type(result).__name__
        return None, f"the transform must return what it got, {image.dtype} {tuple(image.shape)}; it returned {got}"
    return result, ""


def network_lab(input_shape, measured=None, **start):
    """Build a small CNN by sliders, and see its shapes, parameters, multiply-adds and receptive field at once.

    input_shape: (C, H, W).  measured: None, or a function from the options of `models.plain_cnn` to what
    was measured of that network, in words, or to "".  start: options to begin with.  A kernel larger
    than its input is told in the readout.
    """
    plain = {"kernel size": 3, "filters": 32, "depth": 3, "stride": 1, "pool": True, "padding": "same", "bottleneck": 0}
    start = {name.replace("_", " "): value for name, value in start.items()}
    unknown = set(start) - set(plain)
    if unknown:
        raise ValueError(f"no control {', '.join(sorted(unknown))}: there are {', '.join(plain)}")
    begin = plain | start

    def draw(**state):
        options = {name.replace(" ", "_"): value for name, value in state.items()}
        changed = [f"{name} {value}" for name, value in state.items() if value != plain[name]]
        named = ", ".join(changed) or "the base network"
        model = models.plain_cnn(input_shape[0], **options)
        try:
            trace = arithmetic.trace_shapes(model, input_shape)
        except ValueError as error:
            lines = ["This network cannot be:", *textwrap.wrap(str(error), 74)]
            return pixels.table(_padded(lines), 0), f"{named}: this network cannot be: {error}"
        fields = arithmetic.receptive_field(model.base)
        lines = _lines(model, trace, fields, input_shape)
        last = fields[-1].size
        parameters, products = trace.parameters, trace.multiply_adds
        words = f"{parameters:,} parameters, {products / 1e6:.2f} million multiply-adds, receptive field {last}×{last}"
        found = measured(options) if measured else ""
        words = f"{named}: {words}" + (f"; {found or 'not measured'}" if measured else "")
        return pixels.table(_padded(lines)), words

    controls = {
        "kernel size": chooser("kernel size", [1, 3, 5, 7], begin["kernel size"]),
        "filters": chooser("filters", [8, 16, 32, 64, 128], begin["filters"]),
        "depth": slider("depth", 1, 5, begin["depth"]),
        "stride": slider("stride", 1, 2, begin["stride"]),
        "pool": chooser("pool", [True, False], begin["pool"]),
        "padding": chooser("padding", ["same", "valid"], begin["padding"]),
        "bottleneck": chooser("bottleneck", [0, 8, 16], begin["bottleneck"]),
    }
    twin = [
        plain,
        plain | {"depth": 5},
        plain | {"filters": 64, "bottleneck": 16},
        plain | {"kernel size": 7, "padding": "valid"},
    ]
    return Lab(draw, controls, twin)


def _lines(model, trace, fields, input_shape):
    """The table: a line for each layer that has weights or pools, and their sums; batch norm counts in its convolution's."""
    seen = {f"base.{i}": f"{field.size}×{field.size}" for i, field in enumerate(fields)}
    norms = {row.name: row.parameters for row in trace if row.kind == "BatchNorm2d"}

    def line(layer, maps, parameters="", products="", field=""):
        return f"{layer.ljust(20)}{maps:>10}{parameters:>12}{products:>15}{field:>17}"

    head = line("layer", "maps", "parameters", "multiply-adds", "receptive field")
    lines = [head, line("input", _shape(input_shape))]
    for row, after in zip(trace, [*trace[1:], None]):
        if row.kind in ("Conv2d", "MaxPool2d", "Linear"):
            norm = norms.get(after.name) if after else None
            kind = row.kind if norm is None else f"{row.kind}, batch norm"
            numbers = f"{row.parameters + (norm or 0):,}", f"{row.multiply_adds:,}"
            lines.append(line(kind, _shape(row.output_shape), *numbers, seen.get(row.name, "all")))
    return [*lines, line("together", "", f"{trace.parameters:,}", f"{trace.multiply_adds:,}")]


# of the table: a head, the input, five convolutions, four bottlenecks, three poolings, one linear layer, the sums
MOST_LINES = 16


def _padded(lines):
    """As many lines as the largest network has, so that the picture keeps its height while a slider moves."""
    return lines + [" "] * (MOST_LINES - len(lines))


def _shape(shape):
    return "×".join(map(str, shape))


def dropout_lab(values, start=0.5, cell=30):
    """Draw the mask of dropout anew at each step, and see what is kept, what is scaled, and what `eval()` does.

    values: float (H, W), what some units give.  start: the chance p that a unit is set to 0.
    Raises ValueError for a chance outside 0 to 0.9.
    """
    check_grid("values", values)
    values = values.detach().float()
    start = checks.number("start", start, 0, 0.9)
    limit = 2 * values.abs().max().item()

    def draw(p, step, mode):
        if mode == "eval()":
            kept, result = torch.ones_like(values), values
        else:
            chance = torch.rand(values.shape, generator=torch.Generator().manual_seed(step))
            kept = (chance >= p).float()
            result = values * kept / (1 - p)
        panels = [
            pixels.number_grid(values, cell, shade="signed", limit=limit, digits=1),
            pixels.number_grid(kept, cell, shade="plain"),
            pixels.number_grid(result, cell, shade="signed", limit=limit, digits=1),
        ]
        scale = f"1/(1−{p:.1f}) = {1 / (1 - p):.2f}"
        means = f"mean {values.mean():.2f} before, {result.mean():.2f} after"
        if mode == "eval()":
            words = f"eval(), p {p:.1f}: nothing is dropped, nothing scaled; {means}"
        else:
            words = f"train(), p {p:.1f}, step {step}: {int(kept.sum())} of {kept.numel()} kept, times {scale}; {means}"
        return pixels.row(panels, ["values", "mask", "result"], ["×", "→"]), words

    controls = {
        "p": tenths("p", 0.0, 0.9, start),
        "step": slider("step", 0, 50, 0),
        "mode": chooser("mode", ["train()", "eval()"], "train()"),
    }
    twin = [{"p": start, "step": 0, "mode": "train()"}, {"p": start, "step": 1, "mode": "train()"},
            {"p": 0.8, "step": 0, "mode": "train()"}, {"p": 0.8, "step": 0, "mode": "eval()"}]  # fmt: skip
    return Lab(draw, controls, twin)
