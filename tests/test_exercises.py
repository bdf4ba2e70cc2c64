"""The exercises as a learner meets them: right and wrong answers, hints, and the questions."""

import importlib
import re

import pytest
import torch

from helpers import augment, data, exercises, models, train
from helpers.exercises.grading import UNSOLVED, Exercise, value
from helpers.exercises.questions import Choice, Question

ALL = {
    f"{module.__name__.split('.')[-1]}.{name}": exercise
    for module in exercises.NOTEBOOKS
    for name, exercise in vars(module).items()
    if isinstance(exercise, Exercise)
}
ANSWERS = {
    notebook: importlib.import_module(f"tests.answers.{notebook}") for notebook in {n.split(".")[0] for n in ALL}
}
WRONG = {f"{notebook}.{name}": codes for notebook, module in ANSWERS.items() for name, codes in module.WRONG.items()}
RIGHT = {f"{notebook}.{name}": codes for notebook, module in ANSWERS.items() for name, codes in module.RIGHT.items()}
each = pytest.mark.parametrize("name", list(ALL))


def answer_in(code, name):
    """What the code gives the name, run as a learner's cell would be."""
    scope = {"__name__": "__main__", "torch": torch, "F": torch.nn.functional, "nn": torch.nn}
    scope |= {"augment": augment, "data": data, "models": models, "train": train}
    exec(compile(code, "<the learner's cell>", "exec"), scope)
    return scope[name]


def test_every_notebook_has_three_exercises_and_two_or_three_questions():
    for module in exercises.NOTEBOOKS:
        assert sum(isinstance(thing, Exercise) for thing in vars(module).values()) == 3, module.__name__
        assert len(module.QUESTIONS) in (2, 3), module.__name__


@each
def test_the_shown_solution_passes(name, capsys):
    exercise = ALL[name]
    exercise.solution()
    shown = capsys.readouterr().out
    verdict = exercise.verdict(answer_in(shown, exercise.name))
    assert verdict.solved, verdict.words
    assert verdict.words.startswith("Solved.")
    assert "printed" not in verdict.words


@each
def test_a_placeholder_is_not_solved_yet(name, capsys):
    exercise = ALL[name]
    exercise.check(None)
    exercise.check(...)
    assert capsys.readouterr().out == f"{UNSOLVED}\n" * 2


@pytest.mark.parametrize(
    ("layers", "said"),
    [([(3, 3, 1), (3, 3, 1)], "a receptive field of 9 pixels."),
     ([(1, 1, 0), (5, 3, 2), (3, 3, 1), (7, 1, 3)], "of 65 pixels (more than the 64 that there are: the rest is padding).")],
)  # fmt: skip
def test_the_field_of_the_layers_is_told_and_what_of_it_is_padding(layers, said):
    assert ALL["stride_and_padding.layers"].verdict(layers).words.endswith(said)


@each
def test_typical_wrong_answers_get_their_own_diagnosis(name):
    said = []
    for code, wanted in WRONG[name]:
        verdict = ALL[name].verdict(answer_in(code, ALL[name].name))
        assert not verdict.solved, code
        assert wanted in verdict.words
        said.append(verdict.words)
    assert len(set(said)) == len(said)


@each
def test_right_answers_written_differently_are_accepted(name):
    for code in RIGHT[name]:
        verdict = ALL[name].verdict(answer_in(code, ALL[name].name))
        assert verdict.solved, f"{code}\n{verdict.words}"


@each
def test_each_exercise_has_six_wrong_and_four_right_answers(name):
    assert len({code for code, _ in WRONG[name]}) >= 6
    assert len(set(RIGHT[name])) >= 4


@each
def test_hints_come_one_at_a_time_and_begin_anew(name, capsys):
    exercise = ALL[name]
    given = []
    for _ in range(len(exercise.hints) + 1):
        exercise.hint()
        given.append(capsys.readouterr().out)
    assert len(exercise.hints) >= 2
    assert len(set(given)) == len(exercise.hints)
    assert given[0] == given[-1]
    assert given[0].startswith(f"hint 1 of {len(exercise.hints)}: ")


# ---- numbers and grids --------------------------------------------------------------------


@pytest.mark.parametrize("answer", [8, 8.0, torch.tensor(8)])
def test_a_number_may_come_in_any_form(answer):
    assert Exercise("n", value(8), ["a"], "").verdict(answer).solved


@pytest.mark.parametrize("answer", ["8", True, float("nan"), [8], object(), torch.ones(2), {"n": 8}])
def test_what_is_not_the_number_is_not_solved(answer):
    assert not Exercise("n", value(8), ["a"], "").verdict(answer).solved


def test_a_grid_with_nan_is_not_solved():
    verdict = Exercise("g", value(torch.zeros(2, 2)), ["a"], "").verdict(torch.tensor([[0, 0], [torch.nan, 0]]))
    assert verdict.words == "Not yet. Your answer at index [1, 0] is NaN, which is not right."


@pytest.mark.parametrize(
    "call",
    [
        "F.relu(values)", "F.relu(values, inplace=False)", "torch.relu(values)", "nn.ReLU()(values)", "values.relu()",
        "values.clone().relu_()",
    ],
)  # fmt: skip
def test_an_answer_that_leaves_the_work_to_relu_is_told(call):
    verdict = ALL["relu_detection.my_relu"].verdict(answer_in(f"def my_relu(values): return {call}", "my_relu"))
    assert not verdict.solved
    assert "your function leaves the work to `relu" in verdict.words


@pytest.mark.parametrize(
    "call",
    ["F.max_pool2d(values[None], 2)[0]", "nn.MaxPool2d(2)(values[None])[0]", "torch.max_pool2d(values[None], 2)[0]"],
)
def test_an_answer_that_leaves_the_work_to_max_pool2d_is_told(call):
    verdict = ALL["pooling.max_pool"].verdict(answer_in(f"def max_pool(values): return {call}", "max_pool"))
    assert not verdict.solved
    assert "your function leaves the work to `max_pool2d`" in verdict.words


def test_what_a_corner_detector_makes_of_a_square_is_drawn_and_what_is_no_pair_is_left_out(monkeypatch):
    said = []
    monkeypatch.setattr(exercises.relu_detection.plots, "show", lambda figure, alt: said.append(alt))
    kernel = torch.tensor([[-1.0, -1, -1], [-1, 1, 1], [-1, 1, 1]])
    for answer in (None, (torch.zeros(2, 2), 0), (kernel, -2.5)):
        exercises.relu_detection.show_corner(answer)
    assert said[0] == said[1]
    drawn = torch.zeros(6, 6)
    drawn[1, 2] = 1.5
    assert said[2] == f"{said[0]} Yours: {drawn.tolist()}."


# ---- questions -----------------------------------------------------------------------------

GUESS = Question("One or two?", (Choice("one", "It is <one>.", right=True), Choice("two", "Two is too many.")))


@pytest.mark.parametrize("module", exercises.NOTEBOOKS, ids=lambda module: module.__name__.split(".")[-1])
def test_every_choice_is_explained_when_picked(module):
    asked = exercises.ask(*module.QUESTIONS)
    for question, buttons, answer in zip(module.QUESTIONS, asked.buttons, asked.answers):
        for choice, button in zip(question.choices, buttons):
            assert len(choice.words) <= 60  # a button has one line
            button.click()
            assert button.button_style == ("success" if choice.right else "danger")
            assert answer.value.startswith(f'<div role="status">{"Right." if choice.right else "Not so."} ')
        explanations = [choice.why for choice in question.choices]
        assert len(set(explanations)) == len(explanations)


def test_the_twin_lists_the_choices_and_folds_the_answers_away():
    shown = exercises.ask(GUESS).twin
    before, folded = re.fullmatch(r"(.*)<details>(.*)</details></div>", shown["text/html"]).groups()
    assert "<li>one</li><li>two</li>" in before
    assert "too many" not in before
    assert "It is &lt;one&gt;." in folded
    assert "Not so. Two is too many." in folded
    assert shown["text/plain"] == "1. One or two? (one / two)"


def test_a_question_needs_one_right_choice_and_a_reason_for_each():
    with pytest.raises(ValueError, match="just one choice must be right"):
        exercises.ask(Question("?", (Choice("a", "b"), Choice("c", "d"))))
    with pytest.raises(ValueError, match="must be explained"):
        exercises.ask(Question("?", (Choice("a", "b", right=True), Choice("c", ""))))
