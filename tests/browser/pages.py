"""The course's pages in a browser without a network, and what their labs must show. For the tests and the benchmark."""

import gzip
import json

WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "resultTypes": ["violations"],
    "preload": False,  # it would ask for the style sheets once more
}

# What a reader meets in a lab: its controls, its words, its picture.
LOOK = """section => ({
  controls: [...section.querySelectorAll("input")].map(slider => ({
    name: slider.labels[0].textContent, said: slider.getAttribute("aria-valuetext"), index: Number(slider.value),
    last: Number(slider.max), readout: slider.parentElement.querySelector("output").textContent})),
  words: section.querySelector(":scope > [role=status]").textContent,
  label: section.querySelector(".lab-picture").getAttribute("aria-label"),
})"""

# Whether the picture is that html; attributes may stand in another order.
SAME_PICTURE = """(section, html) => {
  const wanted = document.createElement("template"), picture = section.querySelector(".lab-picture");
  wanted.innerHTML = html;
  return wanted.content.childNodes.length === picture.childNodes.length
    && [...wanted.content.childNodes].every((node, i) => node.isEqualNode(picture.childNodes[i]));
}"""


def offline(page):
    """Take the network away from a page; returns the list that what it asks for in vain, and what fails, gets into."""
    page.context.set_offline(True)
    troubles = []

    def asked(request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            troubles.append(f"asked for {request.url}")

    page.on("request", asked)
    page.on("requestfailed", lambda request: troubles.append(f"did not get {request.url}"))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    return troubles


def read(path):
    """The labs that one file of notebooks/labs describes."""
    return json.loads(gzip.decompress(path.read_bytes()))["labs"]


def values(lab, said):
    """What each control of a described lab can say, where those above it say `said`."""
    lists, node = [], lab["tree"]
    for words in said:
        lists.append(lab["values"][node[0]])
        node = node[1][lists[-1].index(words)]
    return lists


def state(lab, said):
    """The (html, words) of a described lab, where its controls say `said`."""
    node = lab["tree"]
    for words in said:
        node = node[1][lab["values"][node[0]].index(words)]
    frame, words = lab["states"][node]
    return "".join(lab["pieces"][piece] for piece in lab["frames"][frame]), words


def wake(page):
    """Go to each lab of a page, as a reader does, and wait until it lives; returns the labs."""
    labs = page.locator(".lab[data-lab]").all()
    for lab in labs:
        lab.scroll_into_view_if_needed()
        lab.locator(".lab-picture > *").first.wait_for(timeout=20_000)
    return labs


def violations(page, within=None):
    """What axe-core finds against the WCAG 2.1, levels A and AA: (rule, what it asks for, element) each.

    within: css selectors of the elements to look into; None, the whole page.
    """
    from axe_playwright_python.sync_playwright import Axe

    context = {"include": [[selector] for selector in within]} if within else None
    found = Axe().run(page, context=context, options=WCAG).response["violations"]
    return [(rule["id"], rule["help"], node["html"][:200]) for rule in found for node in rule["nodes"]]
