"""The course's pages as a reader meets them: a real browser without a network, a phone and a desk, keyboard, mouse and finger."""

import importlib.util
import io
import os
import random
import re
import sys
import time
from typing import NamedTuple

import filelock
import numpy as np
import pytest
from PIL import Image

from helpers import course
from helpers.widgets import states
from tests.browser import jupyterlab, pages
from tests.test_pictures import every_lab

sys.path.insert(0, str(course.ROOT / "site"))  # no package: `site` is the name of one of Python's own modules

import build
import labs

pytestmark = [
    pytest.mark.skipif(jupyterlab.find_browser() is None, reason="no Chromium or Chrome is installed"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]

PATIENCE = 20  # seconds, for a machine that trains networks beside it; how quick a slider is, `make bench` says
CHECK, CROSS = "\N{CHECK MARK}", "\N{BALLOT X}"
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LESSONS = [path.stem for path in sorted(course.NOTEBOOKS.glob("*.ipynb"))]

# To describe all states of these takes half a minute.
FEWER = {
    "size": {"n": [3, 9, 16], "f": [1, 5]},
    "pool": {"size": [2, 5], "stride": [2, 3]},
    "network": {"kernel size": [3], "depth": [2, 5]},
}

# Notes which elements get the focus, and which of them do not show it.
FOLLOW_FOCUS = """() => {
  window.reached = new Set();
  window.unseen = [];
  document.activeElement.blur();
  document.addEventListener("focusin", ({target}) => {
    const style = getComputedStyle(target);
    reached.add(target);
    if (style.outlineStyle === "none" && style.boxShadow === "none") unseen.push(target.outerHTML.slice(0, 90));
  });
}"""
TO_REACH = """() => [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
  .filter(one => one.checkVisibility({visibilityProperty: true}))"""
MISSED = f"() => ({TO_REACH})().filter(one => !reached.has(one)).map(one => one.outerHTML.slice(0, 90))"


SET = "(slider, index) => { slider.value = index; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
# Puts another picture in the place of the page's, and that one back.
SWAP = """(section, html) => {
  const picture = section.querySelector(".lab-picture");
  section.other ??= picture.cloneNode(false);
  if (html) section.other.innerHTML = html;
  picture.replaceWith(section.other);
  const shown = section.other;
  section.other = picture;
  return Promise.all([...shown.querySelectorAll("img")].map(image => image.decode()));
}"""


class Opened(NamedTuple):
    """A page of the course with all its labs alive, what their file says of them, and what went wrong so far."""

    page: object
    labs: list
    described: list
    troubles: list


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built pages, which two workers build once."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    with filelock.FileLock(folder / "site.lock"):
        if not (folder / "site").is_dir():
            build.build(course.NOTEBOOKS, folder / "site")
    return folder / "site"


def opening(*names):
    """Pages as the parameter of a test; all tests of one page run in the same worker, where it is opened once."""
    return pytest.mark.parametrize("opened", names, indirect=True)


@pytest.fixture(scope="module", params=[*LESSONS, "index", "glossary"])
def opened(request, site, new_page):
    page = new_page(has_touch=True)
    troubles = pages.offline(page)
    page.goto((site / f"{request.param}.html").as_uri())
    file = course.NOTEBOOKS / "labs" / f"{request.param}.json.gz"
    yield Opened(page, pages.wake(page), pages.read(file) if file.exists() else [], troubles)
    page.close()


def expect(lab, described, level=None, place=None):
    """The lab shows a state of its file: words, label, picture, and all controls. The one at `level` stands at a place."""
    seen, said = look(lab, lambda said: pages.state(described, said)[1])
    picture, _ = pages.state(described, said)
    assert lab.evaluate(pages.SAME_PICTURE, picture), said
    for control, its_file, values in zip(seen["controls"], described["controls"], pages.values(described, said)):
        assert control["name"] == its_file["label"]
        assert control["readout"] == control["said"] == values[control["index"]]
        assert control["last"] == len(values) - 1
    if level is not None:
        control = seen["controls"][level]
        assert place(control["index"], control["last"]), (control["name"], control["index"], control["last"])


def look(lab, words_of):
    """What a lab shows and what its controls say, of which `words_of` gives the words that it must show, now or soon."""
    latest = time.monotonic() + PATIENCE
    while True:
        seen = lab.evaluate(pages.LOOK)
        said = [control["said"] for control in seen["controls"]]
        words = words_of(said)
        if seen["words"] == words or time.monotonic() > latest:
            assert (seen["words"], seen["label"]) == (words, words), said
            return seen, said
        lab.page.wait_for_timeout(50)  # a part of a large lab is on its way


# places of a slider: at which of its values it stands, given the number of the last one
FIRST, SECOND, MIDDLE, LAST = (
    lambda at, last: at == 0,
    lambda at, last: at == min(1, last),
    lambda at, last: abs(at - last / 2) <= max(0.5, last / 10),
    lambda at, last: at == last,
)


def test_every_control_moves_words_and_picture_by_key_mouse_and_finger(opened):
    page = opened.page
    assert len(opened.labs) == len(opened.described)
    for width, by_hand in [(PHONE, tap), (DESK, drag)]:
        page.set_viewport_size(width)
        for lab, described in zip(opened.labs, opened.described):
            for level, slider in enumerate(lab.locator("input").all()):
                slider.focus()
                for key, place in [("End", LAST), ("Home", FIRST), ("ArrowRight", SECOND)]:
                    page.keyboard.press(key)
                    expect(lab, described, level, place)
                slider.scroll_into_view_if_needed()
                for share, place in [(0.5, MIDDLE), (1, LAST), (0, FIRST)]:
                    by_hand(page, slider, share)
                    expect(lab, described, level, place)


def tap(page, slider, share):
    """Touch the track of a slider at a share of its way."""
    track = slider.bounding_box()
    page.touchscreen.tap(track["x"] + 1 + share * (track["width"] - 2), track["y"] + track["height"] / 2)


def drag(page, slider, share):
    """Take a slider's handle with the mouse and leave it at a share of its way, in a few moves as a hand does."""
    track = slider.bounding_box()
    now, last = slider.evaluate("slider => [slider.value, slider.max].map(Number)")
    height, handle = track["y"] + track["height"] / 2, 16  # so wide is the handle, which stays on the track
    page.mouse.move(track["x"] + handle / 2 + now / max(last, 1) * (track["width"] - handle), height)
    page.mouse.down()
    page.mouse.move(track["x"] + share * track["width"], height, steps=5)
    page.mouse.up()


def test_nothing_is_wider_than_a_phone(opened):
    page = opened.page
    page.set_viewport_size(PHONE)
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    for lab in opened.labs:
        for slider in lab.locator("input").all():  # another state may be wider
            slider.press("End")
            assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]


def test_the_tab_key_reaches_all_that_answers_and_the_focus_is_seen(opened):
    page = opened.page
    page.set_viewport_size(DESK)
    page.evaluate(FOLLOW_FOCUS)
    for _ in range(page.evaluate(f"({TO_REACH})().length") + 2):
        page.keyboard.press("Tab")
    assert page.evaluate(MISSED) == []
    assert page.evaluate("unseen") == []


def test_folded_text_opens_by_keyboard(opened):
    for folded in opened.page.locator("details").all():
        folded.evaluate("one => one.open = false")
    for summary in opened.page.locator("summary").all():
        summary.press("Enter")
        assert summary.evaluate("one => one.parentElement.open")


@opening(*LESSONS)
def test_questions_are_answered_by_keyboard(opened):
    questions = opened.page.locator("fieldset.question").all()
    assert questions
    for question in questions:
        signs = set()
        for button in question.locator("button").all():
            words, why = button.inner_text(), button.get_attribute("data-why").replace("`", "")
            right = button.get_attribute("data-right") is not None
            button.press("Enter")
            assert button.inner_text() == f"{CHECK if right else CROSS} {words}"
            assert question.locator("[role=status]").inner_text() == f"{'Right.' if right else 'Not so.'} {why}"
            button.press("Enter")
            signs.add(button.inner_text()[0])
        assert signs == {CHECK, CROSS}


def test_axe_finds_nothing_to_mend(opened):
    page = opened.page
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    for width, colours in [(DESK, "light"), (PHONE, "dark")]:
        page.set_viewport_size(width)
        page.emulate_media(color_scheme=colours)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert pages.violations(page) == []


def test_a_page_needs_nothing_but_its_own_files(opened):
    assert opened.troubles == []


@opening("04_stride_and_padding")
def test_play_goes_to_the_end_and_stops_where_the_reader_takes_over(opened):
    number, lab = next((n, lab) for n, lab in enumerate(opened.labs) if lab.locator(".lab-play").count())
    row = lab.locator(".lab-control:has(.lab-play)")
    play, slider = row.locator(".lab-play"), row.locator("input")
    slider.press("Home")
    play.press("Enter")
    assert play.get_attribute("aria-pressed") == "true"
    row.locator("input[aria-valuetext='2']").wait_for(timeout=1000 * PATIENCE)
    slider.press("ArrowRight")
    assert play.get_attribute("aria-pressed") == "false"
    slider.press("End")
    slider.press("ArrowLeft")
    play.click()
    row.locator(".lab-play[aria-pressed=false]").wait_for(timeout=1000 * PATIENCE)
    expect(lab, opened.described[number], lab.locator(".lab-control").count() - 1, LAST)


@opening("01_convolution")
def test_less_motion_and_dark_colours_where_the_reader_wants_them(opened):
    page, paper = opened.page, "() => getComputedStyle(document.body).backgroundColor"
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    moving = """() => [...document.querySelectorAll("*")].filter(one => {
      const style = getComputedStyle(one);
      return style.animationName !== "none" || style.transitionDuration !== "0s" || style.scrollBehavior === "smooth";
    }).length"""
    assert page.evaluate(moving) == 0
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") in ("light dark", "dark")
    assert brightness(page.evaluate(paper)) < 0.3 < 0.9 < brightness(light)


def brightness(colour):
    """The mean of a css colour "rgb(…)", from 0 to 1."""
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 / 255


@pytest.mark.parametrize("name", LESSONS)
def test_without_javascript_the_twins_show_and_answers_are_folded(site, new_page, name):
    page = new_page(java_script_enabled=False)
    page.goto((site / f"{name}.html").as_uri())
    labs = page.locator(".lab[data-lab]").all()
    for lab in labs:
        twin = lab.locator("img").first
        assert twin.is_visible()
        assert re.match(r"\d states of the sliders: ", twin.get_attribute("alt"))
    answers = page.locator("details:has(> summary:text-is('Answers'))").all()
    assert len(answers) == page.locator("fieldset.question").count() > 0
    for folded in answers:
        assert not folded.locator("li").first.is_visible()
        folded.locator("summary").click()
        assert folded.locator("li").first.is_visible()
    page.close()


@pytest.mark.parametrize("samples", [3])
def test_a_state_on_the_page_is_the_state_in_the_kernel(site, new_page, tmp_path, clothes, photos, samples):
    """Word by word, and pixel by pixel, for states of every lab that are set through its controls."""
    kernels = every_lab(clothes, photos)
    for name, fewer in FEWER.items():
        kernels[name].page = {**kernels[name].page, **fewer}
    content, files = "", {}
    for name, lab in kernels.items():
        description = states.described(lab)
        files |= labs.packed(description, name)
        content += f'<section class="lab" id="{description["id"]}" data-lab="{name}.js" aria-label="{name}"></section>'
    page = new_page()
    page.goto(page_of(site, tmp_path, content, files))
    draw = random.Random(0)
    for lab, place in zip(kernels.values(), pages.wake(page)):
        for _ in range(samples):
            names = [name for name in lab.controls if states.stops(lab, name, lab.state) is not None]
            for name, slider in zip(names, place.locator("input").all()):
                values = states.stops(lab, name, lab.state)
                index = draw.randrange(len(values))
                slider.evaluate(SET, index)
                lab.set(**{name: values[index]})
                if not lab.page:  # a page with all values moves what stands below a slider as the kernel does
                    live = [states.said(lab.controls[other], lab.state[other]) for other in names]
                    assert [control["said"] for control in place.evaluate(pages.LOOK)["controls"]] == live
            panel, words = lab.draw(**lab.state)
            look(place, lambda said, words=words: words)
            picture = "".join(panel.html())
            assert picture in lab.picture.value  # what Jupyter gets
            assert place.evaluate(pages.SAME_PICTURE, picture), words
            painted = pixels_of(place)
            place.evaluate(SWAP, picture)
            assert np.array_equal(painted, pixels_of(place)), words
            place.evaluate(SWAP)
    page.close()


def pixels_of(lab):
    """The picture of a lab, as the browser paints it."""
    return np.asarray(Image.open(io.BytesIO(lab.locator(".lab-picture").screenshot())))


@pytest.mark.parametrize("trouble", ["missing", "broken", "old browser"])
def test_where_a_lab_cannot_be_loaded_its_twin_stays_and_a_sentence_says_so(site, new_page, tmp_path, trouble):
    files = {"missing": {}, "broken": {"lab.js": 'cnnLab("twin-1", "AAAA")'}, "old browser": {}}[trouble]
    page = new_page()
    if trouble == "old browser":
        page.add_init_script("delete window.DecompressionStream")
    page.goto(
        page_of(site, tmp_path, '<section class="lab" id="twin-1" data-lab="lab.js"><p>twin</p></section>', files)
    )
    page.get_by_text("The sliders could not be loaded").wait_for(timeout=1000 * PATIENCE)
    assert page.get_by_text("twin", exact=True).is_visible()
    page.close()


def page_of(site, folder, content, files):
    """Write a page with the site's own style and player around some content, and files beside it; returns its address."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    head = f'<script src="{(site / "player.js").as_uri()}" defer></script>'
    head += f'<link rel="stylesheet" href="{(site / "style.css").as_uri()}">'
    whole = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Labs</title>{head}<body><main>{content}</main>'
    )
    (folder / "page.html").write_text(whole, encoding="utf-8")
    return (folder / "page.html").as_uri()
