"""The course's own upkeep: check the environment, serve Colab, run and normalise notebooks, stamp the address.

python -m helpers.course run [NOTEBOOK ...]     # what `make notebooks` does
python -m helpers.course stamp [ADDRESS]        # what `make stamp REPO=ADDRESS` does
"""

import argparse
import base64
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
COVER = NOTEBOOKS / "cover.png"  # the README's picture, which is the first one of the notebook ...
COVERED = NOTEBOOKS / "01_convolution.ipynb"
CELL_TIMEOUT = 900  # seconds; the longest cell trains on a full set


# ---- for the reader ------------------------------------------------------------------------


def environment():
    """Print what this machine offers the course; return it as a dict of strings."""
    import torch

    from helpers import data
    from helpers.train import machine

    found = {
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": importlib.metadata.version("torchvision"),
        "ipywidgets": importlib.metadata.version("ipywidgets"),
        "cores": str(os.cpu_count()),
        "device": machine.choose_device().type,
    }
    for name in data.CLASSES:
        found[name] = "the full set" if data.full_is_whole(name) else "the embedded sample"
    for what, value in found.items():
        print(f"{what:14} {value}")
    return found


def install_missing(in_colab):
    """In Colab, install those of the notebooks' requirements that are not there; leave alone what is, torch above all."""
    if not in_colab:
        return
    wanted = notebook_requirements()
    there = {name: _version(name) for name in wanted}
    missing = [line for name, line in wanted.items() if there[name] is None]
    if not missing:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("".join(f"{name}=={version}\n" for name, version in there.items() if version))
        constraints.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", constraints.name, *missing]
        subprocess.run(command, check=True)


def notebook_requirements():
    """The first part of requirements.txt, what the notebooks need: name → its line without the reason."""
    part = (ROOT / "requirements.txt").read_text().split("# notebooks\n")[1].split("\n\n")[0]
    lines = [line.split("#")[0].strip() for line in part.splitlines()]
    return {re.split(r"[<>=!~]", line)[0]: line for line in lines if line}


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


# ---- for those who keep the notebooks ------------------------------------------------------


def run(paths):
    """Execute notebooks from top to bottom in fresh kernels and write them back, normalised."""
    import nbformat
    from nbclient import NotebookClient

    for path in paths:
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        context = {"metadata": {"path": str(path.parent)}}
        NotebookClient(
            notebook, timeout=CELL_TIMEOUT, kernel_name="python3", resources=context, store_widget_state=False
        ).execute()
        normalise(notebook)
        nbformat.write(notebook, path)
        if path == COVERED:
            COVER.write_bytes(first_picture(notebook))
        size = path.stat().st_size / 1e6
        print(f"{path.name}: {time.perf_counter() - start:.0f} s, {size:.2f} MB")


def first_picture(notebook):
    """The png bytes of the first picture in a notebook's outputs."""
    pages = (
        output.get("data", {}).get("text/html", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    return next(base64.b64decode(found[1]) for page in pages if (found := re.search('base64,([^"]+)"', page)))


def normalise(notebook):
    """Leave in an executed notebook, in place, only what is worth committing.

    Out go: widget views and state (they reopen as errors), progress bars, timing metadata, the
    Python version. Streams that were written in pieces are joined. Execution counts run from 1.
    """
    kept = {key: notebook.metadata[key] for key in ("accelerator", "colab") if key in notebook.metadata}
    notebook.metadata.clear()
    notebook.metadata.update(kept, kernelspec=dict(KERNEL), language_info={"name": "python"})
    count = 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata.clear()
        if tags:
            cell.metadata["tags"] = tags
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = _joined(output for output in cell.outputs if not _is_bare_widget(output))
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)
                output.metadata.clear()


def _is_bare_widget(output):
    """A widget without a static twin, such as a progress bar: nothing of it is left without a kernel."""
    shown = output.get("data", {})
    return WIDGET_VIEW in shown and "text/html" not in shown


def _joined(outputs):
    joined = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def address():
    """The one place where the course's address stands: pyproject.toml."""
    return _address_line().search((ROOT / "pyproject.toml").read_text())[2]


def stamp(new):
    """Write the course's address into pyproject.toml, the first cells and the Colab badges."""
    import nbformat

    old = address()
    pyproject = ROOT / "pyproject.toml"
    pyproject.write_text(_address_line().sub(lambda found: found[1] + new + '"', pyproject.read_text()))
    (ROOT / "README.md").write_text(_with_badges((ROOT / "README.md").read_text(), new))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = _with_badges(cell.source, new)
            else:
                cell.source = re.sub(r'^COURSE = ".*"', lambda _: f'COURSE = "{new}"', cell.source, flags=re.MULTILINE)
        nbformat.write(notebook, path)
    print(f"the course's address is {new} (it was {old})")
    if not _on_github(new):
        print("Colab opens notebooks from GitHub only: the badges still lead where they led")


def _address_line():
    return re.compile(r'^(repository = ")(.*)"', re.MULTILINE)


def _on_github(address):
    return re.fullmatch(r"https://github\.com/([^/]+/[^/]+?)(\.git)?/?", address)


def _with_badges(text, address):
    found = _on_github(address)
    if not found:
        return text
    badge = r"(https://colab\.research\.google\.com/github/)[^/]+/[^/]+(/blob/)"
    return re.sub(badge, lambda link: link[1] + found[1] + link[2], text)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m helpers.course", description="Keep the course's notebooks.")
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="execute notebooks in place and normalise them")
    runner.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/")
    stamper = commands.add_parser("stamp", help="write the course's address into first cells and badges")
    stamper.add_argument("address", nargs="?", help="default: the one in pyproject.toml")
    chosen = parser.parse_args(arguments)
    if chosen.command == "run":
        run([path.resolve() for path in chosen.notebooks] or sorted(NOTEBOOKS.glob("*.ipynb")))
    else:
        stamp(chosen.address or address())


if __name__ == "__main__":
    main()
