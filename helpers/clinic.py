"""The patients of notebook 12: a healthy training program, and others that differ from it in one fault.

    from helpers import clinic
    outcome = clinic.run(clinic.PATIENTS["softmax twice"].sick, seed=0)      # seconds
    clinic.PATIENTS["softmax twice"].symptom(outcome)                        # the number that shows the fault

A `Program` is a training program by the parts that may be wrong with it; `run` is the loop that notebook 12 has in the
open.  All learn from 1,000 images of the embedded Fashion-MNIST, with a network of 9,098 parameters.
`benchmarks/clinic.py` runs every patient, sick and cured, from ten seeds.
"""

import contextlib
import dataclasses
import functools
import io
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from helpers import checks, data, train

IMAGES, HALF, BATCH, STEPS_OF_ONE_BATCH = 1_000, 500, 50, 100
SHOES = {"sandal": 5, "sneaker": 7, "ankle boot": 9}  # whose toes point to the left, all but a few
UNBOUNDED = 99.0  # stands for NaN and whatever is larger, where a loss is asked for


# ---- networks ------------------------------------------------------------------------------


def small_network(classes=10):
    """Two 3×3 convolutions, each with ReLU and 2×2 max pooling, and a linear layer; takes (N, 1, 28, 28).  9,098 parameters for ten classes."""
    classes = checks.whole("classes", classes, 2, 1_000)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(784, classes),
    )  # fmt: skip


def _with_low_biases(classes):
    network = small_network(classes)
    for layer in (network[0], network[3]):
        nn.init.normal_(layer.bias, mean=-3.0)
    return network


def _with_dropout(classes):
    network = small_network(classes)
    return network.insert(7, nn.Dropout(0.5))


def _with_batch_norm(classes):
    """Batch norm three times, and a global average: what batch norm does to a whole map, nothing later makes up for."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes),
    )  # fmt: skip


# ---- images and labels ---------------------------------------------------------------------


class Task(NamedTuple):
    """uint8 images (N, 1, 28, 28) and labels (N,): to learn from, to validate by, and new ones that play no part in either; the classes' names."""

    images: torch.Tensor
    labels: torch.Tensor
    valid_images: torch.Tensor
    valid_labels: torch.Tensor
    new_images: torch.Tensor
    new_labels: torch.Tensor
    classes: list


@functools.cache
def _sample():
    with contextlib.redirect_stdout(io.StringIO()):
        return [data.load("fashion_mnist", split, source="sample") for split in ("train", "valid")]


def clothes():
    """Name one of ten classes: 1,000 images to learn from, 500 to validate by, 500 new ones."""
    known, unseen = _sample()
    return Task(
        known.images[:IMAGES], known.labels[:IMAGES], unseen.images[:HALF], unseen.labels[:HALF],
        unseen.images[HALF:], unseen.labels[HALF:], list(known.classes),
    )  # fmt: skip


def _clothes_leaked():
    """The same, but half of the images to learn from are those to validate by."""
    task = clothes()
    images = torch.cat([task.images[:HALF], task.valid_images])
    return task._replace(images=images, labels=torch.cat([task.labels[:HALF], task.valid_labels]))


def toes():
    """To which side does a shoe point?  Two classes: every second shoe is mirrored, so that its toe points to the right."""
    parts = []
    for images in _sample():
        shoes = images.images[torch.isin(images.labels, torch.tensor(list(SHOES.values())))][:IMAGES]
        to_the_right = torch.arange(len(shoes)) % 2
        parts += [torch.where(to_the_right.reshape(-1, 1, 1, 1) == 1, shoes.flip(-1), shoes), to_the_right]
    images, labels, unseen, their_labels = parts
    half = len(unseen) // 2
    return Task(
        images, labels, unseen[:half], their_labels[:half], unseen[half:], their_labels[half:],
        ["toe to the left", "toe to the right"],
    )  # fmt: skip


def once(images):
    """Normalised as it should be: mean 0 and standard deviation 1 over the training images."""
    return train.normalise(images, _sample()[0].mean, _sample()[0].std)


def _pixels(images):
    return images.float()  # 0 to 255, as they lie in the file


def _scaled_twice(images):
    return (images / 255 / 255 - _sample()[0].mean[0]) / _sample()[0].std[0]


def _normalised_twice(images):
    return (once(images) - _sample()[0].mean[0]) / _sample()[0].std[0]


def _shuffled(labels):
    return labels[torch.randperm(len(labels))]


def _as_they_are(values):
    return values


def mirrored(x):
    """Each image of a batch mirrored or not, at random: the augmentation that destroys the label of `toes`."""
    tossed = torch.rand(len(x), 1, 1, 1) < 0.5
    return torch.where(tossed, x.flip(-1), x)


def _softmax_twice(logits, labels):
    return F.cross_entropy(logits.softmax(dim=1), labels)


# ---- a program, and what comes of it -------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Program:
    """The parts of a training program; as they stand here, they are healthy.

    task: gives a `Task`.  network: from the number of classes to a new model.  scaled: from uint8 images to what the
    network gets.  paired: from the labels to those that are trained with.  augmented: what is done to each batch.
    loss: of logits and labels.  clears: whether each step begins with zero_grad().  evaluates: whether eval() comes
    before measuring.
    """

    task: Callable = clothes
    network: Callable = small_network
    scaled: Callable = once
    paired: Callable = _as_they_are
    augmented: Callable = _as_they_are
    loss: Callable = F.cross_entropy
    lr: float = 0.1
    clears: bool = True
    evaluates: bool = True
    epochs: int = 10


class Outcome(NamedTuple):
    """What a program has come to.

    x, labels: what it was trained with, after scaling and pairing.  losses: of each step.  norms: name of a layer →
    the length of its weights' gradient at each step.
    """

    program: Program
    task: Task
    model: nn.Module
    x: torch.Tensor
    labels: torch.Tensor
    losses: list
    norms: dict


def run(program, seed=0, one_batch=False):
    """Train as the program says, on the CPU, with plain SGD: the `Outcome`.

    seed: decides the first weights, the order of the images and all else that is left to chance.
    one_batch: the second test of the notebook: 100 steps with the first 20 images and nothing else.
    Raises ValueError for what is no program, and for another seed than a whole number from 0 up.
    """
    if not isinstance(program, Program):
        raise ValueError(f"program must be a clinic.Program; got {checks.shown(program)}")
    seed, one_batch = checks.whole("seed", seed, 0, 2**31), checks.flag("one_batch", one_batch)
    task = program.task()
    torch.manual_seed(seed)
    model = program.network(len(task.classes))
    x, labels = program.scaled(task.images), program.paired(task.labels)
    optimizer = torch.optim.SGD(model.parameters(), lr=program.lr)
    layers = {layer_name(model, layer): layer for layer in model if isinstance(layer, (nn.Conv2d, nn.Linear))}
    losses, norms = [], {name: [] for name in layers}
    for batch in _batches(len(x), program.epochs, one_batch):
        logits = model(program.augmented(x[batch]))
        loss = program.loss(logits, labels[batch])
        if program.clears:
            optimizer.zero_grad()
        loss.backward()
        for name, layer in layers.items():
            norms[name].append(layer.weight.grad.norm().item())
        optimizer.step()
        losses.append(loss.item())
    return Outcome(program, task, model, x, labels, losses, norms)


def _batches(count, epochs, one_batch):
    if one_batch:
        yield from [torch.arange(20)] * STEPS_OF_ONE_BATCH
        return
    for _ in range(epochs):
        yield from torch.randperm(count).split(BATCH)


def layer_name(model, layer):
    """What a layer is called on a chart: "convolution 1", "linear"."""
    convolutions = [one for one in model if isinstance(one, nn.Conv2d)]
    return f"convolution {convolutions.index(layer) + 1}" if isinstance(layer, nn.Conv2d) else "linear"


@torch.no_grad()
def accuracy(model, x, labels):
    """The share of images that the model names as labelled, from 0 to 1, in the mode that it is in."""
    return (model(x).argmax(dim=1) == labels).double().mean().item()


def nearest_mean(x, labels, new, classes):
    """The baseline: the class whose mean image is nearest to each of the new images.  x, new: (N, 1, H, W)."""
    means = torch.stack([x[labels == number].mean(dim=0).flatten() for number in range(classes)])
    return torch.cdist(new.flatten(1), means).argmin(dim=1)


def among(images, others):
    """How many of the images (N, …) lie among the others, equal in every pixel."""
    known = {image.numpy().tobytes() for image in others}
    return sum(image.numpy().tobytes() in known for image in images)


# ---- symptoms: each a number of an outcome -------------------------------------------------


def _bounded(loss):
    return UNBOUNDED if math.isnan(loss) else min(loss, UNBOUNDED)


def first_loss(outcome):
    """The loss of the first batch, before any step."""
    return _bounded(outcome.losses[0])


def last_loss(outcome):
    """The mean loss of the last 20 steps; 99 where it is NaN or larger."""
    return _bounded(sum(outcome.losses[-20:]) / 20)


def lowest_loss(outcome):
    """The mean loss of the 20 steps in a row where it is lowest."""
    return _bounded(min(sum(outcome.losses[i : i + 20]) / 20 for i in range(len(outcome.losses) - 19)))


def growth(outcome):
    """How many times as long the whole gradient is over the last 20 steps as at the first."""
    lengths = [math.hypot(*step) for step in zip(*outcome.norms.values())]
    return _bounded(sum(lengths[-20:]) / 20 / lengths[0]) if lengths[0] else 0.0


def spread(outcome):
    """The standard deviation of all numbers that the network gets; 1 is meant."""
    return outcome.x.std().item()


def measured(outcome):
    """Accuracy on the validation images, as the program measures it, in per cent."""
    outcome.model.train(not outcome.program.evaluates)
    return 100 * accuracy(outcome.model, outcome.program.scaled(outcome.task.valid_images), outcome.task.valid_labels)


def flattery(outcome):
    """Points by which the accuracy on the validation images lies above that on new ones."""
    outcome.model.train(not outcome.program.evaluates)
    new = accuracy(outcome.model, outcome.program.scaled(outcome.task.new_images), outcome.task.new_labels)
    return measured(outcome) - 100 * new


@torch.no_grad()
def dead_maps(outcome):
    """Per cent of the second convolution's maps that are 0 everywhere for all training images, after training."""
    maps = outcome.model[:5](outcome.x)
    return 100 * (maps.amax(dim=(0, 2, 3)) == 0).double().mean().item()


@torch.no_grad()
def changed_answers(outcome):
    """Per cent of the validation images that get another answer when the program asks twice."""
    outcome.model.train(not outcome.program.evaluates)
    x = outcome.program.scaled(outcome.task.valid_images)
    return 100 * (outcome.model(x).argmax(dim=1) != outcome.model(x).argmax(dim=1)).double().mean().item()


@torch.no_grad()
def spoilt(outcome):
    """Points of accuracy, in eval(), that are lost because the validation images were passed before: one by one, class by class."""
    x, labels = outcome.program.scaled(outcome.task.valid_images), outcome.task.valid_labels
    before = accuracy(outcome.model.eval(), x, labels)
    outcome.model.train(not outcome.program.evaluates)
    for alone in labels.argsort(stable=True).split(1):  # as they lie in folders
        outcome.model(x[alone])
    return 100 * (before - accuracy(outcome.model.eval(), x, labels))


# ---- the patients --------------------------------------------------------------------------


class Patient(NamedTuple):
    """sick, cured: two `Program`s.  symptom: from an outcome to a number.  words: what it is.

    limit: above it a program is sick, or, where `above` is False, below it.  ward: whether the notebook's lab shows it.
    """

    sick: Program
    cured: Program
    symptom: Callable
    words: str
    limit: float
    above: bool = True
    ward: bool = False

    def is_sick(self, number):
        """Whether a number of the symptom is that of a sick program."""
        return number > self.limit if self.above else number < self.limit


_HEALTHY, _LONG, _TOES = Program(), Program(epochs=30), Program(task=toes)
_DROPOUT, _NORM = Program(network=_with_dropout), Program(network=_with_batch_norm)
_but = dataclasses.replace

# Of the last one the limit is the standard error of an accuracy of 70 % on 500 images: two points.
PATIENTS = {
    "no zero_grad": Patient(
        _but(_HEALTHY, clears=False), _HEALTHY, growth, "gradient: last steps ÷ first step", 5, ward=True
    ),
    "softmax twice": Patient(
        _but(_HEALTHY, loss=_softmax_twice), _HEALTHY, lowest_loss, "lowest loss of 20 steps", 1.46, ward=True
    ),
    "pixels from 0 to 255": Patient(_but(_HEALTHY, scaled=_pixels), _HEALTHY, first_loss, "first loss", 4, ward=True),
    "divided by 255 twice": Patient(_but(_HEALTHY, scaled=_scaled_twice), _HEALTHY, last_loss, "last loss", 2.2),
    "normalised twice": Patient(
        _but(_HEALTHY, scaled=_normalised_twice), _HEALTHY, spread, "standard deviation of the inputs", 2
    ),
    "shuffled labels": Patient(
        _but(_HEALTHY, paired=_shuffled), _HEALTHY, measured, "validation accuracy (%)", 20, above=False, ward=True
    ),
    "learning rate 10": Patient(_but(_HEALTHY, lr=10.0), _HEALTHY, last_loss, "last loss", 2.2),
    "learning rate 0.001": Patient(_but(_HEALTHY, lr=0.001), _HEALTHY, last_loss, "last loss", 1.8, ward=True),
    "dead ReLUs": Patient(
        _but(_HEALTHY, network=_with_low_biases), _HEALTHY, dead_maps, "dead maps of convolution 2 (%)", 90, ward=True
    ),
    "leaked images": Patient(
        _but(_LONG, task=_clothes_leaked), _LONG, flattery, "validation − new images (points)", 6, ward=True
    ),
    "mirrored toes": Patient(
        _but(_TOES, augmented=mirrored), _TOES, measured, "validation accuracy (%)", 70, above=False, ward=True
    ),
    "no eval(), dropout": Patient(
        _but(_DROPOUT, evaluates=False), _DROPOUT, changed_answers, "answers that change (%)", 5
    ),
    "no eval(), batch norm": Patient(
        _but(_NORM, evaluates=False), _NORM, spoilt, "accuracy lost by measuring (points)", 2
    ),
}
WARD = [name for name, patient in PATIENTS.items() if patient.ward]  # eight


def examined(program, seed=0):
    """What the five tests say of a program, as plain numbers: the chart that the notebook's lab paints, a dict.

    losses, one_batch: a mean of each five steps, None for NaN.  norms: layer → (at the first step, over the last 20).
    """
    outcome, alone = run(program, seed), run(program, seed, one_batch=True)
    classes, task = len(outcome.task.classes), outcome.task
    torch.manual_seed(seed)
    seen, valid = program.augmented(outcome.x), program.scaled(task.valid_images)
    outcome.model.train(not program.evaluates)
    answers = nearest_mean(seen, outcome.labels, valid, classes)
    return {
        "classes": classes,
        "mean": round(seen.mean().item(), 3), "std": round(seen.std().item(), 3),
        "least": round(seen.min().item(), 3), "most": round(seen.max().item(), 3),
        "among": among(task.valid_images, task.images), "valid": len(task.valid_images),
        "first_loss": round(first_loss(outcome), 3),
        "losses": _thinned(outcome.losses), "one_batch": _thinned(alone.losses),
        "norms": {name: [_short(steps[0]), _short(sum(steps[-20:]) / 20)] for name, steps in outcome.norms.items()},
        "train_accuracy": round(accuracy(outcome.model, outcome.x, outcome.labels), 3),
        "valid_accuracy": round(accuracy(outcome.model, valid, task.valid_labels), 3),
        "baseline": round((answers == task.valid_labels).double().mean().item(), 3),
    }  # fmt: skip


def first_inputs(program, count=6, seed=0):
    """The first images as the network gets them in its first step, painted as if they had been normalised, with their labels' names.

    Returns uint8 (count, 1, 28, 28), and a list.  What was never normalised is all white or all dark then.
    """
    checks.whole("count", count, 1, IMAGES)
    task = program.task()
    torch.manual_seed(seed)
    labels = program.paired(task.labels)[:count]
    x = program.augmented(program.scaled(task.images[:count]))
    known = _sample()[0]
    painted = (255 * (x * known.std[0] + known.mean[0])).clamp(0, 255).round().to(torch.uint8)
    return painted, [task.classes[label] for label in labels.tolist()]


def _thinned(losses, each=5):
    means = [sum(losses[i : i + each]) / each for i in range(0, len(losses), each)]
    return [None if math.isnan(mean) else round(min(mean, UNBOUNDED), 3) for mean in means]


def _short(number):
    return None if math.isnan(number) else float(f"{number:.3g}")
