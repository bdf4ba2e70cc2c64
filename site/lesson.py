"""A notebook as the inside of a page: text, code, figures, labs, exercises and questions."""

import base64
import gzip
import hashlib
import html
import json
import re
import struct
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from helpers import course, exercises
from helpers.exercises.grading import UNSOLVED

TEMPLATES = Path(__file__).resolve().parent / "templates"
FIRST_CELL = "# @title Run this first"  # it finds the course's folder, which a page has no use for
MEND = "run `make notebooks`"
CHECK = re.compile(r"^exercises\.(\w+)\.(\w+)\.check\(", re.MULTILINE)
ASK = re.compile(r"exercises\.ask\([^\n]*\)")
VERDICT = re.compile(r"(Right\.|Not so\.) (.*)", re.DOTALL)  # how an answer begins in the twin of a question
LAB = {"id", "controls", "values", "tree", "start", "states", "frames", "pieces", "note"}  # what describes one
NARROW = 340  # pixels; wider pictures shrink on a phone, and get a link to their full size


class Lesson:
    """The inside of a notebook's page: `soup`, and what it needs: `labs`, file stem → description, and `pictures`, name → bytes.

    Raises ValueError for a notebook that was not run, or whose labs are not described beside it.
    """

    def __init__(self, path):
        self.path, self.labs, self.pictures, self._told = path, {}, {}, False  # whether a note on exercises was given
        self.notebook = nbformat.read(path, as_version=4)
        self._described = described_labs(path)
        check_ran(self.notebook)
        check_described(self.notebook, self._described)
        self.notebook.cells = [cell for cell in self.notebook.cells if not cell.source.startswith(FIRST_CELL)]
        exporter = HTMLExporter(template_name="lesson", extra_template_basedirs=[str(TEMPLATES)])
        for name in ("code", "folded_help", "printed", "raised", "shown", "said", "unknown"):
            exporter.register_filter(name, getattr(self, name))
        body, _ = exporter.from_notebook_node(self.notebook)
        self.soup = BeautifulSoup(body, "html.parser")
        for link in self.soup.select("a.anchor-link"):
            link.decompose()
        for box in self.soup.select("pre:not([tabindex])"):  # code within the text
            box.attrs |= {"class": "code", "tabindex": "0", "role": "group", "aria-label": "Code"}
        for neighbours in [p for p in self.soup("p") if p.get_text().startswith("←") or p.get_text().endswith("→")]:
            neighbours.decompose()  # a page has them in its head and foot
        if self.soup.h1 is None:
            raise ValueError("it has no title, a line that begins with a single #")
        self.title = self.soup.h1.get_text()
        question = self.soup.select_one("h1 ~ p strong")
        self.question = question.get_text() if question else self.title

    def code(self, cell):
        """The code of a cell; folded away where the notebook has it closed, and left out where it only asks questions."""
        lines = cell.source.rstrip()
        if ASK.fullmatch(lines):
            return ""
        title = title_of(cell)
        if title:
            lines = lines.partition("\n")[2]
        coloured = highlight(lines, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).rstrip("\n")
        box = scrolled("code", f"Code: {title}" if title else "Code", coloured)
        if not cell.metadata.get("jupyter", {}).get("source_hidden"):
            return box
        return f"<details class='folded'><summary>Code: {inline(title or 'what draws this')}</summary>{box}</details>"

    def folded_help(self, cell):
        """Below an exercise: its hints and a solution, folded away; below another cell nothing."""
        found = CHECK.search(cell.source)
        if not found:
            return ""
        exercise = exercise_of(*found.groups())
        hints = "".join(
            f"<details><summary>Hint {number}</summary><p>{inline(hint)}</p></details>"
            for number, hint in enumerate(exercise.hints, start=1)
        )
        solution = highlight(exercise.code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")
        told, self._told = self._told, True
        note = "" if told else "<p>In Jupyter, the last line looks at your answer and says what is wrong with it.</p>"
        return (
            f"\n<div class='help'>{note}{hints}<details><summary>One solution</summary>"
            f"{scrolled('code', 'One solution', solution)}</details></div>"
        )

    def printed(self, output, cell):
        """What a cell prints; but not that an exercise is still unsolved, as it is on every page."""
        if CHECK.search(cell.source) and output.text.strip() == UNSOLVED:
            return ""
        return scrolled("output", "Output", html.escape(strip_ansi(output.text).rstrip("\n")))

    def raised(self, output):
        """The traceback of an error that is part of the lesson."""
        return scrolled("output error", "Error", html.escape(strip_ansi("\n".join(output.traceback))))

    def said(self, output):
        return scrolled("output", "Output", html.escape(output.data["text/plain"]))

    def unknown(self, output):
        raise ValueError(f"an output that has no place on a page: {', '.join(output.data)}")

    def shown(self, output, cell):
        """A figure, a lab, questions, or another piece of html."""
        soup = BeautifulSoup(output.data["text/html"], "html.parser")
        for style in soup("style"):  # of the twins, for JupyterLab
            style.decompose()
        for image in soup("img"):
            self._picture(image)
        twin = soup.find(id=re.compile("^twin-"))
        if twin is None:
            return f"<div class='shown'>{soup}</div>"
        if twin["id"] in self._described:
            return self._lab(twin, title_of(cell))
        if twin.find("ol"):
            return questions(twin)
        where = "<p class='lab-note'>This needs a running kernel: open the notebook in Jupyter.</p>"
        return (
            f"<section class='lab' id='{twin['id']}' aria-label='In Jupyter'>{twin.decode_contents()}{where}</section>"
        )

    def _lab(self, twin, title):
        """A lab's place on the page: its twin, which the player replaces as soon as the lab has come."""
        lab = self._described[twin["id"]]
        name = f"{self.path.stem}-{len(self.labs)}"
        self.labs[name] = lab
        label = title or f"Sliders: {', '.join(control['label'] for control in lab['controls'])}"
        return (
            f'<section class="lab" id="{twin["id"]}" data-lab="labs/{name}.js" aria-label="{html.escape(label)}">'
            f"{twin.decode_contents()}</section>"
        )

    def _picture(self, image):
        """Take a picture out of the html into a file of its own, with its size on the page, and its alt text untouched."""
        alt, source = image.get("alt", "").strip(), image.get("src", "")
        if not alt:
            raise ValueError("a picture without alt text")
        if not source.startswith("data:image/png;base64,"):
            raise ValueError(f"a picture that is not in the notebook: {source[:60]}")
        content = base64.b64decode(source.partition(",")[2])
        wide, high = struct.unpack(">II", content[16:24])  # where every PNG has its size
        name = f"img/{hashlib.sha256(content).hexdigest()[:16]}.png"
        self.pictures[name] = content
        width = int(image.get("width", wide))
        del image["style"]
        image.attrs |= {
            "class": "picture", "src": name, "width": width, "height": round(high * width / wide), "loading": "lazy",
        }  # fmt: skip
        if width > NARROW:
            whole = BeautifulSoup(f'<p class="whole"><a href="{name}">The picture at full size</a></p>', "html.parser")
            image.insert_after(whole)


def questions(twin):
    """The questions of a saved twin with a button for each choice; without JavaScript the answers are folded away."""
    asked = []
    for text, choices, folded in zip(twin.select("p"), twin.select("div > ol"), twin("details")):
        buttons, answers = [], []
        for choice, answer in zip(choices("li"), folded("li")):
            found = VERDICT.fullmatch(answer.get_text())
            if not found:
                raise ValueError(
                    f"an answer that begins neither with Right. nor with Not so.: {answer.get_text()[:60]}"
                )
            verdict, why = found.groups()
            right = " data-right" if verdict == "Right." else ""
            buttons.append(
                f'<button type="button" data-why="{html.escape(why)}"{right}>{inline(choice.get_text())}</button>'
            )
            answers.append(f"<li><b>{inline(choice.get_text())}</b>: {inline(answer.get_text())}</li>")
        asked.append(
            f'<fieldset class="question"><legend>{inline(text.get_text())}</legend>{"".join(buttons)}'
            '<p role="status"></p></fieldset>'
            f"<noscript><details><summary>Answers</summary><ul>{''.join(answers)}</ul></details></noscript>"
        )
    return "\n".join(asked)


def described_labs(path):
    """The descriptions of a notebook's labs, id → description: those that its run has left in labs/ beside it."""
    packed = path.parent / course.LABS / f"{path.stem}.json.gz"
    if not packed.exists():
        raise ValueError(f"labs/{packed.name} is missing: {MEND}")
    try:
        labs = {lab["id"]: lab for lab in json.loads(gzip.decompress(packed.read_bytes()))["labs"]}
        missing = {what for lab in labs.values() for what in LAB - set(lab)}
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"labs/{packed.name} cannot be read ({error}): {MEND}") from None
    if missing:
        raise ValueError(f"labs/{packed.name} has a lab without {', '.join(sorted(missing))}: {MEND}")
    return labs


def twins(notebook):
    """The ids of the twins with sliders in a notebook's outputs."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "".join(output.get("data", {}).get("text/plain", "")).startswith("Sliders: "):
                found = re.search(r'id="(twin-\w+)"', output.data.get("text/html", ""))
                yield found[1] if found else "without a twin"


def check_ran(notebook):
    """Raise ValueError where the notebook's outputs are not there."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if any(cell.execution_count is None for cell in cells) or not any(cell.outputs for cell in cells):
        raise ValueError(f"it has no outputs: {MEND}")


def check_described(notebook, described):
    """Raise ValueError where the labs that are shown and those that are described are not the same."""
    shown = list(twins(notebook))
    for twin in shown:
        if shown.count(twin) > 1:
            raise ValueError(f"it shows the lab {twin} twice")
        if twin not in described:
            raise ValueError(f"its lab {twin} is not described in labs/: {MEND}")
    for described_id in described:
        if described_id not in shown:
            raise ValueError(f"labs/ describes {described_id}, which it does not show: {MEND}")


def exercise_of(room, name):
    """The exercise that a cell checks.  Raises ValueError where there is none of that name."""
    exercise = getattr(getattr(exercises, room, None), name, None)
    if not isinstance(exercise, exercises.Exercise):
        raise ValueError(f"there is no exercise exercises.{room}.{name}")
    return exercise


def title_of(cell):
    """What the first line of a closed cell says it shows; "" for another cell."""
    first = cell.source.partition("\n")[0]
    return first.removeprefix("# @title ").strip() if first.startswith("# @title ") else ""


def inline(words):
    """Words as html, with what stands in backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(words, quote=False))


def scrolled(kind, name, content):
    """Lines that scroll within their box, also by keyboard."""
    return f'<pre class="{kind}" tabindex="0" role="group" aria-label="{html.escape(name)}">{content}</pre>'
