"""Answers that misbehave: each is told in a sentence, and the kernel goes on as if nothing had run."""

import threading
import time

import pytest
import torch

from helpers.exercises.grading import UNSOLVED, Exercise, function


def answer_in(code, name="double"):
    """What the code gives the name, run as a learner's cell would be."""
    scope = {"torch": torch}
    exec(compile(code, "<the learner's cell>", "exec"), scope)
    return scope[name]


def _double(values):
    return 2 * values


def _cases():
    draw = torch.Generator().manual_seed(0)
    return [(torch.tensor([1.0, -2.0]),), *((torch.randn(n, n, generator=draw),) for n in range(1, 6))]


doubling = Exercise(
    "double", function(_double, _cases, [(lambda values: values**2, "You square.")]), ["a", "b"], "", seconds=1
)


def said_of(code):
    verdict = doubling.verdict(answer_in(code))
    assert not verdict.solved
    return verdict.words


def test_what_is_no_function_is_told():
    assert said_of("double = 3") == "A function is wanted, without brackets behind its name; you gave 3."
    assert "you gave a tensor of shape (2,)" in said_of("double = torch.ones(2)")


def test_a_function_of_other_arguments_is_told():
    assert said_of("def double(): return 2") == "Your function must take (values); yours takes ()."


def test_a_function_that_still_returns_nothing_is_not_solved_yet():
    assert said_of("def double(values): return None  # change me") == UNSOLVED


def test_an_error_is_told_with_its_input_and_line():
    words = said_of("def double(values):\n    x = 0\n    return 1 / x")
    assert (
        words
        == "For values = [1.0, -2.0] your function raises ZeroDivisionError in line 3 of its cell: division by zero."
    )
    assert "raises SystemExit" in said_of("def double(values): raise SystemExit")


def test_a_result_of_another_type_or_shape_is_told():
    assert "result is the text 'x'; a tensor of shape (2,) is wanted" in said_of("def double(values): return 'x'")
    assert "has shape (1,); shape (2,) is wanted" in said_of("def double(values): return values[:1]")
    assert "is None; a tensor" in said_of("def double(values): return 2 * values if len(values) == 2 else None")


def test_the_first_index_that_differs_is_told():
    assert said_of("def double(values): return values * torch.tensor([2.0, 3.0])[: len(values)] if values.ndim == 1 else 0"
                   ) == "Not yet. For values = [1.0, -2.0] your function's result at index [1] is -6; right is -4."  # fmt: skip


def test_a_slip_on_all_inputs_is_named_and_placed():
    assert said_of("def double(values): return values**2").startswith("Not yet. You square. For values = [1.0, -2.0]")


def test_a_changed_input_is_told():
    words = said_of("def double(values):\n    values *= 2\n    return values")
    assert words.startswith("Your function changes its input 'values'")


def test_printing_instead_of_returning_is_told(capsys):
    assert "prints, but returns nothing" in said_of("def double(values): print(2 * values)")
    verdict = doubling.verdict(answer_in("def double(values):\n    print('here')\n    return 2 * values"))
    assert verdict.solved
    assert "What your answer printed was left out" in verdict.words
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "import time; time.sleep(20)",
    ],
    ids=["a loop", "a loop that catches everything", "a call that cannot be stopped"],
)
def test_an_answer_without_end_is_cut_and_the_kernel_lives_on(body, capsys):
    before = time.monotonic()
    assert "did not end within 1 seconds and was cut" in said_of(f"def double(values):\n    {body}")
    assert time.monotonic() - before < 10
    print("alive")
    assert capsys.readouterr().out == "alive\n"


def test_a_cut_loop_does_not_run_on():
    before = set(threading.enumerate())
    said_of("def double(values):\n    while True: pass")
    assert set(threading.enumerate()) <= before


def test_an_answer_leaves_the_random_state_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    said_of("def double(values):\n    torch.manual_seed(5)\n    return torch.rand(2)")
    assert torch.rand(1) == expected
