"""How fast a slider answers: from the key press to the new picture, with its images decoded, in a real browser.

python benchmarks/sliders.py                 # all of it, half an hour; needs Chromium or Chrome
python benchmarks/sliders.py --pages         # every slider of the course's pages, which `make site` builds
python benchmarks/sliders.py --lab 01 04     # in JupyterLab: every slider of these notebooks; none named: of all

Beside JupyterLab's sliders stands plain `ipywidgets.interact` with a two-panel matplotlib figure, as most courses have it.
Time runs inside the page, from the browser's own stamp on the key press until the picture has changed and the images in
it are decoded; what it takes to bring them to the screen, at most a frame, comes on top, everywhere alike.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import course  # noqa: E402  (after the path that makes it importable)
from tests.browser import jupyterlab, pages  # noqa: E402

PRESSES = 40
HOLD = 0.2  # seconds that a key is down
REST = 0.1  # seconds from its answer to the next press: a hand that watches what it does

# `area` is the picture itself, or holds it; where it is painted anew, another element takes its place.
WATCH = """area => {
  const picture = () => area.matches('[role="img"]') ? area : area.querySelector('[role="img"], img');
  let pressed = null, shown = picture()?.outerHTML;
  area.times = [];
  document.addEventListener("keydown", event => { pressed = event.timeStamp; }, true);
  area.watch?.disconnect(); // of the slider before
  area.watch = new MutationObserver(async () => {
    const now = picture(), since = pressed;
    if (since === null || !now || now.outerHTML === shown) return;
    shown = now.outerHTML;
    pressed = null;
    await Promise.all([now, ...now.querySelectorAll("img")].map(image => image.decode?.()));
    area.times.push(performance.now() - since);
  });
  area.watch.observe(area, {subtree: true, childList: true, attributes: true, characterData: true});
}"""
ANSWERED = """(area, count) => new Promise(done => {
  const latest = performance.now() + 2000;
  const look = () => area.times.length >= count || performance.now() > latest ? done() : setTimeout(look, 50); // rarely: looking takes time, too
  look();
})"""
ENDS = """slider => slider.type === "range"
  ? [slider.min, slider.max, slider.value].map(Number)
  : ["min", "max", "now"].map(end => Number(slider.getAttribute(`aria-value${end}`)))"""

INTERACT = """
import ipywidgets, matplotlib.pyplot as plt, numpy as np, time
image = np.random.default_rng(0).random((28, 28))

@ipywidgets.interact(threshold=(0, 50))
def draw(threshold):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4))
    left.imshow(image, "gray")
    right.imshow(image > threshold / 50, "gray")
    plt.show()

time.sleep(1)  # whoever waits for the end of this cell must not miss that it runs
"""


def measure(page, area, handle):
    """Milliseconds of each press of an arrow key on the slider with this handle, whose picture is in `area`."""
    handle.scroll_into_view_if_needed()
    handle.focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    area.evaluate(WATCH)
    key = "ArrowLeft"
    for count in range(PRESSES):
        low, high, now = handle.evaluate(ENDS)
        if now in (low, high):  # to the end of the slider, then back again
            key = "ArrowRight" if now == low else "ArrowLeft"
        time.sleep(REST)
        page.keyboard.down(key)
        time.sleep(HOLD)  # ask the page nothing meanwhile: questions, and who asks them, take its time from the answer
        page.keyboard.up(key)
        area.evaluate(ANSWERED, count + 1)
    return area.evaluate("area => area.times")


def on_pages(names):
    """(name, times) of each slider of each built page."""
    site = ROOT / "site" / "build"
    if not site.is_dir():
        sys.exit("there is no site/build yet: `make site` builds it")
    with jupyterlab.browser() as new_page:
        for path in chosen(site.glob("[0-9][0-9]_*.html"), names):
            page = new_page()
            page.goto(path.as_uri())
            for number, lab in enumerate(pages.wake(page)):
                for slider in lab.locator("input").all():
                    name = f"{path.stem[:2]}, lab {number + 1}: {slider.evaluate('slider => slider.labels[0].textContent')}"
                    if can_move(slider):
                        yield name, measure(page, lab.locator(".lab-picture"), slider)
            page.close()


def in_jupyterlab(names):
    """(name, times) of `interact`, then of each slider of each notebook."""
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab.served_course(Path(folder)) as address,
        jupyterlab.browser() as new_page,
    ):
        cell, kernel = nbformat.v4.new_code_cell(INTERACT), {"kernelspec": dict(course.KERNEL)}
        baseline = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
        nbformat.write(baseline, Path(folder) / "notebooks" / "interact.ipynb")
        for path in [Path("interact.ipynb"), *chosen(course.NOTEBOOKS.glob("*.ipynb"), names)]:
            page = new_page()
            jupyterlab.open_and_run_all(page, address.format(path.name))
            for number, lab in enumerate(page.locator(".jp-OutputArea-output:has(.widget-slider)").all()):
                for slider in lab.locator(".widget-slider").all():
                    handle = slider.locator(".noUi-handle")
                    name = f"{path.stem[:2]}, lab {number + 1}: {slider.locator('.widget-label').inner_text()}"
                    if path.stem == "interact":
                        name = "plain interact, two matplotlib panels"
                    if can_move(handle):
                        yield name, measure(page, lab, handle)
            jupyterlab.end_kernels(page, address.format(path.name))
            page.close()


def can_move(handle):
    low, high, _ = handle.evaluate(ENDS)
    return low < high


def chosen(paths, names):
    return [path for path in sorted(paths) if not names or path.stem[:2] in names]


def report(heading, measured):
    """Print a line a slider as it is measured, and one for all."""
    print(f"{heading:44} presses   median ms   95 % within ms    (of {PRESSES} presses each)")
    everything = []
    for name, times in measured:
        print(line(name, times), flush=True)
        everything += [] if name.startswith("plain") else times
    if everything:
        print(line("all sliders", everything), "\n")


def line(name, times):
    if len(times) < 2:
        return f"{name:44} {len(times):7}   its picture does not change"
    return f"{name:44} {len(times):7} {statistics.median(times):11.1f} {statistics.quantiles(times, n=20)[-1]:16.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pages", action="store_true", help="only the pages")
    parser.add_argument("--lab", action="store_true", help="only JupyterLab")
    parser.add_argument("notebooks", nargs="*", help="their numbers, such as 01; none: all")
    wanted = parser.parse_args()
    if jupyterlab.find_browser() is None:
        sys.exit("no Chromium or Chrome is installed: nothing to measure")
    if not wanted.lab:
        report("on the pages", on_pages(wanted.notebooks))
    if not wanted.pages:
        report("in JupyterLab", in_jupyterlab(wanted.notebooks))


if __name__ == "__main__":
    main()
