"""What a picture is made of, and its two ways to a reader.

A panel is a drawing (pixels, lines, words), or panels side by side, one below the other, in a frame. `html()` is for what
moves, in Jupyter and on the course's pages alike: pixels stay pixels that the browser enlarges, words stay words. So a
state is small and quick, sharp at any size, follows the theme, and wraps on a phone. `raster()` paints the same with
Pillow, for what stands still: GitHub, print and PDF take pictures only.

All sizes are those on the page; the raster has `DENSITY` pixels for each of them, so that it stays sharp on dense screens.
"""

import base64
import functools
import html
import io
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

DENSITY = 2
FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"  # ships with matplotlib
PAPER, INK, FAINT = (255, 255, 255), (34, 34, 34), (208, 208, 208)
ORANGE, BLUE = (213, 94, 0), (0, 90, 160)  # told apart with any colour vision
MARK = (156, 12, 96)  # frames and crosses: none of the colours of the data
SHADE = (240, 240, 240)  # what cannot be had
TEXT, GAP, EDGE = 13, 18, 6

# Names of css variables: beside the data, where the page shines through, colours follow its theme.
THEMED = {INK: "ink", FAINT: "line", SHADE: "shade", ORANGE: "orange", BLUE: "blue", MARK: "mark", PAPER: "paper"}
DARK = "--cnn-ink:#e4e4e4;--cnn-line:#565656;--cnn-shade:#333;--cnn-orange:#ff8c3a;--cnn-blue:#5ab0f2;--cnn-mark:#f03cc0;--cnn-paper:#111"
STYLE = f"""
.cnn-picture {{color: var(--cnn-ink, #222); font: {TEXT}px/1.3 Verdana, "DejaVu Sans", sans-serif; padding: {EDGE}px; overflow-x: auto}}
.cnn-row {{display: flex; flex-wrap: wrap; align-items: center; gap: 8px {GAP}px; min-width: 0; max-width: 100%}}
.cnn-column {{display: flex; flex-direction: column; gap: 4px; max-width: 100%}}
.cnn-row > figure {{margin: 0; max-width: 100%; min-width: 0; display: flex; flex-direction: column; align-items: center}}
.cnn-row figcaption {{white-space: pre-line; text-align: center; padding-bottom: 6px}}
.cnn-sign {{font-size: 20px}}
.cnn-panel {{position: relative; max-width: 100%; overflow: hidden}}
.cnn-panel img {{position: absolute; display: block; margin: 0; max-width: none; image-rendering: pixelated}}
.cnn-panel svg {{position: absolute; left: 0; top: 0; width: 100%; height: 100%}}
.cnn-panel text {{font-family: Verdana, "DejaVu Sans", sans-serif}}
.cnn-place {{display: flex; align-items: flex-start; justify-content: center; max-width: 100%}}
.cnn-frame {{border-style: solid; width: fit-content; max-width: 100%; box-sizing: border-box}}
.cnn-table {{font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; line-height: 20px; white-space: pre}}
.cnn-marked {{color: var(--cnn-mark, #9c0c60)}}
body[data-jp-theme-light="false"] .cnn-picture, html[theme="dark"] .cnn-picture, .vscode-dark .cnn-picture {{{DARK}}}
"""


class Panel:
    """What every panel can do.  A subclass says how it is painted and how it is written."""

    def raster(self):
        """The panel as a PIL image."""
        raise NotImplementedError

    def html(self):
        """The panel as pieces of html, to be joined; equal pieces recur from state to state."""
        raise NotImplementedError

    @property
    def size(self):
        """(width, height) on the page."""
        return tuple(n / DENSITY for n in self.raster().size)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.raster(), dtype)


class Drawing(Panel):
    """A sheet of so many pixels of the page, with marks on it, in the order in which they are put there.

    themed: whether the page shines through, so that ink, lines and colours follow its theme; where marks lie on pixels
    of data, they keep their colours.
    """

    def __init__(self, width, height, themed=False):
        self._size, self.themed = (width, height), themed
        self._paint, self._image, self._marks = [], [], []

    @property
    def size(self):
        return self._size

    def image(self, array, zoom, left=0, top=0):
        """Pixels, uint8 (H, W, 3), each zoom × zoom on the page."""
        array = np.ascontiguousarray(array)
        height, width = array.shape[:2]

        def paint(canvas, _):
            size = (round(width * zoom * DENSITY), round(height * zoom * DENSITY))
            canvas.paste(
                Image.fromarray(array).resize(size, Image.Resampling.NEAREST),
                (round(left * DENSITY), round(top * DENSITY)),
            )

        box = (left / self._size[0], top / self._size[1], width * zoom / self._size[0], height * zoom / self._size[1])
        place = ";".join(f"{what}:{100 * n:.4g}%" for what, n in zip(("left", "top", "width", "height"), box))
        self._paint.append(paint)
        self._image.append(f'<img alt="" decoding="sync" style="{place}" src="{_source(array.tobytes(), width)}">')
        return self

    def rectangle(self, left, top, width, height, fill=None, line=None, thick=1):
        """A rectangle, filled or with a line along the inside of its edge."""
        box = [left * DENSITY, top * DENSITY, (left + width) * DENSITY - 1, (top + height) * DENSITY - 1]
        self._paint.append(lambda _, draw: draw.rectangle(box, fill, line, round(thick * DENSITY)))
        inset = thick if line else 0
        shape = f'<rect x="{left + inset / 2:g}" y="{top + inset / 2:g}" width="{width - inset:g}" height="{height - inset:g}"'
        stroke = f' stroke="{self._colour(line)}" stroke-width="{thick:g}"' if line else ""
        self._marks.append(f'{shape} fill="{self._colour(fill) if fill else "none"}"{stroke}/>')
        return self

    def rules(self, columns, rows, cell, colour=FAINT):
        """The lines of a grid of squares, on the first pixel of each."""
        across, down = columns * cell, rows * cell
        boxes = [(c * cell, 0, 1, down + 1) for c in range(columns + 1)]
        boxes += [(0, r * cell, across + 1, 1) for r in range(rows + 1)]

        def paint(_, draw):
            for left, top, width, height in boxes:
                box = [left * DENSITY, top * DENSITY, (left + width) * DENSITY - 1, (top + height) * DENSITY - 1]
                draw.rectangle(box, colour)

        path = "".join(f"M{c * cell + 0.5:g} 0v{down + 1}" for c in range(columns + 1))
        path += "".join(f"M0 {r * cell + 0.5:g}h{across + 1}" for r in range(rows + 1))
        self._paint.append(paint)
        self._marks.append(f'<path d="{path}" stroke="{self._colour(colour)}" fill="none"/>')
        return self

    def lines(self, lines, colour, thick=1, dashed=False):
        """Lines, each a list of points (x, y)."""

        def paint(_, draw):
            for points in lines:
                pieces = _dashes(points) if dashed else [points]
                for piece in pieces:
                    draw.line([tuple(n * DENSITY for n in p) for p in piece], colour, max(1, round(thick * DENSITY)))

        path = "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in points) for points in lines)
        dashes = ' stroke-dasharray="5 5"' if dashed else ""
        stroke = f'stroke="{self._colour(colour)}" stroke-width="{thick:g}"{dashes}'
        self._paint.append(paint)
        self._marks.append(f'<path d="{path}" fill="none" {stroke}/>')
        return self

    def circle(self, x, y, radius, fill, line, thick=1):
        box = [(x - radius) * DENSITY, (y - radius) * DENSITY, (x + radius) * DENSITY, (y + radius) * DENSITY]
        self._paint.append(lambda _, draw: draw.ellipse(box, fill, line, thick * DENSITY))
        colours = f'fill="{self._colour(fill)}" stroke="{self._colour(line)}" stroke-width="{thick:g}"'
        self._marks.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius - thick / 2:g}" {colours}/>')
        return self

    def words(self, placed, size, colour=INK, anchor="mm"):
        """Words, each (x, y, words).  anchor: as in Pillow: l, m or r, then a (top), m (middle) or d (bottom)."""

        def paint(_, draw):
            for x, y, words in placed:
                draw.text((x * DENSITY, y * DENSITY), words, fill=colour, font=font(size), anchor=anchor)

        # from Pillow's anchor to the line that the letters stand on, by DejaVu's ascent and descent
        down = size * {"a": 0.928, "m": 0.346, "d": -0.236}[anchor[1]]
        texts = "".join(f'<text x="{x:g}" y="{y + down:.4g}">{html.escape(words)}</text>' for x, y, words in placed)
        end = {"l": "start", "m": "middle", "r": "end"}[anchor[0]]
        self._paint.append(paint)
        self._marks.append(
            f'<g font-size="{size:g}" fill="{self._colour(colour)}" text-anchor="{end}">{texts}</g>' if texts else ""
        )
        return self

    def _colour(self, colour):
        code = "#" + "".join(f"{n:02x}" for n in colour)
        return f"var(--cnn-{THEMED[colour]},{code})" if self.themed and colour in THEMED else code

    def raster(self):
        canvas = Image.new("RGB", tuple(round(n * DENSITY) for n in self._size), PAPER)
        draw = ImageDraw.Draw(canvas)
        for paint in self._paint:
            paint(canvas, draw)
        return canvas

    def html(self):
        width, height = self._size
        begin = f'<div class="cnn-panel" style="width:{width:g}px;aspect-ratio:{width:g}/{height:g}">'
        if not self._marks:
            return [begin, *self._image, "</div>"]
        svg = f'<svg viewBox="0 0 {width:g} {height:g}" aria-hidden="true">'
        return [begin, *self._image, svg, *self._marks, "</svg></div>"]


class Row(Panel):
    """Panels side by side, centred, each with its caption above; what stands between them; a new line after `columns`."""

    def __init__(self, panels, captions, signs, least_width=0, columns=None):
        self.panels, self.captions, self.signs = panels, captions, signs
        self.least_width, self.columns = least_width, columns or len(panels)

    def raster(self):
        lines = []
        for start in range(0, len(self.panels), self.columns):
            part = slice(start, start + self.columns)
            lines.append(_side_by_side(self.panels[part], self.captions[part], self.signs[part], self.least_width))
        return _below(lines)

    def html(self):
        widest = self.columns * (self.least_width + GAP)
        room = f' style="max-width:{widest}px"' if self.columns < len(self.panels) else ""
        pieces = [f'<div class="cnn-row"{room}>']
        for i, (panel, caption) in enumerate(zip(self.panels, self.captions)):
            least = f' style="min-width:min(100%,{self.least_width}px)"' if self.least_width else ""
            words = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
            pieces += [f"<figure{least}>{words}", *panel.html(), "</figure>"]
            if i < len(self.panels) - 1 and self.signs[i]:
                pieces.append(f'<span class="cnn-sign">{self.signs[i]}</span>')
        return [*pieces, "</div>"]


class Column(Panel):
    """Panels one below the other, against the left edge."""

    def __init__(self, panels):
        self.panels = panels

    def raster(self):
        return _below([panel.raster() for panel in self.panels])

    def html(self):
        return ['<div class="cnn-column">', *(piece for panel in self.panels for piece in panel.html()), "</div>"]


class Place(Panel):
    """A place of a size of its own with a panel at its top, in the middle, or nothing: so that nothing jumps."""

    def __init__(self, size, panel=None):
        self._size, self.panel = size, panel

    @property
    def size(self):
        return self._size

    def raster(self):
        place = Image.new("RGB", tuple(round(n * DENSITY) for n in self._size), PAPER)
        if self.panel is not None:
            inner = self.panel.raster()
            place.paste(inner, ((place.width - inner.width) // 2, 0))
        return place

    def html(self):
        width, height = self._size
        begin = f'<div class="cnn-place" style="width:{width:g}px;min-height:{height:g}px">'
        return [begin, *(self.panel.html() if self.panel is not None else []), "</div>"]


class Frame(Panel):
    """A panel in a frame of a colour, (red, green, blue)."""

    def __init__(self, panel, colour, width):
        self.panel, self.colour, self.width = panel, colour, width

    @property
    def size(self):
        return tuple(n + 2 * self.width for n in self.panel.size)

    def raster(self):
        return ImageOps.expand(self.panel.raster(), self.width * DENSITY, self.colour)

    def html(self):
        border = f"border-width:{self.width}px;border-color:rgb{self.colour}".replace(" ", "")
        return [f'<div class="cnn-frame" style="{border}">', *self.panel.html(), "</div>"]


class Lines(Panel):
    """Lines of words, all of one kind of letters; `marked` is the line in colour.  table: in letters of equal width."""

    def __init__(self, lines, marked=None, table=False):
        self.lines, self.marked, self.table = lines, marked, table

    def raster(self):
        letters = font(TEXT, "DejaVuSansMono.ttf" if self.table else "DejaVuSans.ttf")
        line = (20 if self.table else 22) * DENSITY
        width = int(max(map(letters.getlength, self.lines))) + 12 * DENSITY
        canvas = Image.new("RGB", (width, line * len(self.lines)), PAPER)
        for i, words in enumerate(self.lines):
            place, ink = (6 * DENSITY, line * i + line // 2), MARK if i == self.marked else INK
            ImageDraw.Draw(canvas).text(place, words, fill=ink, font=letters, anchor="lm")
        return canvas

    def html(self):
        kind = "cnn-table" if self.table else "cnn-text"
        lines = [
            f'<div class="cnn-marked">{html.escape(words)}</div>'
            if i == self.marked
            else f"<div>{html.escape(words)}</div>"
            for i, words in enumerate(self.lines)
        ]
        return [f'<div class="{kind}">', *lines, "</div>"]


def _side_by_side(panels, captions, signs, least_width):
    """The raster of panels in one line."""
    panels = [panel.raster() for panel in panels]
    signs = signs[: len(panels) - 1]
    letters, sign_letters = font(TEXT), font(20)
    head = (TEXT + 10) * DENSITY * max(caption.count("\n") + 1 for caption in captions) if any(captions) else 0
    widths = [
        max(least_width * DENSITY, panel.width, *(int(letters.getlength(line)) for line in caption.split("\n")))
        for panel, caption in zip(panels, captions)
    ]
    gaps = [int(sign_letters.getlength(sign)) + 2 * GAP * DENSITY if sign else GAP * DENSITY for sign in signs]
    edge = EDGE * DENSITY
    tallest = max(panel.height for panel in panels)
    canvas = Image.new("RGB", (sum(widths) + sum(gaps) + 2 * edge, head + tallest + 2 * edge), PAPER)
    draw = ImageDraw.Draw(canvas)
    left = edge
    for i, (panel, caption, width) in enumerate(zip(panels, captions, widths)):
        middle = left + width // 2
        top = edge + head + (tallest - panel.height) // 2
        canvas.paste(panel, (middle - panel.width // 2, top))
        place = (middle, top - 6 * DENSITY)
        draw.multiline_text(place, caption, fill=INK, font=letters, anchor="md", align="center", spacing=4 * DENSITY)
        left += width
        if i < len(signs):
            place = (left + gaps[i] // 2, edge + head + tallest // 2)
            draw.text(place, signs[i], fill=INK, font=sign_letters, anchor="mm")
            left += gaps[i]
    return canvas


def _below(rasters):
    canvas = Image.new("RGB", (max(r.width for r in rasters), sum(r.height for r in rasters)), PAPER)
    top = 0
    for raster in rasters:
        canvas.paste(raster, (0, top))
        top += raster.height
    return canvas


def _dashes(points):
    """A straight line from left to right as dashes of 5, with as much between them."""
    (start, y), (end, _) = points
    return [[(x, y), (x + 5, y)] for x in range(int(start), int(end), 10)]


@functools.lru_cache(maxsize=256)  # from one state to the next most pictures stay
def _source(colours, width):
    """Pixels, bytes of (H, W, 3), as an address that carries them: a png, in greys where there are no colours."""
    array = np.frombuffer(colours, dtype=np.uint8).reshape(-1, width, 3)
    if (array[..., :1] == array).all():
        array = array[..., 0]
    packed = io.BytesIO()
    Image.fromarray(array).save(packed, "png", compress_level=9)
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"


@functools.lru_cache
def font(size, name="DejaVuSans.ttf"):
    """Letters of this size on the page, for the raster."""
    return ImageFont.truetype(str(FONTS / name), round(size * DENSITY))
