"""Builds the pages of the course from what is committed, without running anything: `make site`.

python site/build.py [--target FOLDER]     # default: site/build

A page comes from a notebook with its saved outputs, and its labs from notebooks/labs, where `make notebooks` leaves them.
"""

import argparse
import re
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from nbconvert.filters import markdown2html

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]  # this folder is no package: `site` is the name of one of Python's own modules

from labs import packed  # noqa: E402
from lesson import TEMPLATES, Lesson  # noqa: E402

from helpers import course, panels  # noqa: E402

FIRST_LOAD, WHOLE = 1_500_000, 60_000_000  # bytes: the most of a page before anything is scrolled, and of the site
GLOSSARY, INDEX = "glossary.html", "index.html"
PAGES = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, keep_trailing_newline=True)


class Weight(NamedTuple):
    """What a page weighs, in bytes: its html, what is fetched as it opens, and all of it.  labs: the states of each."""

    page: str
    html: int
    first: int
    whole: int
    labs: tuple


def build(notebooks, target, address=""):
    """Build the pages of a folder of notebooks into the folder `target`, which is replaced; returns a `Weight` a page.

    address: of the course on the web; "" for none.  Raises ValueError, which names each fault and the file that it is
    in; then `target` stays as it was.
    """
    lessons, files = read(notebooks)
    files |= {"player.js": (HERE / "player.js").read_bytes(), "img/cover.png": (notebooks / "cover.png").read_bytes()}
    files["style.css"] = style().encode()
    soups = {f"{lesson.path.stem}.html": lesson.soup for lesson in lessons}
    soups[GLOSSARY] = glossary(notebooks / "glossary.md")
    soups[INDEX] = index(notebooks, lessons, address)
    sources = {f"{lesson.path.stem}.html": lesson.path.name for lesson in lessons}
    sources |= {GLOSSARY: "glossary.md", INDEX: "map.md"}
    terms = {term["id"]: term.strong.get_text() for term in soups[GLOSSARY].select("li[id]")}
    for page, soup in soups.items():
        if page in sources and page not in (GLOSSARY, INDEX):
            link_terms(soup, terms)
            open_in(soup, sources[page], address)
        link_pages(soup, sources, address)
        box_tables(soup)
    faults = [
        f"{sources[page]}: {fault}" for page, soup in soups.items() for fault in faults_of(soup, page, soups, files)
    ]
    _raise(faults)
    pages = framed(soups, lessons)
    weights = weigh(pages, soups, lessons, files)
    _raise(list(over_budget(weights, pages, files)))
    write(target, files | pages)
    return weights


def style():
    """The css of the pages and of the pictures in their labs."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {panels.DARK} }} }}\n"
    return (HERE / "style.css").read_text(encoding="utf-8") + panels.STYLE + dark


def read(notebooks):
    """The lessons of a folder, and the files of their pictures and labs, name → bytes.  Raises ValueError with all faults."""
    lessons, files, faults = [], {}, []
    for path in sorted(notebooks.glob("*.ipynb")):
        try:
            lesson = Lesson(path)
            for name, lab in lesson.labs.items():
                check_alone(lab, name)
                files |= {f"labs/{file}": text.encode() for file, text in packed(lab, name).items()}
        except ValueError as fault:
            faults.append(f"{path.name}: {fault}")
        else:
            lessons.append(lesson)
            files |= lesson.pictures
    _raise(faults or ([] if lessons else [f"{notebooks}: there are no notebooks"]))
    return lessons, files


def check_alone(lab, name):
    """Raise ValueError where a lab would ask for something that it does not bring along."""
    for piece in lab["pieces"]:
        asked = re.search(r"""(?:src|href)=["'](?!data:|\#)([^"']*)|url\((?!["']?data:)([^)]*)""", piece)
        if asked:
            raise ValueError(f"lab {name} asks for {asked[1] or asked[2]}, which a page does not have")


def _raise(faults):
    if faults:
        raise ValueError("\n".join(faults))


# ---- pages that are no notebooks -----------------------------------------------------------


def markdown(path):
    soup = BeautifulSoup(markdown2html(path.read_text(encoding="utf-8")), "html.parser")
    for link in soup.select("a.anchor-link"):
        link.decompose()
    return soup


def glossary(path):
    """The glossary, where each term can be linked to."""
    soup = markdown(path)
    for item in soup("li"):
        if item.strong:
            item["id"] = slug(item.strong.get_text())
    return soup


def slug(words):
    """Words as the name of a place on a page."""
    return re.sub(r"[^\w×]+", "-", words.lower()).strip("-")


def index(notebooks, lessons, address):
    """The first page: what the course is, its map, and how to run it."""
    content = (notebooks / "cover.png").read_bytes()
    width, height = (side // panels.DENSITY for side in struct.unpack(">II", content[16:24]))
    alt = re.search(r"!\[(.*?)\]\(notebooks/cover\.png\)", (ROOT / "README.md").read_text(encoding="utf-8"))[1]
    course_map = markdown(notebooks / "map.md")
    course_map.h1.name = "h2"
    name_columns(course_map.table)
    text = PAGES.get_template("index.html.j2").render(
        begin=(f"{lessons[0].path.stem}.html", lessons[0].title),
        cover={"alt": alt, "width": width, "height": height},
        map=Markup(course_map),
        address=address,
        open_in=" or ".join(course.services(address, "")),
    )
    return BeautifulSoup(text, "html.parser")


def name_columns(table):
    """Write a table's heads into its cells: on a phone its rows become cards, in which each line names its column."""
    names = [head.get_text() for head in table.select("thead th")]
    for row in table.select("tbody tr"):
        for name, cell in zip(names, row("td")):
            cell["data-column"] = name


# ---- what is done to every page ------------------------------------------------------------


def link_terms(soup, terms):
    """Link a lesson's bold terms to the glossary.  terms: id there → term."""
    ids = {term.lower(): place for place, term in terms.items()}
    for bold in soup.select("p strong, li strong"):
        words = bold.get_text().lower()
        place = ids.get(words) or ids.get(words.removesuffix("s"))
        if place and not bold.find_parent("a"):
            bold.wrap(soup.new_tag("a", href=f"{GLOSSARY}#{place}", attrs={"class": "term"}))


def open_in(soup, notebook, address):
    """Put links that open the notebook elsewhere under the title, in place of the badges, pictures from other hosts."""
    for paragraph in [p for p in soup("p") if p.select('img[alt^="Open in "]')]:
        paragraph.decompose()
    links = " · ".join(f'<a href="{link}">{name}</a>' for name, link in course.services(address, notebook).items())
    if links:
        soup.h1.insert_after(BeautifulSoup(f'<p class="open-in">Open in {links}</p>', "html.parser"))


def link_pages(soup, sources, address):
    """Turn links between the sources of the course into links between its pages."""
    pages = {source: page for page, source in sources.items()} | {"../README.md": address or INDEX}
    for link in soup.select("a[href]"):
        source, mark, place = link["href"].partition("#")
        if source in pages:
            link["href"] = pages[source] + mark + place


def box_tables(soup):
    """Let wide tables scroll in a box of their own, also by keyboard; an empty corner is no head of a column."""
    for number, table in enumerate(soup("table"), start=1):
        for corner in [head for head in table("th") if not head.get_text(strip=True)]:
            corner.name = "td"
        box = {"class": "table", "tabindex": "0", "role": "group", "aria-label": f"Table {number}"}
        table.wrap(soup.new_tag("div", attrs=box))


def faults_of(soup, page, soups, files):
    """What is wrong with a page: links to nowhere, resources that are not there or come from another host, ids used twice."""
    ids = [tag["id"] for tag in soup.select("[id]")]
    yield from (f"two places are called {name}" for name in sorted({name for name in ids if ids.count(name) > 1}))
    if len(soup("h1")) != 1:
        yield f"it has {len(soup('h1'))} titles (lines that begin with a single #)"
    for link in soup.select("a[href]"):
        target, _, place = link["href"].partition("#")
        known = not target or target in soups or target in files or re.match("https?://", target)
        there = soups.get(target or page)
        if not known or (place and there is not None and there.find(id=place) is None):
            yield f"a link to nowhere: {link['href']}"
    for tag in soup.select("[src], [srcset], [data-lab], link[href]"):
        for what in {"src", "srcset", "data-lab", "href"} & set(tag.attrs):
            if tag[what] not in files:
                yield f"it needs {tag[what][:80]}, which is not among its files"


def framed(soups, lessons):
    """The whole pages, name → bytes: each with its head, its foot and the way to the others."""
    contents = [(f"{lesson.path.stem}.html", lesson.title) for lesson in lessons]
    about = {page: (f"{lesson.title} – CNN 101", lesson.question) for (page, _), lesson in zip(contents, lessons)}
    about[GLOSSARY] = ("Glossary – CNN 101", "Each term of the course in one sentence.")
    about[INDEX] = (
        "CNN 101",
        "See how a convolutional neural network works: a course whose every slider moves on its page.",
    )
    line = [(INDEX, "The course"), *contents, (GLOSSARY, "Glossary")]
    pages = {}
    for number, (page, _) in enumerate(line):
        title, description = about[page]
        pages[page] = (
            PAGES.get_template("page.html.j2")
            .render(
                title=title,
                description=description,
                content=Markup(soups[page]),
                contents=line,
                here=page,
                previous=line[number - 1] if number else None,
                next=line[number + 1] if number + 1 < len(line) else None,
            )
            .encode()
        )
    return pages


# ---- weights and files ---------------------------------------------------------------------


def weigh(pages, soups, lessons, files):
    """A `Weight` for each page."""
    states = {f"{lesson.path.stem}.html": [len(lab["states"]) for lab in lesson.labs.values()] for lesson in lessons}
    always = len(files["style.css"]) + len(files["player.js"])
    weights = []
    for page, content in pages.items():
        pictures = {image["src"]: image.get("loading") for image in soups[page]("img")}
        eager = sum(len(files[name]) for name, loading in pictures.items() if loading != "lazy")
        first = len(content) + always + eager
        stem = page.removesuffix(".html")
        labs = [len(data) for name, data in files.items() if name.startswith(f"labs/{stem}-")]
        lazy = sum(len(files[name]) for name, loading in pictures.items() if loading == "lazy")
        weights.append(Weight(page, len(content), first, first + lazy + sum(labs), tuple(states.get(page, ()))))
    return weights


def over_budget(weights, pages, files):
    for weight in weights:
        if weight.first > FIRST_LOAD:
            yield f"{weight.page}: its first load is {weight.first / 1e6:.1f} MB, and {FIRST_LOAD / 1e6} MB is the most"
    whole = sum(map(len, [*pages.values(), *files.values()]))
    if whole > WHOLE:
        yield f"the site weighs {whole / 1e6:.0f} MB, and {WHOLE / 1e6:.0f} MB is the most"


def write(target, files):
    """Write files, name → bytes, into a folder that takes the place of `target` only when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        for name, content in files.items():
            path = Path(folder, "new", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if target.exists():
            target.rename(Path(folder, "old"))
        Path(folder, "new").rename(target)


def table(weights):
    """The weights as a table of text."""
    lines = [f"{'page':32}{'html kB':>9}{'first load kB':>15}{'whole MB':>10}  labs: states"]
    for page, html, first, whole, labs in weights:
        lines.append(
            f"{page:32}{html / 1e3:9.0f}{first / 1e3:15.0f}{whole / 1e6:10.2f}  {len(labs)}: {', '.join(map(str, labs))}"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="Build the pages of the course.")
    parser.add_argument("--notebooks", type=Path, default=course.NOTEBOOKS, help="folder; default: notebooks")
    parser.add_argument(
        "--target", type=Path, default=HERE / "build", help="folder, which is replaced; default: site/build"
    )
    chosen = parser.parse_args()
    start = time.perf_counter()
    try:
        weights = build(chosen.notebooks, chosen.target, course.address())
    except (ValueError, OSError) as faults:
        parser.exit(1, f"{faults}\n")
    size = sum(path.stat().st_size for path in chosen.target.rglob("*") if path.is_file())
    print(table(weights))
    print(f"{len(weights)} pages, {size / 1e6:.1f} MB, {time.perf_counter() - start:.1f} s: {chosen.target / INDEX}")


if __name__ == "__main__":
    main()
