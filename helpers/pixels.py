"""Paint small arrays as pictures: enlarged pixels, number grids, feature maps, panels side by side.

Painting takes milliseconds where a matplotlib figure takes a tenth of a second, so sliders use
this room. Everything is painted at twice the size it is shown at, so that text stays sharp on
dense screens; all sizes in the signatures are those on the page.
"""

import base64
import functools
import html
import io
import math
import textwrap
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps

from helpers import checks

DENSITY = 2
FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"  # ships with matplotlib
PAPER, INK, FAINT = (255, 255, 255), (34, 34, 34), (208, 208, 208)
ORANGE, BLUE = (213, 94, 0), (0, 90, 160)  # told apart with any colour vision
MARK = (176, 0, 132)  # frames and crosses: none of the colours of the data
PALE = (205, 226, 245)  # padding
SHADE = (240, 240, 240)  # what cannot be had
MARKS = (1, 3, 10, 30, 100, 300, 1_000, 3_000)  # of a logarithmic axis
TEXT, GAP = 13, 18
MINUS = "\N{MINUS SIGN}"
RUN_LENGTH = 3  # zlib's Z_RLE: for flat squares the quickest to pack, and the smallest


def picture(image, zoom=8):
    """A uint8 image (C, H, W) or (H, W), with 1 or 3 channels, as a picture of zoom × zoom squares."""
    zoom = checks.whole("zoom", zoom, 1, 200)
    array = _as_array("image", image)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[0] in (1, 3))):
        raise ValueError(
            f"image must be uint8 (C, H, W) with 1 or 3 channels, or (H, W); got {array.dtype} {array.shape}"
        )
    if array.ndim == 3:
        array = array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)
    return _enlarge(Image.fromarray(np.ascontiguousarray(array)).convert("RGB"), zoom)


def feature_map(values, zoom=8, limit=None, window=None):
    """A map of numbers (H, W) in colour: orange above 0, blue below, white at 0; full colour at ±limit.

    limit: None takes the largest size of a number in the map.  window: as in `number_grid`.
    """
    zoom, array = checks.whole("zoom", zoom, 1, 200), _numbers(values)
    if not np.isfinite(array).all():
        raise ValueError(f"values must be finite; {int((~np.isfinite(array)).sum())} of them are NaN or infinite")
    limit = _limit(limit, array)
    painted = _enlarge(Image.fromarray(_colours(array / limit)), zoom)
    edge = [0, 0, painted.width - 1, painted.height - 1]
    ImageDraw.Draw(painted).rectangle(edge, outline=FAINT, width=DENSITY)  # where the map ends, when it ends in white
    _mark(painted, zoom * DENSITY, array.shape, window)
    return painted


def heat(image, values, zoom=4, side=None, first=0, limit=None):
    """A uint8 image (C, H, W) in pale greys, and over it a map (H', W') in colours, those of `feature_map`.

    side: number (r, c) of the map colours the `side` × `side` pixels from (first + r·side, first + c·side) on; None spreads the
    map evenly over the image.  limit: what gets the strongest colour; None takes the largest size of a number in the map.
    """
    array, first = _numbers(values), checks.whole("first", first)
    if not np.isfinite(array).all():
        raise ValueError(f"values must be finite; {int((~np.isfinite(array)).sum())} of them are NaN or infinite")
    grey = np.asarray(picture(image, zoom).convert("L"), dtype=np.float32)[..., None]
    shares = np.pad(np.clip(array / _limit(limit, array), -1, 1), 1)  # a frame of zeros: what lies beside the map
    places = []
    for pixels_on_page, numbers in zip(grey.shape, array.shape):
        pixel = np.arange(pixels_on_page) / (zoom * DENSITY)
        each = pixels_on_page / (zoom * DENSITY * numbers) if side is None else checks.whole("side", side, 1)
        places.append(np.clip(np.floor((pixel - first) / each).astype(int), -1, numbers) + 1)
    spread = shares[places[0][:, None], places[1]][..., None]
    strength, full = 0.75 * np.abs(spread), np.where(spread > 0, ORANGE, BLUE)
    return Image.fromarray(((90 + 0.65 * grey) * (1 - strength) + full * strength).clip(0, 255).astype(np.uint8))


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
    side = cell * DENSITY
    canvas = Image.new("RGB", (columns * side + DENSITY, rows * side + DENSITY), FAINT)
    text_size = min(14, cell * 0.4) if digits == 0 else min(13, cell * 0.33)
    for row in range(rows):
        for column in range(columns):
            words = "" if blank or np.isnan(array[row, column]) else number(array[row, column], digits)
            square = _square(side - DENSITY, tuple(colours[row, column].tolist()), words, text_size)
            canvas.paste(square, (column * side + DENSITY, row * side + DENSITY))
    _mark(canvas, side, array.shape, window, dropped)
    return canvas


def _mark(canvas, side, shape, window, dropped=(0, 0)):
    """Strike out the last rows and columns of a painted grid, and frame a window of it."""
    draw = ImageDraw.Draw(canvas)
    rows, columns = shape
    for row in range(rows):
        for column in range(columns):
            if row >= rows - dropped[0] or column >= columns - dropped[1]:
                left, top = column * side, row * side
                draw.rectangle([left, top, left + side - 1, top + side - 1], outline=MARK, width=1)
                draw.line([left, top + side - 1, left + side - 1, top], fill=MARK, width=DENSITY)
    if window is not None:
        top, left, height, width = (n * side for n in window)
        draw.rectangle([left, top, left + width + 1, top + height + 1], outline=MARK, width=3 * DENSITY)


@functools.lru_cache(maxsize=4096)  # a slider paints the same squares again and again
def _square(side, colour, words, text_size):
    square = Image.new("RGB", (side, side), colour)
    ink = INK if sum(colour) > 330 else PAPER
    ImageDraw.Draw(square).text((side / 2, side / 2), words, fill=ink, font=_font(text_size), anchor="mm")
    return square


def row(panels, captions=None, signs=None, least_width=0):
    """Panels side by side, centred, each with its caption above; signs: what stands between them, such as "×"."""
    _check_panels(panels)
    captions = captions or [""] * len(panels)
    signs = [*(signs or []), *[""] * len(panels)][: len(panels) - 1]
    if len(captions) != len(panels):
        raise ValueError(f"captions must be one a panel: {len(panels)} panels, {len(captions)} captions")
    font, sign_font = _font(TEXT), _font(20)
    head = (TEXT + 10) * DENSITY * max(caption.count("\n") + 1 for caption in captions) if any(captions) else 0
    widths = [
        max(least_width * DENSITY, panel.width, *(int(font.getlength(line)) for line in caption.split("\n")))
        for panel, caption in zip(panels, captions)
    ]
    gaps = [int(sign_font.getlength(sign)) + 2 * GAP * DENSITY if sign else GAP * DENSITY for sign in signs]
    edge = 6 * DENSITY
    tallest = max(p.height for p in panels)
    canvas = Image.new("RGB", (sum(widths) + sum(gaps) + 2 * edge, head + tallest + 2 * edge), PAPER)
    draw = ImageDraw.Draw(canvas)
    left = edge
    for i, (panel, caption, width) in enumerate(zip(panels, captions, widths)):
        middle = left + width // 2
        top = edge + head + (tallest - panel.height) // 2
        canvas.paste(panel, (middle - panel.width // 2, top))
        place = (middle, top - 6 * DENSITY)
        draw.multiline_text(place, caption, fill=INK, font=font, anchor="md", align="center", spacing=4 * DENSITY)
        left += width
        if i < len(signs):
            place = (left + gaps[i] // 2, edge + head + tallest // 2)
            draw.text(place, signs[i], fill=INK, font=sign_font, anchor="mm")
            left += gaps[i]
    return canvas


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
    width = max([least_width] + [panel.width // DENSITY for panel in panels] + [text_width(line) for line in lines])
    starts = range(0, len(panels), columns)
    return column([row(panels[i : i + columns], captions[i : i + columns], least_width=width) for i in starts])


def text_width(words):
    """How wide a line of caption is on the page."""
    return int(_font(TEXT).getlength(words)) // DENSITY


def column(panels):
    """Panels one below the other, against the left edge."""
    _check_panels(panels)
    canvas = Image.new("RGB", (max(p.width for p in panels), sum(p.height for p in panels)), PAPER)
    top = 0
    for panel in panels:
        canvas.paste(panel, (0, top))
        top += panel.height
    return canvas


def blank_like(panel):
    """An empty panel of the same size."""
    return Image.new("RGB", panel.size, PAPER)


def framed(panel, colour, width=3):
    """The panel in a frame of this colour, (red, green, blue) from 0 to 255."""
    return ImageOps.expand(panel, width * DENSITY, colour)


def table(words, marked=None):
    """Lines of text in letters of equal width, so that columns stand under each other; `marked` is the one in colour."""
    if not words:
        raise ValueError("words must be one line at least; got none")
    font, line = _font(TEXT, "DejaVuSansMono.ttf"), 20 * DENSITY
    canvas = Image.new("RGB", (int(max(font.getlength(w) for w in words)) + 12 * DENSITY, line * len(words)), PAPER)
    for i, line_words in enumerate(words):
        place, ink = (6 * DENSITY, line * i + line // 2), MARK if i == marked else INK
        ImageDraw.Draw(canvas).text(place, line_words, fill=ink, font=font, anchor="lm")
    return canvas


def text(words, most=130):
    """Words as a panel, in lines of at most so many letters."""
    font, line, lines = _font(TEXT), 22 * DENSITY, textwrap.wrap(words, most) or [""]
    size = (int(max(map(font.getlength, lines))) + 12 * DENSITY, line * len(lines))
    canvas = Image.new("RGB", size, PAPER)
    for i, line_words in enumerate(lines):
        place = (6 * DENSITY, line * i + line // 2)
        ImageDraw.Draw(canvas).text(place, line_words, fill=INK, font=font, anchor="lm")
    return canvas


def bars(shares, names, marked=None, length=190):
    """A horizontal bar a name, shares (K,) from 0 to 1, with the share in per cent; `marked` is the index to point at."""
    if not isinstance(shares, (torch.Tensor, np.ndarray, list, tuple)):
        raise ValueError(f"shares must be numbers from 0 to 1, one a name; got {checks.shown(shares)}")
    shares = [checks.number("a share", share, 0, 1.001) for share in shares]  # a sum of rounded numbers may pass 1
    if not shares or len(shares) != len(names):
        raise ValueError(f"names must be one a share: {len(shares)} shares, {len(names)} names")
    line, name_width = 19 * DENSITY, 96 * DENSITY
    canvas = Image.new("RGB", (name_width + (length + 52) * DENSITY, line * len(names)), PAPER)
    draw, font = ImageDraw.Draw(canvas), _font(12)
    for i, (share, name) in enumerate(zip(shares, names)):
        middle, left = line * i + line // 2, name_width + 8 * DENSITY
        right = left + round(share * length * DENSITY)
        draw.text((name_width, middle), name, fill=INK, font=font, anchor="rm")
        draw.rectangle([left, middle - 6 * DENSITY, right, middle + 6 * DENSITY], fill=ORANGE if i == marked else BLUE)
        draw.text((right + 5 * DENSITY, middle), f"{100 * share:.0f} %", fill=INK, font=font, anchor="lm")
    return canvas


def prices(points, budget, marked=None, words="", size=(640, 250)):
    """What is had for what is paid: points (cost, share from 0 to 1), the cost on a logarithmic scale.

    What costs more than the budget lies on grey, and is hollow.  A line joins the points that no cheaper one
    beats.  marked: index of the point in colour, with `words` beside it.
    """
    left, top, right, bottom = 46 * DENSITY, 10 * DENSITY, (size[0] - 8) * DENSITY, (size[1] - 24) * DENSITY
    costs = [max(cost, 0.1) for cost, _ in points]
    first, last = math.log(0.6 * min(costs)), math.log(1.6 * max(costs))
    lowest = min(9, math.floor(10 * min(share for _, share in points)))  # in tenths, as the axis is marked

    def across(cost):
        return left + (math.log(max(cost, 0.1)) - first) / (last - first) * (right - left)

    def down(share):
        return bottom - (10 * share - lowest) / (10 - lowest) * (bottom - top)

    canvas, font = Image.new("RGB", (size[0] * DENSITY, size[1] * DENSITY), PAPER), _font(12)
    draw, end = ImageDraw.Draw(canvas), min(max(across(budget), left), right)
    draw.rectangle([end, top, right, bottom], fill=SHADE)
    for tenths in range(lowest, 11):
        y = down(tenths / 10)
        draw.line([left, y, right, y], fill=FAINT, width=1)
        draw.text((left - 6 * DENSITY, y), f"{10 * tenths} %", fill=INK, font=font, anchor="rm")
    for cost in (cost for cost in MARKS if first < math.log(cost) < last):
        draw.line([across(cost), top, across(cost), bottom], fill=FAINT, width=1)
        draw.text((across(cost), bottom + 5 * DENSITY), f"{cost:,}", fill=INK, font=font, anchor="ma")
    draw.line([end, top, end, bottom], fill=MARK, width=DENSITY)

    unbeaten = [p for p in points if not any(o[0] <= p[0] and o[1] > p[1] for o in points)]
    draw.line([(across(cost), down(share)) for cost, share in sorted(unbeaten)], fill=BLUE, width=1)
    for i, (cost, share) in sorted(enumerate(points), key=lambda point: point[0] == marked):  # that one last, on top
        x, y = across(cost), down(share)
        r, colour = (6 * DENSITY, MARK) if i == marked else (4 * DENSITY, BLUE)
        draw.ellipse([x - r, y - r, x + r, y + r], PAPER if cost > budget else colour, outline=colour, width=DENSITY)
        if i == marked:
            x = max(x - 8 * DENSITY, left + font.getlength(words))
            draw.text((x, y - 6 * DENSITY), words, fill=colour, font=font, anchor="rb")
    return canvas


def curves(lines, names, top, level=None, size=(330, 210)):
    """Lines over steps, from 0 to `top`; what lies beyond the top is drawn along it.

    lines: one or two lists of numbers, as long as each other; None is left out.  names: what stands for a line under
    the chart, in its colour: orange, then blue.  level: a number at which a dashed line stands.
    """
    if not lines or len({len(values) for values in lines}) != 1 or len(lines) != len(names) or len(lines) > 2:
        raise ValueError(f"lines must be one or two lists of equal length, each with a name; got {checks.shown(lines)}")
    top = checks.number("top", top, above=0)
    left, high, right, low = 26 * DENSITY, 8 * DENSITY, (size[0] - 8) * DENSITY, (size[1] - 26) * DENSITY
    canvas, font = Image.new("RGB", (size[0] * DENSITY, size[1] * DENSITY), PAPER), _font(12)
    draw = ImageDraw.Draw(canvas)

    def down(value):
        return low - min(max(value, 0), top) / top * (low - high)

    for tick in range(math.floor(top) + 1):
        draw.line([left, down(tick), right, down(tick)], fill=FAINT, width=1)
        draw.text((left - 6 * DENSITY, down(tick)), str(tick), fill=INK, font=font, anchor="rm")
    if level is not None:
        for start in range(left, right, 10 * DENSITY):
            draw.line([start, down(level), start + 5 * DENSITY, down(level)], fill=INK, width=DENSITY)
    step, place = (right - left) / max(1, len(lines[0]) - 1), left
    styles = [(ORANGE, 2 * DENSITY), (BLUE, DENSITY)]
    for values, (colour, width) in reversed(list(zip(lines, styles))):  # the first one on top
        points = [(left + step * n, down(value)) for n, value in enumerate(values) if value is not None]
        draw.line(points, fill=colour, width=width)
    for name, colour in zip(names, (ORANGE, BLUE)):
        draw.text((place, low + 8 * DENSITY), name, fill=colour, font=font, anchor="la")
        place += int(font.getlength(name)) + GAP * DENSITY
    return canvas


def number(value, digits=0):
    """A number as the course prints it: with a real minus sign, and without "-0"."""
    words = f"{value:.{digits}f}"
    return words.replace("-", MINUS) if float(words) else words.replace("-", "")


def shown(image, alt):
    """A picture that stands still, in the forms in which it reaches a page, a PDF and a reader of plain text: a MIME bundle."""
    small = io.BytesIO()
    image.reduce(DENSITY).quantize(256).save(
        small, "png", optimize=True
    )  # for print by way of LaTeX, which reads no html
    png = base64.b64encode(small.getvalue()).decode()
    return {"text/html": to_html(image, alt), "image/png": png, "text/plain": alt}


def to_html(image, alt, moves=False):
    """An `<img>` with alt text that carries a painted picture with it, shown at its size on the page.

    moves: True packs it quickly, for a picture that follows a slider; False packs it small.
    """
    packed = io.BytesIO()
    image.save(packed, "png", **({"compress_level": 1, "compress_type": RUN_LENGTH} if moves else {"optimize": True}))
    source = base64.b64encode(packed.getvalue()).decode()
    width, style = image.width // DENSITY, "max-width:100%;background:#fff"
    return f'<img alt="{html.escape(alt)}" width="{width}" style="{style}" src="data:image/png;base64,{source}">'


def _enlarge(image, zoom):
    return image.resize((image.width * zoom * DENSITY, image.height * zoom * DENSITY), Image.Resampling.NEAREST)


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
    if not panels or not all(isinstance(panel, Image.Image) for panel in panels):
        raise ValueError(f"panels must be painted pictures, one at least; got {checks.shown(panels)}")


@functools.lru_cache
def _font(size, name="DejaVuSans.ttf"):
    return ImageFont.truetype(str(FONTS / name), round(size * DENSITY))
