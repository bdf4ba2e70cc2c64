"""Labs on a trained network: its feature maps, layer by layer, and the pixels that can reach a place in them."""

import functools
import math

import torch
import torch.nn.functional as F

from helpers import inside, pixels
from helpers.train.evaluation import normalise
from helpers.widgets.lab import FEWER, Lab, check_images, check_named, chooser, slider

SIDE = 160  # of an image or a map on the page, about
SHEET = 384  # of all the maps of a layer together
FAINTEST = 0.15  # of the full colour, for a gradient that is not 0 however small it is


def maps_lab(model, images, mean, std, layers):
    """Choose an image, a layer and one of its maps; beside it all maps of that layer, with the chosen one framed.

    images: uint8 (N, C, H, W).  mean, std: by which the model wants them normalised, see `train.normalise`.
    layers: the words on the slider → name of a module that makes maps, as `inside.feature_maps` takes it.
    """
    check_images(images)
    check_named("layers", layers)
    seen = normalise(images, mean, std)
    maps = {words: inside.feature_maps(model, seen, layer) for words, layer in layers.items()}
    names = list(layers)

    def last(state):
        return maps[state["layer"]].shape[1] - 1

    def draw(image, layer, **chosen):
        number, all_maps = chosen["map"], maps[layer][image]
        values, limit = all_maps[number], all_maps.abs().max().item()
        height, width = values.shape
        low, high, place = values.min().item(), values.max().item(), values.argmax().item()
        panels = [
            pixels.picture(images[image], max(1, SIDE // images.shape[-1])),
            pixels.feature_map(values, max(1, SIDE // width), limit),
            _sheet(all_maps, limit, number),
        ]
        count = len(all_maps)
        captions = [
            pixels.sized("image", images[image]),
            pixels.sized(f"map {number},", values),
            f"all {count} maps of {layer}",
        ]
        words = (
            f"{layer}, map {number} of 0 to {count - 1}: {height}×{width} numbers from {pixels.number(low, 2)} to "
            f"{pixels.number(high, 2)}, the largest in row {place // width}, column {place % width}"
        )
        return pixels.row(panels, captions, ["→", ""]), words

    controls = {
        "image": slider("image", 0, len(images) - 1, 0),
        "layer": chooser("layer", names, names[0]),
        "map": slider("map", 0, maps[names[0]].shape[1] - 1, 0),
    }
    shown = [names[0], *names[1:][-2:]]  # the first and the last two: a page carries them all
    twin = [{"layer": name, "map": _liveliest(maps[name][0])} for name in shown]
    twin += [{"map": number} for number in range(3 - len(twin))]
    return Lab(draw, controls, twin, most={"map": last})


def _liveliest(maps):
    """The number of the map that varies most."""
    return maps.flatten(1).std(dim=1, correction=0).argmax().item()


def _sheet(maps, limit, chosen):
    """All maps (K, H, W) in rows, on one scale, with lines between them and a frame around the chosen one."""
    count, height, width = maps.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    # a row and a column of zeros behind each map, and maps of zeros up to the end of the last row
    padded = F.pad(maps, (0, 1, 0, 1, 0, rows * columns - count)).view(rows, columns, height + 1, width + 1)
    sheet = padded.transpose(1, 2).reshape(rows * (height + 1), columns * (width + 1))[:-1, :-1]
    zoom = max(1, SHEET // (columns * (width + 1)))
    painted = pixels.feature_map(sheet, zoom, limit)
    right, bottom = painted.size
    across = [(line * (width + 1) - 0.5) * zoom for line in range(1, columns)]  # in the middle between two maps
    down = [(line * (height + 1) - 0.5) * zoom for line in range(1, rows)]
    painted.lines([[(x, 0), (x, bottom)] for x in across] + [[(0, y), (right, y)] for y in down], pixels.FAINT)
    top, left = chosen // columns * (height + 1) * zoom, chosen % columns * (width + 1) * zoom
    first = max(0, left - zoom), max(0, top - zoom)
    last = min(left + (width + 1) * zoom, right), min(top + (height + 1) * zoom, bottom)
    painted.rectangle(*first, last[0] - first[0], last[1] - first[1], line=pixels.MARK, thick=2)
    return pixels.placed(painted, (max(SHEET, right, bottom),) * 2)  # so that nothing jumps


def field_lab(model, image, mean, std, layers):
    """Choose a place in a layer's maps: which pixels can reach it, by arithmetic and by the gradient.

    image: uint8 (C, H, W).  mean, std, layers: as in `maps_lab`; the model is made of nn.Sequentials, as `inside.field`
    wants it.  The gradient is that of the largest number at that place, over all maps.
    """
    check_images(image.unsqueeze(0) if isinstance(image, torch.Tensor) and image.ndim == 3 else image)
    check_named("layers", layers)
    seen = normalise(image.unsqueeze(0), mean, std)
    maps = {words: inside.feature_maps(model, seen, layer)[0] for words, layer in layers.items()}
    names = list(layers)
    for name in names:
        inside.field(model, layers[name], 0, 0)  # what has no field is refused where the lab is made

    @functools.lru_cache(maxsize=1024)
    def sizes(layer, number, row, column):
        return inside.gradient(model, seen, layers[layer], number, row, column).abs().amax(dim=0)

    def draw(layer, row, column):
        number = maps[layer][:, row, column].argmax().item()
        size = sizes(layer, number, row, column)
        window, total = _clipped(inside.field(model, layers[layer], row, column), size.shape), size.numel()
        in_field = torch.zeros(size.shape, dtype=torch.bool)
        in_field[window[0] : window[0] + window[2], window[1] : window[1] + window[3]] = True
        shown = (size > 0) * FAINTEST + (1 - FAINTEST) * size / (size.max().item() or 1)
        zoom, values = max(1, SIDE // size.shape[1]), maps[layer][number]
        panels = [
            _window_of(image, window, zoom),
            pixels.feature_map(values, max(1, SIDE // values.shape[1]), window=(row, column, 1, 1)),
            pixels.feature_map(shown, zoom, 1.0, window=window),
        ]
        captions = ["image, and the field", pixels.sized(f"map {number},", values), "where the gradient is not 0"]
        _, _, high, wide = inside.field(model, layers[layer], row, column)
        inner, outer = int(in_field.sum()), total - int(in_field.sum())
        words = (
            f"{layer}, row {row}, column {column}: the field is {high}×{wide} pixels, {window[2]}×{window[3]} of them in "
            f"the image; the gradient is not 0 at {int((size[in_field] != 0).sum())} of these {inner} pixels, and at "
            f"{int((size[~in_field] != 0).sum())} of the {outer} outside"
        )
        return pixels.row(panels, captions, ["→", "by gradient:"]), words

    first = maps[names[0]].shape
    controls = {
        "layer": chooser("layer", names, names[0]),
        "row": slider("row", 0, first[1] - 1, first[1] // 2),
        "column": slider("column", 0, first[2] - 1, first[2] // 2),
    }
    twin = [{"layer": name, "row": maps[name].shape[1] // 2, "column": maps[name].shape[2] // 2} for name in names[:4]]
    twin += [{"row": row, "column": 0} for row in range(3 - len(twin))]
    most = {"row": lambda s: maps[s["layer"]].shape[1] - 1, "column": lambda s: maps[s["layer"]].shape[2] - 1}
    stops = [0, 1, 2, 3, 4, 5, 6, 8, 11, 14, 18, 22, 26, 30]  # each state of a page takes a pass back through the model
    return Lab(draw, controls, twin, most=most, page={"row": stops, "column": stops}, note=FEWER)


def _clipped(window, shape):
    """The part of a window (top, left, height, width) that lies in an image of this shape (H, W)."""
    top, left, height, width = window
    bottom, right = min(top + height, shape[0]), min(left + width, shape[1])
    top, left = max(top, 0), max(left, 0)
    return top, left, max(0, bottom - top), max(0, right - left)


def _window_of(image, window, zoom):
    """The image, pale outside of a window, as it is in it, and a frame around it."""
    top, left, height, width = window
    pale = (160 + 0.37 * image.float()).to(torch.uint8)
    pale[:, top : top + height, left : left + width] = image[:, top : top + height, left : left + width]
    box = left * zoom, top * zoom, width * zoom, height * zoom
    return pixels.picture(pale, zoom).rectangle(*box, line=pixels.MARK, thick=2)
