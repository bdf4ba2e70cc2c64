"""`fit`: the 12-line loop of notebook 09, and around it what a long run needs.

The whole set lies in memory on the device, in channels_last; bf16 where the hardware is quicker with
it; a learning rate that rises and falls, a progress bar, checkpoints, several processes under
torchrun, and an end that loses nothing when you press Stop.
"""

import contextlib
import copy
import math
import time
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from helpers.augment import Augment
from helpers.train import checkpoints, optimizers, parallel
from helpers.train.convolution import MapsSideBySide
from helpers.train.evaluation import evaluate, normalise, place
from helpers.train.machine import DTYPES, autocast, freed_kept, is_out_of_memory, memory_errors
from helpers.train.settings import WEIGHT_DECAY, prepare


@dataclass
class History:
    """What `fit` saw: one number an epoch in each list.

    Training loss and accuracy are means over the epoch while the weights moved (and over augmented
    images, where there are any); the validation numbers are of the weights at the epoch's end.
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

    def add(self, *numbers):
        """Append an epoch: one number for each list, in their order."""
        for column, number in zip(vars(self).values(), numbers, strict=True):
            column.append(number)

    def plot(self):
        """Draw loss and accuracy against epochs, training and validation."""
        from helpers import plots  # here and not above: training in a terminal needs no matplotlib

        plots.show_history(self)


@freed_kept()
def fit(
    model, train, valid, *, epochs, batch_size, lr, augment=None, seed=0, device=None, precision=None, checkpoint=None,
    optimizer="adamw", weight_decay=WEIGHT_DECAY, schedule="one-cycle", label_smoothing=0.0, on_epoch=None,
):  # fmt: skip
    """Train `model` in place with cross-entropy; return its `History`.

    train, valid: `data.ImageSet`s; valid is only measured, after every epoch.
    epochs: passes over train.  batch_size: images a step.  lr: the highest learning rate.
    augment: None, an `Augment`, or a function from a uint8 batch (B, C, H, W) to another of the same shape.
    seed: of the order of the images, of augmentation and of dropout, from 0 to 2**32 − 1; it sets
    torch's global seed.
    device: None takes a GPU where there is one; or "cpu", "cuda", "mps".
    precision: "bf16" or "fp32"; None takes what this hardware is quicker with.
    checkpoint: a path; the run is saved there after each epoch, and a later call with the same
    arguments goes on from it, to the same weights, bit for bit, as a run that never stopped.
    optimizer, weight_decay: see `optimizers.make`.
    schedule: "one-cycle" (after Smith & Topin 2018: up for the first 30 % of the steps, then down to
    almost nothing; momentum stays), "falling" (in a straight line from lr to 0) or "constant".
    label_smoothing: the share of each label that is spread over all classes (Szegedy and others 2016).
    on_epoch: None, or a function that is called with the history after each epoch.

    Ctrl-C or the Stop button ends the run; the model and the history so far are kept.
    Raises ValueError or TypeError for arguments that cannot work, before anything is changed;
    MemoryError where a batch does not fit; and FloatingPointError where the loss or the weights are
    no longer numbers: the model then has the weights of the last good epoch.
    """
    settings, device, run = prepare(
        model, train, valid, device, checkpoint, on_epoch, epochs=epochs, batch_size=batch_size, lr=lr,
        optimizer=optimizer, weight_decay=weight_decay, schedule=schedule, label_smoothing=label_smoothing,
        augment=augment, seed=seed, precision=precision,
    )  # fmt: skip
    saved = checkpoints.read(checkpoint, run)

    with memory_errors(f"the model and {len(train)} images do not fit into the memory of {device}"):
        model.to(device, memory_format=torch.channels_last)
        images, labels = train.images.to(device), train.labels.to(device)
    _, dtype = place(model)
    torch.manual_seed(settings.seed)
    optimizer = optimizers.make(
        settings.optimizer, model, settings.lr, settings.weight_decay, DTYPES[settings.precision]
    )
    steps = -(-len(train) // settings.batch_size)  # the last batch of an epoch may be smaller
    scheduler = _scheduler(settings.schedule, optimizer, settings.epochs * steps)
    history, parts = History(), {"model": model, "optimizer": optimizer, "schedule": scheduler}
    if saved is not None:
        checkpoints.restore(saved, history, parts)
        _say(f"going on from {checkpoint}, after epoch {len(history)}")

    # No torch.compile: on two cores it took 39 s for a first epoch that takes 12 s without it, and 13 s for later ones
    # (`benchmarks/engine.py --recipe wider --compile`).
    network = parallel.wrap(model)
    good_weights = copy.deepcopy(model.state_dict())
    progress = _Progress(settings.epochs, len(train), len(history), device)
    with _ending_well(model, train, history, settings.batch_size, progress.bar):
        for epoch in range(len(history), settings.epochs):
            progress.begin(epoch)
            model.train()
            torch.manual_seed(_seed_of_chance(settings.seed, epoch))
            for batch in _order(len(train), settings.seed, epoch).to(device).split(settings.batch_size):
                x, y = _augmented(settings.augment, images[batch], epoch, batch), labels[batch]
                x, y = parallel.share(x), parallel.share(y)  # on one process: all of it
                with autocast(device, settings.precision), MapsSideBySide():
                    logits = network(normalise(x, train.mean, train.std).to(dtype))
                    loss = F.cross_entropy(logits, y, label_smoothing=settings.label_smoothing, reduction="sum")
                optimizer.zero_grad(set_to_none=True)
                (loss * parallel.processes() / len(batch)).backward()  # processes take the mean of their gradients
                optimizer.step()
                scheduler.step()
                if not progress.goes_well(len(batch), loss, logits, y):
                    break
            train_loss, train_accuracy, seconds = progress.end()
            valid_accuracy, valid_loss = parallel.from_first(evaluate(model, valid, precision=settings.precision)[:2])
            if not _are_numbers(train_loss, valid_loss, *model.parameters()):
                model.load_state_dict(good_weights)
                raise FloatingPointError(
                    f"the loss is no longer a number in epoch {epoch + 1}: the steps were too large. Try "
                    f"lr={settings.lr / 10:g} (it was {settings.lr:g}). The model has the weights it had before that epoch."
                )
            good_weights = copy.deepcopy(model.state_dict())
            history.add(train_loss, train_accuracy, valid_loss, valid_accuracy, seconds, scheduler.get_last_lr()[0])
            if parallel.rank() == 0:  # of several processes one alone writes and reports
                if checkpoint is not None:
                    checkpoints.write(checkpoint, run, history, parts)
                if on_epoch is not None:
                    on_epoch(history)
    return history


def _scheduler(name, optimizer, steps):
    if name == "one-cycle":
        highest = [group["lr"] for group in optimizer.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=highest, total_steps=steps, cycle_momentum=False)
    falling = name == "falling"
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps if falling else 1.0)


def _order(count, seed, epoch):
    """The order in which an epoch shows its images: another one in each epoch, the same in each run of this seed."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 10_000 + epoch))


def _seed_of_chance(seed, epoch):
    """What augmentation and dropout draw from in this epoch: no matter what was drawn before it, here or elsewhere."""
    return seed + 1_000_003 * epoch


def _augmented(augment, x, epoch, numbers):
    """The whole batch, changed in each process alike, since all draw the same numbers."""
    if augment is None:
        return x
    result = augment(x, epoch, numbers) if isinstance(augment, Augment) else augment(x)
    if not isinstance(result, torch.Tensor) or result.shape != x.shape or result.dtype != x.dtype:
        got = f"{tuple(result.shape)} of {result.dtype}" if isinstance(result, torch.Tensor) else repr(result)[:100]
        raise ValueError(f"augment must return what it got, a batch {tuple(x.shape)} of {x.dtype}; it returned {got}")
    return result


class _Progress:
    """The bar under a run, the clock, and the sums that an epoch's mean loss and accuracy are made of."""

    def __init__(self, epochs, images, done, device):
        self.epochs, self.device = epochs, device
        self.bar = tqdm(
            total=epochs * images, initial=done * images, unit=" images", unit_scale=True, disable=parallel.rank() != 0
        )

    def begin(self, epoch):
        self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}")
        self.sums = torch.zeros(2, dtype=torch.float32, device=self.device)  # of losses, of right answers, here
        self.seen = self.steps = 0
        self.start = time.perf_counter()

    def goes_well(self, count, loss, logits, labels):
        """Count a step over so many images of all processes; False once the loss is no longer a number."""
        self.sums += torch.stack([loss.detach().float(), (logits.argmax(dim=1) == labels).sum()])
        self.seen += count
        self.steps += 1
        self.bar.update(count)
        if self.steps % 20 != 1:  # not each step: reading a number makes a GPU wait
            return True
        loss, accuracy = self._means()
        self.bar.set_postfix_str(f"loss {loss:.3f}, accuracy {100 * accuracy:.1f} %", refresh=False)
        return math.isfinite(loss)

    def end(self):
        """Mean loss and accuracy of the epoch, over all processes, and its seconds."""
        return *self._means(), time.perf_counter() - self.start

    def _means(self):
        return (parallel.sum_over_processes(self.sums) / self.seen).tolist()


def _are_numbers(*values):
    """Whether these floats and tensors hold no NaN and nothing infinite."""
    return all(torch.as_tensor(value).isfinite().all() for value in values)


@contextlib.contextmanager
def _ending_well(model, train, history, batch_size, bar):
    """However the training in it ends: the bar is closed, the model evaluates, and one process says what became of it."""
    try:
        yield
    except KeyboardInterrupt:
        _say(
            f"stopped in epoch {len(history) + 1}: the model has the weights of this moment, "
            f"the history its {len(history)} whole epochs"
        )
    except RuntimeError as error:
        plain = _told_plainly(error, batch_size)
        if plain is None:
            raise
        raise plain from error
    else:
        epochs = f"{len(history)} epoch{'s' if len(history) > 1 else ''}"
        _say(
            f"{epochs} on {train.name} ({train.source}) in {sum(history.seconds):.0f} s "
            f"on {place(model)[0].type}: validation accuracy {100 * history.valid_accuracy[-1]:.1f} %"
        )
    finally:
        bar.close()
        model.eval()


def _told_plainly(error, batch_size):
    """The same error in words that say what to do; None where its own words must do."""
    if is_out_of_memory(error):
        return MemoryError(f"a batch of {batch_size} images does not fit into memory: try batch_size={batch_size // 2}")
    words = str(error).lower()
    if any(said in words for said in ("connection closed by peer", "connection reset by peer", "timed out waiting")):
        return RuntimeError("another process of this run has ended: look for the first error above, then start again")
    return None


def _say(words):
    """Print, of several processes in one alone."""
    if parallel.rank() == 0:
        print(words)
