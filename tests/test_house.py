"""The frame: requirement lists, notebooks fit to commit, make's messages, a read-only checkout."""

import ast
import ctypes
import graphlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from traitlets.config.loader import PyFileConfigLoader

from helpers import course

NOTEBOOKS = sorted(course.NOTEBOOKS.glob("*.ipynb"))
by_name = {"argvalues": NOTEBOOKS, "ids": lambda path: path.stem}


def read(path):
    return nbformat.read(path, as_version=4)


def cells(path, kind):
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def test_requirements_and_environment_are_the_same_list(root):
    wanted = [line.split("#")[0].strip() for line in (root / "requirements.txt").read_text().splitlines()]
    conda = (root / "environment.yml").read_text().split("- pip:\n")[1]
    assert [line for line in wanted if line] == [line.strip(" -") for line in conda.splitlines()]


def test_what_the_notebooks_need_is_what_colab_is_asked_for():
    assert set(course.notebook_requirements()) == {
        "torch", "torchvision", "numpy", "matplotlib", "pillow", "ipywidgets", "tqdm", "scipy",
        "safetensors", "filelock", "certifi",
    }  # fmt: skip


def imports(root):
    """For every module of helpers, those of helpers that it imports, wherever in the file."""
    paths = [path for path in (root / "helpers").rglob("*.py") if not {"samples", "weights"} & set(path.parts)]
    names = {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    found = {}
    for name, path in names.items():
        statements = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ImportFrom)]
        wanted = [(s.module, f"{s.module}.{alias.name}") for s in statements for alias in s.names]
        found[name] = {
            inner if inner in names else outer
            for outer, inner in wanted
            if outer.startswith("helpers.") or inner in names
        }
    return found


def test_imports_point_one_way(root):
    modules = imports(root)
    graphlib.TopologicalSorter(modules).prepare()  # raises a CycleError that names the circle
    rooms = {}
    for module, others in modules.items():
        room = module.split(".")[1] if "." in module else module
        rooms.setdefault(room, set()).update(other.split(".")[1] for other in others if other != "helpers")
    graphlib.TopologicalSorter({room: others - {room} for room, others in rooms.items()}).prepare()
    assert rooms["checks"] == set()
    assert rooms["arithmetic"] == {"checks"}


# ---- notebooks -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", **by_name)
def test_a_notebook_is_executed_in_order_and_carries_no_widget_state(path):
    notebook = read(path)
    assert "widgets" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    assert path.stat().st_size <= 1_500_000
    for count, cell in enumerate(cells(path, "code"), start=1):
        assert cell.execution_count == count
        assert set(cell.metadata) <= {"tags", "jupyter", "cellView"}
        for output in cell.outputs:
            assert course.WIDGET_VIEW not in output.get("data", {})
            assert output.get("name") != "stderr", f"cell {count} warns: {output.text}"
            if output.output_type == "error":
                assert "raises-exception" in cell.metadata.get("tags", [])


@pytest.mark.parametrize("path", **by_name)
def test_a_notebook_is_normalised_and_normalising_again_changes_nothing(path):
    notebook = read(path)
    course.normalise(notebook)
    assert notebook == read(path)


def overwritten_inputs(code):
    """Names that a cell takes from an earlier one and gives another value: run twice, it would work on its own result."""
    made, found = set(), set()
    for statement in ast.parse(code).body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        inner = {n.id for part in ast.walk(statement) if isinstance(part, ast.comprehension) for n in ast.walk(part.target)
                 if isinstance(n, ast.Name)}  # fmt: skip
        targets = [statement.target] if isinstance(statement, ast.AugAssign) else getattr(statement, "targets", [])
        given = {
            n.id
            for target in targets
            for n in ast.walk(target)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        read = {n.id for n in names if isinstance(n.ctx, ast.Load)} - inner
        found |= (given & (given if isinstance(statement, ast.AugAssign) else read)) - made
        made |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return found


def test_a_cell_that_overwrites_its_input_is_seen():
    assert overwritten_inputs("a, b = (f(s) for s in (a, b))") == {"a", "b"}
    assert overwritten_inputs("n = 3\nn += 1\nlines |= {1: 2}") == {"lines"}
    assert overwritten_inputs("a = load()\na = f(a)\nb = [b for b in a]") == set()


@pytest.mark.parametrize("path", **by_name)
def test_no_cell_overwrites_what_it_needs_so_that_each_may_run_twice(path):
    for cell in cells(path, "code"):
        code = "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))
        assert not overwritten_inputs(code), cell.source


@pytest.mark.parametrize("path", **by_name)
def test_every_picture_has_alt_text(path):
    for cell in cells(path, "code"):
        for output in cell.outputs:
            shown = output.get("data", {})
            if {"image/png", "image/jpeg", "image/svg+xml"} & set(shown):
                assert "<img alt=" in shown.get("text/html", ""), "show it with plots.show(figure, alt)"
            for tag in re.findall("<img [^>]{0,2000}", shown.get("text/html", "")):
                assert re.search(r'alt="[^"]{10,}', tag)


@pytest.mark.parametrize("path", **by_name)
def test_a_notebook_keeps_to_the_frame(path):
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    headings = re.findall(r"^## (.*)", text, re.MULTILINE)
    frame = ["See it", "Move it", "By hand", "In PyTorch", "Where it stops being true", "Your turn", "Check yourself",
             "In five lines"]  # fmt: skip
    found = [next((part for part in frame if heading.startswith(part)), None) for heading in headings]
    assert [part for part in found if part] == frame
    assert 15 <= len(read(path).cells) <= 30
    assert len(re.sub(r"\(http\S+\)|<[^>]+>", "", text).split()) <= 1_600
    pictures = ["<img" in str(cell.get("outputs", "")) for cell in read(path).cells[:3]]
    assert any(pictures), "a picture within the first three cells"
    for cell in cells(path, "code"):
        lines = [line for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#")]
        assert len(lines) <= 15 or is_closed(cell)


def is_closed(cell):
    """Whether JupyterLab and Colab fold the cell's code away."""
    return cell.metadata.get("jupyter", {}).get("source_hidden") and cell.metadata.get("cellView") == "form"


@pytest.mark.parametrize("path", **by_name)
def test_the_first_cell_is_closed_and_the_same_everywhere(path):
    first = cells(path, "code")[0]
    assert first.source == cells(NOTEBOOKS[0], "code")[0].source
    assert f'COURSE = "{course.address()}"' in first.source
    assert is_closed(first)


@pytest.mark.parametrize("path", [*NOTEBOOKS, course.ROOT / "README.md"], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    text = path.read_text() if path.suffix == ".md" else "\n".join(cell.source for cell in cells(path, "markdown"))
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if not link.startswith("http"):
            assert (path.parent / link.split("#")[0]).exists(), link


def test_the_readme_lists_every_notebook(root):
    readme = (root / "README.md").read_text()
    for path in NOTEBOOKS:
        assert f"](notebooks/{path.name})" in readme


def test_the_cover_is_the_picture_of_the_course_that_it_shows():
    assert course.first_picture(read(course.COVERED)) == course.COVER.read_bytes()


def test_normalise_drops_views_state_and_progress_bars_and_joins_streams():
    view = {course.WIDGET_VIEW: {"model_id": "x"}}
    new = nbformat.v4.new_output
    cell = nbformat.v4.new_code_cell(
        "x", execution_count=7, metadata={"tags": ["keep"], "execution": {"iopub.status.busy": "2026-01-01"}}
    )
    cell.outputs = [
        new("stream", name="stdout", text="a"),
        new("stream", name="stdout", text="b"),
        new("display_data", {**view, "text/plain": "  0%|"}),
        new("execute_result", {**view, "text/html": "twin"}, execution_count=7),
    ]
    metadata = {"widgets": {"state": {}}, "accelerator": "GPU", "language_info": {"name": "python", "version": "3.9"}}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=metadata)
    course.normalise(notebook)
    assert set(notebook.metadata) == {"accelerator", "kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}
    assert cell.metadata == {"tags": ["keep"]}
    assert cell.execution_count == 1
    assert [output.get("text", output.get("data")) for output in cell.outputs] == ["ab", {"text/html": "twin"}]


def test_kept_results_say_where_they_come_from(root):
    found = sorted((course.NOTEBOOKS / "results").glob("*.json"))
    assert found
    for path in found:
        results = json.loads(path.read_text())
        _, script, *_ = results["command"].split()
        assert (root / script).is_file()
        assert {"date", "source", "hardware", "seeds", "runs"} <= set(results)
        assert results["source"].split()[-1] in ("full", "sample")
        named = ("network", "dataset", "case", "share", "epochs", "lr", "per_class")  # what tells kinds of run apart
        kinds = {}
        for run in results["runs"]:
            kinds.setdefault(tuple(run.get(field) for field in named), []).append(run["seed"])
        least = 1 if path.stem == "learning_rates" else 3  # a search on validation: what it chose is measured from more
        for seeds in kinds.values():
            assert len(seeds) >= least and sorted(seeds) == results["seeds"][: len(seeds)]


# ---- the glossary --------------------------------------------------------------------------

GLOSSARY = course.NOTEBOOKS / "glossary.md"
ENTRY = re.compile(r"^- \*\*(.+?)\*\*: .+\. \[(\d\d)\]\((\S+\.ipynb)\)$", re.MULTILINE)


def bold_terms(path):
    """What a notebook prints in bold, without what is no term: questions, sentences, the titles of exercises."""
    text = "\n\n".join(cell.source for cell in cells(path, "markdown"))
    found = re.findall(r"(?<!\*)\*\*([^*\n]+)\*\*", re.sub("```.*?```", "", text, flags=re.DOTALL))
    return {singular(term) for term in found if not re.search(r"[.?!:]$|^\d\.|[=,(`“]", term)}


def singular(term):
    return re.sub(r"(?<=[^s])s$", "", term.casefold())


def glossary():
    """Term, as `singular` has it → file of the notebook that it comes from."""
    return {singular(term): file for term, _, file in ENTRY.findall(GLOSSARY.read_text(encoding="utf-8"))}


def test_the_glossary_is_a_sorted_list_with_a_sentence_and_a_notebook_for_each_term():
    lines = [line for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    entries = [ENTRY.fullmatch(line) for line in lines]
    assert all(entries), next(line for line, entry in zip(lines, entries) if not entry)
    terms = [entry[1].casefold() for entry in entries]
    assert terms == sorted(set(terms))
    assert all(file.startswith(number) for _, number, file in (entry.groups() for entry in entries))


@pytest.mark.parametrize("path", **by_name)
def test_the_glossary_holds_each_bold_term_and_what_it_says_of_the_notebook_is_true(path):
    terms = bold_terms(path)
    assert terms <= set(glossary()), "without an entry"
    assert {term for term, file in glossary().items() if file == path.name} <= terms, "not in bold in that notebook"


# ---- the map -------------------------------------------------------------------------------

MINUTES = re.compile(r"^\*About (\d+) minutes\. It builds on .+\.\*$", re.MULTILINE)


@pytest.mark.parametrize("path", **by_name)
def test_the_map_says_of_each_notebook_the_minutes_and_the_exercises_that_it_has(path):
    minutes = MINUTES.search(cells(path, "markdown")[0].source)
    assert minutes, "the minutes, and what the notebook builds on, stand under its title"
    line = next(line for line in (course.NOTEBOOKS / "map.md").read_text().splitlines() if f"]({path.name}) |" in line)
    assert f"| {minutes[1]} |" in line
    code = "\n".join(cell.source for cell in cells(path, "code"))
    for exercise in re.findall(r"exercises\.\w+\.(\w+)\.check", code):
        assert f"`{exercise}`" in line


# ---- make ----------------------------------------------------------------------------------


def make(folder, *arguments):
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def bare_checkout(root, tmp_path):
    """The files that make looks at, with no environment beside them."""
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(root / name, tmp_path)
    return tmp_path


def test_make_alone_prints_the_targets(root):
    done = make(root)
    assert done.returncode == 0
    for target in ("lab", "test", "notebooks", "bench"):
        assert f"make {target} " in done.stdout


def test_make_lab_opens_the_first_notebook_and_keeps_the_token(root):
    done = make(root, "--dry-run", "lab")
    opened = re.search(r"default_url=/lab/tree/(\S+)", done.stdout)[1]
    assert (root / opened) == course.NOTEBOOKS / "00_start_here.ipynb"
    assert opened in {str(path.relative_to(root)) for path in NOTEBOOKS}
    assert "token" not in done.stdout


def test_make_stops_where_python_is_too_old(bare_checkout):
    old = bare_checkout / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.18" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = make(bare_checkout, "test", f"PYTHON={old}")
    assert done.returncode != 0
    assert "needs Python 3.10 or newer" in done.stdout
    assert "is Python 3.9.18" in done.stdout
    assert not (bare_checkout / ".venv").exists()


def test_make_stops_where_the_disk_is_too_full(bare_checkout):
    done = make(bare_checkout, "lab", "NEEDED_GB=999999", f"PYTHON={sys.executable}")
    assert done.returncode != 0
    assert "needs 999999 GB" in done.stdout
    assert "are free" in done.stdout
    assert not (bare_checkout / ".venv").exists()


# ---- a checkout that cannot be written to --------------------------------------------------


def without_root_powers():
    """Let not even root write where the file modes forbid it: drop CAP_DAC_OVERRIDE (1) from what a new program gets."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.skipif(sys.platform != "linux", reason="takes root's powers away with a Linux call")
def test_a_read_only_checkout_still_runs(root, tmp_path):
    checkout = tmp_path / "cnn-101"
    shutil.copytree(root / "helpers", checkout / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "notebooks", checkout / "notebooks")
    for path in [checkout, *checkout.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    program = """
from pathlib import Path
try:
    Path("proof").touch()
    raise SystemExit("the checkout can be written to: this test proves nothing")
except PermissionError:
    pass
from helpers import data, models, plots, train, widgets
valid = data.load("fashion_mnist", "valid")
train.fit(models.small_cnn(width=2), valid, valid, epochs=1, batch_size=100, lr=0.01)
widgets.probability_lab(valid.images[:2], train.predict(models.lenet(), valid)[:2].softmax(1), valid.labels[:2], valid.classes)
assert data.download("cifar10") is None
"""
    environment = {key: value for key, value in os.environ.items() if key != "CNN_DATA_DIR"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=checkout, env=environment, capture_output=True, text=True,
            preexec_fn=without_root_powers,
        )  # fmt: skip
    finally:
        for path in [checkout, *checkout.rglob("*")]:
            path.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert "set CNN_DATA_DIR to a folder that you can write to" in done.stdout


# ---- Jupyter -------------------------------------------------------------------------------


def test_make_lab_lets_jupyter_send_each_message_at_once(root, monkeypatch):
    shown = subprocess.run(["make", "-n", "lab"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert f'JUPYTER_CONFIG_PATH="{root}/jupyter' in shown  # in quotes: a folder's name may have a space
    config = PyFileConfigLoader("jupyter_server_config.py", path=str(root / "jupyter")).load_config()
    prompt = config.ServerApp.kernel_websocket_connection_class
    handler, connected = mock.Mock(), []
    monkeypatch.setattr(prompt.__mro__[1], "connect", lambda self: connected.append(handler.set_nodelay.call_args))
    prompt.connect(mock.Mock(spec=prompt, websocket_handler=handler, __class__=prompt))
    assert connected == [mock.call(True)]


def test_make_lab_has_sliders_handled_where_the_cells_run(root):
    """JupyterLab drops a setting that it does not know without a word."""
    (overrides,) = (root / "jupyter" / "labconfig").iterdir()
    ((plugin, settings),) = json.loads(overrides.read_text()).items()
    package, name = plugin.split(":")
    schema = Path(sys.prefix) / f"share/jupyter/lab/schemas/{package}/{name}.json"
    offered = json.loads(schema.read_text())["properties"]["commsOverSubshells"]["oneOf"]
    assert settings["commsOverSubshells"] in [choice["const"] for choice in offered]


# ---- Colab ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copy_of_the_course(root, tmp_path_factory):
    """What git would hand on of the course, without an address."""
    source = tmp_path_factory.mktemp("copy") / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    for name in tracked.stdout.splitlines():
        if (root / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, source / name)
    stamp(source, "")
    return source


def stamp(copy, address):
    command = [sys.executable, "-m", "helpers.course", "stamp", address]
    return subprocess.run(command, cwd=copy, capture_output=True, text=True)


@pytest.fixture(scope="module")
def colab(copy_of_the_course, tmp_path_factory):
    """A folder as Colab opens one, and a stand-in for google.colab.

    In it lie one notebook of a course that has been published, in a bare repository, and one of a course that has not.
    """
    folder = tmp_path_factory.mktemp("colab")
    source, bare, content = folder / "source", folder / "course.git", folder / "content"
    shutil.copytree(copy_of_the_course, source)
    content.mkdir()
    shutil.copy(source / "notebooks" / "01_convolution.ipynb", content / "without_address.ipynb")
    assert "Colab, Kaggle and Binder open notebooks from GitHub" in stamp(source, str(bare)).stdout
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], cwd=source, check=True)
    subprocess.run([*git, "add", "-A"], cwd=source, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "stamped"], cwd=source, check=True)
    subprocess.run([*git, "clone", "-q", "--bare", source, bare], cwd=folder, check=True)
    shutil.copy(source / "notebooks" / "01_convolution.ipynb", content / "published.ipynb")
    (folder / "stand-in/google/colab").mkdir(parents=True)
    (folder / "stand-in/google/colab/__init__.py").touch()
    return content, folder / "stand-in"


def run_cells(notebook, count, **environment):
    """Run a notebook's first code cells, as one program, in its folder."""
    program = "\n".join(cell.source for cell in cells(notebook, "code")[:count])
    return subprocess.run(
        [sys.executable, "-c", program], cwd=notebook.parent, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": "", **environment},
    )  # fmt: skip


def test_outside_the_course_the_first_cell_says_what_to_do_and_fetches_nothing(colab):
    content, stand_in = colab
    for notebook in ("published", "without_address"):
        done = run_cells(content / f"{notebook}.ipynb", 1)
        assert done.returncode != 0
        assert f"is not around {content}: open this notebook from inside the course's folder" in done.stderr
    done = run_cells(content / "without_address.ipynb", 1, PYTHONPATH=str(stand_in))
    assert done.returncode != 0
    assert "This copy of the course has no address" in done.stderr
    assert "`!git clone <the address that you have it from> cnn-101`" in done.stderr
    assert len(list(content.iterdir())) == 2


def test_in_colab_the_first_cell_fetches_a_published_course(colab):
    content, stand_in = colab
    for attempt in ("first", "again, after a restart of the kernel"):
        done = run_cells(content / "published.ipynb", 2, PYTHONPATH=str(stand_in))
        assert done.returncode == 0, f"{attempt}: {done.stderr}"
        assert "9,000 images" in done.stdout
    assert (content / "cnn-101" / "helpers" / "course.py").is_file()
    done = run_cells(content / "without_address.ipynb", 1, PYTHONPATH=str(stand_in))
    assert done.returncode == 0, f"a course cloned by hand is not found: {done.stderr}"
    shutil.rmtree(content / "cnn-101")


def test_in_kaggle_the_first_cell_fetches_it_too(colab):
    content, _ = colab
    done = run_cells(content / "published.ipynb", 2, KAGGLE_KERNEL_RUN_TYPE="Interactive")
    assert done.returncode == 0, done.stderr
    assert "9,000 images" in done.stdout
    shutil.rmtree(content / "cnn-101")


def test_in_colab_an_address_that_cannot_be_fetched_from_is_told(colab, tmp_path):
    content, stand_in = colab
    text = (content / "published.ipynb").read_text(encoding="utf-8").replace("course.git", "nowhere.git")
    (tmp_path / "moved.ipynb").write_text(text, encoding="utf-8")
    done = run_cells(tmp_path / "moved.ipynb", 1, PYTHONPATH=str(stand_in))
    assert "could not be fetched from" in done.stderr.splitlines()[-1]


def test_colab_gets_only_what_it_lacks_and_keeps_its_torch(monkeypatch):
    there = {"torch": "2.9.0+cu128", "torchvision": "0.24.0+cu128", "numpy": "2.0.2", "matplotlib": "3.10.0"}
    there |= {"pillow": "11.3.0", "ipywidgets": "7.7.1", "scipy": "1.16.3", "filelock": "3.20.0"}
    there |= {"certifi": "2025.11.12", "safetensors": "0.6.2"}
    asked = []

    def pip(command, check):
        asked.append((command, Path(command[command.index("--constraint") + 1]).read_text()))

    monkeypatch.setattr(course, "_version", there.get)
    monkeypatch.setattr(course.subprocess, "run", pip)
    course.install_missing(hosted=False)
    assert asked == []
    course.install_missing(hosted=True)
    ((command, constraints),) = asked
    assert command[-1] == "tqdm>=4.66"
    assert "torch==2.9.0+cu128\n" in constraints

    asked.clear()
    monkeypatch.setattr(course, "_version", {**there, "tqdm": "4.67"}.get)
    course.install_missing(hosted=True)
    assert asked == []


@pytest.fixture
def copy(copy_of_the_course, tmp_path):
    return shutil.copytree(copy_of_the_course, tmp_path / "copy", ignore=shutil.ignore_patterns("samples", "tests"))


def texts(copy):
    named = [copy / "README.md", copy / "pyproject.toml", *sorted(copy.glob("notebooks/*.ipynb"))]
    return {path.name: path.read_text(encoding="utf-8") for path in named}


def test_a_course_without_an_address_links_to_nobody(copy):
    for name, text in texts(copy).items():
        assert "colab.research.google.com/github" not in text, name
        assert not re.search(r'(COURSE|repository) = \\?"[^"\\]', text), name


def test_stamp_links_to_github_and_takes_its_links_out_again(copy):
    before = texts(copy)
    for repository in ("someone/course", "somebody.else/course"):
        assert stamp(copy, f"https://github.com/{repository}.git").returncode == 0
        after = texts(copy)
        for name, text in after.items():
            assert (
                name == "pyproject.toml"
                or f"colab.research.google.com/github/{repository}/blob/main/notebooks/" in text
            )
        for service in ("Colab", "Kaggle", "Binder"):
            assert after["README.md"].count(f"[{service}]") == len(NOTEBOOKS)
            assert after["00_start_here.ipynb"].count(f"[![Open in {service}]") == 1
        assert f"{repository}.git" in cells(copy / "notebooks" / "00_start_here.ipynb", "code")[0].source
        assert f'repository = "https://github.com/{repository}.git"' in after["pyproject.toml"]
    stamp(copy, "")
    assert texts(copy) == before


@pytest.mark.parametrize("address", ["https://github.com/some one/course", 'a"b', "a\\b"])
def test_stamp_refuses_what_is_no_address(copy, address):
    before = texts(copy)
    done = stamp(copy, address)
    assert done.returncode == 1
    assert "an address has no spaces, quotes or backslashes" in done.stderr
    assert texts(copy) == before


def test_another_address_than_the_stamped_one_fails_with_the_command_that_mends_it(copy):
    def compare(address):
        command = [sys.executable, "-m", "helpers.course", "compare", address]
        return subprocess.run(command, cwd=copy, capture_output=True, text=True)

    here = "https://github.com/someone/course"
    assert "name no address" in compare(here).stderr
    assert f"make stamp REPO={here}" in compare(here).stderr
    stamp(copy, here)
    assert compare(here).returncode == 0
    assert "name https://github.com/someone/course: run `make stamp REPO=https://github.com/fork/course`" in compare(
        "https://github.com/fork/course"
    ).stderr  # fmt: skip
    assert compare("https://github.com/fork/course").returncode == 1
