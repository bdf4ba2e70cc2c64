"""What every lab is made of: the `Lab` itself, its sliders, the check of its pictures.

A picture is painted by `helpers.pixels` and sent as one message, a few kilobytes of html, on the thread that runs the cells
and between two of them. A slider that moves on meanwhile is painted once, where it stands then, so fast dragging never
queues up. A lab's state can be set from code: `lab.set(position=12)`. Only what ipywidgets 7.7 and 8 share is used.
"""

import collections
import contextlib
import functools
import threading

import ipywidgets
import torch
from traitlets import TraitError

from helpers import checks, panels, pixels
from helpers.widgets.live import Live, between_cells, once_shown, status

# what a pointer that rests on a control is told; ipywidgets 8 shows "null" where nothing is set
TOOLTIP = "tooltip" if "tooltip" in ipywidgets.IntSlider.class_trait_names() else "description_tooltip"
WIDE = {"description_width": "120px"}
FEWER = "In Jupyter the sliders have more stops."
WIDTH = {"width": "420px"}  # a dict, of which each control makes a Layout of its own, since closing one closes both


class Lab(Live):
    """Controls, a picture that follows them, and a line that says the result.

    draw: called with the controls' values by name; returns (picture, words): a panel of
    `helpers.panels` and the sentence that is its readout and its alt text.  controls: name → widget with a `value`.
    twin: the states, dicts of values, whose pictures stand in where no kernel runs: on GitHub, in
    print, for a screen reader.  arranged: the widgets to show, where not just the controls in a column.
    follow: control name → function from its new value to values of other controls that move with it.
    most: control name → function from the values of all controls to the largest value that it may take now.
    page: control name → the values of it that a page without a kernel offers, where all of them would be too many.
    play: control name → milliseconds between two steps of a button that plays it.  note: what such a page cannot do.
    """

    def __init__(self, draw, controls, twin, arranged=None, follow=None, most=None, page=None, play=None, note=""):
        self.draw, self.controls = _by_itself(draw), controls
        self.follow, self.most, self.page, self.play, self.note = follow or {}, most or {}, page or {}, play or {}, note
        self.first = self.state
        self.picture = ipywidgets.HTML(**{TOOLTIP: ""})
        self._mover = None  # the thread in which the lab itself is moving controls
        self._moved = collections.deque()  # (name, value): what a hand has moved, and nothing follows from yet
        for name, control in controls.items():
            setattr(control, TOOLTIP, name)
            control.observe(lambda change, name=name: self._note(name, change["new"]), names="value")
        self._redraw()
        # now, and not when the cell is shown: what cannot be drawn is refused where the lab is made
        self._still = [self.draw(**{**self.state, **state}) for state in twin]
        words = " · ".join(words for _, words in self._still)
        children = [*(arranged or controls.values()), self.picture]
        super().__init__(children, f"Sliders: {', '.join(controls)}. {words}", panels.STYLE)

    @property
    def state(self):
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values):
        """Move controls from code, as a hand would: a slider stops at its ends.

        Raises ValueError for a name that is no control and for a value that it cannot take; then nothing has moved.
        """
        for name in values:
            if name not in self.controls:
                raise ValueError(f"no control {name!r}: there are {', '.join(self.controls)}")
        before = self.state
        with self._moving():
            try:
                self._put(values)
            except ValueError:
                self._put(before)
                raise

    @contextlib.contextmanager
    def _moving(self, by_hand=False):
        """While the lab moves its controls: then it is painted, and the picture goes to the page before what has moved.

        by_hand: a reader has moved one and looks at the picture; what follows is told to the page after it has shown that.
        """
        with contextlib.ExitStack() as afterwards:
            for control in self.controls.values():
                afterwards.enter_context(control.hold_sync())
            ends = {name: self.controls[name].max for name in self.most}
            self._mover = threading.get_ident()
            try:
                yield
            finally:
                self._mover = None
            self._redraw()
            for name, end in ends.items():
                if (
                    self.controls[name].max != end
                ):  # told before its value, which a slider that is linked to it may not take yet
                    afterwards.callback(self.controls[name].send_state, "max")
            if by_hand:
                once_shown(afterwards.pop_all().close)

    def _put(self, values):
        """Give controls their values, and move what follows from each, but not one that has a value of its own here."""
        for name, value in values.items():
            try:
                self.controls[name].value = value
            except (TraitError, TypeError, ValueError):
                options = getattr(self.controls[name], "options", None)
                choices = f": choose one of {', '.join(map(str, options))}" if options else ""
                raise ValueError(f"{name} cannot be {checks.shown(value)}{choices}") from None
            self._follow(name, value, leave=values)

    def _follow(self, name, value, leave):
        """A control has this value now: move those that follow it, but for the names in `leave`, and the ends of sliders."""
        for follower, its_value in self.follow.get(name, lambda _: {})(value).items():
            if follower not in leave:
                self.controls[follower].value = its_value
        for limited, highest in self.most.items():
            self.controls[limited].max = highest(self.state)  # a value beyond it moves to it

    def _note(self, name, value):
        """A control has moved. Where a hand did it, perhaps in another thread, the picture follows as soon as can be."""
        if self._mover != threading.get_ident():
            self._moved.append((name, value))
            between_cells(self._catch_up)

    def _catch_up(self):
        """Paint once for all that a hand has moved by now. What it has moved is not written: it may have moved on."""
        moves = [self._moved.popleft() for _ in range(len(self._moved))]
        if not moves:
            return
        try:
            with self._moving(by_hand=True):
                for number, (name, value) in enumerate(moves, start=1):
                    self._follow(name, value, leave=[later for later, _ in moves[number:]])
        except Exception as error:
            self.picture.value = status(f"This cannot be drawn: {error}")
            raise

    def _redraw(self):
        panel, words = self.draw(**self.state)
        self.picture.value = "".join([*pixels.moving(panel, words), status(words)])

    def still(self):
        """The twin: the pictures of some states, one below the other, with their words."""
        strip = pixels.column([panel for picture, words in self._still for panel in (picture, pixels.text(words))])
        words = " · ".join(words for _, words in self._still)
        return pixels.shown(strip.raster(), f"{len(self._still)} states of the sliders: {words}")


def _by_itself(draw):
    """The same function; it leaves the random numbers of the notebook as they were, and computes in one thread.

    A picture's sums are so small, also where a network is asked about one image, that a second thread costs more than it
    brings: after each sum it waits for the next one at full speed (OpenMP's active waiting), on a core that the browser needs.
    """

    @functools.wraps(draw)
    def drawn(**state):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.random.fork_rng(devices=[]):
                return draw(**state)
        finally:
            torch.set_num_threads(threads)

    return drawn


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


def check_images(images, channels=(1, 3)):
    """Raise ValueError where these are no pictures, uint8 (N, C, H, W), with as many channels as one of `channels`."""
    checks.tensor("images", images, "(N, C, H, W)", (torch.uint8,))
    if images.shape[1] not in channels:
        wanted = " or ".join(map(str, channels))
        raise ValueError(f"images must be uint8 (N, C, H, W) with C = {wanted}; got {tuple(images.shape)}")


def check_square_kernel(kernel):
    checks.finite("a kernel", checks.tensor("a kernel", kernel, "(f, f)", checks.FLOATS))
    if kernel.shape[0] != kernel.shape[1]:
        raise ValueError(f"a kernel must be a square tensor (f, f); got {tuple(kernel.shape)}")


def check_grid(name, values, least=1):
    """Raise ValueError where this is no tensor (H, W) of finite numbers, `least` or more in each direction."""
    checks.finite(name, checks.tensor(name, values, "(H, W)"))
    if values.is_complex():
        raise ValueError(f"{name} must hold real numbers, not {values.dtype}")
    if min(values.shape) < least:
        raise ValueError(f"{name} must have shape (H, W), at least {least}×{least}; got {tuple(values.shape)}")


def check_named(name, things):
    """Raise ValueError where this is no dict from names to at least one thing."""
    if not isinstance(things, dict) or not things:
        raise ValueError(
            f"{name} must be a dict from names to what they stand for, one at least; got {checks.shown(things)}"
        )
