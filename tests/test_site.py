"""The builder of the pages: what becomes of a notebook, and what it refuses by name.  tests/browser looks at the pages."""

import base64
import gzip
import html
import io
import json
import re
import shutil
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers import course, exercises, panels

sys.path.insert(0, str(course.ROOT / "site"))  # no package: `site` is the name of one of Python's own modules

import build
import labs
import lesson

GITHUB = "https://github.com/someone/cnn-101"
TITLE = (
    '# 01 · First\n\n**What is "first" & here?**\n\n*About 5 minutes.*\n\n## See it\n\nA **kernel** slides over `x`.'
)
FIRST_CELL = "# @title Run this first: it finds the course's folder\nimport sys"
LINKS = "[next](02_second.ipynb), its [middle](02_second.ipynb#See-it), [words](glossary.md), [map](map.md), [home](../README.md)"
CLOSED = {"jupyter": {"source_hidden": True}, "cellView": "form"}
ALT = "A <red> square & a dot; it's small"


def png(width=40, height=20, colour="red"):
    packed = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(packed, "png")
    return packed.getvalue()


def figure(content=None, alt=ALT, width=20):
    source = base64.b64encode(content or png()).decode()
    return f'<img alt="{html.escape(alt)}" width="{width}" style="max-width:100%" src="data:image/png;base64,{source}">'


def display(page, words="words"):
    return new_output("display_data", {"text/html": page, "text/plain": words})


def twin(name, content, words):
    return display(f'<div id="{name}"><style>.jp-x {{display: none}}</style>{content}</div>', words)


def stream(text):
    return new_output("stream", name="stdout", text=text)


def cell(source, *outputs, **metadata):
    return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata=metadata)


def lab_cell(name="twin-00000001", words="Sliders: size. size 1: small"):
    return cell("widgets.lab()", twin(name, figure(png(colour="blue"), "Two states"), words))


def questions_cell():
    return cell("exercises.ask(*exercises.pooling.QUESTIONS)", display(*exercises.ask(*QUESTIONS).twin.values()))


def described(name="twin-00000001", stops=2, piece="<b>picture</b>"):
    """A lab of one slider."""
    return {
        "id": name,
        "controls": [{"name": "size", "label": "size", "play": None}],
        "values": [[str(i) for i in range(stops)]],
        "tree": [0, list(range(stops))],
        "start": [0],
        "states": [[0, f"state {i}"] for i in range(stops)],
        "frames": [[0]],
        "pieces": [piece],
        "note": "",
    }


CHOICES = exercises.questions.Choice
QUESTIONS = (
    exercises.questions.Question(
        'Is `x` < "y"?',
        (CHOICES("`x` is", 'Since it\'s so: "yes".'), CHOICES("it is not", "Look at `y`.", right=True)),
    ),
)


class Folder:
    """A course of two notebooks in a folder, the first of which a test changes."""

    def __init__(self, path):
        self.path, self.target = path / "notebooks", path / "built"
        (self.path / "labs").mkdir(parents=True)
        for name in ("map.md", "glossary.md"):
            (self.path / name).write_text(
                "# The course on one page\n\n| notebook | minutes |\n|---|--:|\n| [01](01_first.ipynb) | 5 |\n"
                if name == "map.md"
                else "# Glossary\n\nEach term.\n\n- **kernel**: a grid. [01](01_first.ipynb)\n"
            )
        (self.path / "cover.png").write_bytes(png(600, 300))
        self.put("02_second", [new_markdown_cell("# 02 · Second\n\n## See it"), cell("1", stream("1\n"))], [])
        self.cells = [new_markdown_cell(TITLE), cell(FIRST_CELL), lab_cell()]
        self.labs = [described()]

    def put(self, stem, cells, its_labs):
        nbformat.write(new_notebook(cells=cells), self.path / f"{stem}.ipynb")
        packed = gzip.compress(json.dumps({"labs": its_labs}).encode(), mtime=0)
        (self.path / "labs" / f"{stem}.json.gz").write_bytes(packed)

    def build(self, *cells, address=""):
        """Build the course with these cells at the end of its first notebook; returns that notebook's page."""
        self.put("01_first", [*self.cells, *cells], self.labs)
        self.weights = build.build(self.path, self.target, address)
        return self.page("01_first")

    def page(self, stem):
        return BeautifulSoup((self.target / f"{stem}.html").read_text(encoding="utf-8"), "html.parser")


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


# ---- what becomes of a notebook ------------------------------------------------------------


def test_a_page_has_a_title_a_description_one_heading_and_ways_to_the_others(folder):
    page = folder.build()
    assert page.html["lang"] == "en"
    assert page.title.get_text() == "01 · First – CNN 101"
    assert page.find("meta", {"name": "description"})["content"] == 'What is "first" & here?'
    assert [heading.get_text() for heading in page("h1")] == ["01 · First"]
    assert page.h2["id"] == "See-it"
    assert page.body.a["href"] == f"#{page.main['id']}"
    steps = [[link["href"] for link in nav("a")] for nav in page.select("nav.steps")]
    assert steps == [["index.html", "02_second.html"]] * 2
    listed = [link["href"] for link in page.select(".contents a")]
    assert listed == ["index.html", "01_first.html", "02_second.html", "glossary.html"]
    assert page.select_one('[aria-current="page"]')["href"] == "01_first.html"
    names = [nav["aria-label"] for nav in page("nav")]
    assert len(set(names)) == len(names)


def test_the_cell_that_finds_the_course_is_left_out_and_a_closed_cell_is_folded_but_not_what_it_shows(folder):
    page = folder.build(cell('# @title A "red" square\nplots.show(x)', stream("2 < 3\n"), display(figure()), **CLOSED))
    assert "import sys" not in page.get_text()
    folded = page.select_one("details.folded")
    assert folded.summary.get_text() == 'Code: A "red" square'
    assert folded.pre.get_text() == "plots.show(x)"
    assert folded.pre["tabindex"] == "0" and folded.pre["aria-label"] == 'Code: A "red" square'
    shown = folded.find_next_siblings()
    assert shown[0].get_text() == "2 < 3" and shown[0].name == "pre"
    assert shown[1].img["alt"] == ALT


def test_a_picture_is_a_file_of_its_own_with_its_size_and_its_words(folder):
    wide = display(figure(png(1200, 600), "wide", width=600))
    page = folder.build(cell("a", display(figure())), cell("b", display(figure())), cell("c", wide))
    small, again, large = page.select(".shown img")
    assert small["alt"] == ALT
    assert (small["width"], small["height"], small["loading"]) == ("20", "10", "lazy")
    assert small["src"] == again["src"]
    assert (folder.target / small["src"]).read_bytes() == png()
    assert (large["width"], large["height"]) == ("600", "300")
    assert [link["href"] for link in page.select(".whole a")] == [large["src"]]
    assert "base64" not in (folder.target / "01_first.html").read_text(encoding="utf-8")


def test_a_lab_has_its_place_with_its_twin_in_it_and_its_states_beside_the_page(folder):
    page = folder.build()
    place = page.select_one("section.lab")
    assert (place["id"], place["data-lab"], place["aria-label"]) == (
        "twin-00000001",
        "labs/01_first-0.js",
        "Sliders: size",
    )
    assert place.img["alt"] == "Two states" and place.find("style") is None
    written = {path.name: path.read_text() for path in (folder.target / "labs").iterdir()}
    assert written == labs.packed(folder.labs[0], "01_first-0")


def test_a_wide_table_and_code_within_the_text_scroll_in_boxes_that_the_keyboard_reaches(folder):
    page = folder.build(new_markdown_cell("```python\nx = 1\n```\n\n| | a |\n|---|---|\n| b | c |"))
    assert page.select("pre.code[tabindex]")[-1].get_text().strip() == "x = 1"
    assert page.select_one("div.table[tabindex][aria-label] table") is not None
    assert [head.get_text() for head in page("th")] == ["a"]


def test_a_twin_without_sliders_says_where_the_thing_works(folder):
    page = folder.build(cell("widgets.upload()", twin("twin-000000f0", "<p>A field.</p>", "A field.")))
    place = page.find(id="twin-000000f0")
    assert "A field." in place.get_text() and "Jupyter" in place.get_text()
    assert "data-lab" not in place.attrs


def test_questions_have_a_button_for_each_choice_and_fold_their_answers_where_no_script_runs(folder):
    page = folder.build(questions_cell())
    asked = page.select_one("fieldset.question")
    assert asked.legend.get_text() == '1. Is x < "y"?'
    buttons = asked("button")
    assert [button.get_text() for button in buttons] == ["x is", "it is not"]
    assert [button["data-why"] for button in buttons] == ['Since it\'s so: "yes".', "Look at `y`."]
    assert ["data-right" in button.attrs for button in buttons] == [False, True]
    assert all(button["type"] == "button" for button in buttons)
    assert asked.find(role="status") is not None
    assert "Right. Look at y." in asked.find_next_sibling("noscript").details.get_text()
    assert "exercises.ask" not in page.get_text()


def test_questions_of_every_notebook_are_those_of_its_module(folder):
    groups = [module.QUESTIONS for module in exercises.NOTEBOOKS] + [exercises.broken_cnn_clinic.DIAGNOSES]
    for group in groups:
        text, choices = exercises.ask(*group).twin["text/html"], [choice for one in group for choice in one.choices]
        buttons = BeautifulSoup(lesson.questions(BeautifulSoup(text, "html.parser").div), "html.parser")("button")
        assert [button["data-why"] for button in buttons] == [choice.why for choice in choices]
        assert ["data-right" in button.attrs for button in buttons] == [choice.right for choice in choices]


def test_an_exercise_folds_its_hints_and_its_solution(folder):
    source = "model = None  # change me\n\nexercises.pooling.model.check(model)"
    page = folder.build(cell(source, stream("not solved yet\n")))
    summaries = [summary.get_text() for summary in page.select(".help summary")]
    exercise = exercises.pooling.model
    assert summaries == [*(f"Hint {i + 1}" for i in range(len(exercise.hints))), "One solution"]
    assert page.select(".help details")[-1].pre.get_text() == exercise.code.rstrip("\n")
    assert page.select(".help details p")[0].get_text() == exercise.hints[0].replace("`", "")
    assert "not solved yet" not in page.get_text()


def test_what_an_exercise_says_of_an_attempt_stays(folder):
    page = folder.build(cell("exercises.pooling.model.check(net)", stream("Not yet. Nothing moves.\n")))
    assert page.select_one("pre.output").get_text() == "Not yet. Nothing moves."


def test_an_expected_error_is_shown_without_its_colours(folder):
    error = new_output("error", ename="ValueError", evalue="1 < 2", traceback=["\x1b[31mValueError\x1b[0m: 1 < 2"])
    page = folder.build(cell("f()", error, tags=["raises-exception"]))
    assert page.select_one("pre.error").get_text() == "ValueError: 1 < 2"


def test_links_between_the_sources_become_links_between_pages(folder):
    page = folder.build(new_markdown_cell(LINKS))
    wanted = ["02_second.html", "02_second.html#See-it", "glossary.html", "index.html", "index.html"]
    assert [link["href"] for link in page.main("a")[-5:]] == wanted
    assert folder.build(new_markdown_cell(LINKS), address=GITHUB).main("a")[-1]["href"] == GITHUB


def test_a_bold_term_leads_to_its_place_in_the_glossary(folder):
    page = folder.build(new_markdown_cell("Two **Kernels**, a **thing**.\n\n## A **kernel**"))
    assert [link["href"] for link in page.select("a.term")] == ["glossary.html#kernel"] * 2
    assert folder.page("glossary").find(id="kernel").get_text().startswith("kernel: a grid.")
    assert not folder.page("glossary").select("a.term")


def test_lines_that_only_lead_to_the_neighbours_are_left_to_the_head_and_the_foot(folder):
    page = folder.build(new_markdown_cell("← [00](02_second.ipynb) · [02 Second](02_second.ipynb) →"))
    assert "→" not in page.main.get_text()


def test_only_a_stamped_course_leads_to_places_that_run_it(folder):
    assert not folder.build().select(".open-in")
    badge = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/x)"
    folder.cells[0] = new_markdown_cell(TITLE.replace("\n\n", f"\n\n{badge}\n\n", 1))
    page = folder.build(address=GITHUB)
    links = {link.get_text(): link["href"] for link in page.select(".open-in a")}
    assert list(links) == ["Colab", "Kaggle", "Binder"]
    assert (
        links["Colab"] == "https://colab.research.google.com/github/someone/cnn-101/blob/main/notebooks/01_first.ipynb"
    )
    assert not page.select('img[src^="http"]')
    assert f"git clone {GITHUB}\ncd cnn-101" in folder.page("index").get_text()
    assert course.services("https://example.org/cnn", "x.ipynb") == {}


def test_the_index_has_the_cover_the_map_and_the_way_to_run_it(folder):
    folder.build()
    page = folder.page("index")
    assert page.img["alt"].startswith("A boot") and (page.img["width"], page.img["height"]) == ("300", "150")
    assert page.select_one(".table[tabindex] td a")["href"] == "01_first.html"
    assert page.find(id="The-course-on-one-page").name == "h2"
    assert "make lab" in page.get_text()


def test_two_builds_give_the_same_bytes_and_the_second_takes_the_place_of_the_first(folder):
    folder.build(cell("a", display(figure())), questions_cell())
    first = {path.relative_to(folder.target): path.read_bytes() for path in folder.target.rglob("*") if path.is_file()}
    (folder.target / "left.html").touch()
    folder.build(cell("a", display(figure())), questions_cell())
    second = {path.relative_to(folder.target): path.read_bytes() for path in folder.target.rglob("*") if path.is_file()}
    assert first == second
    assert [path.name for path in folder.target.parent.iterdir() if path.name not in ("notebooks", "built")] == []


def test_the_table_tells_what_each_page_weighs(folder):
    folder.build(cell("a", display(figure())))
    (weight,) = [weight for weight in folder.weights if weight.page == "01_first.html"]
    sizes = {path: path.stat().st_size for path in folder.target.rglob("*") if path.is_file()}
    always = sizes[folder.target / "style.css"] + sizes[folder.target / "player.js"]
    assert weight.first == weight.html + always == sizes[folder.target / "01_first.html"] + always
    pictures = {folder.target / image["src"] for image in folder.page("01_first")("img")}
    assert len(pictures) == 2
    its_lab = sizes[folder.target / "labs/01_first-0.js"]
    assert weight.whole == weight.first + its_lab + sum(sizes[picture] for picture in pictures)
    assert weight.labs == (2,)
    assert "1: 2" in build.table(folder.weights)


# ---- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "added, fault",
    [
        (new_markdown_cell("[there](03_third.ipynb)"), "01_first.ipynb: a link to nowhere: 03_third.ipynb"),
        (new_markdown_cell("[there](glossary.md#stride)"), "01_first.ipynb: a link to nowhere: glossary.html#stride"),
        (new_markdown_cell("[there](#By-hand)"), "01_first.ipynb: a link to nowhere: #By-hand"),
        (new_markdown_cell("![seen](https://example.org/x.png)"), "01_first.ipynb: it needs https://example.org/x.png"),
        (new_markdown_cell("# Second title"), "01_first.ipynb: it has 2 titles"),
        (new_markdown_cell("## See it"), "01_first.ipynb: two places are called See-it"),
        (cell("a", display(figure(alt=" "))), "01_first.ipynb: a picture without alt text"),
        (
            cell("a", display('<img alt="x" src="x.png">')),
            "01_first.ipynb: a picture that is not in the notebook: x.png",
        ),
        (cell("a", display('<script src="https://example.org/x.js"></script>')), "it needs https://example.org/x.js"),
        (cell("a", new_output("display_data", {"image/png": "", "text/plain": "x"})), "an output that has no place"),
        (
            cell("a", new_output("display_data", {"application/javascript": "1"})),
            "an output that has no place on a page",
        ),
        (cell("exercises.pooling.nothing.check(1)", stream("")), "there is no exercise exercises.pooling.nothing"),
        (cell("exercises.ponds.model.check(1)", stream("")), "there is no exercise exercises.ponds.model"),
        (new_code_cell("1 + 1"), "01_first.ipynb: it has no outputs: run `make notebooks`"),
        (
            lab_cell("twin-00000002"),
            "01_first.ipynb: its lab twin-00000002 is not described in labs/: run `make notebooks`",
        ),
        (
            cell("a", display("no div", "Sliders: a.")),
            "01_first.ipynb: its lab without a twin is not described in labs/",
        ),
        (
            cell("a", twin("twin-0", "<div><p>?</p><ol><li>a</li></ol><details><li>b</li></details></div>", "")),
            "an answer that",
        ),
        (lab_cell(), "01_first.ipynb: it shows the lab twin-00000001 twice"),
    ],
)
def test_a_notebook_that_no_page_can_be_made_of_is_named(folder, added, fault):
    with pytest.raises(ValueError, match=re.escape(fault)):
        folder.build(added)


@pytest.mark.parametrize(
    "damage, fault",
    [
        (lambda path: path.unlink(), "01_first.ipynb: labs/01_first.json.gz is missing: run `make notebooks`"),
        (lambda path: path.write_bytes(path.read_bytes()[:40]), "labs/01_first.json.gz cannot be read"),
        (lambda path: path.write_bytes(b"no gzip"), "labs/01_first.json.gz cannot be read"),
        (lambda path: path.write_bytes(gzip.compress(b'{"labs": [{}]}')), "labs/01_first.json.gz cannot be read"),
        (lambda path: path.write_bytes(gzip.compress(b'{"labs": [{"id": 1}]}')), "has a lab without controls, frames"),
    ],
)
def test_labs_that_are_missing_or_damaged_are_named(folder, damage, fault):
    folder.build()
    damage(folder.path / "labs/01_first.json.gz")
    with pytest.raises(ValueError, match=re.escape(fault)):
        build.build(folder.path, folder.target)


@pytest.mark.parametrize(
    "lab, fault",
    [
        (described("twin-000000aa"), "labs/ describes twin-000000aa, which it does not show"),
        (described(piece='<img src="https://example.org/x.png">'), "lab 01_first-0 asks for https://example.org/x.png"),
        (described(piece="<i style='background: url(x.png)'>"), "lab 01_first-0 asks for x.png"),
    ],
)
def test_labs_that_do_not_fit_their_notebook_are_named(folder, lab, fault):
    folder.labs = [*([] if lab["id"] == "twin-00000001" else folder.labs), lab]
    with pytest.raises(ValueError, match=re.escape(fault)):
        folder.build()


def test_what_a_lab_brings_along_is_no_request(folder):
    folder.labs = [described(piece='<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"/></svg><img src="data:,">')]
    folder.build()


@pytest.mark.parametrize(
    "module, limit, fault",
    [
        (labs, "MOST", "01_first.ipynb: lab 01_first-0 (size) packs to"),
        (build, "FIRST_LOAD", "01_first.html: its first load is"),
        (build, "WHOLE", "the site weighs"),
    ],
)
def test_what_weighs_too_much_is_named(folder, monkeypatch, module, limit, fault):
    monkeypatch.setattr(module, limit, 100)
    with pytest.raises(ValueError, match=re.escape(fault)):
        folder.build()


def test_all_faults_are_told_at_once_and_what_was_built_before_stays(folder):
    folder.build()
    before = (folder.target / "01_first.html").read_bytes()
    (folder.path / "labs/02_second.json.gz").unlink()
    with pytest.raises(ValueError, match=r"(?s)01_first.ipynb: .*\n02_second.ipynb: labs/02_second.json.gz is missing"):
        folder.build(cell("a", display(figure(alt=""))))
    assert (folder.target / "01_first.html").read_bytes() == before


def test_a_folder_without_notebooks_is_named(folder):
    (folder.path / "02_second.ipynb").unlink()
    with pytest.raises(ValueError, match="there are no notebooks"):
        build.build(folder.path, folder.target)


def test_the_command_ends_with_the_faults_and_not_with_a_traceback(folder, monkeypatch, capsys):
    folder.build()
    shutil.rmtree(folder.path / "labs")
    monkeypatch.setattr(sys, "argv", ["build.py", "--notebooks", str(folder.path), "--target", str(folder.target)])
    with pytest.raises(SystemExit) as ended:
        build.main()
    assert ended.value.code == 1
    assert "01_first.ipynb: labs/01_first.json.gz is missing" in capsys.readouterr().err


# ---- the look ------------------------------------------------------------------------------


def luminance(colour):
    """As WCAG 2.1 defines it."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_code_stand_out_from_both_grounds_in_both_themes(theme):
    blocks = re.findall(r":root \{(.*?)\}", (build.HERE / "style.css").read_text(encoding="utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", blocks[theme]))
    text = ["ink", "quiet", "link", "right", "wrong", "keyword", "string", "number", "comment", "name"]
    for ground in ("paper", "ground"):
        for name in text:
            assert contrast(colours[name], colours[ground]) >= 4.5, f"{name} on {ground}"
        assert contrast(colours["edge"], colours[ground]) >= 3, f"the edge of a control on {ground}"


def test_the_css_asks_for_nothing_and_holds_that_of_the_labs():
    css = build.style()
    assert panels.STYLE in css and panels.DARK in css
    assert not re.search(r"url\(|@import", css)


def test_every_kind_of_word_in_code_has_a_colour_or_is_plain():
    css = (build.HERE / "style.css").read_text(encoding="utf-8")
    coloured = set(re.findall(r"\.(\w+)", " ".join(re.findall(r"\.code :is\((.*?)\)", css))))
    plain = {"n", "o", "p", "w", "nn", "bp"}
    seen = set()
    for path in course.NOTEBOOKS.glob("*.ipynb"):
        for one in nbformat.read(path, as_version=4).cells:
            if one.cell_type == "code":
                box = lesson.highlight(one.source, lesson.PythonLexer(), lesson.HtmlFormatter(nowrap=True))
                seen |= set(re.findall(r'class="(\w+)"', box))
    assert seen <= coloured | plain


# ---- the course ----------------------------------------------------------------------------


def test_the_course_can_be_built_and_asks_nobody_for_anything(tmp_path):
    weights = build.build(course.NOTEBOOKS, tmp_path / "built", course.address())
    assert len(weights) == len(list(course.NOTEBOOKS.glob("*.ipynb"))) + 2
    for path in (tmp_path / "built").glob("*.html"):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        asked = [tag.get("src") or tag.get("href") for tag in page.select("[src], link[href]")]
        assert [where for where in asked if not (tmp_path / "built" / where).is_file()] == ["data:,"]
