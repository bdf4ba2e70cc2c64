"""What moves while a kernel runs, and the twin that stands in for it everywhere else."""

import html
import threading
import zlib

import ipywidgets
from IPython import get_ipython
from IPython.display import display

VIEW = "application/vnd.jupyter.widget-view+json"
TWO_FRAMES = 0.04  # seconds in which a page has shown what has reached it


class Live(ipywidgets.VBox):
    """Widgets in a column that leave a twin behind: on GitHub, in print, and in a notebook that is opened again.

    It is shown as two outputs, the twin and then the live view. As long as the view lives, a style
    that it carries hides its twin. Opened again without that kernel, the twin shows, and a style of
    its own hides JupyterLab's line "Error displaying widget: model not found" below it.

    children: the widgets.  words: the twin in words.  style: css that the widgets need.  A subclass says in `still` how the twin looks.
    """

    def __init__(self, children, words, style=""):
        self.words, self.name = words, f"twin-{zlib.crc32(words.encode()):08x}"
        style = f"<style>#{self.name} {{display: none}}{style}</style>"
        hides_twin = ipywidgets.HTML(style, layout={"display": "none"})
        super().__init__([*children, hides_twin])

    def still(self):
        """The twin as a MIME bundle, with "text/html" at least."""
        raise NotImplementedError

    @property
    def twin(self):
        """The twin as it is shown, a MIME bundle."""
        bundle = self.still()
        hides_error = (
            f"<style>.jp-OutputArea-child:has(#{self.name}) + .jp-OutputArea-child "
            ".jp-OutputArea-output.jupyter-widgets:not(:has(*)) {display: none}</style>"
        )
        page = f'<div id="{self.name}">{hides_error}{bundle["text/html"]}</div>'
        return bundle | {"text/html": page, "text/plain": self.words}

    def _ipython_display_(self, **_):
        display(self.twin, raw=True)
        display({VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}, raw=True)


def status(words):
    """Words as a line that says what has become of a reader's move, as html."""
    return f'<div role="status">{html.escape(words)}</div>'


def between_cells(action):
    """Call it on the thread that runs the cells: now, if this is that thread, else as soon as no cell runs.

    From ipykernel 7 on, JupyterLab has most messages of widgets handled on a thread of their own. While a cell trains,
    a picture that is painted there would take random numbers from the training, or put its network into evaluation mode.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or threading.current_thread() is threading.main_thread():
        action()
    else:
        kernel.io_loop.add_callback(action)


def once_shown(action):
    """Call it, on the thread that runs the cells, when the page has had time to show what was sent before; without a kernel now."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        action()
    else:
        kernel.io_loop.call_later(TWO_FRAMES, action)
