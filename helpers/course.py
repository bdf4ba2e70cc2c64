"""The course's own upkeep: check the environment, serve Colab and Kaggle, run and normalise notebooks, stamp the address.

python -m helpers.course run [NOTEBOOK ...]     # what `make notebooks` does
python -m helpers.course stamp ADDRESS          # what `make stamp REPO=ADDRESS` does
python -m helpers.course compare ADDRESS        # fails where the course is stamped with another address
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
LABS = "labs"  # the folder beside the notebooks for the states of their labs, from the run whose outputs they hold
BADGES = {
    "Colab": "https://colab.research.google.com/assets/colab-badge.svg",
    "Kaggle": "https://kaggle.com/static/images/open-in-kaggle.svg",
    "Binder": "https://mybinder.org/badge_logo.svg",
}
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


def install_missing(hosted):
    """In Colab and Kaggle, install those of the notebooks' requirements that are not there; leave alone what is, torch above all."""
    if not hosted:
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
    part = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("# notebooks\n")[1].split("\n\n")[0]
    lines = [line.split("#")[0].strip() for line in part.splitlines()]
    return {re.split(r"[<>=!~]", line)[0]: line for line in lines if line}


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


# ---- for those who keep the notebooks ------------------------------------------------------


def run(paths):
    """Execute notebooks from top to bottom in fresh kernels; write them back, normalised, and beside them the states of their labs."""
    import nbformat
    from nbclient import NotebookClient

    for path in paths:
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        states = path.parent / LABS / f"{path.stem}.json.gz"
        code = f"from helpers.widgets import states\nstates.save(Out.values(), {str(states)!r})"
        notebook.cells.append(nbformat.v4.new_code_cell(code))
        context = {"metadata": {"path": str(path.parent)}}
        NotebookClient(
            notebook, timeout=CELL_TIMEOUT, kernel_name="python3", resources=context, store_widget_state=False
        ).execute()
        del notebook.cells[-1]  # it was not the notebook's own
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
        kept = {key: cell.metadata[key] for key in ("tags", "jupyter", "cellView") if cell.metadata.get(key)}
        cell.metadata.clear()
        cell.metadata.update(kept)  # "jupyter" and Colab's "cellView" say that a cell is closed
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
    """The course's address on the web, "" while none is stamped. The one place where it stands is pyproject.toml."""
    return _ADDRESS_LINE.search((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[2]


def stamp(new):
    """Write the course's address into pyproject.toml, the first cells and the badges; "" takes it out again.

    Raises ValueError for what is no address.
    """
    import nbformat

    if re.search(r"""[\s"'\\]""", new):
        raise ValueError(f"an address has no spaces, quotes or backslashes; got {new!r}")
    old = address()
    for path, rewrite in {ROOT / "pyproject.toml": _with_address, ROOT / "README.md": _with_links}.items():
        path.write_text(rewrite(path.read_text(encoding="utf-8"), new), encoding="utf-8")
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        title, first = notebook.cells[:2]
        title.source = _with_badge(title.source, new, path.name)
        first.source = re.sub(r'^COURSE = ".*?"', lambda _: f'COURSE = "{new}"', first.source, flags=re.MULTILINE)
        nbformat.write(notebook, path)
    print(f"the course's address is {new or 'not known'} (it was {old or 'not known'})")
    if new and not services(new, ""):
        print("Colab, Kaggle and Binder open notebooks from GitHub: there are no links to them")


def compare(published):
    """Raise ValueError, with the command that mends it, where the stamped address is not the one it is published at."""
    if address() != published:
        raise ValueError(
            f"the course is published at {published}, but its first cells and links name {address() or 'no address'}: "
            f"run `make stamp REPO={published}` and commit what it changes"
        )


_ADDRESS_LINE = re.compile(r'^(repository = ")(.*)"', re.MULTILINE)


def _with_address(pyproject, address):
    return _ADDRESS_LINE.sub(lambda found: found[1] + address + '"', pyproject)


def services(address, notebook):
    """Where this notebook of the course opens on the web, name of the service → link; none for a course that is not on GitHub."""
    found = re.fullmatch(r"https://github\.com/([^/]+/[^/]+?)(\.git)?/?", address)
    if not found:
        return {}
    path = f"{found[1]}/blob/main/notebooks/{notebook}"
    return {
        "Colab": f"https://colab.research.google.com/github/{path}",
        "Kaggle": f"https://kaggle.com/kernels/welcome?src=https://github.com/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{found[1]}/main?labpath=notebooks%2F{notebook}",
    }


def _with_links(readme, address):
    """The README with links behind each notebook in its table, to Colab and others that open it."""
    bare = re.sub(r" · \[(Colab|Kaggle|Binder)\]\([^)]*\)", "", readme)
    return re.sub(
        r"^(\| \d\d \| \[[^]]*\]\(notebooks/([^)]*)\))",
        lambda row: row[1] + "".join(f" · [{name}]({link})" for name, link in services(address, row[2]).items()),
        bare,
        flags=re.MULTILINE,
    )


def _with_badge(title, address, notebook):
    """The first text of a notebook with badges under its title that open it in Colab, Kaggle and Binder."""
    heading, _, rest = re.sub(r"\[!\[Open in \w+\].*\n\n", "", title).partition("\n\n")
    badges = [f"[![Open in {name}]({BADGES[name]})]({link})" for name, link in services(address, notebook).items()]
    return "\n\n".join([heading, *([" ".join(badges)] if badges else []), rest])


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m helpers.course", description="Keep the course's notebooks.")
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="execute notebooks in place and normalise them")
    runner.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/")
    stamper = commands.add_parser("stamp", help="write the course's address into first cells and links")
    stamper.add_argument("address", help='where the course can be cloned from; "" for nowhere')
    comparer = commands.add_parser("compare", help="fail where the stamped address is another one")
    comparer.add_argument("address", help="where the course is published")
    chosen = parser.parse_args(arguments)
    if chosen.command == "run":
        run([path.resolve() for path in chosen.notebooks] or sorted(NOTEBOOKS.glob("*.ipynb")))
        return
    try:
        {"stamp": stamp, "compare": compare}[chosen.command](chosen.address)
    except ValueError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
