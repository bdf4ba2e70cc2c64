"""Exercises and questions of notebook 14."""

import contextlib
import copy
import functools
import io

import torch
import torch.nn.functional as F
from torch import nn

from helpers import models, train
from helpers.exercises.comparing import Wrong, count, kind, percent
from helpers.exercises.grading import UNSOLVED, Exercise, check_function, function, sample
from helpers.exercises.questions import Choice, Question

# ---- the square in the middle --------------------------------------------------------------


def _middle_square(image):
    side = min(image.shape[1:])
    top, left = (image.shape[1] - side) // 2, (image.shape[2] - side) // 2
    return image[:, top : top + side, left : left + side]


def _images():
    """Wide, tall and square images (C, H, W) with odd and even margins; every number in one image is another."""
    shapes = [(1, 2, 4), (1, 4, 2), (1, 2, 5), (3, 6, 10), (3, 9, 4), (3, 5, 5), (1, 1, 8), (3, 7, 12)]
    return [(torch.arange(c * h * w).reshape(c, h, w),) for c, h, w in shapes]


def _squeezed(image):
    side = min(image.shape[1:])
    return F.interpolate(image.unsqueeze(0).float(), size=(side, side))[0].to(image.dtype)


def _cut(rows, columns):
    """A slip: where the cut begins, as functions of the margin."""

    def cut(image):
        side = min(image.shape[1:])
        top, left = rows(image.shape[1] - side), columns(image.shape[2] - side)
        return image[:, top : top + side, left : left + side]

    return cut


middle_square = Exercise(
    "middle_square",
    function(
        _middle_square,
        _images,
        [
            (lambda image: image, "You give the whole image back."),
            (_cut(lambda m: 0, lambda m: 0), "Your square begins at the top and at the left: half of what is too much must go there."),
            (_cut(lambda m: m, lambda m: m), "Your square lies at the bottom and at the right: only half of what is too much goes in front of it."),
            (_cut(lambda m: (m + 1) // 2, lambda m: (m + 1) // 2), "Where the rest cannot be halved, you cut the larger part off in front; it should go behind."),
            (_squeezed, "You shrink the image, so that it is squeezed; cut it."),
            (lambda image: _middle_square(image)[0], "You give one channel; all are wanted."),
            (lambda image: _middle_square(image).transpose(1, 2), "Rows and columns are swapped."),
            (lambda image: image[:, :, (image.shape[2] - min(image.shape[1:])) // 2 :][:, :, : min(image.shape[1:])],
             "You cut columns away, but no rows: an image may also be higher than it is wide."),
            (lambda image: image[:, (image.shape[1] - min(image.shape[1:])) // 2 :][:, : min(image.shape[1:])],
             "You cut rows away, but no columns: an image may also be wider than it is high."),
        ],
        praise="So does `data.from_folder`, before it shrinks the image.",
    ),
    [
        "The side of the square is the smaller one of rows and columns: `min(rows, columns)`.",
        "Of the columns, columns − side are too many. Half of them, rounded down by `//`, stand to the left of the square.",
        "`image[:, top : top + side, left : left + side]` cuts all channels alike.",
    ],
    """def middle_square(image):
    channels, rows, columns = image.shape
    side = min(rows, columns)
    top = (rows - side) // 2
    left = (columns - side) // 2
    return image[:, top : top + side, left : left + side]""",
)  # fmt: skip


# ---- a new head ----------------------------------------------------------------------------


def _networks():
    """(a small network whose last layer is `head[-1]`, how many classes are wanted); always the same."""
    torch.manual_seed(0)
    yield models.fast_cnn(3, widths=(8, 8), classes=7, activation=nn.GELU).eval(), 3
    yield models.lenet(3, 32, classes=7).eval(), 2  # its head has three linear layers
    yield models.small_cnn(3, width=2, classes=4).eval(), 4  # as many classes as before, but others


def _grade_with_new_head(with_new_head):
    check_function(with_new_head, ["model", "classes"])
    for model, classes in _networks():
        _check_new_head(with_new_head, model, classes)
    return "Now the rest is what you have seen: a few steps on that one layer."


def _check_new_head(with_new_head, model, classes):
    """Raise `Wrong` where what is given is no network with a new last layer that alone may learn."""
    before = copy.deepcopy(model)
    answer = with_new_head(model, classes)
    if answer is None:
        raise Wrong(UNSOLVED)
    if not isinstance(answer, nn.Module):
        raise Wrong(f"Not yet. A network is wanted; your function gives {kind(answer)}.")
    _check_untouched(answer, model, before)
    features = before.head[-1].in_features
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    _check_logits(answer, x, features, classes)
    learning = [weights for weights in answer.parameters() if weights.requires_grad]
    old = list(before.parameters())
    if any(_among(weights, before.head[-1].parameters()) for weights in answer.parameters()):
        raise Wrong(
            f"Not yet. A network that has {classes} classes already keeps its old last layer, whose weights are those of "
            "other classes: a new nn.Linear belongs there."
        )
    if not learning:
        raise Wrong("Not yet. Nothing in your network may learn: freeze it first, and then put the new layer in.")
    still = [weights for weights in learning if _among(weights, old)]
    if still:
        where = "in the base" if any(_among(weights, before.base.parameters()) for weights in still) else "in the head"
        raise Wrong(
            f"Not yet. Beside the new layer {sum(w.numel() for w in still):,} other parameters may learn, {where}: set "
            "`requires_grad` to False for all that comes before it."
        )
    if sum(weights.numel() for weights in learning) > (features + 1) * classes:
        raise Wrong(
            f"Not yet. {sum(w.numel() for w in learning):,} parameters may learn; a linear layer from {features} features "
            f"to {count(classes, 'class', 'classes')} has {(features + 1) * classes:,}."
        )
    kept = [weights for weights in answer.parameters() if not weights.requires_grad]
    if not all(_among(weights, kept) for weights in before.base.parameters()):
        raise Wrong(
            "Not yet. The base has other weights than before: what it has learned is lost. Copy the network whole."
        )


def _check_untouched(answer, model, before):
    """Raise `Wrong` where the network that was handed over is no longer what it was."""
    if answer is model:
        raise Wrong("Not yet. You change the network that was handed over, and whoever needs the old classes has lost "
                    "them: begin with `copy.deepcopy(model)`.")  # fmt: skip
    same = [
        a.shape == b.shape and torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), before.state_dict().values())
    ]
    if len(model.state_dict()) != len(before.state_dict()) or not all(same):
        raise Wrong(
            "Not yet. The network that was handed over has another last layer now: work on a copy of all of it."
        )
    learns = [[weights.requires_grad for weights in network.parameters()] for network in (model, before)]
    if learns[0] != learns[1]:
        raise Wrong("Not yet. You freeze the network that was handed over, too: your copy shares its layers.")


def _check_logits(answer, x, features, classes):
    try:
        with torch.no_grad():
            logits = copy.deepcopy(answer).eval()(x)
    except Exception as error:
        raise Wrong(f"Not yet. Your network fails on an image: the new layer takes {features} features, and gives "
                    f"{count(classes, 'logit')}. ({str(error).splitlines()[0]})") from error  # fmt: skip
    if not isinstance(logits, torch.Tensor) or logits.shape != (4, classes):
        raise Wrong(
            f"Not yet. For 4 images logits of shape (4, {classes}) are wanted; your network gives {kind(logits)}."
        )


def _among(weights, others):
    """Whether some tensor of `others` has the same numbers."""
    return any(weights.shape == other.shape and torch.equal(weights, other) for other in others)


with_new_head = Exercise(
    "with_new_head",
    _grade_with_new_head,
    [
        "`copy.deepcopy(model)` is a network of its own, with the same weights.",
        "`for weights in new.parameters(): weights.requires_grad = False` freezes all of it. What is put in afterwards may learn.",
        "`new.head[-1] = nn.Linear(new.head[-1].in_features, classes)`",
    ],
    """import copy

def with_new_head(model, classes):
    new = copy.deepcopy(model)
    for weights in new.parameters():
        weights.requires_grad = False
    features = new.head[-1].in_features
    new.head[-1] = nn.Linear(features, classes)
    return new""",
    seconds=10,
)


# ---- I do not know -------------------------------------------------------------------------

LEAST_ANSWERED, MOST_FOOLED = 0.6, 0.3  # of known classes; of classes that it has never seen
NEW = ("frog", "horse", "ship")


@functools.cache
def _logits():
    """(logits for images of the seven classes, logits for frogs, horses and ships), of images that the notebook does not ask about."""
    with contextlib.redirect_stdout(io.StringIO()):
        model, about = models.trained("seven_classes"), models.about("seven_classes")
    images = sample("cifar10", "test")
    names = [images.classes[label] for label in images.labels.tolist()]
    is_new = torch.tensor([name in NEW for name in names])
    with torch.no_grad():
        logits = torch.cat([
            model(train.normalise(some, about["mean"], about["std"])) for some in images.images[1::2].split(100)
        ])  # fmt: skip
    return logits[~is_new[1::2]], logits[is_new[1::2]]


def _grade_dares(dares):
    check_function(dares, ["logits"])
    known, new = _logits()
    answered = [_asked(dares, logits) for logits in (known, new)]
    if answered[0] is None or answered[1] is None:
        raise Wrong(UNSOLVED)
    one = _asked(dares, known[:1])
    if bool(one[0]) != bool(answered[0][0]):
        raise Wrong(
            "Not yet. Asked about one image alone, it decides otherwise than among others: look at each row by itself."
        )
    share, fooled = (a.double().mean().item() for a in answered)
    said = (
        f"Of the classes that it knows it answers {percent(share)}, of those that it has never seen {percent(fooled)}."
    )
    if share == fooled == 1:
        raise Wrong(f"Not yet. It answers always. {said}")
    if share == fooled == 0:
        raise Wrong(f"Not yet. It never answers. {said}")
    if share < fooled:
        raise Wrong(f"Not yet. It is the wrong way round: True means that the network is to answer. {said}")
    if share < LEAST_ANSWERED and fooled > MOST_FOOLED:
        raise Wrong(f"Not yet. No rule of this kind need do both so badly. {said} Is it the sureness that you look at?")
    if share < LEAST_ANSWERED:
        raise Wrong(
            f"Not yet. It is too careful. {said} At least {percent(LEAST_ANSWERED)} of the known should be answered."
        )
    if fooled > MOST_FOOLED:
        raise Wrong(
            f"Not yet. It is too bold. {said} At most {percent(MOST_FOOLED)} of the never seen may be answered."
        )
    return said


def _asked(dares, logits):
    """What the function gives for logits (N, 7), as a bool tensor (N,); None where it gives nothing."""
    lent = logits.clone()
    result = dares(lent)
    if result is None:
        return None
    if not torch.equal(lent, logits):
        raise Wrong(
            "Not yet. Your function changes the logits that it is given: work on a copy, such as logits.clone()."
        )
    if isinstance(result, (list, tuple)) and all(isinstance(one, (bool, torch.Tensor)) for one in result):
        result = torch.tensor([bool(one) for one in result])
    if not isinstance(result, torch.Tensor) or result.shape != logits.shape[:1]:
        raise Wrong(
            f"Not yet. For {len(logits)} images a tensor of {len(logits)} × True or False is wanted; yours gives {kind(result)}."
        )
    if result.dtype != torch.bool:
        raise Wrong(
            f"Not yet. True or False is wanted for each image; yours gives numbers ({result.dtype}). Compare them with a threshold."
        )
    return result


dares = Exercise(
    "dares",
    _grade_dares,
    [
        "Where the network is sure, one probability is much larger than the others: `logits.softmax(dim=1)`, row by row.",
        "Print how sure it is of the images in `known` and in `new`, say their mean, and choose a threshold between.",
        "`.max(dim=1).values` is the largest number in each row. Other rules do, too: the distance to the second largest, say.",
    ],
    """def dares(logits):
    sureness = logits.softmax(dim=1).max(dim=1).values
    return sureness > 0.7  # one of many rules""",
    seconds=10,
    prepare=_logits,
)

QUESTIONS = (
    Question(
        "You have 20 images of each of four mugs. What do you train first?",
        (
            Choice("A new head on a trained, frozen base.", "With 20 images of a class it was twelve points ahead of training from nothing, and it takes seconds. Fine-tuning may follow.", right=True),
            Choice("A network from nothing: it then knows only mugs.", "From nothing it must learn edges and textures from 80 images, too. In the figure it stayed behind."),
            Choice("All of a trained network, at a high learning rate.", "Large steps soon spoil what the base has learned. Unfreeze later, with small steps, and measure whether it pays."),
        ),
    ),
    Question(
        "A network is 93 % sure that your mug is a frog. What follows?",
        (
            Choice("The mug looks 93 % like a frog.", "Probabilities are shares among its own classes. They compare a frog with a ship, not with all the world."),
            Choice("It should be trained for longer.", "Longer training on its own classes teaches it nothing about mugs; often it makes it surer still."),
            Choice("Of its classes, frog fits best; maybe none fits.", "Softmax shares out 100 % among the classes it knows. None of them is 'something else'.", right=True),
        ),
    ),
    Question(
        "Your 6 test images are all named rightly. What do you know?",
        (
            Choice("That the network makes no mistakes.", "A network that is right 7 times of 10 names six such images rightly about once in nine tries."),
            Choice("Little: six images also come out right by luck.", "Even at 70 % accuracy, 0.7 multiplied six times is 0.12. And they may share one table, one light, one afternoon.", right=True),
            Choice("Nothing, since test images must not be looked at.", "They must not choose anything. To report what they say, with their number beside it, is what they are for."),
        ),
    ),
)  # fmt: skip
