"""How fast the sliders of notebook 01 answer: from the key press to the decoded new image, in a real browser.

python benchmarks/sliders.py        # needs Chromium or Chrome
"""

import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import jupyterlab  # noqa: E402  (after the path that makes it importable)

PRESSES = 40
LABS = {"position": "sliding window", "kernel": "kernel chooser", "kernels": "kernels in parallel"}

# Presses are timed inside the page: key down → the image's source changes → the browser has decoded it.
WATCH = """lab => {
  lab.times = []; lab.pressed = null; lab.shown = lab.querySelector("img").src;
  lab.addEventListener("keydown", () => { lab.pressed = performance.now(); }, true);
  new MutationObserver(async () => {
    const image = lab.querySelector("img"), pressed = lab.pressed;
    if (!image || image.src === lab.shown || pressed === null) return;
    lab.shown = image.src; lab.pressed = null;
    await image.decode();
    lab.times.push(performance.now() - pressed);
  }).observe(lab, {subtree: true, childList: true, attributes: true});
}"""


def measure(page, control):
    """Milliseconds of each press of an arrow key on one slider."""
    lab = jupyterlab.lab_with(page, control)
    handle = jupyterlab.handle_of(lab, control)
    handle.scroll_into_view_if_needed()
    handle.focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    lab.evaluate(WATCH)
    low, high = (int(float(handle.get_attribute(f"aria-value{end}"))) for end in ("min", "max"))
    steps = high - low
    for press in range(PRESSES):
        forward = press // steps % 2 == 0  # to the end of the slider, then back again
        page.keyboard.press("ArrowRight" if forward else "ArrowLeft")
        page.wait_for_timeout(200)
    return lab.evaluate("lab => lab.times")


def main():
    if jupyterlab.find_browser() is None:
        sys.exit("no Chromium or Chrome is installed: nothing to measure")
    print(f"slider                 presses   median ms   90 % within ms    (of {PRESSES} presses each)")
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab.served_course(Path(folder)) as address,
        jupyterlab.browser() as new_page,
    ):
        page = new_page()
        jupyterlab.open_and_run_all(page, address.format("01_convolution.ipynb"))
        everything = []
        for control, name in LABS.items():
            times = measure(page, control)
            everything += times
            print(
                f"{name:22} {len(times):7} {statistics.median(times):11.0f} {statistics.quantiles(times, n=10)[-1]:16.0f}"
            )
        print(f"{'all three':22} {len(everything):7} {statistics.median(everything):11.0f}")


if __name__ == "__main__":
    main()
