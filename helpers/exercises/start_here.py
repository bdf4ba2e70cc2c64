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
        6,
        [
            (7, "13 rows make six pairs; the row that is left over is dropped, not kept."),
            (6.5, "There is no half row: what is left over is dropped."),
            (13, "That is what goes into the third block."),
            (26, "That is what goes into the second block."),
            (3, "That is what comes out for an image of 28×28; this one has 52 rows."),
            (4, "Each convolution takes two rows away if there is no padding; this network has it."),
            (17, "You divide by 3; each of the three blocks halves the rows that come in."),
        ],
        praise="13 rows make six pairs, and one row is dropped.",
    ),
    ["Each block makes one row of two.", "Into the third block go 13 rows. How many whole pairs are there?"],
    "rows = 52 // 2 // 2 // 2  # 26, then 13, then 6: `//` divides and drops what is left over",
)


def _true_accuracy(predictions, labels):
    return (predictions == labels).double().mean()


def _answers():
    """Some small lists of class numbers, then larger ones."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([9, 0, 2, 7]), torch.tensor([9, 0, 4, 7]))]
    for images in [1, 3, 5, 8, 20, 50, 200]:
        labels = torch.randint(0, 10, (images,), generator=draw)
        guesses = torch.randint(0, 10, (images,), generator=draw)
        right = torch.rand(images, generator=draw) < 0.7
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
                "You divide by the number of classes; divide by the number of images.",
            ),
            (lambda p, y: (p != y).double().mean(), "That is the share of wrong answers."),
        ],
        praise="This is what `train.evaluate` computes.",
    ),
    [
        "`predictions == labels` is a tensor of True and False: where is the network right?",
        "Count the True with `.sum()`. What must you divide by?",
        "`len(labels)` is the number of images.",
    ],
    """def accuracy(predictions, labels):
    return (predictions == labels).sum() / len(labels)""",
)

FEW, ENOUGH = 500, 0.75


def _grade_small(answer):
    if isinstance(answer, train.History):
        raise Wrong("Not yet. `fit` trains in place, and returns its History: hand over `small` itself.")
    model = networks.network_in(answer, 1, 28, 28)
    networks.check_scores(model, 1, 28, 28)
    parameters = networks.all_parameters(model)
    if parameters > FEW:
        raise Wrong(
            f"Not yet. Your network has {count(parameters, 'parameter')}; at most {FEW:,} are allowed (untrained ones count, too)."
        )
    share = train.evaluate(model, sample("fashion_mnist", "valid")).accuracy
    if share < 0.2:
        raise Wrong(
            f"Not yet. {percent(share)} of right answers is as good as guessing: has your network been trained?"
        )
    if share < ENOUGH:
        raise Wrong(
            f"Not yet. {100 * share:.1f} % of the answers are right; {percent(ENOUGH)} are wanted. "
            "Train it longer, or with a larger `lr`?"
        )
    return f"{count(parameters, 'parameter')}, {100 * share:.1f} % right on the validation set."


small = Exercise(
    "small",
    _grade_small,
    [
        "`models.small_cnn(width=4)` has 1,702 parameters. How many has it with half of that width?",
        "So few parameters learn slowly, and may be changed in larger steps: a larger `lr`, or more epochs?",
    ],
    """training_set = data.load("fashion_mnist", "train", source="sample")
validation_set = data.load("fashion_mnist", "valid", source="sample")
torch.manual_seed(0)
small = models.small_cnn(width=2)
train.fit(small, training_set, validation_set, epochs=4, batch_size=64, lr=0.05, device="cpu")""",
    seconds=30,
)

QUESTIONS = (
    Question(
        "The bar for “bag” stands at 98 %. Is the network right in 98 of 100 such cases?",
        (
            Choice("Yes: that is what probability means.", "The bar only says how the bag's score compares with the nine others; you have seen 98 % for a boot that lay on its side."),
            Choice("Not necessarily.", "Nearly, on images like these. But the ten bars always add up to 100 %, even for plain noise. Notebook 09 measures how often sure means right.", right=True),
            Choice("No: it is right in all cases.", "You have seen mistakes with bars above 90 %, and a name for plain noise."),
        ),
    ),
    Question(
        "Who decided which patterns the feature maps look for?",
        (
            Choice("The author of the course.", "The author chose how many maps there are, and how large the kernels are. Their numbers started at random."),
            Choice("The training.", "The kernels' numbers started at random, and training nudged them, step by step.", right=True),
            Choice("Nobody: they stay random.", "They start at random, and training changes them. Without it the network would only guess."),
        ),
    ),
    Question(
        "98 % right on the training set, 88 % on the validation set: what to expect of new images?",
        (
            Choice("About 98 %.", "The network has learned from these very images, and may know some of them by heart."),
            Choice("About 88 %.", "It has not learned from the validation set, so these images are new to it, like those to come.", right=True),
            Choice("About 93 %, the mean.", "The training set tells how well it knows what it has learned from; that says little of new images."),
        ),
    ),
)  # fmt: skip
