"""The checks of arguments: what they take, what they refuse, and that a refusal names argument and value in one short line."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import checks

THREES = [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), torch.tensor(3, dtype=torch.uint8)]


@pytest.mark.parametrize("three", THREES, ids=lambda three: f"{type(three).__name__} {getattr(three, 'dtype', '')}")
def test_a_whole_number_of_any_type_is_taken_as_an_int(three):
    assert type(checks.whole("n", three, 1)) is int
    assert checks.whole("n", three, 3, 3) == 3


@pytest.mark.parametrize("half", [0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5), Fraction(1, 2)])
def test_a_real_number_of_any_type_is_taken_as_a_float(half):
    assert type(checks.number("p", half, least=0, below=1)) is float
    assert checks.number("p", half) == 0.5


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: checks.whole("n", 0, 1), "n must be a whole number, 1 or more; got 0"),
        (lambda: checks.whole("n", np.int64(7), 1, 5), r"n must be a whole number from 1 to 5; got 7"),
        (lambda: checks.whole("n", 3.0), "n must be a whole number; got 3.0"),
        (lambda: checks.whole("n", True), "n must be a whole number; got True"),
        (lambda: checks.whole("n", torch.tensor(True)), "got True"),
        (lambda: checks.whole("n", torch.tensor([3])), r"got a tensor of shape \(1,\) and dtype torch.int64"),
        (lambda: checks.whole("n", torch.tensor(3, device="meta")), r"got a tensor of shape \(\)"),
        (lambda: checks.whole("n", "3" * 1000), r"got '3{10,60}\.\.\.3{10,60}'$"),
        (lambda: checks.whole("n", -(10**9999), 1), r"n must be a whole number, 1 or more; got .{1,120}$"),
        (lambda: checks.whole("n", [10**9999], 1), r"n must be a whole number, 1 or more; got .{1,120}$"),
        (lambda: checks.whole("n", nn.Sequential(nn.ReLU(), nn.ReLU())), r"got Sequential\( \(0\): ReLU\(\) \(1\)"),
        (lambda: checks.whole("n", None), "got None"),
        (lambda: checks.number("p", 1, least=0, below=1), "p must be a finite number, 0 or more, below 1; got 1"),
        (lambda: checks.number("lr", 0, above=0), "lr must be a finite number, above 0; got 0"),
        (lambda: checks.number("p", 1.5, least=0, most=1), "p must be a finite number from 0 to 1; got 1.5"),
        (lambda: checks.number("p", float("nan")), "p must be a finite number; got nan"),
        (lambda: checks.number("p", np.float32("inf")), "got inf"),
        (lambda: checks.number("p", 10**400), "got 1000"),
        (lambda: checks.number("p", 1j), "got 1j"),
        (lambda: checks.number("p", False), "got False"),
        (lambda: checks.flag("pool", "no"), "pool must be True or False; got 'no'"),
        (lambda: checks.flag("pool", 1), "pool must be True or False; got 1"),
        (lambda: checks.one_of("kind", "min", ("max", "mean")), "kind must be one of max, mean; got 'min'"),
        (lambda: checks.one_of("kind", np.zeros(3), ("max",)), r"got a NumPy array of shape \(3,\)"),
        (lambda: checks.module("model", nn.ReLU), "model must be an nn.Module; got the class ReLU, not yet called"),
        (lambda: checks.tensor("x", [1.0], "(N,)"), r"x must be a torch tensor of shape \(N,\); got \[1.0\]"),
        (lambda: checks.tensor("x", torch.zeros(2), "(H, W)"), r"x must have shape \(H, W\), .*; got \(2,\)"),
        (lambda: checks.tensor("x", torch.zeros(2), "(…, H, W)"), r"x must have shape \(…, H, W\), .*; got \(2,\)"),
        (lambda: checks.tensor("x", torch.zeros(0, 3), "(H, W)"), r"no axis of length 0; got \(0, 3\)"),
        (lambda: checks.tensor("x", torch.zeros(0, 0), "(N, W)", may_be_empty=True), r"no axis of length 0; got \(0, 0\)"),
        (lambda: checks.tensor("x", torch.zeros(2).int(), "(N,)", checks.FLOATS), "x must hold floats, not torch.int32"),
        (lambda: checks.tensor("x", torch.zeros(2).bool(), "(N,)", checks.NUMBERS), "x must hold whole numbers or floats, not torch.bool"),
        (lambda: checks.tensor("x", torch.zeros(2, device="meta"), "(N,)"), "x must be an ordinary tensor"),
        (lambda: checks.tensor("x", torch.eye(2).to_sparse(), "(H, W)"), "x must be an ordinary tensor"),
        (lambda: checks.finite("x", torch.tensor([1, torch.nan, torch.inf])), "x holds 2 values that are NaN or infinite"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_what_is_right_comes_back_as_it_is():
    image, layer = torch.zeros(2, 3, 4), nn.ReLU()
    assert checks.tensor("x", image, "(C, H, W)", checks.FLOATS) is image
    assert checks.tensor("x", image, "(…, H, W)") is image
    assert checks.tensor("x", image[:0], "(N, H, W)", may_be_empty=True).shape == (0, 3, 4)
    assert checks.finite("x", image) is image
    assert checks.module("model", layer) is layer
    assert checks.one_of("kind", "max", ("max", "mean")) == "max"
    assert checks.flag("pool", np.bool_(True)) is True


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(value=ANYTHING)
@settings(deadline=None)
def test_a_check_takes_a_value_or_raises_a_short_value_error(value):
    for check in (checks.whole, checks.number, checks.flag, checks.module):
        try:
            taken = check("it", value)
        except ValueError as error:
            assert str(error).startswith("it must be")
            assert len(str(error)) < 300
        else:
            # a whole number beyond 2**53 may have no float of its own
            assert taken == (float(value) if check is checks.number else value)
