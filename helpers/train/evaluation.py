"""What a model says of images, and how right it is: `evaluate`, `predict`, and the scale on which it sees them."""

import contextlib
import functools
from typing import NamedTuple

import torch
import torch.nn.functional as F

from helpers import checks, data
from helpers.train.machine import autocast, is_out_of_memory, memory_errors

VIEWS = (1, 2, 6)  # of each image: alone; and mirrored; and both shifted by a pixel to two corners
EVALUATION_BATCH = 1_000  # images at a time when nothing is learned; large enough to keep the cores busy


class Evaluation(NamedTuple):
    """accuracy: 0 to 1.  loss: mean cross-entropy in nats.  predictions: int64 (N,), a class index for each image."""

    accuracy: float
    loss: float
    predictions: torch.Tensor


def evaluate(model, images, views=1, precision=None):
    """Accuracy, mean loss and predictions of the model on an `ImageSet`, as an `Evaluation`.

    views, precision: see `predict`.  Raises what `predict` raises, and ValueError where a label is
    no class of the model's.
    """
    logits = predict(model, images, views, precision)
    labels = images.labels.cpu()
    check_classes("images", labels, logits)
    predictions = logits.argmax(dim=1)
    accuracy = (predictions == labels).double().mean().item()
    return Evaluation(accuracy, F.cross_entropy(logits, labels).item(), predictions)


@torch.no_grad()
def predict(model, images, views=1, precision=None):
    """Logits, float32 (N, classes), of the model on an `ImageSet`, in evaluation mode, on the CPU.

    views: how often to ask about each image.  1: as it is.  2: also about its mirror image, and take the
    mean of both answers.  6: also about both, shifted by a pixel up and left, and down and right; the shifted
    ones have half of the weight (Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU").
    precision: "bf16" or "fp32"; None takes what this hardware is quicker with.
    Every part of the model keeps its mode.  Where memory is not enough, fewer images at a time are
    tried.  Raises ValueError for what is no model or no `ImageSet`, or does not fit, and MemoryError
    where not even one image fits into memory.
    """
    checks.module("model", model)
    check_image_set("images", images)
    if checks.whole("views", views) not in VIEWS:
        raise ValueError(f"views must be one of 1, 2, 6; got {checks.shown(views)}")
    if views == 6 and min(images.images.shape[2:]) < 2:
        raise ValueError(f"views=6 shifts images of 2×2 pixels or larger; got {tuple(images.images.shape[2:])}")
    device, dtype = place(model)
    logits, done, at_a_time = [], 0, EVALUATION_BATCH
    with in_evaluation_mode(model):
        while done < len(images):
            batch = images.images[done : done + at_a_time]
            try:
                with (
                    memory_errors("not even one image at a time fits: try a smaller model"),
                    autocast(device, precision),
                ):
                    x = normalise(batch.to(device), images.mean, images.std).to(dtype)
                    logits.append(_mean_answer(model, x, views).cpu())
                    done += len(batch)
            except MemoryError:
                if len(batch) == 1:
                    raise
                at_a_time = len(batch) // 2
    return torch.cat(logits)


def _mean_answer(model, x, views):
    """Logits (N, classes) for images (N, C, H, W), as a weighted mean over so many views of each."""
    if views == 1:
        return answered(model, x)
    if views == 2:
        return (answered(model, x) + answered(model, x.flip(-1))) / 2
    padded = F.pad(x, [1] * 4, mode="reflect")
    corners = (padded[:, :, :-2, :-2], padded[:, :, 2:, 2:])
    shifted = [_mean_answer(model, corner.contiguous(memory_format=torch.channels_last), 2) for corner in corners]
    return _mean_answer(model, x, 2) / 2 + sum(shifted) / 4


def answered(model, x):
    """What the model makes of images (N, C, H, W), as float32 (N, …).

    Raises ValueError where the model does not take such images, or gives no tensor with a row for each.
    """
    try:
        answer = model(x)
    except (RuntimeError, IndexError) as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(f"the model does not take images of shape {tuple(x.shape[1:])}: {error}") from error
    if not isinstance(answer, torch.Tensor) or answer.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"the model must give a tensor with a row for each of {len(x)} images; it gave {checks.shown(answer)}"
        )
    return answer.float()


@contextlib.contextmanager
def in_evaluation_mode(model):
    """While this lasts, all of the model evaluates; afterwards each part has the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def place(model):
    """Where the model wants its images, and as what: the device and dtype of its weights.

    A model without weights takes float32 on the CPU.  Raises ValueError where weights have no
    values yet.
    """
    weights = [*model.parameters(), *model.buffers()]
    if any(torch.nn.parameter.is_lazy(w) or w.is_meta for w in weights):
        raise ValueError("the model has weights without values: call a lazy one on a batch first, give no meta device")
    weight = next((w for w in weights if w.is_floating_point()), torch.empty((), dtype=torch.float32, device="cpu"))
    return weight.device, weight.dtype


def normalise(images, mean, std):
    """uint8 images (N, C, H, W) to floats with mean 0 and standard deviation 1 a channel, over the training set.

    mean, std: one number per channel, as an `ImageSet` carries them.  The result is float32, laid out
    channels_last.  Raises ValueError for another shape or dtype, and for a deviation that is not above 0.
    """
    checks.tensor("images", images, "(N, C, H, W)", (torch.uint8,), may_be_empty=True)
    mean, std = _numbers("mean", mean), _numbers("std", std, above=0)
    if not images.shape[1] == len(mean) == len(std):
        raise ValueError(
            f"mean and std must have a number for each of the {images.shape[1]} channels of the images; "
            f"got {len(mean)} and {len(std)}"
        )
    scale, offset = _scale_and_offset(mean, std, images.device)
    scaled = images.float().mul_(scale).sub_(offset)  # (images / 255 − mean) / std, in two cheap steps
    return scaled.contiguous(memory_format=torch.channels_last)


def _numbers(what, values, above=None):
    try:
        return tuple(checks.number(what, value, above=above) for value in values)
    except TypeError as error:
        raise ValueError(f"{what} must be numbers, one per channel; got {checks.shown(values)}") from error


@functools.lru_cache(maxsize=32)  # so that a training step does not wait for them to reach the GPU
@torch.inference_mode(False)  # kept for later calls, which may need gradients
def _scale_and_offset(mean, std, device):
    """1 / (255 · std) and mean / std, float32 (C, 1, 1)."""
    mean, std = (torch.tensor(v, dtype=torch.float32, device=device).view(-1, 1, 1) for v in (mean, std))
    return 1 / (255 * std), mean / std


def check_image_set(what, images):
    """Raises ValueError where this is no `ImageSet` of at least one image, with a label each."""
    if not isinstance(images, data.ImageSet):
        raise ValueError(f"{what} must be an ImageSet, such as data.load returns; got {type(images).__name__}")
    checks.tensor(f"{what}.images", images.images, "(N, C, H, W)", (torch.uint8,))
    checks.tensor(f"{what}.labels", images.labels, "(N,)", (torch.int64,))
    if len(images.images) != len(images.labels):
        raise ValueError(f"{what} must have a label for each of {len(images.images)} images; got {len(images.labels)}")


def check_classes(what, labels, logits):
    """Raises ValueError where these are no logits (N, classes), or a label is none of those classes."""
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
        raise ValueError(f"the model must give logits (N, classes); it gave {checks.shown(logits)}")
    classes = logits.shape[1]
    wrong = [label for label in labels.unique().tolist() if not 0 <= label < classes]
    if wrong:
        raise ValueError(
            f"{what} has label {wrong[0]}: the model tells {classes} classes apart, so that labels are 0 to {classes - 1}"
        )
