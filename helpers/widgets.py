"""The sliders. Each function returns one `Lab`: controls, and a picture that follows them.

A picture is painted by `helpers.pixels` and sent as one message. JavaScript keeps only the newest
value of a slider while the kernel is busy, so fast dragging never queues up. A lab's state can be
set from code: `lab.set(position=12)`. Only what ipywidgets 7.7 and 8 share is used.
"""

import html

import ipywidgets
import torch
import torch.nn.functional as F

from helpers import pixels

# what a pointer that rests on a control is told; ipywidgets 8 shows "null" where nothing is set
TOOLTIP = "tooltip" if "tooltip" in ipywidgets.IntSlider.class_trait_names() else "description_tooltip"
WIDE = {"description_width": "120px"}
WIDTH = ipywidgets.Layout(width="420px")


class Lab(ipywidgets.VBox):
    """Controls, a picture that follows them, and a line that says the result.

    draw: called with the controls' values by name; returns (picture, words): a PIL image and the
    sentence that is its readout and its alt text.  controls: name → widget with a `value`.
    twin: the states, dicts of values, whose pictures stand in where no kernel runs: on GitHub, in
    print, for a screen reader.  arranged: the widgets to show, where not just the controls in a column.
    follow: control name → function from its new value to values of other controls that move with it.
    """

    _ipython_display_ = None  # ipywidgets 7 would bypass _repr_mimebundle_ with it

    def __init__(self, draw, controls, twin, arranged=None, follow=None):
        self.draw, self.controls, self.twin, self.follow = draw, controls, twin, follow or {}
        self.picture = ipywidgets.HTML(**{TOOLTIP: ""})
        self._moving = False
        for name, control in controls.items():
            setattr(control, TOOLTIP, name)
            control.observe(lambda change, name=name: self._moved(name, change["new"]), names="value")
        self._redraw()
        super().__init__([*(arranged or controls.values()), self.picture])

    @property
    def state(self):
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values):
        """Move controls from code, as a hand would.  Raises ValueError for a name that is no control."""
        for name in values:
            if name not in self.controls:
                raise ValueError(f"no control {name!r}: there are {', '.join(self.controls)}")
        self._moving = True  # several controls move, one picture is painted
        try:
            for name, value in values.items():
                self.controls[name].value = value
                for follower, its_value in self.follow.get(name, lambda _: {})(value).items():
                    if follower not in values:
                        self.controls[follower].value = its_value
        finally:
            self._moving = False
        self._redraw()

    def _moved(self, name, value):
        if not self._moving:
            self.set(**{name: value})

    def _redraw(self):
        picture, words = self.draw(**self.state)
        self.picture.value = (
            f'{pixels.to_html(picture, words, moves=True)}<div role="status">{html.escape(words)}</div>'
        )

    def _repr_mimebundle_(self, include=None, exclude=None, **_):
        drawn = [self.draw(**{**self.state, **state}) for state in self.twin]
        words = " · ".join(words for _, words in drawn)
        strip = pixels.column([panel for picture, words in drawn for panel in (picture, pixels.text(words))])
        return {
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            },
            "text/html": pixels.to_html(strip, f"{len(drawn)} states of the sliders: {words}"),
            "text/plain": f"Sliders: {', '.join(self.controls)}. {words}",
        }


def slider(name, low, high, value):
    """A whole-number slider whose name says what moves."""
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=name, style=WIDE, layout=WIDTH)


def window_lab(image, kernel, start=0):
    """Slide a kernel (f, f) over a small image of whole numbers (H, W), one position a step, and see each sum formed."""
    _check_square_kernel(kernel)
    if image.ndim != 2 or min(image.shape) < len(kernel):
        raise ValueError(
            f"image must be (H, W), at least as large as the kernel {tuple(kernel.shape)}; got {tuple(image.shape)}"
        )
    f = len(kernel)
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
    return Lab(draw, {"position": slider("position", 0, last, start)}, [{"position": p} for p in (0, last // 3, last)])


def kernel_lab(images, kernels, start=None, zoom=9):
    """Choose a kernel and a picture by slider, edit the kernel's numbers, see its feature map.

    images: uint8 (N, 1, H, W).  kernels: name → float (f, f), all of one size f.  start: the name
    of the first kernel.  The controls are "kernel", "picture", and "row,column" for each number.
    """
    _check_images(images, channels=1)
    for kernel in kernels.values():
        _check_square_kernel(kernel)
    names = list(kernels)
    start = start or names[0]
    f = len(kernels[start])

    def numbers(name):
        return {f"{r},{c}": kernels[name][r, c].item() for r in range(f) for c in range(f)}

    def draw(kernel, picture, **edited):
        values = torch.tensor(list(edited.values())).view(f, f)
        result = F.conv2d(images[picture].float()[None] / 255, values[None, None])[0, 0]
        name = kernel if edited == numbers(kernel) else f"{kernel}, edited"
        low, high = (pixels.number(n.item(), 2) for n in (result.min(), result.max()))
        words = f"{name}: the kernel's numbers add up to {values.sum():.3g}; the feature map runs from {low} to {high}"
        return pixels.filtering(images[picture], values, result, zoom, cell=42), words.replace("-", pixels.MINUS)

    chooser = ipywidgets.SelectionSlider(options=names, value=start, description="kernel", style=WIDE, layout=WIDTH)
    cell = ipywidgets.Layout(width="96px")
    fields = {
        name: ipywidgets.FloatText(
            value=n, step=0.5, description=name, style={"description_width": "28px"}, layout=cell
        )
        for name, n in numbers(start).items()
    }
    pictures = slider("picture", 0, len(images) - 1, 0)
    grid = ipywidgets.VBox([ipywidgets.HBox([fields[f"{r},{c}"] for c in range(f)]) for r in range(f)])
    twin = [{"kernel": name, **numbers(name)} for name in names[:5]]
    controls = {"kernel": chooser, "picture": pictures, **fields}
    return Lab(draw, controls, twin, arranged=[chooser, pictures, grid], follow={"kernel": numbers})


def parallel_lab(images, kernels, zoom=4):
    """Let several kernels look at one picture, each making a feature map of its own.

    images: uint8 (N, C, H, W).  kernels: name → float (C, f, f).
    """
    stack = torch.stack(list(kernels.values()))
    if stack.ndim != 4 or stack.shape[1] != images.shape[1]:
        raise ValueError(
            f"each kernel must be (C, f, f) with the pictures' depth C={images.shape[1]}; got {tuple(stack.shape[1:])}"
        )
    _check_images(images, channels=images.shape[1])
    depth, f = stack.shape[1], stack.shape[2]

    def draw(picture, **count):
        count = count["kernels"]
        maps = F.conv2d(images[picture].float()[None] / 255, stack[:count])[0]
        seen = pixels.row(
            [pixels.picture(images[picture], 2 * zoom)], [f"picture {depth}×{pixels.sized('', images[picture, 0])}"]
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
        "picture": slider("picture", 0, len(images) - 1, 0),
    }
    return Lab(draw, controls, [{"kernels": n} for n in sorted({1, (len(stack) + 1) // 2, len(stack)})])


def probability_lab(images, probabilities, labels, classes, start=0, zoom=7):
    """Leaf through pictures, and see what a network makes of each: one bar a class.

    images: uint8 (N, C, H, W).  probabilities: float (N, K).  labels: int64 (N,), the true classes.
    """
    _check_images(images, channels=images.shape[1])
    _check_probabilities(probabilities, labels, classes)

    def draw(picture):
        shares, true = probabilities[picture], int(labels[picture])
        best = int(shares.argmax())
        verdict = "right" if best == true else f"wrong, it is: {classes[true]}"
        words = f"picture {picture}: {classes[best]}, {100 * shares[best].item():.0f} % sure ({verdict})"
        panels = [pixels.picture(images[picture], zoom), pixels.bars(shares, classes, marked=true)]
        return pixels.row(panels, [f"picture {picture}", "the network's answer (orange: the truth)"]), words

    count = len(images)
    twin = [{"picture": p} for p in sorted({start, count // 2, count - 1})]
    return Lab(draw, {"picture": slider("picture", 0, count - 1, start)}, twin)


def loss_lab(scores, true, classes, low=-5, high=10):
    """Raise and lower the score of the right class, and see its probability and the cross-entropy loss follow.

    scores: float (K,), the logits of one picture.  true: index of the right class.
    """
    if scores.shape != (len(classes),) or not 0 <= true < len(classes):
        raise ValueError(
            f"scores must be ({len(classes)},), one a class, and true one of them; got {scores.shape}, {true}"
        )
    name = f"score of {classes[true]}"

    def draw(**state):
        moved = scores.clone()
        moved[true] = state[name]
        shares = moved.softmax(dim=0)
        loss = -shares[true].log().item()
        captions = ["score", "probability (orange: the right class)", "loss"]
        words = f"score {state[name]}: probability {100 * shares[true].item():.2f} %, loss {loss:.2f}"
        panels = [
            pixels.number_grid(moved[:, None], cell=19, shade="signed", limit=high),
            pixels.bars(shares, classes, marked=true),
            pixels.number_grid(torch.tensor([[loss]]), cell=70, shade="signed", limit=high, digits=2),
        ]
        return pixels.row(panels, captions), words.replace("score -", f"score {pixels.MINUS}")

    return Lab(draw, {name: slider(name, low, high, 0)}, [{name: n} for n in (low, 0, 3, high)])


def threshold_lab(images, probabilities, labels, classes, start=90, shown=8, zoom=3):
    """Let a network answer only where it is sure enough, and see how many answers are left and how many are right.

    Arguments as in `probability_lab`.  Below stand the `shown` least sure pictures that it still answers.
    """
    _check_images(images, channels=images.shape[1])
    _check_probabilities(probabilities, labels, classes)
    sureness, best = probabilities.max(dim=1)
    order = sureness.argsort()
    is_right = (best == labels).float()
    widest = max(pixels.text_width(f"true: {name}") for name in classes)  # so that no picture jumps as captions change

    def draw(**state):
        threshold = state["sure at least (%)"]
        answered = sureness >= threshold / 100
        count = int(answered.sum())
        right = f"{100 * is_right[answered].mean().item():.1f} %" if count else "none"
        words = f"sure at least {threshold} %: answers {count} of {len(labels)} pictures ({100 * count / len(labels):.0f} %), {right} right"
        least = [int(i) for i in order[answered[order]][:shown]]
        panels = [pixels.picture(images[i], zoom) for i in least]
        captions = [f"{classes[best[i]]}\n{'right' if is_right[i] else 'true: ' + classes[labels[i]]}" for i in least]
        empty = shown - len(least)
        panels += [pixels.blank_like(pixels.picture(images[0], zoom))] * empty
        return pixels.rows(panels, captions + [" \n "] * empty, columns=4, least_width=widest), words

    controls = {"sure at least (%)": slider("sure at least (%)", 0, 99, start)}
    return Lab(draw, controls, [{"sure at least (%)": t} for t in (0, 50, 90, 99)])


def _check_probabilities(probabilities, labels, classes):
    if probabilities.shape != (len(labels), len(classes)):
        raise ValueError(
            f"probabilities must be (N, K) = ({len(labels)}, {len(classes)}), a row a picture and a column a class; "
            f"got {tuple(probabilities.shape)}"
        )
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError(
            f"probabilities must lie between 0 and 1; they run from {probabilities.min():.2f} to "
            f"{probabilities.max():.2f}: if they are logits, use logits.softmax(dim=1)"
        )


def _check_images(images, channels):
    if images.ndim != 4 or images.dtype != torch.uint8 or images.shape[1] != channels:
        raise ValueError(f"images must be uint8 (N, {channels}, H, W); got {images.dtype} {tuple(images.shape)}")


def _check_square_kernel(kernel):
    if not isinstance(kernel, torch.Tensor) or kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1]:
        got = tuple(kernel.shape) if isinstance(kernel, torch.Tensor) else type(kernel).__name__
        raise ValueError(f"a kernel must be a square tensor (f, f); got {got}")
