"""Paint small arrays as pictures: enlarged pixels, number grids, feature maps, panels side by side.

Painting takes milliseconds where a matplotlib figure takes a tenth of a second, so sliders use this room. What is
painted is a panel of `helpers.panels`, which says how it reaches a page. All sizes are those on the page.
"""

import base64
import functools
import html
import io
import math
import textwrap

import numpy as np
import torch

from helpers import checks
from helpers.panels import (
    BLUE,
    DENSITY,
    FAINT,
    GAP,
    INK,
    MARK,
    ORANGE,
    PAPER,
    SHADE,
    TEXT,
    Column,
    Drawing,
    Frame,
    Lines,
    Panel,
    Place,
    Row,
    font,
)

PALE = (205, 226, 245)  # padding
MARKS = (1, 3, 10, 30, 100, 300, 1_000, 3_000)  # of a logarithmic axis
MINUS = "\N{MINUS SIGN}"


def picture(image, zoom=8):
    """A uint8 image (C, H, W) or (H, W), with 1 or 3 channels, as a picture of zoom × zoom squares."""
    zoom = checks.whole("zoom", zoom, 1, 200)
    array = _as_array("image", image)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[0] in (1, 3))):
        raise ValueError(
            f"image must be uint8 (C, H, W) with 1 or 3 channels, or (H, W); got {array.dtype} {array.shape}"
        )
    array = array.transpose(1, 2, 0) if array.ndim == 3 else array[..., None]
    return _enlarged(np.broadcast_to(array, (*array.shape[:2], 3)), zoom)


def feature_map(values, zoom=8, limit=None, window=None, margin=0):
    """A map of numbers (H, W) in colour: orange above 0, blue below, white at 0; full colour at ±limit.

    limit: None takes the largest size of a number in the map.  window: as in `number_grid`.  margin: empty pixels of
    the page all around, for frames that must not hide a number.
    """
    zoom, array = checks.whole("zoom", zoom, 1, 200), _numbers(values)
    if not np.isfinite(array).all():
        raise ValueError(f"values must be finite; {int((~np.isfinite(array)).sum())} of them are NaN or infinite")
    limit = _limit(limit, array)
    height, width = (n * zoom for n in array.shape)
    painted = Drawing(width + 2 * margin, height + 2 * margin).image(_colours(array / limit), zoom, margin, margin)
    painted.rectangle(margin, margin, width, height, line=FAINT)  # where the map ends, when it ends in white
    _frame(painted, zoom, window, margin)
    return painted


def heat(image, values, zoom=4, side=None, first=0, limit=None):
    """A uint8 image (C, H, W) in pale greys, and over it a map (H', W') in colours, those of `feature_map`.

    side: number (r, c) of the map colours the `side` × `side` pixels from (first + r·side, first + c·side) on; None spreads the
    map evenly over the image.  limit: what gets the strongest colour; None takes the largest size of a number in the map.
    """
    array, first = _numbers(values), checks.whole("first", first)
    if not np.isfinite(array).all():
        raise ValueError(f"values must be finite; {int((~np.isfinite(array)).sum())} of them are NaN or infinite")
    grey = np.asarray(picture(image, zoom).raster().convert("L"), dtype=np.float32)[..., None]
    shares = np.pad(np.clip(array / _limit(limit, array), -1, 1), 1)  # a frame of zeros: what lies beside the map
    places = []
    for pixels_on_page, numbers in zip(grey.shape, array.shape):
        pixel = np.arange(pixels_on_page) / (zoom * DENSITY)
        each = pixels_on_page / (zoom * DENSITY * numbers) if side is None else checks.whole("side", side, 1)
        places.append(np.clip(np.floor((pixel - first) / each).astype(int), -1, numbers) + 1)
    spread = shares[places[0][:, None], places[1]][..., None]
    strength, full = 0.75 * np.abs(spread), np.where(spread > 0, ORANGE, BLUE)
    mixed = ((90 + 0.65 * grey) * (1 - strength) + full * strength).clip(0, 255).astype(np.uint8)
    return _enlarged(mixed, 1 / DENSITY)


def number_grid(
    values, cell=34, window=None, shade="grey", limit=None, digits=0, padding=0, dropped=(0, 0), blank=False
):
    """A grid of numbers (H, W) on coloured squares; NaN leaves a square empty.

    window: (top, left, height, width) of the squares to frame, or None.  shade: "grey" paints
    limit white and 0 dark, as pixels are; "signed" paints as `feature_map` does; "plain" is white.
    padding: how many outermost rings are padding, painted pale blue.  dropped: (rows, columns) at the
    bottom and the right to strike out.  blank: True paints the squares without their numbers.
    """
    cell, array = checks.whole("cell", cell, 4, 400), _numbers(values)
    checks.one_of("shade", shade, ("grey", "signed", "plain"))
    if np.isinf(array).any():
        raise ValueError("values must be finite, or NaN for an empty square; some are infinite")
    rows, columns = array.shape
    known = np.nan_to_num(array)
    limit = _limit(limit, known)
    if shade == "grey":
        colours = np.repeat((70 + 185 * np.clip(known / limit, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)
    else:
        colours = _colours(0.6 * known / limit if shade == "signed" else 0 * known)  # pale, so that ink stays readable
    colours[np.isnan(array)] = PAPER
    if padding:
        inside = np.zeros(array.shape, dtype=bool)
        inside[padding : rows - padding, padding : columns - padding] = True
        colours[~inside & (known == 0)] = PALE
    drawing = Drawing(columns * cell + 1, rows * cell + 1).image(colours, cell).rules(columns, rows, cell)
    size = min(14, cell * 0.4) if digits == 0 else min(13, cell * 0.33)
    on_light, on_dark = [], []
    for r, c in np.argwhere(~np.isnan(array) & (not blank)).tolist():
        place = on_light if int(colours[r, c].sum()) > 382 else on_dark
        place.append((c * cell + (cell + 1) / 2, r * cell + (cell + 1) / 2, number(array[r, c], digits)))
    drawing.words(on_light, size).words(on_dark, size, PAPER)
    _strike(drawing, cell, rows, columns, dropped)
    _frame(drawing, cell, window)
    return drawing


def _strike(drawing, side, rows, columns, dropped):
    """Strike out the last rows and columns of a grid of squares."""
    struck = [
        (r, c) for r in range(rows) for c in range(columns) if r >= rows - dropped[0] or c >= columns - dropped[1]
    ]
    for r, c in struck:
        drawing.rectangle(c * side, r * side, side, side, line=MARK, thick=0.5)
    if struck:
        drawing.lines(diagonals(struck, side), MARK)


def diagonals(squares, side, margin=0):
    """Lines through squares of a grid, each (row, column), from the lower left corner to the upper right one."""
    corners = [(c * side + margin, r * side + margin) for r, c in squares]
    return [[(left, top + side - 0.5), (left + side - 0.5, top)] for left, top in corners]


def _frame(drawing, side, window, margin=0):
    """Frame a window of a grid of squares, where there is one."""
    if window is not None:
        top, left, height, width = (n * side for n in window)
        drawing.rectangle(left + margin, top + margin, width + 1, height + 1, line=MARK, thick=3)


def row(panels, captions=None, signs=None, least_width=0):
    """Panels side by side, centred, each with its caption above; signs: what stands between them, such as "×"."""
    _check_panels(panels)
    captions = captions or [""] * len(panels)
    if len(captions) != len(panels):
        raise ValueError(f"captions must be one a panel: {len(panels)} panels, {len(captions)} captions")
    return Row(panels, captions, [*(signs or []), *[""] * len(panels)][: len(panels)], least_width)


def filtering(image, kernel, values, zoom=8, cell=34, limit=None):
    """What a kernel (f, f) makes of a uint8 image (C, H, W): image, kernel and feature map (H', W') side by side."""
    digits = 0 if (kernel == kernel.round()).all() else 2
    panels = [
        picture(image, zoom),
        number_grid(kernel, cell, shade="signed", digits=digits),
        feature_map(values, zoom, limit),
    ]
    captions = [sized("image", image), sized("kernel", kernel), sized("feature map", values)]
    return row(panels, captions, ["", "→"])


def sized(what, grid):
    """A caption with the rows and columns of a tensor (…, H, W): "kernel 3×3"."""
    return f"{what} {grid.shape[-2]}×{grid.shape[-1]}".strip()


def rows(panels, captions, columns, least_width=0):
    """Panels with their captions in rows of `columns`, all as wide as the widest of them, and at least `least_width`."""
    _check_panels(panels)
    columns = checks.whole("columns", columns, 1)
    if len(captions) != len(panels):
        raise ValueError(f"captions must be one a panel: {len(panels)} panels, {len(captions)} captions")
    lines = [line for caption in captions for line in caption.split("\n")]
    width = max([least_width] + [int(panel.size[0]) for panel in panels] + [text_width(line) for line in lines])
    return Row(panels, captions, [""] * len(panels), width, columns)


@functools.lru_cache(maxsize=4096)  # captions recur from state to state
def text_width(words):
    """How wide a line of caption is on the page."""
    return int(font(TEXT).getlength(words)) // DENSITY


def column(panels):
    """Panels one below the other, against the left edge."""
    _check_panels(panels)
    return Column(panels)


def blank_like(panel):
    """An empty panel of the same size."""
    return Place(panel.size)


def placed(panel, size):
    """A panel at the top of an empty one of this size, (width, height), below its caption."""
    return Place(size, panel)


def framed(panel, colour, width=3):
    """The panel in a frame of this colour, (red, green, blue) from 0 to 255."""
    return Frame(panel, colour, width)


def table(words, marked=None):
    """Lines of text in letters of equal width, so that columns stand under each other; `marked` is the one in colour."""
    if not words:
        raise ValueError("words must be one line at least; got none")
    return Lines(words, marked, table=True)


def text(words, most=130):
    """Words as a panel, in lines of at most so many letters."""
    return Lines(textwrap.wrap(words, most) or [""])


def bars(shares, names, marked=None, length=190):
    """A horizontal bar a name, shares (K,) from 0 to 1, with the share in per cent; `marked` is the index to point at."""
    if not isinstance(shares, (torch.Tensor, np.ndarray, list, tuple)):
        raise ValueError(f"shares must be numbers from 0 to 1, one a name; got {checks.shown(shares)}")
    shares = [checks.number("a share", share, 0, 1.001) for share in shares]  # a sum of rounded numbers may pass 1
    if not shares or len(shares) != len(names):
        raise ValueError(f"names must be one a share: {len(shares)} shares, {len(names)} names")
    line, name_width = 19, 96
    drawing = Drawing(name_width + length + 52, line * len(names), themed=True)
    left, said = name_width + 8, []
    for i, share in enumerate(shares):
        middle, long = line * i + line / 2, round(share * length * DENSITY) / DENSITY
        drawing.rectangle(left, middle - 6, long + 0.5, 12.5, fill=ORANGE if i == marked else BLUE)
        said.append((left + long + 5, middle, f"{100 * share:.0f} %"))
    drawing.words([(name_width, line * i + line / 2, name) for i, name in enumerate(names)], 12, anchor="rm")
    return drawing.words(said, 12, anchor="lm")


def prices(points, budget, marked=None, words="", size=(640, 250)):
    """What is had for what is paid: points (cost, share from 0 to 1), the cost on a logarithmic scale.

    What costs more than the budget lies on grey, and is hollow.  A line joins the points that no cheaper one
    beats.  marked: index of the point in colour, with `words` beside it.
    """
    left, top, right, bottom = 46, 10, size[0] - 8, size[1] - 24
    costs = [max(cost, 0.1) for cost, _ in points]
    first, last = math.log(0.6 * min(costs)), math.log(1.6 * max(costs))
    lowest = min(9, math.floor(10 * min(share for _, share in points)))  # in tenths, as the axis is marked

    def across(cost):
        return left + (math.log(max(cost, 0.1)) - first) / (last - first) * (right - left)

    def down(share):
        return bottom - (10 * share - lowest) / (10 - lowest) * (bottom - top)

    drawing, end = Drawing(*size, themed=True), min(max(across(budget), left), right)
    drawing.rectangle(end, top, right - end + 0.5, bottom - top + 0.5, fill=SHADE)
    tenths = range(lowest, 11)
    drawing.lines([[(left, down(n / 10)), (right, down(n / 10))] for n in tenths], FAINT, 0.5)
    drawing.words([(left - 6, down(n / 10), f"{10 * n} %") for n in tenths], 12, anchor="rm")
    costs = [cost for cost in MARKS if first < math.log(cost) < last]
    drawing.lines([[(across(cost), top), (across(cost), bottom)] for cost in costs], FAINT, 0.5)
    drawing.words([(across(cost), bottom + 5, f"{cost:,}") for cost in costs], 12, anchor="ma")
    drawing.lines([[(end, top), (end, bottom)]], MARK)

    unbeaten = [p for p in points if not any(o[0] <= p[0] and o[1] > p[1] for o in points)]
    drawing.lines([[(across(cost), down(share)) for cost, share in sorted(unbeaten)]], BLUE, 0.5)
    for i, (cost, share) in sorted(enumerate(points), key=lambda point: point[0] == marked):  # that one last, on top
        x, y = across(cost), down(share)
        r, colour = (6, MARK) if i == marked else (4, BLUE)
        drawing.circle(x, y, r, PAPER if cost > budget else colour, colour)
        if i == marked:
            x = max(x - 8, left + font(12).getlength(words) / DENSITY)
            drawing.words([(x, y - 6, words)], 12, colour, "rd")
    return drawing


def curves(lines, names, top, level=None, size=(330, 210)):
    """Lines over steps, from 0 to `top`; what lies beyond the top is drawn along it.

    lines: one or two lists of numbers, as long as each other; None is left out.  names: what stands for a line under
    the chart, in its colour: orange, then blue.  level: a number at which a dashed line stands.
    """
    if not lines or len({len(values) for values in lines}) != 1 or len(lines) != len(names) or len(lines) > 2:
        raise ValueError(f"lines must be one or two lists of equal length, each with a name; got {checks.shown(lines)}")
    top = checks.number("top", top, above=0)
    left, high, right, low = 26, 8, size[0] - 8, size[1] - 26
    drawing = Drawing(*size, themed=True)

    def down(value):
        return round(low - min(max(value, 0), top) / top * (low - high), 2)

    ticks = range(math.floor(top) + 1)
    drawing.lines([[(left, down(tick)), (right, down(tick))] for tick in ticks], FAINT, 0.5)
    drawing.words([(left - 6, down(tick), str(tick)) for tick in ticks], 12, anchor="rm")
    if level is not None:
        drawing.lines([[(left, down(level)), (right, down(level))]], INK, dashed=True)
    step, place = (right - left) / max(1, len(lines[0]) - 1), left
    for values, (colour, width) in reversed(list(zip(lines, [(ORANGE, 2), (BLUE, 1)]))):  # the first one on top
        points = [(round(left + step * n, 2), down(value)) for n, value in enumerate(values) if value is not None]
        drawing.lines([points], colour, width)
    for name, colour in zip(names, (ORANGE, BLUE)):
        drawing.words([(place, low + 8, name)], 12, colour, "la")
        place += int(font(12).getlength(name)) / DENSITY + GAP
    return drawing


def number(value, digits=0):
    """A number as the course prints it: with a real minus sign, and without "-0"."""
    words = f"{value:.{digits}f}"
    return words.replace("-", MINUS) if float(words) else words.replace("-", "")


def shown(image, alt):
    """A PIL image that stands still, in the forms in which it reaches a page, a PDF and a reader of plain text: a MIME bundle."""
    small, packed = io.BytesIO(), io.BytesIO()
    # for print by way of LaTeX, which reads no html
    image.reduce(DENSITY).quantize(256).save(small, "png", optimize=True)
    image.save(packed, "png", optimize=True)
    png, source = (base64.b64encode(png.getvalue()).decode() for png in (small, packed))
    width, style = image.width // DENSITY, "max-width:100%;background:#fff"
    page = f'<img alt="{html.escape(alt)}" width="{width}" style="{style}" src="data:image/png;base64,{source}">'
    return {"text/html": page, "image/png": png, "text/plain": alt}


def moving(panel, alt):
    """A panel that follows a slider, as pieces of html to be joined; css that `STYLE` holds arranges it."""
    return [f'<div class="cnn-picture" role="img" aria-label="{html.escape(alt)}">', *panel.html(), "</div>"]


def _enlarged(array, zoom):
    """Pixels, uint8 (H, W, 3), as a drawing of zoom × zoom squares."""
    return Drawing(array.shape[1] * zoom, array.shape[0] * zoom).image(array, zoom)


def _colours(shares):
    """Shares (H, W) from −1 (blue) over 0 (white) to 1 (orange) as uint8 (H, W, 3)."""
    strength = np.clip(np.abs(shares), 0, 1)[..., None]
    full = np.where(shares[..., None] > 0, ORANGE, BLUE)
    return (PAPER * (1 - strength) + full * strength).astype(np.uint8)


def _as_array(what, values):
    """A tensor or an array of real numbers, none of its axes of length 0, as an array."""
    if isinstance(values, torch.Tensor) and values.layout is torch.strided and not values.is_meta:
        values = values.detach().cpu()
        values = (values.float() if values.dtype is torch.bfloat16 else values).numpy()  # NumPy has no bf16
    if not isinstance(values, np.ndarray):
        raise ValueError(f"{what} must be a tensor or an array; got {checks.shown(values)}")
    if values.dtype.kind not in "biuf" or 0 in values.shape:
        raise ValueError(f"{what} must hold real numbers; got {values.dtype} {values.shape}")
    return values


def _numbers(values):
    """Values (H, W) as float32."""
    array = _as_array("values", values)
    if array.ndim != 2:
        raise ValueError(f"values must have shape (H, W); got {array.shape}")
    return array.astype(np.float32)


def _limit(limit, array):
    """What gets the full colour: `limit`, or the largest size of a number in the array."""
    return float(np.abs(array).max()) or 1.0 if limit is None else checks.number("limit", limit, least=0) or 1.0


def _check_panels(panels):
    if not panels or not all(isinstance(panel, Panel) for panel in panels):
        raise ValueError(f"panels must be painted pictures, one at least; got {checks.shown(panels)}")
