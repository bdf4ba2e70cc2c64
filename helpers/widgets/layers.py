"""Labs on what a layer does to a picture: convolution, ReLU, pooling."""

import ipywidgets
import torch
import torch.nn.functional as F

from helpers import arithmetic, checks, pixels
from helpers.widgets.lab import (
    FEWER,
    Lab,
    check_grid,
    check_images,
    check_named,
    check_square_kernel,
    chooser,
    slider,
    tenths,
)

HATCH = (150, 150, 150)  # what no window reaches


def window_lab(image, kernel, start=0):
    """Slide a kernel (f, f) over a small image of whole numbers (H, W), one position a step, and see each sum formed."""
    check_square_kernel(kernel)
    f = len(kernel)
    check_grid("image", image, least=f)
    result = F.conv2d(image.float()[None, None], kernel.float()[None, None])[0, 0]
    limits = {"input": image.abs().max().item(), "kernel": kernel.abs().max().item(), "map": result.abs().max().item()}

    def draw(position):
        row, column = divmod(position, result.shape[1])
        window = image[row : row + f, column : column + f]
        products = window * kernel
        filled = result.flatten().clone()
        filled[position + 1 :] = torch.nan
        panels = [
            pixels.number_grid(image, window=(row, column, f, f), limit=limits["input"]),
            pixels.number_grid(kernel, shade="signed", limit=limits["kernel"]),
            pixels.number_grid(products, shade="signed", limit=limits["map"]),
            pixels.number_grid(filled.view_as(result), shade="signed", window=(row, column, 1, 1), limit=limits["map"]),
        ]
        captions = [
            pixels.sized("input", image),
            pixels.sized("kernel", kernel),
            "products",
            pixels.sized("feature map", result),
        ]
        terms = " + ".join(pixels.number(n) for n in products.flatten().tolist()).replace(
            f"+ {pixels.MINUS}", f"{pixels.MINUS} "
        )
        words = f"row {row}, column {column}: {terms} = {pixels.number(result[row, column].item())}"
        return pixels.row(panels, captions, ["×", "=", "sum →"]), words

    last = result.numel() - 1
    start = checks.whole("start", start, 0, last)
    return Lab(draw, {"position": slider("position", 0, last, start)}, [{"position": p} for p in (0, last // 3, last)])


def kernel_lab(images, kernels, start=None, zoom=6):
    """Choose a kernel and an image by slider, edit the kernel's numbers, see its feature map, in colours and as an image.

    images: uint8 (N, 1, H, W).  kernels: name → float (f, f), all of one size f.  start: the name
    of the first kernel.  The controls are "kernel", "image", and "row,column" for each number.
    """
    check_images(images, channels=(1,))
    _check_kernels(kernels, images, check_square_kernel)
    names = list(kernels)
    start = names[0] if start is None else checks.one_of("start", start, names)
    f = len(kernels[start])

    def numbers(name):
        return {f"{r},{c}": kernels[name][r, c].item() for r in range(f) for c in range(f)}

    def draw(kernel, image, **edited):
        values = torch.tensor(list(edited.values())).view(f, f)
        result = F.conv2d(images[image].float()[None] / 255, values[None, None])[0, 0]
        name = kernel if edited == numbers(kernel) else f"{kernel}, edited"
        low, high = result.min().item(), result.max().item()
        words = (
            f"{name}: the kernel's numbers add up to {values.sum():.3g}; "
            f"the feature map runs from {pixels.number(low, 2)} to {pixels.number(high, 2)}"
        )
        limit = max(-low, high, 0.001)  # so that what is 0 but for rounding stays white
        black, white = min(low, 0), max(high, 1)
        grey = pixels.picture((255 * (result - black) / (white - black)).round().byte(), zoom)
        caption = f"the map in greys,\n{pixels.number(black, 2)} black, {pixels.number(white, 2)} white"
        panels = [pixels.filtering(images[image], values, result, zoom, 42, limit), pixels.row([grey], [caption])]
        return pixels.row(panels), words.replace("-", pixels.MINUS)

    choice = chooser("kernel", names, start)
    cell = {"width": "96px"}
    fields = {
        name: ipywidgets.FloatText(
            value=n, step=0.5, description=name, style={"description_width": "28px"}, layout=cell
        )
        for name, n in numbers(start).items()
    }
    places = slider("image", 0, len(images) - 1, 0)
    grid = ipywidgets.VBox([ipywidgets.HBox([fields[f"{r},{c}"] for c in range(f)]) for r in range(f)])
    twin = [{"kernel": name, **numbers(name)} for name in names[:5]]
    controls = {"kernel": choice, "image": places, **fields}
    note = "In Jupyter you can also type numbers of your own into the kernel."
    return Lab(draw, controls, twin, arranged=[choice, places, grid], follow={"kernel": numbers}, note=note)


def parallel_lab(images, kernels, zoom=4):
    """Let several kernels look at one image, each making a feature map of its own.

    images: uint8 (N, C, H, W).  kernels: name → float (C, f, f).
    """
    check_images(images)
    _check_kernels(kernels, images, lambda kernel: checks.tensor("a kernel", kernel, "(C, f, f)", checks.FLOATS))
    stack = torch.stack(list(kernels.values()))
    if stack.shape[1] != images.shape[1] or stack.shape[2] != stack.shape[3]:
        raise ValueError(
            f"each kernel must be (C, f, f) with the pictures' depth C={images.shape[1]}; got {tuple(stack.shape[1:])}"
        )
    depth, f = stack.shape[1], stack.shape[2]

    def draw(image, **count):
        count = count["kernels"]
        maps = F.conv2d(images[image].float()[None] / 255, stack[:count])[0]
        seen = pixels.row(
            [pixels.picture(images[image], 2 * zoom)], [f"image {depth}×{pixels.sized('', images[image, 0])}"]
        )
        panels = [pixels.feature_map(m, zoom) for m in maps]
        empty = len(kernels) - count  # places kept free, so that nothing jumps when the slider moves
        panels += [pixels.blank_like(panels[0])] * empty
        grid = pixels.rows(panels, [*list(kernels)[:count], *[""] * empty], columns=4)
        s = "s" if count > 1 else ""
        words = (
            f"{count} kernel{s} of {depth}×{f}×{f} → {count} feature map{s} of {pixels.sized('', maps[0])}: "
            f"{count}·{depth}·{f}·{f} weights + {count} bias{'es' if s else ''} = {count * (depth * f * f + 1)} parameters"
        )
        return pixels.row([seen, grid], signs=["→"]), words

    controls = {
        "kernels": slider("kernels", 1, len(stack), min(4, len(stack))),
        "image": slider("image", 0, len(images) - 1, 0),
    }
    return Lab(draw, controls, [{"kernels": n} for n in sorted({1, (len(stack) + 1) // 2, len(stack)})])


def relu_lab(maps, low=-2.0, high=2.0, zoom=8):
    """Raise and lower the threshold under which a feature map is set to 0.

    maps: name → feature map, float (H, W).  The threshold is the negative of a bias: ReLU(map − threshold).
    """
    check_named("maps", maps)
    for values in maps.values():
        check_grid("a feature map", values)
    checks.number("high", high, above=checks.number("low", low, most=0), least=0)
    names = list(maps)
    limit = {name: values.abs().max().item() for name, values in maps.items()}

    def draw(**state):
        values, threshold = maps[state["feature map"]], round(state["threshold"], 1)
        detected = F.relu(values - threshold)
        off = 100 * (detected == 0).float().mean().item()
        words = f"threshold {pixels.number(threshold, 1)}: {off:.0f} % of the {values.numel()} numbers are 0 afterwards"
        panels = [pixels.feature_map(m, zoom, limit[state["feature map"]]) for m in (values, detected)]
        captions = [
            pixels.sized("before", values),
            f"ReLU(map − {pixels.number(threshold, 1)})".replace("− −", "+ ").replace("−−", "+ "),
        ]
        return pixels.row(panels, captions, ["→"], least_width=170), words

    controls = {
        "feature map": chooser("feature map", names, names[0]),
        "threshold": tenths("threshold", low, high, 0.0),
    }
    return Lab(draw, controls, [{"threshold": t} for t in (low / 2, 0.0, high / 2)])


def pool_lab(maps, size=2, stride=2, position=0, most=7, zoom=8):
    """Pool a feature map with windows of any size and stride: watch the window move, and height and width shrink.

    maps: name → feature map, float (H, W).  position: the stop at which the window stands, counted row by row.
    The window and the number that is kept of it are framed; what no window reaches is hatched.
    """
    check_named("maps", maps)
    checks.whole("most", most, 1)
    for values in maps.values():
        check_grid("a feature map", values, least=max(4, most))
    checks.whole("size", size, 1, most)
    checks.whole("stride", stride, 1, most)
    names = list(maps)
    pools = {"max": F.max_pool2d, "average": F.avg_pool2d}

    def last(state):
        rows, columns = maps[state["feature map"]].shape
        f, s = state["size"], state["stride"]
        return arithmetic.output_size(rows, f, s) * arithmetic.output_size(columns, f, s) - 1

    def draw(**state):
        values, kind, f, s = maps[state["feature map"]], state["kind"], state["size"], state["stride"]
        pooled = pools[kind](values[None], f, s)[0]
        row, column = divmod(state["position"], pooled.shape[1])
        top, left = row * s, column * s
        limit, kept = values.abs().max().item(), pixels.number(pooled[row, column].item(), 1)
        rows, columns = (_reached(n, f, s) for n in values.shape)
        unseen = ~(rows[:, None] & columns)
        before = _marked(values, zoom, limit, (top, left, f, f), unseen)
        after = _marked(pooled, zoom, limit, (row, column, 1, 1))
        window = values[top : top + f, left : left + f]
        numbers = pixels.number_grid(window, min(40, 160 // f), shade="signed", limit=limit, digits=1)
        words = (
            f"{kind} of {f}×{f}, stride {s}: ({len(values)} − {f}) / {s} + 1, rounded down = {len(pooled)}; "
            f"{pixels.sized('', values)} → {pixels.sized('', pooled)}; "
            f"stop {state['position'] + 1} of {pooled.numel()} keeps {kept}"
        )
        if unseen.any():
            words += f"; hatched: {int(unseen.sum())} of {values.numel()} numbers that no window reaches"
        captions = [pixels.sized("before", values), f"window: {kind} {kept}", pixels.sized("after", pooled)]
        # in places as large as they get, so that nothing jumps
        panels = [before, pixels.placed(numbers, (170, 170)), pixels.placed(after, before.size)]
        return pixels.row(panels, captions, ["→", "→"]), words

    first = {"feature map": names[0], "kind": "max", "size": size, "stride": stride}
    controls = {
        "feature map": chooser("feature map", names, names[0]),
        "kind": chooser("kind", list(pools), "max"),
        "size": slider("size", 1, most, size),
        "stride": slider("stride", 1, most, stride),
        "position": slider("position", 0, last(first), checks.whole("position", position, 0, last(first))),
    }
    twin = [
        {"size": 2, "stride": 2, "position": position},
        {"size": 2, "stride": 2, "position": position + 1, "kind": "average"},
        {"size": 3, "stride": 2, "position": position + 2},
        {"size": 2, "stride": 4, "position": position // 4},
    ]
    for state in twin:  # each has stops of its own
        state["position"] = min(state["position"], last({**first, **state}))
    # of 45,000 states a page need not show all
    stops = sorted({position, *range(30), *range(30, 200, 15), *range(200, 784, 60)})
    page = {"size": [n for n in (1, 2, 3, 4, 7) if n <= most], "stride": [n for n in (1, 2, 3, 4) if n <= most]}
    return Lab(draw, controls, twin, most={"position": last}, page=page | {"position": stops}, note=FEWER)


def _reached(n, f, stride):
    """Of each of n rows, whether a window reaches it."""
    reached = torch.zeros(n, dtype=torch.bool)
    for stop in range(arithmetic.output_size(n, f, stride)):
        reached[stop * stride : stop * stride + f] = True
    return reached


def _marked(values, zoom, limit, window, unseen=None):
    """A feature map with a window of it framed, and squares that are `unseen` hatched."""
    painted = pixels.feature_map(values, zoom, limit, margin=4)
    crosses = [] if unseen is None else unseen.nonzero().tolist()
    if crosses:
        painted.lines(pixels.diagonals(crosses, zoom, margin=4), HATCH)
    top, left, height, width = (n * zoom for n in window)
    # around the window, so that it hides none of its numbers
    return painted.rectangle(left + 2, top + 2, width + 4, height + 4, line=pixels.MARK, thick=2)


def _check_kernels(kernels, images, check_one):
    """Raise ValueError where these are not kernels by name, all of one size, that fit into the pictures."""
    check_named("kernels", kernels)
    for kernel in kernels.values():
        check_one(kernel)
    sizes = {tuple(kernel.shape) for kernel in kernels.values()}
    if len(sizes) > 1:
        raise ValueError(f"all kernels must have one size; got {', '.join(map(str, sorted(sizes)))}")
    if max(next(iter(sizes))[-2:]) > min(images.shape[-2:]):
        raise ValueError(f"kernels of {next(iter(sizes))} do not fit into pictures of {tuple(images.shape[-2:])}")
