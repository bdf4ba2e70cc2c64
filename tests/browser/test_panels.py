"""The two ways of a panel to a reader: what the browser shows of its html is what its raster shows."""

import importlib.util
import io

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import panels, pixels
from tests.browser import jupyterlab

pytestmark = [
    pytest.mark.skipif(jupyterlab.find_browser() is None, reason="no Chromium or Chrome is installed"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]

CHANCE = torch.Generator().manual_seed(0)
PHOTO = torch.randint(0, 256, (3, 9, 12), generator=CHANCE, dtype=torch.uint8)
MAP = torch.randn(7, 8, generator=CHANCE)
GRID = (9 * MAP).round()
WORDLESS = {
    "picture": pixels.picture(PHOTO, 7),
    "grey picture": pixels.picture(PHOTO[:1], 10),
    "feature map": pixels.feature_map(MAP, 9),
    "window": pixels.feature_map(MAP, 9, window=(2, 3, 3, 3)),
    "margin": pixels.feature_map(MAP, 9, margin=4),
    "grid": pixels.number_grid(GRID, 20, (1, 1, 2, 3), "signed", blank=True),
    "padding": pixels.number_grid(GRID, 20, padding=1, blank=True),
    "heat": pixels.heat(PHOTO, MAP, 8),
    "frame": pixels.framed(pixels.picture(PHOTO, 7), pixels.MARK),
    "place": pixels.placed(pixels.picture(PHOTO, 4), (100, 80)),
}
WORDED = {
    "numbers": pixels.number_grid(GRID, 34, (0, 0, 3, 3), "signed"),
    "struck": pixels.number_grid(GRID, 34, dropped=(1, 2)),
    "bars": pixels.bars([0.1, 0.55, 0.35], ["cat", "dog", "ankle boot"], marked=1),
    "curves": pixels.curves([[2.3, 2.0, 1.1, 0.4], [2.3, 1.2, None, 0.3]], ["this", "that"], 3, level=2.3),
    "prices": pixels.prices([(4, 0.5), (20, 0.8), (200, 0.9)], 60, 1, "wider"),
}
# of the pixels: letters and slanted lines have other edges; moved by a few pixels, they would differ in twice as many
APART = {"numbers": 0.025, "struck": 0.025, "bars": 0.016, "curves": 0.012, "prices": 0.006}


def seen(new_page, panel):
    """What a browser shows of a panel on a white page: its pixels, as many as those of the raster."""
    page = new_page(device_scale_factor=panels.DENSITY)
    try:
        style = f"<style>body {{margin: 0; background: #fff}} {panels.STYLE} .cnn-picture {{padding: 0}}</style>"
        page.set_content(f"{style}<div style='width: fit-content'>{''.join(pixels.moving(panel, 'a panel'))}</div>")
        page.evaluate("Promise.all([...document.images].map(image => image.decode()))")
        shot = page.locator(".cnn-picture > *").screenshot()
    finally:
        page.close()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", WORDLESS)
def test_without_words_html_and_raster_are_the_same_pixels(new_page, name):
    assert np.array_equal(seen(new_page, WORDLESS[name]), np.asarray(WORDLESS[name]))


@pytest.mark.parametrize("name", WORDED)
def test_with_words_they_differ_by_the_edges_of_letters_and_lines(new_page, name):
    browser, raster = seen(new_page, WORDED[name]), np.asarray(WORDED[name]).astype(int)
    far = np.abs(browser - raster).max(axis=2) > 100
    assert far.mean() < APART[name]
    moved = np.abs(np.roll(browser, 6, axis=1) - raster).max(axis=2) > 100
    assert moved.mean() > APART[name]  # so a shift by three pixels of the page would be seen


def test_in_the_dark_ink_follows_the_page_and_data_keep_their_colours(new_page):
    page = new_page()
    try:
        page.set_content(
            f"<style>{panels.STYLE}</style><body data-jp-theme-light='false' style='background:#111'>"
            + "".join(pixels.moving(pixels.row([WORDED["bars"], WORDED["numbers"]], ["one", "two"]), "both"))
        )
        colour = "(element, what) => getComputedStyle(element)[what]"
        bars, numbers = page.locator(".cnn-panel").all()
        assert page.locator("figcaption").first.evaluate(colour, "color") == "rgb(228, 228, 228)"
        assert bars.locator("g").first.evaluate(colour, "fill") == "rgb(228, 228, 228)"
        assert numbers.locator("g").first.evaluate(colour, "fill") == "rgb(34, 34, 34)"
    finally:
        page.close()


def test_on_a_phone_panels_wrap_and_keep_their_size(new_page):
    page = new_page()
    try:
        page.set_viewport_size({"width": 360, "height": 700})
        three = pixels.row([WORDED["numbers"]] * 3, ["one", "two", "three"], ["→", "→"])
        page.set_content(f"<style>{panels.STYLE}</style>" + "".join(pixels.moving(three, "three")))
        boxes = [box.bounding_box() for box in page.locator(".cnn-panel").all()]
        assert {round(box["width"]) for box in boxes} == {273}
        assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
        assert page.evaluate("document.scrollingElement.scrollWidth") == 360
    finally:
        page.close()
