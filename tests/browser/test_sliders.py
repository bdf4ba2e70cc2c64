"""The sliders and buttons as a reader meets them: a real JupyterLab, a real browser, the keyboard and the mouse."""

import importlib.util
import json
import random
import re
import time
from typing import NamedTuple

import nbformat
import pytest

from helpers import course
from tests.browser import jupyterlab, pages

pytestmark = [
    pytest.mark.skipif(jupyterlab.find_browser() is None, reason="no Chromium or Chrome is installed"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]

PATIENCE = 20  # seconds, for a machine that trains networks beside it; how quick a slider is, `make bench` says

# Run in the page's own kernel: the labs that its cells have given, and what each must show.
LOOK = """
import json as _json
import threading as _threading
from helpers import pixels as _pixels
from helpers.widgets import states as _states
_labs = {}
for _output in Out.values():
    if hasattr(_output, "controls"):
        _labs.setdefault(id(_output), _output)
_labs = list(_labs.values())
_threads = set()  # on which pictures were painted
def _noting(draw):
    def draw_and_note(**state):
        _threads.add(_threading.current_thread())
        return draw(**state)
    return draw_and_note
for _lab in _labs:
    _lab.draw = _noting(_lab.draw)
def _wanted(number):
    lab = _labs[number]
    return "".join(_pixels.moving(*lab.draw(**lab.state)))
def _sliders():
    return [(number, name, control.description) for number, lab in enumerate(_labs)
            for name, control in lab.controls.items() if _states.stops(lab, name, lab.state) is not None]
def _stops(number, name):  # a slider's first two values, and its last
    control = _labs[number].controls[name]
    if hasattr(control, "options"):  # one over names
        return [*control.options[:2], control.options[-1]]
    return [control.min, round(control.min + control.step, 6), control.max]
def _at(lab_id, path):  # the picture and the words of the state to which these stops of its controls lead
    lab = next(lab for lab in _labs if lab.name == lab_id)
    state, path = dict(lab.first), list(path)
    for name in lab.controls:
        stops = _states.stops(lab, name, state)
        if stops is not None:
            state.update(_states.moved(lab, name, stops[path.pop(0)]))
    panel, words = lab.draw(**state)
    return ["".join(panel.html()), words]
"""

# What `make lab` switches off: a slider's messages are handled on a thread of their own.
AS_IT_COMES = {"apputils-extension/kernels-settings": {"commsOverSubshells": "perCommTarget"}}

# Ipywidgets leaves the handle of a slider without a name, since its label only stands beside it, and so the icons of Play.
THEIRS = {"aria-input-field-name": "noUi-handle", "button-name": '<i class="fa fa-'}

# Whether an element is what the browser makes of some html.
SAME = """(element, html) => {
  const wanted = document.createElement("template");
  wanted.innerHTML = html;
  return wanted.content.firstElementChild.isEqualNode(element);
}"""


class Opened(NamedTuple):
    """A notebook on a page with all its cells run, and a way to ask its kernel."""

    page: object
    address: str
    ask: object
    wanted_errors: int
    committed: list  # the states of its labs as they are in the repository, but for cells whose outputs vary


def opened(name):
    """A notebook as the parameter of a test; all tests of one run in the same worker, on the same page (see conftest)."""
    (path,) = course.NOTEBOOKS.glob(f"{name}*.ipynb")
    return pytest.param(path, id=path.stem)


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory, new_page):
    """One JupyterLab a worker: the folder that is served, its address, a function that opens a page."""
    folder = tmp_path_factory.mktemp("course")
    with jupyterlab.served_course(folder, AS_IT_COMES) as address:
        yield folder, address, new_page


@pytest.fixture(scope="module", params=[opened(path.stem) for path in sorted(course.NOTEBOOKS.glob("*.ipynb"))])
def notebook(request, jupyter):
    folder, address, new_page = jupyter
    page, address = new_page(), address.format(request.param.name)
    try:
        jupyterlab.open_and_run_all(page, address)
        with jupyterlab.kernel_of(folder) as ask:
            ask(LOOK)
            cells = nbformat.read(request.param, as_version=4).cells
            wanted = sum("raises-exception" in cell.metadata.get("tags", []) for cell in cells)
            yield Opened(page, address, ask, wanted, committed_labs(request.param, cells))
    finally:
        jupyterlab.end_kernels(page, address)
        page.close()


def committed_labs(path, cells):
    steady = json.dumps([cell for cell in cells if "nbval-ignore-output" not in cell.metadata.get("tags", [])])
    labs = pages.read(path.parent / course.LABS / f"{path.stem}.json.gz")
    return [lab for lab in labs if lab["id"] in steady]


def sliders(notebook):
    """(number of the lab, its place on the page, name of its slider, the label beside it)."""
    found = json.loads(notebook.ask("print(_json.dumps(_sliders()))"))
    places = notebook.page.locator(".jp-OutputArea-output:has(.widget-slider)")
    assert places.count() == json.loads(notebook.ask("print(len(_labs))")), "a lab is not on the page"
    return [(number, places.nth(number), *rest) for number, *rest in found]


def expect(notebook, number, place, **state):
    """The lab gets that state, and then the picture that the kernel paints for it, alt text and all."""
    latest = time.monotonic() + PATIENCE
    while (live := state_of(notebook, number, state)) != pytest.approx(state):
        assert time.monotonic() < latest, f"{live}, and not {state}"
        notebook.page.wait_for_timeout(50)
    wanted = notebook.ask(f"print(_wanted({number}))").strip()
    while not place.locator(".cnn-picture").evaluate(SAME, wanted):
        assert time.monotonic() < latest, f"not the picture of {state}"
        notebook.page.wait_for_timeout(50)


def state_of(notebook, number, names):
    live = json.loads(notebook.ask(f"print(_json.dumps(_labs[{number}].state))"))
    return {name: live[name] for name in names}


def drag(page, handle, share):
    """Take a slider's handle with the mouse and leave it at a share of its way, in a few moves as a hand does."""
    handle.scroll_into_view_if_needed()
    track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]").bounding_box()
    start = handle.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + share * track["width"], track["y"] + track["height"] / 2, steps=12)
    page.mouse.up()


def test_every_slider_moves_its_picture_by_keyboard_and_by_mouse(notebook):
    page = notebook.page
    found = sliders(notebook)
    assert found, "a notebook without a slider"
    for number, place, name, label in found:
        handle, stops = jupyterlab.handle_of(place, label), f"print(_json.dumps(_stops({number}, {name!r})))"
        handle.focus()
        page.keyboard.press("Home")
        first, second, _ = json.loads(notebook.ask(stops))
        expect(notebook, number, place, **{name: first})
        page.keyboard.press("ArrowRight")
        expect(notebook, number, place, **{name: second})
        last = json.loads(notebook.ask(stops))[-1]  # other sliders may change it
        drag(page, handle, 1.0)
        expect(notebook, number, place, **{name: last})
    # on another one they would take random numbers from a cell that trains, or put its network into evaluation mode
    assert notebook.ask("print(_threads == {_threading.main_thread()})").strip() == "True"


def test_questions_are_answered_by_keyboard(notebook):
    page = notebook.page
    area = page.locator(".jp-OutputArea-output:has(button.widget-button)").last
    button = area.locator("button.widget-button").first
    button.focus()
    page.keyboard.press("Enter")
    told = area.locator('div[role="status"]').first
    told.wait_for(timeout=1000 * PATIENCE)
    assert re.match(r"(Right\.|Not so\.) .{10}", told.inner_text())


def test_no_twin_stands_beside_a_live_view(notebook):
    twins = notebook.page.locator("[id^=twin-]")
    assert twins.count() >= 2  # a lab and the questions
    assert not any(twin.is_visible() for twin in twins.all())


def test_no_cell_failed_but_those_that_should(notebook):
    # JupyterLab shows an error and what a cell writes to stderr in the same way
    shown = notebook.page.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    assert shown.count() == notebook.wanted_errors, shown.all_inner_texts()


def test_what_a_page_shows_is_what_the_kernel_paints(notebook):
    """Of the committed states of each lab, some at random, but for labs that a network of this run has made."""
    chance = random.Random(0)
    for lab in notebook.committed:
        for _ in range(5):
            node, path = lab["tree"], []
            while isinstance(node, list):
                path.append(chance.randrange(len(node[1])))
                node = node[1][path[-1]]
            frame, words = lab["states"][node]
            picture = "".join(lab["pieces"][piece] for piece in lab["frames"][frame])
            assert json.loads(notebook.ask(f"print(_json.dumps(_at({lab['id']!r}, {path})))")) == [picture, words]


@pytest.mark.parametrize("notebook", [opened("01"), opened("04")], indirect=True)
def test_axe_finds_nothing_of_ours_to_mend(notebook):
    ours = [f".jp-OutputArea-output:has({widget})" for widget in (".widget-slider", "button.widget-button")]
    found = pages.violations(notebook.page, within=ours)
    assert [
        (rule, asks, element) for rule, asks, element in found if rule not in THEIRS or THEIRS[rule] not in element
    ] == []


@pytest.mark.parametrize("notebook", [opened("01")], indirect=True)
def test_a_kernel_is_chosen_by_mouse_and_edited_by_keyboard(notebook):
    place = jupyterlab.lab_with(notebook.page, "kernel")
    drag(notebook.page, jupyterlab.handle_of(place, "kernel"), 0.0)
    expect(notebook, 0, place, kernel="identity")
    middle = place.locator(".widget-text", has=notebook.page.get_by_text("1,1", exact=True)).locator("input")
    middle.fill("-2")
    middle.press("Enter")
    expect(notebook, 0, place, **{"1,1": -2.0})


@pytest.mark.parametrize("notebook", [opened("04")], indirect=True)
def test_play_moves_the_window(notebook):
    place = jupyterlab.lab_with(notebook.page, "position")
    jupyterlab.handle_of(place, "position").focus()
    notebook.page.keyboard.press("Home")
    expect(notebook, 0, place, position=0)
    place.locator(".jupyter-widgets-play button, .widget-play button").first.click()
    notebook.page.wait_for_timeout(2_500)
    assert json.loads(notebook.ask("print(_labs[0].state['position'])")) >= 2
    place.locator(".jupyter-widgets-play button, .widget-play button").first.click()  # once more: pause


@pytest.mark.parametrize("notebook", [opened("04")], indirect=True)
def test_the_slider_beside_play_follows_code_and_stays_within_its_stops(notebook):
    place = jupyterlab.lab_with(notebook.page, "position")
    handle = jupyterlab.handle_of(place, "position")

    def stands_at(value, last):
        return handle.and_(notebook.page.locator(f'[aria-valuenow="{value}.0"][aria-valuemax="{last}.0"]'))

    notebook.ask("_labs[0].set(stride=1, padding=0, position=11)")
    last = int(notebook.ask("print(_labs[0].controls['position'].max)"))
    stands_at(11, last).wait_for(timeout=1000 * PATIENCE)
    notebook.ask("_labs[0].set(stride=3)")
    fewer = int(notebook.ask("print(_labs[0].controls['position'].max)"))
    assert fewer < 11
    stands_at(fewer, fewer).wait_for(timeout=1000 * PATIENCE)
    handle.focus()
    notebook.page.keyboard.press("Home")
    expect(notebook, 0, place, position=0)


@pytest.mark.parametrize("notebook", [opened("04")], indirect=True)
def test_opened_again_without_its_kernel_a_notebook_shows_the_twins(notebook):  # the last one: its kernel ends
    page = notebook.page
    twins = page.locator("[id^=twin-]").count()
    page.keyboard.press("Control+s")
    page.get_by_text("Saving completed").wait_for(timeout=1000 * PATIENCE)
    jupyterlab.end_kernels(page, notebook.address)
    page.goto(notebook.address)
    again = page.locator("[id^=twin-]")
    again.nth(twins - 1).wait_for(timeout=1000 * PATIENCE)
    for twin in again.all():
        twin.scroll_into_view_if_needed()
        assert twin.is_visible()
    assert not any(error.is_visible() for error in page.get_by_text("Error displaying widget").all())
