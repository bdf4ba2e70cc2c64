"""What a run trains with: checked before anything is changed, in plain values, the same on all processes."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import torch

from helpers import checks
from helpers.train import identity, optimizers, parallel
from helpers.train.evaluation import answered, check_classes, check_image_set, in_evaluation_mode, normalise, place
from helpers.train.machine import choose_device, choose_precision, memory_errors

WEIGHT_DECAY = 0.01  # AdamW's own default
SCHEDULES = ("one-cycle", "falling", "constant")
LARGEST_SEED = 2**32 - 1  # torch's generator on the CPU takes no notice of more


@dataclass
class Settings:
    """How `fit` trains, see there.  Numbers of any type become plain ones; raises ValueError for what cannot work."""

    epochs: int
    batch_size: int
    lr: float
    optimizer: str
    weight_decay: float
    schedule: str
    label_smoothing: float
    augment: Callable | None
    seed: int
    precision: str | None

    def __post_init__(self):
        self.epochs = checks.whole("epochs", self.epochs, 1)
        self.batch_size = checks.whole("batch_size", self.batch_size, 1)
        self.lr = checks.number("lr", self.lr, above=0)
        checks.one_of("optimizer", self.optimizer, optimizers.OPTIMIZERS)
        self.weight_decay = checks.number("weight_decay", self.weight_decay, least=0)
        checks.one_of("schedule", self.schedule, SCHEDULES)
        self.label_smoothing = checks.number("label_smoothing", self.label_smoothing, least=0, below=1)
        _check_function("augment", self.augment)
        self.seed = checks.whole("seed", self.seed, 0, LARGEST_SEED)


def prepare(model, train, valid, device, checkpoint, on_epoch, **settings):
    """Check all that `fit` was given and change nothing; returns its `Settings`, its device and the run in plain values.

    Of several processes the first decides on the precision.  Raises, on all of them, ValueError or
    TypeError for arguments that cannot work, and ValueError where their runs are not the same.
    """
    run = problem = None
    try:
        settings = Settings(**settings)
        device = choose_device(device)
        settings.precision = choose_precision(device, settings.precision)
        _check_function("on_epoch", on_epoch)
        if checkpoint is not None and not isinstance(checkpoint, (str, os.PathLike)):
            raise TypeError(f"checkpoint must be a path or None; got {checks.shown(checkpoint)}")
        _check_fit(model, train, valid, settings)
        run = {
            **identity.described(vars(settings)),
            "train": _described_set(train),
            "valid": _described_set(valid),
            "model": identity.described(model, by_value=False),
        }
    except (ValueError, TypeError) as error:
        problem = error
    run = _agreed(run, problem)
    settings.precision = run["precision"]
    return settings, device, run


def _described_set(images):
    """Its images and labels by their numbers; mean and deviation rounded, for machines differ in the last digits."""
    rounded = {what: [float(f"{value:.6g}") for value in getattr(images, what)] for what in ("mean", "std")}
    return identity.described(vars(images) | rounded)


def _agreed(run, problem):
    """The run of the first process; raises, on all of them, where one has a problem or another run."""
    reports = parallel.gathered((run, problem))
    for _, problem in reports:
        if problem is not None:
            raise problem
    first = reports[0][0]
    for number, (other, _) in enumerate(reports):
        other["precision"] = first["precision"]
        differ = identity.differences(first, other)
        if differ:
            words = identity.in_words(differ, f"{{name}} is {{one}} on process 0, {{other}} on process {number}")
            raise ValueError(
                f"the processes of this run differ ({words}): start all with the same line and the same data"
            )
    return first


def _check_function(what, value):
    if value is not None and (not callable(value) or isinstance(value, type)):
        raise TypeError(f"{what} must be a function or None; got {checks.shown(value)}")


def _check_fit(model, train, valid, settings):
    """Raises ValueError where model, images and settings do not fit one another."""
    checks.module("model", model)
    optimizers.trainable(model)
    check_image_set("train", train)
    check_image_set("valid", valid)
    if settings.batch_size > len(train):
        raise ValueError(f"batch_size {settings.batch_size} is larger than the training set of {len(train)} images")
    if settings.schedule == "one-cycle" and settings.epochs == 1 and settings.batch_size == len(train):
        raise ValueError(
            "schedule 'one-cycle' needs two steps or more, to rise and to fall; one epoch of one batch has one: "
            "try schedule='constant', more epochs or a smaller batch_size"
        )
    with memory_errors("not even two images fit into memory: try a smaller model"):
        _try_out(model, train, valid, settings.batch_size)


@torch.no_grad()
def _try_out(model, train, valid, batch_size):
    """Show the model an image or two of each set, as training will; it stays as it is, and so does the random state."""
    device, dtype = place(model)
    model = getattr(model, "_orig_mod", model)  # what torch.compile was given: it would compile for this
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}  # in place of running means

    def answers(images, count):
        x = normalise(images.images[:count].to(device), images.mean, images.std).to(dtype)
        return answered(lambda x: torch.func.functional_call(model, buffers, (x,)), x)

    forked = [device] if device.type == "cuda" else []
    with in_evaluation_mode(model), torch.random.fork_rng(forked):
        check_classes("valid", valid.labels, answers(valid, 1))
        model.train()
        if len(train) % batch_size == 1 or batch_size == 1:
            try:
                answers(train, 1)
            except ValueError as error:
                raise ValueError(
                    f"batch_size {batch_size} leaves one of the {len(train)} images alone in the last batch, "
                    f"and the model cannot learn from one ({error}): choose another"
                ) from error
        check_classes("train", train.labels, answers(train, min(2, batch_size)))
