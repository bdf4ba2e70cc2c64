"""What a run is known by: equal where things do the same, in another process too; different where they do not."""

import enum
import functools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.augment import Augment, random_flip, random_shift
from helpers.train import identity
from helpers.train.identity import described

AMOUNT = 2


class Turner:
    def __init__(self, quarters):
        self.quarters = quarters

    def __call__(self, batch):
        return batch.rot90(self.quarters, (2, 3))


class Slow(Turner):
    def __call__(self, batch):
        return super().__call__(batch).clone()


class Own(nn.Module):
    """A network whose layers do not say all that it does."""

    def __init__(self, size=3):
        super().__init__()
        self.layer = nn.Linear(size, 3)

    def forward(self, x):
        return self.layer(x).relu()


class Other(Own):
    def forward(self, x):
        return self.layer(x).sigmoid()


class Colour(enum.Enum):
    RED = 1


def shifted(most, extra=0):
    """A function that encloses numbers."""

    def change(batch):
        return random_shift(batch, most + extra) if batch.dtype in {torch.uint8, torch.int8, torch.int16} else batch

    return change


def by_global(batch):
    return random_shift(batch, AMOUNT)


def recursive(batch, depth=2):
    return recursive(batch, depth - 1) if depth else batch


def of_words(batch, words=frozenset("abcdefg")):
    return batch if "z" in words or batch.dtype in {"one", "two", "three"} else batch.flip(-1)


def things():
    """Made anew at each call: two objects, at two addresses, that do the same."""
    return {
        "numbers": [np.float64(0.1), torch.tensor(3), np.array(2), True, None, float("nan"), np.bool_(True)],
        "arrays": [np.arange(5), torch.arange(5.0), torch.ones(2, dtype=torch.bfloat16), np.array(["a", None], dtype=object)],
        "sets": [{"b", "a", "c"}, frozenset({1, 2}), Colour.RED, torch.float32, slice(1, 2), b"bytes"],
        "functions": [shifted(2), by_global, recursive, of_words, torch.flip, np.flip, random_flip, print, (lambda b: b.flip(-1))],
        "partial": functools.partial(random_shift, most=np.int64(2)),
        "objects": [Turner(1), Slow(1), Turner(1).__call__, Augment(flip=True, shift=2), object(), torch.Generator()],
        "modules": [nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.GELU()), Own()],
        "long": list(range(1000)),
    }  # fmt: skip


def as_text():
    return json.dumps(described(things(), by_value=False), sort_keys=True)


def test_what_does_the_same_is_described_alike_in_another_process_too():
    assert as_text() == as_text()
    code = "from tests import test_identity; print(test_identity.as_text())"
    environment = os.environ | {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == as_text()


class Holder:
    """An object that leads back to itself."""

    def __init__(self):
        self.me, self.names = self, ["one"]


def edited(threshold):
    """A class as a learner's cell defines it anew, with another body under the same name."""
    if threshold:

        class Cell:
            def __call__(self, batch):
                return batch.clamp(min=128)

    else:

        class Cell:
            def __call__(self, batch):
                return batch.clamp(max=128)

    return Cell


def edited_network(bend):
    class Net(Own):
        forward = (lambda self, x: self.layer(x).relu()) if bend else (lambda self, x: self.layer(x))

    return Net()


PAIRS = {
    "lambdas": (lambda b: b.flip(-1), lambda b: b.flip(-2)),
    "enclosed values": (shifted(1), shifted(2)),
    "defaults": (lambda b, n=1: b, lambda b, n=2: b),
    "partial's arguments": (functools.partial(random_shift, most=1), functools.partial(random_shift, most=2)),
    "partial's function": (functools.partial(random_flip), functools.partial(random_shift)),
    "attributes": (Turner(1), Turner(2)),
    "classes": (Turner(1), Slow(1)),
    "bodies of classes": (edited(True)(), edited(False)()),
    "methods' objects": (Turner(1).__call__, Turner(2).__call__),
    "settings of augmentation": (Augment(shift=1), Augment(shift=2)),
    "activations": (nn.Sequential(nn.ReLU()), nn.Sequential(nn.GELU())),
    "strides": (nn.Conv2d(1, 1, 3, stride=1), nn.Conv2d(1, 1, 3, stride=2)),
    "forward": (Own(), Other()),
    "bodies of networks": (edited_network(True), edited_network(False)),
    "sizes": (Own(3), Own(4)),
    "frozen": (nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False)),
    "dtypes": (nn.Linear(2, 2), nn.Linear(2, 2).double()),
    "numbers in tensors": (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])),
    "numbers in arrays": (np.array([1, 2]), np.array([1, 3])),
    "numbers of an augmentation that is a module": (Own(), Own()),
}


@pytest.mark.parametrize("what", PAIRS)
def test_what_does_something_else_is_described_otherwise(what):
    one, other = PAIRS[what]
    by_value = "numbers" in what
    assert identity.differences(described(one, by_value), described(other, by_value))


def test_weights_and_mode_of_a_network_do_not_tell_runs_apart():
    one, other = (
        nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)),
        nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval(),
    )
    one(torch.randn(5, 2))
    one.register_forward_hook(print)
    assert described(one, by_value=False) == described(other, by_value=False)


def test_a_global_that_a_function_uses_is_a_part_of_it(monkeypatch):
    before = described(by_global)
    monkeypatch.setitem(globals(), "AMOUNT", 3)
    assert identity.differences(before, described(by_global)) == [("AMOUNT", 2, 3)]


def test_what_is_no_number_equals_itself():
    assert identity.differences(described([float("nan")]), described([float("nan")])) == []


def test_differences_are_named_to_the_last_dot_and_told_three_at_a_time():
    before, now = {"a": {"b": 1, "c": [1]}, "gone": 1}, {"a": {"b": 2, "c": [1]}, "new": 1}
    found = identity.differences(before, now)
    assert found == [("a.b", 1, 2), ("new", None, 1), ("gone", 1, None)]
    assert identity.in_words([*found, found[0]], "{name} was {one}, is {other}") == (
        "a.b was 1, is 2; new was None, is 1; gone was 1, is None; and 1 more"
    )
    assert identity.differences(before, before) == []


def plain(thing):
    if isinstance(thing, dict):
        return all(isinstance(key, str) and plain(value) for key, value in thing.items())
    if isinstance(thing, list):
        return all(map(plain, thing))
    return thing is None or type(thing) in (bool, int, float, str)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers(), st.functions()),
        lambda inner: st.one_of(
            st.lists(inner), st.dictionaries(st.integers() | st.text(), inner), st.sets(st.integers())
        ),
        max_leaves=10,
    )
)
def test_anything_is_described_in_plain_values(thing):
    assert plain(described(thing))
    assert described(thing) == described(thing)


def test_what_leads_back_to_itself_or_never_ends_is_described():
    assert described(Holder())["me"] == "number 1 of those above"
    endless = [[]]
    endless[0].append(endless)
    assert described(endless) == [["number 1 of those above"]]
    doubled = []
    for _ in range(60):
        doubled = [doubled, doubled]
    assert plain(described(doubled))
    assert described([(1, 2)] * 2) == [[1, 2], [1, 2]]
