"""Labs on sizes: the window on its padded grid, the size formula, the shapes of a whole network."""

import re

import ipywidgets
import torch
import torch.nn.functional as F

from helpers import arithmetic, checks, pixels
from helpers.widgets.lab import TOOLTIP, Lab, check_grid, check_square_kernel, slider


def padding_lab(image, kernel, stride=1, padding=1, interval=500):
    """Slide a kernel over a padded grid, by hand or by the Play button, with any stride and padding.

    image: whole numbers (H, W).  kernel: (f, f).  interval: milliseconds between two steps of Play.
    """
    check_square_kernel(kernel)
    check_grid("image", image, least=len(kernel))
    if image.shape[0] != image.shape[1]:
        raise ValueError(f"image must be square (n, n); got {tuple(image.shape)}")
    checks.whole("stride", stride, 1, 3)
    checks.whole("padding", padding, 0, len(kernel) - 1)
    checks.whole("interval", interval, 1)
    n, f = len(image), len(kernel)
    most = n + 2 * (f - 1), f, n + f - 1  # rows of the padded image, of the kernel, of the feature map
    limit = F.conv2d(image.float()[None, None], kernel.float()[None, None], padding=f - 1).abs().max().item()

    def last(state):
        return arithmetic.output_size(n, f, state["stride"], state["padding"]) ** 2 - 1

    def draw(position, stride, padding):
        padded = F.pad(image, [padding] * 4)
        result = F.conv2d(padded.float()[None, None], kernel.float()[None, None], stride=stride)[0, 0]
        row, column = divmod(position, len(result))
        filled = result.flatten().clone()
        filled[position + 1 :] = torch.nan
        dropped = (len(padded) - f) % stride
        window = (row * stride, column * stride, f, f)
        grids = [
            pixels.number_grid(
                padded, 30, window, limit=image.max().item(), padding=padding, dropped=(dropped, dropped)
            ),
            pixels.number_grid(kernel, 30, shade="signed"),
            pixels.number_grid(filled.view_as(result), 30, (row, column, 1, 1), shade="signed", limit=limit),
        ]
        # in places as large as they get, so that nothing jumps
        panels = [pixels.placed(grid, (30 * side + 1,) * 2) for grid, side in zip(grids, most)]
        captions = [
            f"input {n}×{n}" + (f", padding {padding}" if padding else ""),
            pixels.sized("kernel", kernel),
            pixels.sized("feature map", result),
        ]
        lost = f"; {arithmetic.dropped_words((dropped, dropped))} dropped" if dropped else ""
        words = (
            f"{n} → {len(result)}: stop {position + 1} of {result.numel()}, window from row {row * stride}, column "
            f"{column * stride} of the padded grid; sum {pixels.number(result[row, column].item())}{lost}"
        )
        return pixels.row(panels, captions, ["", "→"]), words

    controls = {"stride": slider("stride", 1, 3, stride), "padding": slider("padding", 0, f - 1, padding)}
    end = last({"stride": stride, "padding": padding})
    # The slider of the position is linked to Play in the browser, so that playing goes on while the kernel paints. Whichever
    # moves, the page tells Play's value first: so that is the control, and the slider follows it.
    controls["position"] = play = ipywidgets.Play(interval=interval, max=end, description="position")
    position = slider("position", 0, end, 0)
    links = [ipywidgets.jslink((play, what), (position, what)) for what in ("value", "max")]
    arranged = [controls["stride"], controls["padding"], ipywidgets.HBox([position, play])]
    twin = [
        {"stride": 1, "padding": 0, "position": 0},
        {"stride": 1, "padding": 1, "position": n + 1},
        {"stride": 2, "padding": 0, "position": 1},
        {"stride": 3, "padding": 0, "position": 1},
    ]
    for state in twin:  # a small image has fewer stops
        state["position"] = min(state["position"], last(state))
    lab = Lab(draw, controls, twin, arranged=arranged, most={"position": last}, play={"position": interval})
    lab.links = links
    for control, tip in [(position, "position"), (play, "play: move the window on its own")]:
        setattr(control, TOOLTIP, tip)
    return lab


def size_lab(n=10, f=3, stride=2, padding=0, dilation=1, cell=15):
    """The size formula with its numbers put in, and the grid that they speak of.

    On the grid: padding pale blue, the pixels under the first window orange, the rows and columns
    that no window reaches struck out.
    """

    for what, value, most in [("n", n, 16), ("f", f, 7), ("stride", stride, 5), ("padding", padding, 4),
                              ("dilation", dilation, 3)]:  # fmt: skip
        checks.whole(what, value, {"n": 3, "padding": 0}.get(what, 1), most)

    def draw(n, f, stride, padding, dilation):
        side, reach = n + 2 * padding, dilation * (f - 1) + 1
        grid = torch.full((side, side), torch.nan)
        grid[:padding] = grid[side - padding :] = grid[:, :padding] = grid[:, side - padding :] = 0
        formula = f"floor(({n} + 2·{padding} − {dilation}·({f} − 1) − 1) / {stride}) + 1"
        try:
            size = arithmetic.output_size(n, f, stride, padding, dilation)
        except ValueError as error:
            return pixels.row([pixels.number_grid(grid, cell, padding=padding, blank=True)], [f"{n}×{n}"]), str(error)
        touched = slice(0, reach, dilation)
        grid[touched, touched] = 1
        dropped = (side - reach) % stride
        panels = [
            pixels.number_grid(
                grid, cell, (0, 0, reach, reach), "signed", padding=padding, dropped=(dropped, dropped), blank=True
            ),
            pixels.number_grid(torch.full((size, size), torch.nan), cell, (0, 0, 1, 1)),
        ]
        share = (side - reach) / stride
        lost = arithmetic.dropped_words((dropped, dropped)) + " dropped" if dropped else "nothing dropped"
        words = f"{formula} = floor({share:.4g}) + 1 = {size}; {n} → {size}, {lost}"
        captions = [f"input {n}×{n}" + (f", padded {side}×{side}" if padding else ""), f"output {size}×{size}"]
        return pixels.row(panels, captions, ["→"]), words

    controls = {
        "n": slider("n (input)", 3, 16, n),
        "f": slider("f (kernel)", 1, 7, f),
        "stride": slider("s (stride)", 1, 5, stride),
        "padding": slider("p (padding)", 0, 4, padding),
        "dilation": slider("d (dilation)", 1, 3, dilation),
    }
    twin = [
        {"n": 10, "f": 3, "stride": 1, "padding": 0, "dilation": 1},
        {"n": 10, "f": 3, "stride": 2, "padding": 0, "dilation": 1},
        {"n": 10, "f": 5, "stride": 1, "padding": 2, "dilation": 1},
        {"n": 10, "f": 3, "stride": 1, "padding": 0, "dilation": 2},
    ]
    return Lab(draw, controls, twin)


def shapes_lab(model, input_shape, start=0):
    """Predict, then reveal: the layers of a network, whose output shapes come to light one by one.

    model, input_shape: as in `arithmetic.trace_shapes`.
    """
    trace = arithmetic.trace_shapes(model, input_shape)
    start = checks.whole("start", start, 0, len(trace))
    settings = [_settings(model.get_submodule(row.name)) for row in trace]
    width = max(map(len, settings))

    def draw(revealed):
        shapes = ["×".join(map(str, row.output_shape)) for row in trace]
        shown = [*shapes[:revealed], "?", *[""] * len(trace)][: len(trace)]
        lines = [f"{words.ljust(width)}   → {shape}".rstrip(" →") for words, shape in zip(settings, shown)]
        panel = pixels.table([f"{'input'.ljust(width)}     {'×'.join(map(str, input_shape))}", *lines], revealed + 1)
        if revealed == len(trace):
            words = f"all {len(trace)} shapes revealed; the last is {shapes[-1]}"
        else:
            last = "×".join(map(str, input_shape)) if revealed == 0 else shapes[revealed - 1]
            words = f"{last} goes into {settings[revealed]}: what comes out?"
        return panel, words

    states = sorted({0, len(trace) // 2, len(trace)})
    return Lab(draw, {"revealed": slider("revealed", 0, len(trace), start)}, [{"revealed": r} for r in states])


def _settings(module):
    """A layer as one would write it, without what is left at its default."""
    words = re.sub(r"\((\d+), \1\)", r"\1", repr(module))
    words = re.sub(r", (padding=0|dilation=1|ceil_mode=False|stride=1|eps=.*|bias=True)(?=[,)])", "", words)
    return words.replace("in_features=", "").replace("out_features=", "").replace("(start_dim=1, end_dim=-1)", "()")
