"""Exercises and questions of notebook 00."""

import torch

from helpers import train
from helpers.exercises import networks
from helpers.exercises.comparing import Wrong, count, percent
from helpers.exercises.grading import Exercise, function, sample, value
from helpers.exercises.questions import Choice, Question

rows = Exercise(
    "rows",
    value(
        3,
        [
            (4, "7 rows make three pairs; the row that is left over is dropped, not kept."),
            (3.5, "There is no half row: what is left over is dropped."),
            (7, "That is what goes into the third block."),
            (14, "That is what goes into the second block."),
        ],
    ),
    ["Each block makes one row of two.", "Into the third block go 7 rows. How many whole pairs are there?"],
    "rows = 7 // 2  # 3: three pairs; one row is dropped",
)


def _true_accuracy(predictions, labels):
    return (predictions == labels).double().mean()


def _answers():
    """Some small lists of class numbers, then larger ones."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([9, 0, 2, 7]), torch.tensor([9, 0, 4, 7]))]
    for pictures in [1, 3, 5, 8, 20, 50, 200]:
        labels = torch.randint(0, 10, (pictures,), generator=draw)
        guesses = torch.randint(0, 10, (pictures,), generator=draw)
        right = torch.rand(pictures, generator=draw) < 0.7
        cases.append((torch.where(right, labels, guesses), labels))
    return cases


accuracy = Exercise(
    "accuracy",
    function(
        _true_accuracy,
        _answers,
        [
            (lambda p, y: (p == y).sum(), "You count the right answers; accuracy is their share of all answers."),
            (lambda p, y: 100 * (p == y).double().mean(), "That is in per cent; accuracy runs from 0 to 1."),
            (
                lambda p, y: (p == y).sum() / 10,
                "You divide by the number of classes; divide by the number of pictures.",
            ),
            (lambda p, y: (p != y).double().mean(), "That is the share of wrong answers."),
        ],
        praise="This is what `train.evaluate` computes.",
    ),
    [
        "`predictions == labels` is a tensor of True and False: where is the network right?",
        "Count the True with `.sum()`. What must you divide by?",
        "`len(labels)` is the number of pictures.",
    ],
    """def accuracy(predictions, labels):
    return (predictions == labels).sum() / len(labels)""",
)

FEW_WEIGHTS, ENOUGH = 2_000, 0.70


def _grade_small(answer):
    if isinstance(answer, train.History):
        raise Wrong("Not yet. `fit` trains in place, and returns its History: hand over `small` itself.")
    model = networks.network_in(answer, 1, 28, 28)
    networks.check_scores(model, 1, 28, 28)
    weights = networks.all_parameters(model)
    if weights > FEW_WEIGHTS:
        raise Wrong(f"Not yet. Your network has {count(weights, 'weight')}; at most {FEW_WEIGHTS:,} are allowed.")
    share = train.evaluate(model, sample("fashion_mnist", "valid")).accuracy
    if share < 0.2:
        raise Wrong(
            f"Not yet. {percent(share)} of the pictures named right is as good as guessing: has your network been trained?"
        )
    if share < ENOUGH:
        raise Wrong(
            f"Not yet. {100 * share:.1f} % of the pictures are named right; {percent(ENOUGH)} are wanted. Train it longer?"
        )
    return f"{count(weights, 'weight')}, {100 * share:.1f} % right on validation."


small = Exercise(
    "small",
    _grade_small,
    [
        "`models.small_cnn(width=4)` has a quarter of the feature maps of the network above.",
        "Train it with the line `train.fit(…)` from above. A larger `lr`, or more epochs?",
    ],
    """clothes = data.load("fashion_mnist", "train", source="sample")
unseen = data.load("fashion_mnist", "valid", source="sample")
torch.manual_seed(0)
small = models.small_cnn(width=4)
train.fit(small, clothes, unseen, epochs=3, batch_size=64, lr=0.02, device="cpu")""",
    seconds=30,
)

QUESTIONS = (
    Question(
        "The bar for “boot” stands at 99 %. Is the network right in 99 of 100 such cases?",
        (
            Choice("Yes: that is what probability means.", "The bar only says how the boot's score compares with the nine others. Notebook 09 measures how often sure means right."),
            Choice("Not by itself.", "The ten bars always add up to 100 %, even for plain noise. Notebook 09 measures how often sure means right.", right=True),
            Choice("No: it is right in all cases.", "You have seen it name a frog and plain noise. It can be sure and wrong."),
        ),
    ),
    Question(
        "Who decided which patterns the feature maps look for?",
        (
            Choice("The author of the course.", "The author chose how many maps there are, and how large the kernels are. Their numbers started at random."),
            Choice("The training.", "The kernels' numbers started at random, and training nudged them, step by step.", right=True),
            Choice("Nobody: they stay random.", "They start at random. With random weights the network would only guess: 10 % right."),
        ),
    ),
)  # fmt: skip
