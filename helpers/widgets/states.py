"""Every state of a lab, written down: with them the course's pages move a lab where no kernel runs.

`make notebooks` calls `save` in the kernel of a notebook that has just run, so what a page shows was painted in the run
whose outputs stand around it.  `described` says what is in the file; `site/player.js` reads it.
"""

import gzip
import json
from pathlib import Path

from helpers.widgets.lab import Lab

MOST_STATES = 8_000  # of one lab


def save(shown, path):
    """Write the states of all labs among the things that were shown, in their order, to a .json.gz file; none, no file.

    shown: the results of a notebook's cells, such as IPython's `Out.values()`.  Raises ValueError as `described` does.
    """
    labs = list({id(thing): thing for thing in shown if isinstance(thing, Lab)}.values())
    path = Path(path)
    if not labs:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    text = json.dumps({"labs": [described(lab) for lab in labs]}, ensure_ascii=False, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), mtime=0))  # no time in it: the same states give the same bytes


def described(lab):
    """All states of a lab that a page offers, as a dict for JSON.

    id: that of the lab's twin in the notebook.  controls: a dict each, with name, label, and "play", the milliseconds
    between two steps where a button plays it.  values: lists of words, what a control says at each stop.  tree: a node
    for each control, [which list of values, [what follows each of them]]; what follows the last control is the number
    of the state.  states: [number of the frame, words].  frames: numbers of pieces, to be joined.  pieces: html.
    start: the first stop of each control.  note: what only Jupyter can do, or "".

    Raises ValueError for more than `MOST_STATES` states, and for a state that cannot be drawn.
    """
    names = [name for name, control in lab.controls.items() if stops(lab, name, {}) is not None]
    pieces, frames, values, states = Numbered(), Numbered(), Numbered(), []

    def node(level, state):
        if level == len(names):
            states.append(drawn(state))
            return len(states) - 1
        name = names[level]
        here = stops(lab, name, state)
        number = values.number(tuple(said(lab.controls[name], value) for value in here))
        return [number, [node(level + 1, {**state, **moved(lab, name, value)}) for value in here]]

    def drawn(state):
        if len(states) == MOST_STATES:
            raise ValueError(f"{_named(lab)} has more than {MOST_STATES:,} states: name fewer values, by `page`")
        try:
            panel, words = lab.draw(**state)
        except Exception as error:
            raise ValueError(f"{_named(lab)} cannot be drawn at {state}: {type(error).__name__}: {error}") from error
        return frames.number(tuple(map(pieces.number, panel.html()))), words

    tree, start, now = node(0, lab.first), [], lab.first
    for name in names:
        here = stops(lab, name, now)
        start.append(min(range(len(here)), key=lambda i: _distance(here[i], lab.first[name])))
        now = {**now, **moved(lab, name, here[start[-1]])}
    return {
        "id": lab.name,
        "controls": [{"name": n, "label": lab.controls[n].description, "play": lab.play.get(n)} for n in names],
        "values": values.things,
        "tree": tree,
        "start": start,
        "states": states,
        "frames": frames.things,
        "pieces": pieces.things,
        "note": lab.note,
    }


class Numbered:
    """Things, each kept once, with a number."""

    def __init__(self):
        self.things, self._numbers = [], {}

    def number(self, thing):
        if thing not in self._numbers:
            self._numbers[thing] = len(self.things)
            self.things.append(thing)
        return self._numbers[thing]


def stops(lab, name, state):
    """The values of a control that a page offers, given those of the controls before it; None for what is typed in."""
    control = lab.controls[name]
    if hasattr(control, "options"):
        values = control.options
    elif hasattr(control, "max"):
        highest = lab.most[name]({**lab.first, **state}) if name in lab.most else control.max
        count = round((highest - control.min) / control.step) + 1
        values = [round(control.min + i * control.step, 6) for i in range(count)]
    else:
        return None
    return [value for value in values if value in lab.page.get(name, values)]


def moved(lab, name, value):
    """A control's new value, by name, and those of the controls that follow it."""
    return {name: value, **lab.follow.get(name, lambda _: {})(value)}


def said(control, value):
    """What a control says at a value."""
    return f"{value:.1f}" if "Float" in type(control).__name__ else str(value)


def _distance(value, wanted):
    return abs(value - wanted) if isinstance(value, (int, float)) else float(value != wanted)


def _named(lab):
    return f"the lab with {', '.join(lab.controls)}"
