"""The states of a lab, as they are written down for pages without a kernel: each is what the lab itself shows."""

import gzip
import html
import json
import random

import pytest
import torch

from helpers import pixels, widgets
from helpers.widgets import states
from helpers.widgets.lab import Lab, slider
from tests.test_pictures import VERTICAL, every_lab


@pytest.fixture(scope="module")
def told_labs(clothes, photos):
    """name → (lab, its states as they come back from JSON): for each control the first, the second and the last stop."""
    labs = every_lab(clothes, photos)
    for lab in labs.values():
        for name in lab.controls:
            stops = states.stops(lab, name, {})
            if stops and name not in lab.most:
                lab.page[name] = list(dict.fromkeys([*stops[:2], stops[-1]]))
    return {name: (lab, json.loads(json.dumps(states.described(lab)))) for name, lab in labs.items()}


def any_state(told, chance):
    """The stops of one state, chosen at random: (what each control says, the number of the state)."""
    node, says = told["tree"], []
    while isinstance(node, (list, tuple)):
        values, children = node
        stop = chance.randrange(len(children))
        says.append(told["values"][values][stop])
        node = children[stop]
    return says, node


def page_of(told, number):
    """(html of the picture, words) of a state."""
    frame, words = told["states"][number]
    return "".join(told["pieces"][piece] for piece in told["frames"][frame]), words


def move(lab, told, says):
    """Move the lab's own controls, one after the other, to where they say this."""
    for control, words in zip(told["controls"], says):
        widget = lab.controls[control["name"]]
        options = {str(option): option for option in getattr(widget, "options", [])}
        lab.set(**{control["name"]: options[words] if options else type(widget.value)(words)})


def test_sampled_states_of_every_lab_are_what_the_lab_shows(told_labs):
    chance = random.Random(0)
    for name, (lab, told) in told_labs.items():
        for says, number in [any_state(told, chance) for _ in range(12)]:
            move(lab, told, says)
            picture, words = page_of(told, number)
            label = html.escape(words)
            shown = f'<div class="cnn-picture" role="img" aria-label="{label}">{picture}</div><div role="status">{label}</div>'
            assert lab.picture.value == shown, (name, says)


def test_a_page_begins_where_the_lab_begins(clothes):
    shares = torch.eye(10)[:3]
    for lab in (
        widgets.kernel_lab(clothes.images[:3], {"up": VERTICAL, "down": -VERTICAL, "level": VERTICAL.T}, start="down"),
        widgets.padding_lab(torch.ones(7, 7), VERTICAL, stride=2, padding=2),
        widgets.probability_lab(clothes.images[:3], shares, clothes.labels[:3], clothes.classes, start=1),
        widgets.relu_lab({"map": torch.randn(8, 8)}),
    ):
        told = states.described(lab)
        node = told["tree"]
        for stop in told["start"]:
            node = node[1][stop]
        assert page_of(told, node)[1] == lab.draw(**lab.state)[1]


def test_a_control_has_as_many_stops_as_those_above_it_leave():
    told = states.described(widgets.padding_lab(torch.ones(7, 7), VERTICAL))
    assert [control["label"] for control in told["controls"]] == ["stride", "padding", "position"]
    assert [control["play"] for control in told["controls"]] == [None, None, 500]
    stops = [[len(padding[1]) for padding in stride[1]] for stride in told["tree"][1]]
    assert stops == [[25, 49, 81], [9, 16, 25], [4, 9, 9]]
    assert sum(map(sum, stops)) == len(told["states"])


def test_equal_pieces_are_kept_once():
    told = states.described(widgets.window_lab(torch.arange(49.0).view(7, 7), VERTICAL))
    assert len(set(told["pieces"])) == len(told["pieces"])
    used = sum(map(len, told["frames"]))
    assert used > 5 * len(told["pieces"])


def test_a_kernel_is_typed_in_only_in_jupyter(clothes):
    told = states.described(widgets.kernel_lab(clothes.images[:2], {"up": VERTICAL, "down": -VERTICAL}))
    assert [control["name"] for control in told["controls"]] == ["kernel", "image"]
    assert "In Jupyter" in told["note"]
    assert "down" in page_of(told, told["tree"][1][1][1][0])[1]


def test_too_many_states_and_one_that_cannot_be_drawn_are_told_by_name():
    def draw(number, other):
        if number == 3:
            raise RuntimeError("no picture")
        return pixels.text(str(number)), f"{number} and {other}"

    def lab(high):
        return Lab(draw, {"number": slider("number", 0, 3, 0), "other": slider("other", 0, high, 0)}, [{"number": 0}])

    with pytest.raises(ValueError, match="the lab with number, other cannot be drawn at .*'number': 3.*no picture"):
        states.described(lab(1))
    with pytest.raises(ValueError, match="number, other has more than 8,000 states"):
        states.described(lab(9_000))


def test_the_same_labs_give_the_same_bytes_and_no_lab_gives_no_file(tmp_path):
    lab = widgets.window_lab(torch.ones(4, 4), VERTICAL)
    for name in ("one", "two"):
        states.save([3, lab, "text", lab], tmp_path / "labs" / name)
    one, two = ((tmp_path / "labs" / name).read_bytes() for name in ("one", "two"))
    assert one == two
    assert one[4:8] == bytes(4)  # where gzip would write the time
    (told,) = json.loads(gzip.decompress(one))["labs"]
    assert told["id"] == lab.name
    states.save([3], tmp_path / "labs" / "one")
    assert not (tmp_path / "labs" / "one").exists()
