"""Answers in every form: what means the same is taken, what does not is named in few words, and nothing raises."""

import math
import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.exercises import comparing
from helpers.exercises.comparing import Wrong, described, difference, is_number, kind, refusal, short
from helpers.train import History

GRID = torch.tensor([[0.0, 1.0], [2.0, 3.0]])

# ---- right answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        8, 8.0, Fraction(8), np.int64(8), np.float16(8), np.array(8), np.array([8.0]), torch.tensor(8),
        torch.tensor([8.0]), torch.tensor(8, dtype=torch.uint8), torch.tensor(8.0, dtype=torch.bfloat16),
        torch.tensor(8.0, requires_grad=True), torch.tensor([8.0]).to_sparse(), 7.999999999999999,
    ],
)  # fmt: skip
def test_a_number_is_taken_in_every_form(answer):
    assert is_number(answer)
    assert difference(answer, 8) is None


@pytest.mark.parametrize(
    "answer",
    [
        GRID.tolist(), tuple(map(tuple, GRID.tolist())), list(GRID), list(GRID.numpy()), GRID.numpy(), GRID.double(),
        GRID.half(), GRID.to(torch.uint8), GRID.clone().requires_grad_(), GRID.to_sparse(), GRID.T.contiguous().T,
        GRID.numpy()[::-1][::-1], GRID.numpy().astype(object), [[torch.tensor(0.0), np.float32(1)], [Fraction(2), 3]],
    ],
)  # fmt: skip
def test_a_grid_is_taken_in_every_form_without_a_warning(answer):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert difference(answer, GRID) is None


@pytest.mark.parametrize(
    "answer", [(2, 0.5), [2.0, 0.5], np.array([2, 0.5]), torch.tensor([2, 0.5]), (torch.tensor([2]), np.float32(0.5))]
)
def test_several_numbers_are_taken_in_every_form(answer):
    assert difference(answer, (2, 0.5)) is None


# ---- whole numbers, fractions and rounding -------------------------------------------------


@pytest.mark.parametrize("answer", [12_833, 12_831, 12_832.5, 12_831.999, 12_832.0001, 1e300, torch.tensor(12_833.0)])
def test_a_whole_number_must_be_equal(answer):
    assert difference(answer, 12_832) is not None


@settings(deadline=None)
@given(st.integers(-(10**6), 10**6), st.sampled_from([int, float, np.int64, np.float64, np.float32, torch.tensor]))
def test_a_whole_number_is_told_from_its_neighbours(n, form):
    assert difference(form(n), n) is None
    assert difference(form(n + 1), n) == f"is {n + 1:,}; right is {n:,}"
    assert refusal(form(n + 1), n) == f"{n + 1:,} is not the number."


@pytest.mark.parametrize("answer", [1568.5, 1567.9999, torch.tensor(1568.5)])
def test_a_part_of_a_whole_is_named(answer):
    assert difference(answer, 1568).endswith("which is not a whole number")
    assert difference([answer], (1568,)).startswith("at index 0 is 1,56")


@pytest.mark.parametrize("answer", [14.8, 14.82, 14.823, 14.8235, 14.823456, 14.8234, torch.tensor(14.82)])
def test_a_fraction_may_be_rounded_to_three_digits_or_more(answer):
    assert difference(answer, 14.823456) is None


@settings(deadline=None)
@given(st.floats(1e-4, 1e5).filter(lambda n: n != round(n)), st.integers(3, 9))
def test_every_rounding_to_three_digits_is_accepted(right, digits):
    decimals = max(0, digits - 1 - math.floor(math.log10(right)))
    assert difference(round(right, decimals), right) is None


@pytest.mark.parametrize(
    ("answer", "right", "words"),
    [
        (14.83, 14.823456, "is 14.83; right is 14.82"),
        (14.81, 14.823456, "is 14.81; right is 14.82"),
        (15, 14.823456, "is 15; right is 14.82"),
        (0.04, 0.041666, "is 0.04, which is rounded too far: give 3 digits or more"),
        (0.0002, 0.0003, "is 0.0002; right is 0.0003"),
        (43_201.0, 43_200.0, "is 43,201; right is 43,200"),
        (0.7501, 0.7500001, "is 0.7501; right is 0.75"),
        (1.0002, 1.0, "is 1.0002; right is 1"),
    ],
)
def test_another_fraction_is_told_in_digits_that_differ(answer, right, words):
    assert difference(answer, right) == words


def test_a_tolerance_of_nothing_wants_the_very_same_numbers():
    assert difference(14.82, 14.823456, 0) is not None
    assert difference(torch.tensor([1.00001]), torch.tensor([1.0]), 0) is not None
    assert difference(GRID * torch.nan, GRID * torch.nan, 0) is None
    assert difference(GRID, GRID.clone(), 0) is None


def test_grids_of_whole_numbers_are_compared_exactly():
    counts = torch.tensor([[20_000, 1], [2, 30_000]])
    assert difference(counts.float(), counts) is None
    assert difference(counts + torch.tensor([[0, 0], [0, 1]]), counts) == "at index [1, 1] is 30,001; right is 30,000"
    assert difference(counts + 0.5, counts) is not None


# ---- what is wrong is named as what it is --------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "None"),
        (True, "True"),
        ("abc" * 99, "the text 'abcabcabcabcabcabcabcabcabcabc'"),
        (3 + 0j, "the complex number (3+0j)"),
        (math.nan, "NaN"),
        ([1, 2, 3], "a list of 3 numbers"),
        ((1, 2), "a tuple of 2 numbers"),
        ([], "an empty list"),
        (["a", 2], "a list of 2 things"),
        ({"a": 1}, "a dict of 1 entry"),
        (np.zeros(2), "an array of shape (2,)"),
        (torch.zeros(2, 3), "a tensor of shape (2, 3)"),
        (torch.zeros(2) > 0, "a tensor of True and False of shape (2,)"),
        (torch.zeros(2) + 0j, "a tensor of complex numbers of shape (2,)"),
        (torch.zeros(2, device="meta"), "a tensor of shape (2,) on the meta device, which holds no numbers"),
        (torch.eye(3).to_sparse(), "a sparse tensor of shape (3, 3)"),
        (torch.max(GRID, 0), "what torch.max gives along an axis, a tuple (values, indices)"),
        (nn.Sequential(), "a network (Sequential)"),
        (nn.ReLU, "the class ReLU, without brackets behind its name"),
        (len, "a function"),
        (lambda: 0, "a function"),
        (History(), "a History, which is what `train.fit` returns"),
        (np.timedelta64(8), "a timedelta64"),
        (object(), "an object"),
    ],
)
def test_an_answer_is_named_as_what_it_is(answer, words):
    assert kind(answer) == words
    assert difference(answer, 8) == f"is {words}" + (
        "; right is 8" if words == "NaN" else "; a single number is wanted"
    )


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        ((12, 832), "Python reads 12,832 as 2 numbers: type 12832"),
        ((1, 0, 500), "Python reads 1,000,500 as 3 numbers: type 1000500"),
        ("12832", "leave out the quotes"),
        ((12832,), "leave out the brackets, and any comma behind the number"),
        ([12832], "leave out the brackets, and any comma behind the number"),
    ],
)
def test_a_number_that_is_only_written_wrongly_gets_advice(answer, advice):
    assert difference(answer, 12832).endswith(advice)


def test_a_shape_is_not_taken_for_a_number_with_commas():
    assert difference((32, 7, 7), 1568) == "is a tuple of 3 numbers; a single number is wanted"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([[0, 1], [2]], "has rows of unequal length: row 1 has 1 number, row 0 has 2"),
        ([[0, 1], 2], "has unequal parts: at index 0 is a part of shape (2,), at index 1 a number"),
        ([[0, 1], [2, "3"]], "at index [1, 1] is the text '3'; a number is wanted"),
        ([[True, 1], [2, 3]], "mixes numbers with True and False; numbers are wanted"),
        (GRID > 0, "holds True and False; numbers are wanted"),
        (GRID + 0j, "is a tensor of complex numbers of shape (2, 2); real numbers are wanted"),
        (4, "is 4, a single number; a tensor of shape (2, 2) is wanted"),
        (torch.zeros(3), "has shape (3,); shape (2, 2) is wanted"),
        (GRID * torch.nan, "at index [0, 0] is NaN; right is 0"),
        ([], "has shape (0,); shape (2, 2) is wanted"),
    ],
)
def test_what_is_wrong_with_a_grid_is_told(answer, words):
    assert difference(answer, GRID) == words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (3, "is 3; 2 numbers are wanted, such as (1, 1)"),
        ((1,), "has 1 number; 2 numbers are wanted"),
        ((1, 3), "at index 1 is 3; right is 2"),
        ("12", "is the text '12'; 2 numbers are wanted, such as (1, 1)"),
    ],
)
def test_what_is_wrong_with_several_numbers_is_told(answer, words):
    assert difference(answer, (1, 2)) == words


def test_a_refusal_does_not_give_the_answer_away():
    assert refusal(5, 8) == "5 is not the number."
    assert refusal(5.5, 8) == "Your answer is 5.5, which is not a whole number."
    assert refusal(GRID, GRID + 0.5) == "Your answer at index [0, 0] is 0, which is not right."
    assert refusal((1, 2), (1, 3)) == "Your answer at index 1 is 2, which is not right."
    assert refusal(8, 8) is None


def test_a_grid_for_a_kernel_holds_finite_numbers():
    assert torch.equal(comparing.grid(GRID.tolist(), (2, 2)), GRID)
    for answer, words in [
        (GRID / 0, "at index [0, 0] is NaN"),
        ([[0, 1], [math.inf, 0]], "at index [1, 0] is infinity, which"),
        (GRID > 0, "Your kernel holds True and False"),
        (GRID[0], "Your kernel has shape (2,)"),
    ]:
        with pytest.raises(Wrong, match=re.escape(words)):
            comparing.grid(answer, (2, 2), "Your kernel")


def test_what_is_no_right_answer_is_refused():
    with pytest.raises(TypeError, match="right must be a number, .* got a dict of 1 entry"):
        difference(8, {"a": 1})


# ---- words ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (12_832, "12,832"), (3.0003, "3.0003"), (1567.9999, "1,567.9999"), (14.823456, "14.82"), (-0.0, "0"),
        (123_456.5, "123,456.5"), (0.000012345, "0.00001234"), (1e20, "1e+20"), (math.inf, "infinity"), (3.0, "3"),
    ],
)  # fmt: skip
def test_a_number_is_short_but_never_another_one(n, words):
    assert short(n) == words


def test_one_channel_and_two_channels():
    assert comparing.count(1, "channel") == "1 channel"
    assert comparing.count(12_832, "weight") == "12,832 weights"
    assert comparing.count(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(("share", "words"), [(1.34, "130 %"), (0.127, "13 %"), (0.002, "0.2 %"), (0, "0 %")])
def test_a_share_is_told_in_per_cent(share, words):
    assert comparing.percent(share) == words


def test_arguments_are_described_by_few_numbers_or_by_their_kind():
    assert described((GRID, 7, torch.zeros(9, 9), nn.ReLU()), "abcd") == (
        "a = [[0.0, 1.0], [2.0, 3.0]], b = 7, c = a tensor of shape (9, 9), d = a network (ReLU)"
    )


SLIPS = [
    (lambda p, v: np.mean(p == p), ".float().mean()"),
    (lambda p, v: (p == p).mean(), ".float().mean(), or .sum() / len(…)"),
    (lambda p, v: p.mean(), "whole numbers"),
    (lambda p, v: max(0, v), "torch.where"),
    (lambda p, v: 1 if v[:, 0] == 0 else 0, ".any() and .all()"),
    (lambda p, v: np.max(v), "values.max()"),
    (lambda p, v: torch.max(0, v), "clamp"),
    (lambda p, v: torch.maximum(v, 0), "clamp"),
    (lambda p, v: v.__setitem__((slice(None), slice(0, None)), v[:, :-0]), "−0 is 0"),
    (lambda p, v: v + v[:, :-0], "−0 is 0"),
    (lambda p, v: v + torch.zeros(3), ".shape of both"),
    (lambda p, v: nn.functional.cross_entropy(v, torch.tensor([6, 0])), "one output for each class"),
    (lambda p, v: v[4 / 2], "divide with //"),
    (lambda p, v: range(4 / 2), "divide with //"),
    (lambda p, v: v[p.argmax], "call it, such as values.argmax()"),
    (lambda p, v: v[v[0]], ".argmax() gives one"),
    (lambda p, v: torch.full(3, 1.0), "a shape is wanted, in brackets"),
    (lambda p, v: torch.relu(3), "put torch.tensor(…) around the number"),
    (lambda p, v: v.sum(dim=2), "fewer axes than `dim` asks for"),
    (lambda p, v: math.sqrt(p), "use torch.sqrt and the like"),
    (lambda p, v: p[3], "behind the last row or column"),
]


@pytest.mark.parametrize("slip", range(len(SLIPS)))
def test_the_most_natural_slips_are_told_in_plain_words(slip):
    call, words = SLIPS[slip]
    with pytest.raises((RuntimeError, TypeError, IndexError, ValueError)) as error:
        call(torch.tensor([1, 2, 3]), torch.randn(2, 2))
    said = comparing.translated(error.value)
    assert words in said
    assert not said.endswith(".")


def test_another_error_speaks_for_itself_in_one_line():
    assert comparing.translated(ValueError("first\n  second.")) == "first second"
    assert len(comparing.translated(ValueError("x" * 10_000))) < 400


# ---- whatever comes ------------------------------------------------------------------------

DTYPES = [
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.int64,
    torch.uint8,
    torch.bool,
    torch.complex64,
]
tensors = st.builds(
    lambda shape, dtype: torch.ones(shape).to(dtype), st.lists(st.integers(0, 3), max_size=4), st.sampled_from(DTYPES)
)
strange = st.sampled_from([
    object(), type, len, nn.ReLU(), nn.ReLU, History(), torch.zeros(3, device="meta"), torch.eye(2).to_sparse(),
    torch.sparse_coo_tensor(size=(10**9, 10**9), check_invariants=True), torch.max(GRID, 0), np.array("8"), np.array([None]),
    np.datetime64("2020"), 10**4000, -(10**400), np.array(8, dtype=object), np.longdouble(1) / 3, range(3),
    torch.float32, torch.device("cpu"), bytes(9), ..., NotImplemented, Wrong("x"), iter([1]), torch.Size([1, 2]),
])  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.fractions()
anything = st.recursive(
    scalars | tensors | tensors.filter(lambda t: t.dtype != torch.bfloat16).map(lambda t: t.numpy()) | strange,
    lambda parts: (
        st.lists(parts, max_size=3) | st.lists(parts, max_size=3).map(tuple) | st.dictionaries(st.text(), parts)
    ),
    max_leaves=6,
)
RIGHTS = [
    8,
    0.3,
    0,
    "muon",
    True,
    GRID,
    GRID.long(),
    GRID > 0,
    (1, 0.5),
    (1,),
    ("a", 2),
    torch.tensor(2.5),
    torch.zeros(0),
]


@settings(deadline=None)
@given(anything, st.sampled_from(RIGHTS))
def test_whatever_an_answer_is_it_is_judged_in_few_words(answer, right):
    found = difference(answer, right)
    assert found is None or 0 < len(found) < 400
    refused = refusal(answer, right)
    assert (refused is None) == (found is None)
    assert 0 < len(kind(answer)) < 200
    assert len(described([answer], ["answer"])) < 600


def test_a_list_that_holds_itself_is_judged():
    endless = []
    endless.append(endless)
    assert "more than 16 lists in each other" in difference(endless, GRID)
    assert kind(endless) == "a list of 1 thing"
