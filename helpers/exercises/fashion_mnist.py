"""Exercises and questions of notebook 09."""

import torch

from helpers.exercises.comparing import Wrong, difference, kind
from helpers.exercises.grading import Exercise, function
from helpers.exercises.questions import Choice, Question


def _accuracy(matrix):
    return matrix.diagonal().sum() / matrix.sum()


def _matrices():
    """A matrix to check by hand, then random ones with unequal classes."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([[8, 2], [1, 9]]),), (torch.tensor([[30, 10], [1, 9]]),)]
    return cases + [(torch.randint(0, 9 * k, (k, k), generator=draw) + torch.eye(k).int(),) for k in (2, 3, 3, 5, 10)]


accuracy_of = Exercise(
    "accuracy_of",
    function(
        _accuracy,
        _matrices,
        [
            (lambda m: (m.diagonal() / m.sum(dim=1)).mean(),
             "That is the mean of the classes' shares; it differs where classes are of unequal size."),
            (lambda m: m.diagonal().sum() / len(m),
             "You divide by the number of classes; divide by the number of pictures."),
            (lambda m: m.diagonal().sum(), "You count the right answers; accuracy is their share of all pictures."),
            (lambda m: 1 - m.diagonal().sum() / m.sum(), "That is the share of mistakes."),
            (lambda m: m.diagonal() / m.sum(dim=1), "That is one share a class; accuracy is one number for all."),
        ],
    ),
    [
        "Right answers stand on the diagonal: `matrix.diagonal()`.",
        "For [[8, 2], [1, 9]] it is (8 + 9) / (8 + 2 + 1 + 9).",
    ],
    """def accuracy_of(matrix):
    return matrix.diagonal().sum() / matrix.sum()""",
)  # fmt: skip


def _honest(valid, test):
    return test[valid.argmax()]


def _runs():
    """Accuracies of a few runs; the best on validation is never the best on test."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([0.90, 0.92, 0.91]), torch.tensor([0.89, 0.90, 0.93]))]
    while len(cases) < 20:
        valid, test = torch.rand(2, 5, generator=draw)
        if valid.argmax() != test.argmax():
            cases.append((valid, test))
    return cases


report = Exercise(
    "report",
    function(
        _honest,
        _runs,
        [
            (lambda valid, test: test.max(), "You used the test set to choose: the best of five test numbers flatters."),
            (lambda valid, test: valid.max(),
             "That is the validation accuracy by which you chose; having been chosen, it flatters."),
            (lambda valid, test: test.mean(), "That is the mean of all runs; report the one that you chose."),
            (lambda valid, test: valid.argmax(), "That is which run you chose; report its test accuracy."),
        ],
        praise="Chosen on validation, tested once.",
    ),
    [
        "Which split may choose the run, and which may only measure it?",
        "`valid.argmax()` is the number of the best run on validation.",
    ],
    """def report(valid, test):
    return test[valid.argmax()]""",
)  # fmt: skip


def _grade_rates(found):
    if not isinstance(found, dict):
        raise Wrong(f"A dict {{learning rate: validation accuracy}} is wanted; you gave {kind(found)}.")
    for rate, share in found.items():
        if difference(rate, 0.0) and "wanted is a number" in difference(rate, 0.0):
            raise Wrong(f"Not yet. The learning rate {rate!r} is not a number.")
        if difference(share, 0.0) and "wanted is a number" in difference(share, 0.0):
            raise Wrong(f"Not yet. The accuracy at lr={rate} is {kind(share)}, not a number.")
        if not 0 <= float(share) <= 1:
            raise Wrong(f"Not yet. The accuracy {share} at lr={rate} is not between 0 and 1: in per cent?")
    rates = sorted(found)
    if len(rates) < 4:
        raise Wrong(f"Not yet. You have tried {len(rates)} learning rates; try four at least.")
    if rates[0] <= 0 or rates[-1] < 100 * rates[0]:
        raise Wrong(
            f"Not yet. From {rates[0]:g} to {rates[-1]:g} is a narrow range: the largest should be 100 times the smallest."
        )
    best = max(found, key=found.get)
    if best in (rates[0], rates[-1]):
        raise Wrong(f"Not yet. Your best, lr={best:g}, stands at the edge of what you tried: the peak may lie beyond.")
    return f"Your peak, lr={best:g}, has worse neighbours on both sides."


rates = Exercise(
    "rates",
    _grade_rates,
    [
        "Go in steps of 10 first: 0.001, 0.01, 0.1, 1.",
        "Train a new network for each, with the same seed, and note the last `valid_accuracy`.",
    ],
    """clothes = data.load("fashion_mnist", "train", source="sample")
valid = data.load("fashion_mnist", "valid", source="sample")
rates = {}
for lr in [0.0001, 0.001, 0.01, 0.1, 1.0]:
    torch.manual_seed(0)
    model = models.small_cnn(width=8)
    history = train.fit(model, clothes, valid, epochs=1, batch_size=128, lr=lr)
    rates[lr] = history.valid_accuracy[-1]""",
)

QUESTIONS = (
    Question(
        "You try five learning rates and keep the one with the best test accuracy. Is that number honest?",
        (
            Choice("Yes: it was measured on unseen pictures.", "The network has not seen them, but you have: you chose by them, so the number flatters you."),
            Choice("No: choose on validation, test once.", "You would have chosen by the test set, and so the best of five lucky draws.", right=True),
            Choice("Yes, if the seeds are fixed.", "A seed makes a run repeatable. It does not undo that you chose by the test set."),
        ),
    ),
    Question(
        "The training loss falls, the validation loss rises. Should you train longer?",
        (
            Choice("Yes: the training loss still falls.", "The network learns its own pictures by heart. What counts is pictures that it has not seen."),
            Choice("No: stop, or get more pictures.", "The network is learning its pictures by heart; that is overfitting.", right=True),
            Choice("No: the learning rate is too small.", "With too small a rate both losses would fall, slowly. Here one rises."),
        ),
    ),
    Question(
        "At the very start the loss is 2.3. Is something broken?",
        (
            Choice("Yes: it should start near 0.", "A loss near 0 means sure and right. Before training the network only guesses."),
            Choice("No: that is guessing among ten classes.", "It is ln 10: each class gets the probability 1/10.", right=True),
            Choice("Yes: it should start at 1.", "The loss is no share. Guessing among ten classes costs −ln(1/10), about 2.3."),
        ),
    ),
)  # fmt: skip
