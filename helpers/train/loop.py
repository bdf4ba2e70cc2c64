"""Train a CNN and measure it: `fit`, `evaluate`, `predict`, `History`.

`fit` is the 12-line loop of notebook 09 with what a long run needs around it: the whole set in
memory on the device, channels_last, bf16 where the hardware computes it, a learning rate that
rises and falls, a progress bar, checkpoints, several processes under torchrun, and an end that
loses nothing when you press Stop.  From a terminal: `python -m helpers.train --help`.
"""

import copy
import math
import time
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from helpers.train import optimizers, parallel
from helpers.train.checkpoints import Checkpoint, fingerprint
from helpers.train.evaluation import check_image_set, evaluate, normalise
from helpers.train.machine import autocast, choose_device, freed_kept

WEIGHT_DECAY = 0.01  # AdamW's own default
SCHEDULES = ("one-cycle", "falling", "constant")


@dataclass
class History:
    """What `fit` saw: one number an epoch in each list.

    Training loss and accuracy are means over the epoch while the weights moved (and over augmented
    pictures, where there are any); the validation numbers are of the weights at the epoch's end.
    seconds: wall time of the epoch's training; the time to validate is not in it.
    lr: the learning rate at the epoch's end.
    """

    train_loss: list = field(default_factory=list)
    train_accuracy: list = field(default_factory=list)
    valid_loss: list = field(default_factory=list)
    valid_accuracy: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    lr: list = field(default_factory=list)

    def __len__(self):
        return len(self.train_loss)

    def plot(self):
        """Draw loss and accuracy against epochs, training and validation."""
        from helpers import plots  # here and not above: training in a terminal needs no matplotlib

        plots.show_history(self)


@freed_kept()
def fit(
    model, train, valid, *, epochs, batch_size, lr, augment=None, seed=0, device=None, checkpoint=None,
    optimizer="adamw", weight_decay=WEIGHT_DECAY, schedule="one-cycle", label_smoothing=0.0, on_epoch=None,
):  # fmt: skip
    """Train `model` in place with cross-entropy; return its `History`.

    train, valid: `data.ImageSet`s; valid is only measured, after every epoch.
    epochs: passes over train.  batch_size: pictures a step.  lr: the highest learning rate.
    augment: None, or a function from a uint8 batch (B, C, H, W) to another of the same shape.
    seed: of the order of the pictures, of augmentation and of dropout; it sets torch's global seed.
    device: None takes a GPU where there is one; or "cpu", "cuda", "mps".
    checkpoint: a path; the run is saved there after each epoch, and a later call with the same
    arguments goes on from it, to the same weights, bit for bit, as a run that never stopped.
    optimizer, weight_decay: see `optimizers.make`.
    schedule: "one-cycle" (Smith & Topin 2018: up for the first 30 % of the steps, then down to
    almost nothing), "falling" (in a straight line from lr to 0) or "constant".
    label_smoothing: the share of each label that is spread over all classes (Szegedy and others 2016).
    on_epoch: None, or a function that is called with the history after each epoch.

    Ctrl-C or the Stop button ends the run; the model and the history so far are kept.
    Raises ValueError for arguments that cannot work, MemoryError where a batch does not fit, and
    FloatingPointError where the loss is no longer a number; the model then has the weights of the
    last good epoch.
    """
    _check_arguments(train, valid, epochs, batch_size, lr, label_smoothing)
    device = choose_device(device)
    torch.manual_seed(seed)
    model.to(device, memory_format=torch.channels_last)
    steps = -(-len(train) // batch_size)  # the last batch of an epoch may be smaller
    optimizer_name, optimizer = optimizer, optimizers.make(optimizer, model, lr, weight_decay)
    scheduler = _scheduler(schedule, optimizer, epochs * steps)
    history = History()
    run = {
        "epochs": epochs, "batch_size": batch_size, "lr": lr, "seed": seed, "optimizer": optimizer_name,
        "weight_decay": weight_decay, "schedule": schedule, "label_smoothing": label_smoothing,
        "augment": _name(augment), "parameters": sum(p.numel() for p in model.parameters()),
        "set": train.name, "source": train.source, "images": len(train), "pictures": fingerprint(train),
    }  # fmt: skip
    saved = Checkpoint(checkpoint, run, history, model=model, optimizer=optimizer, schedule=scheduler)
    first = parallel.rank() == 0  # of several processes one alone prints and writes
    if saved.resume() and first:
        print(f"going on from {checkpoint}, after epoch {len(history)}")

    # No torch.compile: on two cores it took 39 s for a first epoch that takes 12 s without it, and 13 s for later ones
    # (`benchmarks/engine.py --recipe patient --compile`).
    loop = _Loop(parallel.wrap(model), train, batch_size, augment, optimizer, scheduler, label_smoothing)
    good_weights = copy.deepcopy(model.state_dict())
    bar = tqdm(
        total=epochs * len(train), initial=len(history) * len(train), unit=" images", unit_scale=True, disable=not first
    )
    try:
        for epoch in range(len(history), epochs):
            bar.set_description(f"epoch {epoch + 1}/{epochs}")
            order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed * 10_000 + epoch))
            start = time.perf_counter()
            loss, accuracy = loop.one_epoch(order, bar)
            seconds = time.perf_counter() - start
            if not math.isfinite(loss):
                model.load_state_dict(good_weights)
                raise FloatingPointError(
                    f"the loss is no longer a number in epoch {epoch + 1}: the steps were too large. "
                    f"Try lr={lr / 10:g} (it was {lr:g}). The model has the weights it had before that epoch."
                )
            result = evaluate(model, valid)
            history.train_loss.append(loss)
            history.train_accuracy.append(accuracy)
            history.valid_loss.append(result.loss)
            history.valid_accuracy.append(result.accuracy)
            history.lr.append(scheduler.get_last_lr()[0])
            history.seconds.append(seconds)
            good_weights = copy.deepcopy(model.state_dict())
            if first:
                saved.save()
                if on_epoch is not None:
                    on_epoch(history)
    except KeyboardInterrupt:
        print(f"stopped in epoch {len(history) + 1}; the model and the {len(history)} whole epochs of history are kept")
    finally:
        bar.close()
        model.eval()
    if len(history) and first:
        print(f"{len(history)} epochs on {train.name} ({train.source}) in {sum(history.seconds):.0f} s on {device.type}: "
              f"validation accuracy {100 * history.valid_accuracy[-1]:.1f} %")  # fmt: skip
    return history


class _Loop:
    """The training loop, with the pictures on the device once and for all epochs."""

    def __init__(self, model, train, batch_size, augment, optimizer, scheduler, label_smoothing):
        self.model, self.batch_size, self.augment = model, batch_size, augment
        self.optimizer, self.scheduler, self.label_smoothing = optimizer, scheduler, label_smoothing
        self.device = next(model.parameters()).device
        self.images, self.labels = train.images.to(self.device), train.labels.to(self.device)
        self.mean, self.std = train.mean, train.std

    def one_epoch(self, order, bar):
        """One pass over the pictures in this order; returns mean loss and accuracy while the weights moved."""
        sums = torch.zeros(2, device=self.device)  # of the losses, of the right answers
        seen = 0
        self.model.train()
        for step, batch in enumerate(order.to(self.device).split(self.batch_size)):
            try:
                sums += parallel.sum_over_processes(self.one_step(batch))
            except RuntimeError as error:
                plain = _told_plainly(error, len(batch))
                if plain is None:
                    raise
                raise plain from error
            seen += len(batch)
            bar.update(len(batch))
            if step % 20 == 0:  # not each step: reading a number makes a GPU wait
                loss, right = (sums / seen).tolist()
                if not math.isfinite(loss):
                    break
                bar.set_postfix_str(f"loss {loss:.3f}, accuracy {100 * right:.1f} %", refresh=False)
        return (sums / seen).tolist()

    def one_step(self, batch):
        """Learn from the pictures with these indices; returns the sum of losses and of right answers of this process."""
        x, y = self.images[batch], self.labels[batch]
        if self.augment is not None:
            x = _augmented(self.augment, x)  # of the whole batch in each process, so that all draw the same numbers
        x, y = parallel.share(x), parallel.share(y)
        with autocast(self.device):
            logits = self.model(normalise(x, self.mean, self.std))
            losses = F.cross_entropy(logits, y, label_smoothing=self.label_smoothing, reduction="sum")
        self.optimizer.zero_grad(set_to_none=True)
        (losses * parallel.processes() / len(batch)).backward()  # processes take the mean of their gradients
        self.optimizer.step()
        self.scheduler.step()
        return torch.stack([losses.detach().float(), (logits.argmax(dim=1) == y).sum()])


def _scheduler(name, optimizer, steps):
    if name not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}; got {name!r}")
    if name == "one-cycle":
        highest = [group["lr"] for group in optimizer.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=highest, total_steps=steps)
    falling = name == "falling"
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps if falling else 1.0)


def _told_plainly(error, batch_size):
    """The same error in words that say what to do; None where its own words must do."""
    words = str(error).lower()
    if isinstance(error, torch.OutOfMemoryError) or "not enough memory" in words or "can't allocate memory" in words:
        return MemoryError(
            f"a batch of {batch_size} pictures does not fit into memory: try batch_size={batch_size // 2}"
        )
    if "connection closed by peer" in words or "timed out waiting" in words:
        return RuntimeError("another process of this run has ended: look for the first error above, then start again")
    return None


def _name(augment):
    """How a checkpoint remembers what was done to the pictures."""
    return None if augment is None else getattr(augment, "__qualname__", repr(augment))


def _augmented(augment, x):
    result = augment(x)
    if result.shape != x.shape or result.dtype != x.dtype:
        raise ValueError(
            f"augment must return what it got, a batch {tuple(x.shape)} of {x.dtype}; "
            f"it returned {tuple(result.shape)} of {result.dtype}"
        )
    return result


def _check_arguments(train, valid, epochs, batch_size, lr, label_smoothing):
    check_image_set("train", train)
    check_image_set("valid", valid)
    for what, value in [("epochs", epochs), ("batch_size", batch_size)]:
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{what} must be a whole number, 1 or more; got {value!r}")
    if batch_size > len(train):
        raise ValueError(f"batch_size {batch_size} is larger than the training set of {len(train)} pictures")
    if not lr > 0:
        raise ValueError(f"lr must be above 0; got {lr!r}")
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must be from 0 up to, not including, 1; got {label_smoothing!r}")
