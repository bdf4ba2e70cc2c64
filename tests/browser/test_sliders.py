"""The sliders as a reader meets them: a real JupyterLab, a real browser, the keyboard and the mouse."""

import html
import importlib.util
import re

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from helpers import course
from tests.browser import jupyterlab

pytestmark = [
    pytest.mark.skipif(jupyterlab.find_browser() is None, reason="no Chromium or Chrome is installed"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]


def labs_of(name):
    """The labs that a notebook's cells give, made here: what their pictures must be is known in this process."""
    shell = InteractiveShell.instance()
    shell.run_line_magic("cd", f"-q {course.NOTEBOOKS}")
    labs = []
    for cell in nbformat.read(course.NOTEBOOKS / name, as_version=4).cells:
        if cell.cell_type == "code":
            with capture_output():
                result = shell.run_cell(cell.source)
            result.raise_error()
            if hasattr(result.result, "controls"):
                labs.append(result.result)
    return labs


def source_of(lab):
    return re.search(r'src="([^"]+)"', lab.picture.value)[1]


def expect(page_lab, lab, **state):
    """The picture on the page becomes, within 5 seconds, the one that the same lab paints here for that state."""
    lab.set(**state)
    wanted = source_of(lab)
    page_lab.locator(f'img[src="{wanted}"]').wait_for(timeout=5_000)
    alt, source = jupyterlab.picture_of(page_lab)
    assert source == wanted
    assert html.escape(alt) in lab.picture.value


@pytest.fixture(scope="module")
def notebook_01(tmp_path_factory):
    """Notebook 01 on a page, all cells run, and its labs made here."""
    labs = labs_of("01_convolution.ipynb")
    with (
        jupyterlab.served_course(tmp_path_factory.mktemp("course")) as address,
        jupyterlab.browser_page() as page,
    ):
        jupyterlab.open_and_run_all(page, address.format("01_convolution.ipynb"))
        yield page, labs


def drag(page, handle, share):
    """Take a slider's handle with the mouse and leave it at a share of its way, in a few moves as a hand does."""
    handle.scroll_into_view_if_needed()
    track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]").bounding_box()
    start = handle.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + share * track["width"], track["y"] + track["height"] / 2, steps=12)
    page.mouse.up()


def test_the_window_follows_the_keyboard_and_the_mouse(notebook_01):
    page, labs = notebook_01
    (lab,) = (lab for lab in labs if "position" in lab.controls)
    on_page = jupyterlab.lab_with(page, "position")
    handle = jupyterlab.handle_of(on_page, "position")
    expect(on_page, lab, position=0)
    handle.focus()
    page.keyboard.press("ArrowRight")
    expect(on_page, lab, position=1)
    page.keyboard.press("ArrowRight")
    expect(on_page, lab, position=2)
    drag(page, handle, 1.0)
    expect(on_page, lab, position=24)
    drag(page, handle, 0.5)
    expect(on_page, lab, position=12)


def test_kernels_are_chosen_by_mouse_and_edited_by_keyboard(notebook_01):
    page, labs = notebook_01
    (lab,) = (lab for lab in labs if "kernel" in lab.controls)
    on_page = jupyterlab.lab_with(page, "kernel")
    drag(page, jupyterlab.handle_of(on_page, "kernel"), 0.0)
    expect(on_page, lab, kernel="identity")
    middle = on_page.locator(".widget-text", has=page.get_by_text("1,1", exact=True)).locator("input")
    middle.fill("-2")
    middle.press("Enter")
    expect(on_page, lab, **{"1,1": -2.0})
    jupyterlab.handle_of(on_page, "picture").focus()
    page.keyboard.press("ArrowRight")
    expect(on_page, lab, picture=1)


def test_more_kernels_make_more_maps(notebook_01):
    page, labs = notebook_01
    (lab,) = (lab for lab in labs if "kernels" in lab.controls)
    on_page = jupyterlab.lab_with(page, "kernels")
    jupyterlab.handle_of(on_page, "kernels").focus()
    page.keyboard.press("Home")
    expect(on_page, lab, kernels=1)
    drag(page, jupyterlab.handle_of(on_page, "kernels"), 1.0)
    expect(on_page, lab, kernels=lab.controls["kernels"].max)
