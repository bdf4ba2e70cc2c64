"""What every lab is made of: the `Lab` itself, its sliders, the check of its pictures.

A picture is painted by `helpers.pixels` and sent as one message. JavaScript keeps only the newest
value of a slider while the kernel is busy, so fast dragging never queues up. A lab's state can be
set from code: `lab.set(position=12)`. Only what ipywidgets 7.7 and 8 share is used.
"""

import html

import ipywidgets
import torch

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
    most: control name → function from the values of all controls to the largest value that it may take now.
    """

    _ipython_display_ = None  # ipywidgets 7 would bypass _repr_mimebundle_ with it

    def __init__(self, draw, controls, twin, arranged=None, follow=None, most=None):
        self.draw, self.controls, self.twin = draw, controls, twin
        self.follow, self.most = follow or {}, most or {}
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
                for limited, highest in self.most.items():
                    self.controls[limited].max = highest(self.state)  # a value beyond it moves to it
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


def tenths(name, low, high, value):
    """A slider in steps of 0.1 whose name says what moves."""
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=0.1, readout_format=".1f", description=name, style=WIDE, layout=WIDTH
    )


def chooser(name, options, value):
    """A slider over names."""
    return ipywidgets.SelectionSlider(options=options, value=value, description=name, style=WIDE, layout=WIDTH)


def check_images(images, channels):
    if images.ndim != 4 or images.dtype != torch.uint8 or images.shape[1] != channels:
        raise ValueError(f"images must be uint8 (N, {channels}, H, W); got {images.dtype} {tuple(images.shape)}")


def check_square_kernel(kernel):
    if not isinstance(kernel, torch.Tensor) or kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1]:
        got = tuple(kernel.shape) if isinstance(kernel, torch.Tensor) else type(kernel).__name__
        raise ValueError(f"a kernel must be a square tensor (f, f); got {got}")
