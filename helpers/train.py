"""Train a CNN and measure it: `fit`, `evaluate`, `predict`, `History`.

`fit` is the 12-line loop of notebook 09 with what a long run needs around it: the whole set in
memory on the device, channels_last, bf16 where the hardware computes it, a one-cycle learning
rate, a progress bar, checkpoints, and an end that loses nothing when you press Stop.
"""

import contextlib
import copy
import math
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from helpers import data

EVALUATION_BATCH = 1_000  # pictures at a time when nothing is learned; large enough to keep the cores busy
WEIGHT_DECAY = 0.01  # AdamW's own default


class Evaluation(NamedTuple):
    """accuracy: 0 to 1.  loss: mean cross-entropy in nats.  predictions: int64 (N,), a class index a picture."""

    accuracy: float
    loss: float
    predictions: torch.Tensor


@dataclass
class History:
    """What `fit` saw: one number an epoch in each list.

    Training loss and accuracy are means over the epoch while the weights moved (and over augmented
    pictures, where there are any); the validation numbers are of the weights at the epoch's end.
    seconds: wall time of the epoch, validation included.  lr: the learning rate at the epoch's end.
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


def fit(model, train, valid, *, epochs, batch_size, lr, augment=None, seed=0, device=None, checkpoint=None):
    """Train `model` in place with AdamW and cross-entropy; return its `History`.

    train, valid: `data.ImageSet`s; valid is only measured, after every epoch.
    epochs: passes over train.  batch_size: pictures a step.  lr: the peak of the one-cycle schedule
    (Smith & Topin 2018: up for the first 30 % of the steps, then down to almost nothing).
    augment: None, or a function from a uint8 batch (B, C, H, W) to another of the same shape.
    seed: of the order of the pictures, of augmentation and of dropout; it sets torch's global seed.
    device: None takes a GPU where there is one; or "cpu", "cuda", "mps".
    checkpoint: a path; the run is saved there after each epoch, and a later call with the same
    arguments goes on from it, to the same weights, bit for bit, as a run that never stopped.

    Ctrl-C or the Stop button ends the run; the model and the history so far are kept.
    Raises ValueError for arguments that cannot work, and FloatingPointError where the loss is no
    longer a number; the model then has the weights of the last good epoch.
    """
    _check_arguments(train, valid, epochs, batch_size, lr)
    device = choose_device(device)
    torch.manual_seed(seed)
    model.to(device, memory_format=torch.channels_last)
    steps = -(-len(train) // batch_size)  # the last batch of an epoch may be smaller
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=epochs * steps)
    history = History()
    run = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "seed": seed, "set": train.name,
           "source": train.source, "images": len(train), "augmented": augment is not None}  # fmt: skip
    saved = _Checkpoint(checkpoint, run, model, optimizer, schedule, history)
    saved.resume()

    good_weights = copy.deepcopy(model.state_dict())
    bar = tqdm(total=epochs * len(train), initial=len(history) * len(train), unit=" images", unit_scale=True)
    try:
        for epoch in range(len(history), epochs):
            start = time.perf_counter()
            bar.set_description(f"epoch {epoch + 1}/{epochs}")
            order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed * 10_000 + epoch))
            loss, accuracy = _train_one_epoch(model, train, order.split(batch_size), augment, optimizer, schedule, bar)
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
            history.lr.append(schedule.get_last_lr()[0])
            history.seconds.append(time.perf_counter() - start)
            good_weights = copy.deepcopy(model.state_dict())
            saved.save()
    except KeyboardInterrupt:
        print(f"stopped in epoch {len(history) + 1}; the model and the {len(history)} whole epochs of history are kept")
    finally:
        bar.close()
        model.eval()
    if len(history):
        print(f"{len(history)} epochs on {train.name} ({train.source}) in {sum(history.seconds):.0f} s on {device.type}: "
              f"validation accuracy {100 * history.valid_accuracy[-1]:.1f} %")  # fmt: skip
    return history


def _train_one_epoch(model, train, batches, augment, optimizer, schedule, bar):
    """One pass over `train` in batches of indices; returns mean loss and accuracy while the weights moved."""
    device = next(model.parameters()).device
    images = train.images.to(device, memory_format=torch.channels_last)
    labels = train.labels.to(device)
    total_loss, correct = torch.zeros((), device=device), torch.zeros((), device=device)
    model.train()
    for step, batch in enumerate(batches):
        batch = batch.to(device)
        x, y = images[batch], labels[batch]
        if augment is not None:
            x = _augmented(augment, x)
        with _autocast(device):
            logits = model(normalise(x, train.mean, train.std))
            loss = F.cross_entropy(logits, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()

        total_loss += loss.detach() * len(y)
        correct += (logits.argmax(dim=1) == y).sum()
        bar.update(len(y))
        if step % 20 == 0:  # not each step: reading a number makes a GPU wait
            seen = sum(map(len, batches[: step + 1]))
            bar.set_postfix_str(f"loss {loss.item():.3f}, accuracy {100 * correct.item() / seen:.1f} %", refresh=False)
    return total_loss.item() / len(train), correct.item() / len(train)


def evaluate(model, images):
    """Accuracy, mean loss and predictions of the model on an `ImageSet`, as an `Evaluation`."""
    logits = predict(model, images)
    predictions = logits.argmax(dim=1)
    accuracy = (predictions == images.labels).double().mean().item()
    return Evaluation(accuracy, F.cross_entropy(logits, images.labels).item(), predictions)


@torch.inference_mode()
def predict(model, images):
    """Logits, float (N, classes), of the model on an `ImageSet`, in evaluation mode, on the CPU."""
    _check_image_set("images", images)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    logits = []
    for batch in images.images.split(EVALUATION_BATCH):
        batch = batch.to(device, memory_format=torch.channels_last)
        with _autocast(device):
            logits.append(model(normalise(batch, images.mean, images.std)).float().cpu())
    model.train(was_training)
    return torch.cat(logits)


def normalise(images, mean, std):
    """uint8 images (N, C, H, W) to floats with mean 0 and standard deviation 1 a channel, over the training set.

    mean, std: one number per channel, as an `ImageSet` carries them.  Raises ValueError for another shape or dtype.
    """
    if images.ndim != 4 or images.dtype != torch.uint8 or images.shape[1] != len(mean):
        raise ValueError(
            f"images must be uint8 (N, C, H, W) with C = {len(mean)}, a channel for each mean; "
            f"got {images.dtype} {tuple(images.shape)}"
        )
    mean, std = (torch.tensor(v, dtype=torch.float32, device=images.device).view(-1, 1, 1) for v in (mean, std))
    return (images / 255 - mean) / std


def choose_device(device=None):
    """The device asked for, or a GPU where there is one.  Raises ValueError where the one asked for is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device is None:
        return torch.device(next(name for name, found in there.items() if found))
    device = torch.device(device)
    if not there.get(device.type, False):
        found = ", ".join(name for name, found in there.items() if found)
        raise ValueError(f"this machine has no {device.type!r} that torch {torch.__version__} can use; it has: {found}")
    return device


def _autocast(device):
    """bf16 where the hardware computes it; elsewhere fp32, since emulated bf16 is slower (9 times on a Zen 3 core)."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and _cpu_computes_bf16()
    return torch.autocast(device.type, dtype=torch.bfloat16) if fast else contextlib.nullcontext()


def _cpu_computes_bf16():
    """x86 says so itself, to a torch that can ask (2.10 and later); else no."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _augmented(augment, x):
    result = augment(x)
    if result.shape != x.shape or result.dtype != x.dtype:
        raise ValueError(
            f"augment must return what it got, a batch {tuple(x.shape)} of {x.dtype}; "
            f"it returned {tuple(result.shape)} of {result.dtype}"
        )
    return result


def _check_arguments(train, valid, epochs, batch_size, lr):
    _check_image_set("train", train)
    _check_image_set("valid", valid)
    for what, value in [("epochs", epochs), ("batch_size", batch_size)]:
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{what} must be a whole number, 1 or more; got {value!r}")
    if batch_size > len(train):
        raise ValueError(f"batch_size {batch_size} is larger than the training set of {len(train)} pictures")
    if not lr > 0:
        raise ValueError(f"lr must be above 0; got {lr!r}")


def _check_image_set(what, images):
    if not isinstance(images, data.ImageSet):
        raise ValueError(f"{what} must be an ImageSet, such as data.load returns; got {type(images).__name__}")
    shape, dtype = tuple(images.images.shape), images.images.dtype
    if len(shape) != 4 or dtype != torch.uint8 or len(images.labels) != shape[0]:
        raise ValueError(
            f"{what} must hold uint8 images (N, C, H, W) and N labels; got {dtype} {shape}, {len(images.labels)} labels"
        )


class _Checkpoint:
    """A run on disk: written whole or not at all, and taken up again only by the same run."""

    def __init__(self, path, run, model, optimizer, schedule, history):
        self.path = Path(path) if path is not None else None
        self.run, self.history = run, history
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    def save(self):
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        saved = {name: part.state_dict() for name, part in self.parts.items()}
        saved |= {"run": self.run, "history": asdict(self.history), "random": torch.get_rng_state()}
        temporary = self.path.with_name(self.path.name + ".part")
        torch.save(saved, temporary)
        os.replace(temporary, self.path)  # the old file stays whole until the new one is

    def resume(self):
        if self.path is None or not self.path.exists():
            return
        try:
            saved = torch.load(self.path, weights_only=True)
        except Exception as error:
            raise ValueError(f"{self.path} is no whole checkpoint ({error}): delete it to start anew") from error
        if saved["run"] != self.run:
            changed = [
                f"{k} was {saved['run'].get(k)!r}, is {v!r}" for k, v in self.run.items() if saved["run"].get(k) != v
            ]
            raise ValueError(f"{self.path} is of another run ({'; '.join(changed)}): give another path, or delete it")
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        self.history.__dict__.update(saved["history"])
        torch.set_rng_state(saved["random"])
        print(f"going on from {self.path}, after epoch {len(self.history)}")
