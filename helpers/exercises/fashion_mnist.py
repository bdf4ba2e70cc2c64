"""Exercises and questions of notebook 09."""

import math
import random

import numpy as np
import torch

from helpers.exercises.comparing import Wrong, count, is_number, kind
from helpers.exercises.grading import Exercise, check_function, function
from helpers.exercises.questions import Choice, Question


def _accuracy(matrix):
    return (matrix.diagonal().sum() / matrix.sum()).item()


def _matrices():
    """A matrix to check by hand, then others with unequal classes."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([[8, 2], [1, 9]]),), (torch.tensor([[30, 10], [1, 9]]),)]
    return cases + [(torch.randint(0, 9 * k, (k, k), generator=draw) + torch.eye(k).int(),) for k in (2, 3, 3, 5, 10)]


def _share_found(matrix):
    return matrix.diagonal() / matrix.sum(dim=1)


def _share_meant(matrix):
    return matrix.diagonal() / matrix.sum(dim=0)


accuracy_of = Exercise(
    "accuracy_of",
    function(
        _accuracy,
        _matrices,
        [
            (lambda m: _share_found(m).mean().item(),
             "That is the mean of the classes' shares; it differs where classes are of unequal size."),
            (lambda m: _share_meant(m).mean().item(),
             "That is a mean over the answers' columns; it differs where some answers are rarer than others."),
            (lambda m: m.diagonal().sum().item() / len(m),
             "You divide by the number of classes; divide by the number of images."),
            (lambda m: m.diagonal().sum().item() / m.numel(),
             "You divide by the number of the matrix's cells; divide by the number of images, which is their sum."),
            (lambda m: m.diagonal().sum().item(),
             "You count the right answers; accuracy is their share of all images."),
            (lambda m: 1 - _accuracy(m), "That is the share of mistakes."),
            (lambda m: 100 * _accuracy(m), "That is in per cent; give it as a share, between 0 and 1."),
            (lambda m: m.diagonal().sum().item() // m.sum().item(), "You drop the fraction: divide with `/`, and give the number as it comes."),
            (lambda m: m.flip(1).diagonal().sum().item() / m.sum().item(),
             "You take the other diagonal; right answers stand from top left to bottom right."),
            (lambda m: m.diagonal().sum().item() / (m.sum() - m.diagonal().sum()).item(),
             "You divide by the mistakes; divide by all images, right and wrong."),
            (lambda m: m.sum().item() / m.diagonal().sum().item(), "You have it upside down: divide the right answers by all."),
            (lambda m: m.diagonal() / m.sum(), "That is what each class adds to the accuracy; sum it up."),
            (_share_found, "That is one share a class; accuracy is one number for all."),
            (_share_meant, "That is one share for each answer; accuracy is one number for all."),
        ],
    ),
    [
        "Right answers stand on the diagonal: `matrix.diagonal()`.",
        "For [[8, 2], [1, 9]] it is (8 + 9) / (8 + 2 + 1 + 9).",
    ],
    """def accuracy_of(matrix):
    return matrix.diagonal().sum() / matrix.sum()""",
)  # fmt: skip


def _best(numbers):
    """The place of the largest number."""
    return max(range(len(numbers)), key=lambda place: float(numbers[place]))


def _honest(valid, test):
    return float(test[_best(valid)])


def _runs():
    """Accuracies of 3 to 7 runs, as lists; the best on validation is never the best on test."""
    draw = random.Random(0)
    cases = [([0.90, 0.92, 0.91], [0.89, 0.90, 0.93])]
    while len(cases) < 20:
        runs = 3 + len(cases) % 5
        valid, test = ([n / 100 for n in draw.sample(range(50, 99), runs)] for _ in range(2))
        if _best(valid) != _best(test):
            cases.append((valid, test))
    return cases


_compare_reports = function(
    _honest,
    _runs,
    [
        (lambda valid, test: float(max(test)),
         "You used the test set to choose: the best of several test accuracies flatters."),
        (lambda valid, test: float(max(valid)),
         "That is the validation accuracy by which you chose; having been chosen, it flatters."),
        (lambda valid, test: float(sum(test)) / len(test),
         "That is the mean of all runs; report the one that you chose."),
        (lambda valid, test: _best(valid), "That is which run you chose; report its test accuracy."),
        (lambda valid, test: float(valid[_best(test)]),
         "You chose by the test set; choose by validation, and report the test accuracy."),
        (lambda valid, test: (_best(valid), _honest(valid, test)),
         "That is which run you chose and its accuracy; report the accuracy alone."),
        (lambda valid, test: (float(max(valid)), _honest(valid, test)),
         "Those are two numbers; report the one that nothing was chosen by."),
        (lambda valid, test: 100 * _honest(valid, test), "That is in per cent; give the number as it stands in `test`."),
        (lambda valid, test: _best(test), "That is which run is best on the test set: it must not choose."),
        (lambda valid, test: float(test[min(range(len(valid)), key=valid.__getitem__)]),
         "You chose the worst run on validation."),
        (lambda valid, test: max(*valid, *test),
         "That is the best number of all; of many numbers the best flatters, on whichever split."),
        (lambda valid, test: float(test[-1]), "That is the last run, whatever its validation accuracy is."),
        (lambda valid, test: float(test[0]), "That is the first run, whatever its validation accuracy is."),
        (lambda valid, test: float(min(test)),
         "That is the worst test accuracy: modest, but still chosen by the test set."),
        (lambda valid, test: (float(max(valid)) + _honest(valid, test)) / 2,
         "You mix in the validation accuracy by which you chose; report the test accuracy alone."),
    ],
    praise="Chosen on validation, tested once.",
)  # fmt: skip


def _as_it_is(accuracies):
    return accuracies


def _taking(form, report):
    return lambda valid, test: report(form(valid), form(test))


def _grade_report(report):
    """The task does not say what holds the accuracies: whoever is right with tensors, lists or arrays is right."""
    check_function(report, ["valid", "test"])
    found = []
    for form in (torch.tensor, _as_it_is, np.array):
        try:
            return _compare_reports(_taking(form, report))
        except Wrong as wrong:
            found.append(wrong)
    raise next((wrong for wrong in found if wrong.__cause__ is None), found[0])  # of a form with which it ran, if any


report = Exercise(
    "report",
    _grade_report,
    [
        "Which split may choose the run, and which may only measure it?",
        "`valid.argmax()` is the number of the best run on validation.",
    ],
    """def report(valid, test):
    return test[valid.argmax()]""",
)


WIDE = 100  # times the smallest learning rate is the largest, at least
GUESSING = 0.1  # the accuracy of whoever only guesses among ten classes


def _grade_rates(found):
    if not isinstance(found, dict):
        raise Wrong(f"A dict {{learning rate: validation accuracy}} is wanted; you gave {kind(found)}.")
    for rate, share in found.items():
        _check_run(rate, share)
    runs = sorted((float(rate), float(share)) for rate, share in found.items())
    rates, shares = zip(*runs) if runs else ((), ())
    if len(rates) < 4:
        raise Wrong(f"Not yet. You have tried {count(len(rates), 'learning rate')}; try four at least.")
    if rates[-1] / rates[0] < WIDE * (1 - 1e-6):  # 0.7 / 0.007 is a little less than 100
        raise Wrong(f"Not yet. From {rates[0]:g} to {rates[-1]:g} is a narrow range: "
                    "the largest should be 100 times the smallest.")  # fmt: skip
    if max(shares) < 2 * GUESSING:
        raise Wrong(f"Not yet. Your best names {100 * max(shares):.0f} % right, and guessing gets 10 %: none of these "
                    "networks has learned. Is a new one made for each rate, and trained?")  # fmt: skip
    best = shares.index(max(shares))
    for place in range(best, len(shares)):
        if shares[place] == shares[best] and place in (0, len(rates) - 1):
            raise Wrong(f"Not yet. Your best, lr={rates[place]:g}, stands at the edge of what you tried: "
                        "the peak may lie beyond.")  # fmt: skip
    if shares[best + 1] == shares[best]:
        raise Wrong(f"Not yet. lr={rates[best]:g} and lr={rates[best + 1]:g} are equally good: "
                    "try one between them, or train both longer.")  # fmt: skip
    return f"Of these runs, lr={rates[best]:g} did best. Each rate ran once: another, less than a point behind, may be as good."


def _check_run(rate, share):
    """Raise `Wrong` where one entry is no learning rate with an accuracy."""
    if not is_number(rate):
        raise Wrong(f"Not yet. A learning rate is a number; one of yours is {kind(rate)}.")
    if not (float(rate) > 0 and math.isfinite(float(rate))):
        raise Wrong(f"Not yet. A learning rate is a number greater than 0; one of yours is {float(rate):g}.")
    if isinstance(share, (list, tuple)):
        raise Wrong(f"Not yet. The accuracy at lr={float(rate):g} is {kind(share)}: "
                    "note the last epoch's alone, `history.valid_accuracy[-1]`.")  # fmt: skip
    if not is_number(share):
        raise Wrong(f"Not yet. The accuracy at lr={float(rate):g} is {kind(share)}; a number is wanted, "
                    "such as `history.valid_accuracy[-1]`.")  # fmt: skip
    if math.isnan(float(share)):
        raise Wrong(f"Not yet. The accuracy at lr={float(rate):g} is nan: "
                    "a network that blew up only guesses, so note 0.1 for it.")  # fmt: skip
    if 1 < float(share) <= 100:
        raise Wrong(f"Not yet. The accuracy {float(share):g} at lr={float(rate):g} is greater than 1: in per cent? "
                    "Divide by 100.")  # fmt: skip
    if not 0 <= float(share) <= 1:
        raise Wrong(f"Not yet. The accuracy {float(share):g} at lr={float(rate):g} is not between 0 and 1.")


rates = Exercise(
    "rates",
    _grade_rates,
    [
        "Go in steps of 10 first: 0.001, 0.01, 0.1, 1.",
        "Train a new network for each, with the same seed, and note the last `valid_accuracy`.",
    ],
    """few = data.load("fashion_mnist", "train", source="sample")
some = data.load("fashion_mnist", "valid", source="sample")
rates = {}
for lr in [0.0001, 0.001, 0.01, 0.1, 1.0]:
    torch.manual_seed(0)
    trial = models.small_cnn(width=8)
    trial_history = train.fit(trial, few, some, epochs=1, batch_size=128, lr=lr)
    rates[lr] = trial_history.valid_accuracy[-1]""",
)

QUESTIONS = (
    Question(
        "You forget `zero_grad()` in your loop. What happens?",
        (
            Choice("Nothing: backward() replaces the gradients.", "It adds to them: called twice, it gave −0.670 where −0.335 was right."),
            Choice("Each step follows the sum of all gradients so far.", "backward() adds, and nothing clears what it has added to.", right=True),
            Choice("The weights never go back to 0, so nothing is learned.", "zero_grad() leaves the weights alone. It clears their gradients, which belong to the step before."),
        ),
    ),
    Question(
        "Training loss falls; validation loss and mistakes keep rising. Train longer?",
        (
            Choice("Yes: the training loss still falls.", "That only says that the network gets to know its own images better. What counts is new ones, and there it gets worse."),
            Choice("No: stop, or use regularisation.", "The network overfits more and more: it learns what is true of its training images alone.", right=True),
            Choice("No: the learning rate is too small.", "With too small a rate both losses would fall, slowly. Here one rises."),
        ),
    ),
    Question(
        "You train with 100 classes. At the very start the loss is 4.6. Is something broken?",
        (
            Choice("Yes: it should start near 0.", "A loss near 0 means sure and right. Before training the network only guesses."),
            Choice("Yes: it should start near 2.3.", "That is −ln(1/10), guessing among ten classes. Here there are a hundred."),
            Choice("No: that is guessing among a hundred classes.", "Each class gets about the probability 1/100, and −ln(1/100) is about 4.6.", right=True),
        ),
    ),
)  # fmt: skip
