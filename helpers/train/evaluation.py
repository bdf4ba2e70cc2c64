"""What a model says of pictures, and how right it is: `evaluate`, `predict`, and the scale on which it sees them."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from helpers import data
from helpers.train.machine import autocast

EVALUATION_BATCH = 1_000  # pictures at a time when nothing is learned; large enough to keep the cores busy


class Evaluation(NamedTuple):
    """accuracy: 0 to 1.  loss: mean cross-entropy in nats.  predictions: int64 (N,), a class index a picture."""

    accuracy: float
    loss: float
    predictions: torch.Tensor


def evaluate(model, images, flip=False):
    """Accuracy, mean loss and predictions of the model on an `ImageSet`, as an `Evaluation`.  flip: see `predict`."""
    logits = predict(model, images, flip)
    predictions = logits.argmax(dim=1)
    accuracy = (predictions == images.labels).double().mean().item()
    return Evaluation(accuracy, F.cross_entropy(logits, images.labels).item(), predictions)


@torch.inference_mode()
def predict(model, images, flip=False):
    """Logits, float (N, classes), of the model on an `ImageSet`, in evaluation mode, on the CPU.

    flip: ask twice, for each picture and for its mirror image, and take the mean of both answers.
    """
    check_image_set("images", images)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    logits = []
    for batch in images.images.split(EVALUATION_BATCH):
        x = normalise(batch.to(device), images.mean, images.std)
        with autocast(device):
            answer = model(x).float()
            if flip:
                answer = (answer + model(x.flip(-1)).float()) / 2
        logits.append(answer.cpu())
    model.train(was_training)
    return torch.cat(logits)


def normalise(images, mean, std):
    """uint8 images (N, C, H, W) to floats with mean 0 and standard deviation 1 a channel, over the training set.

    mean, std: one number per channel, as an `ImageSet` carries them.  The result is laid out
    channels_last.  Raises ValueError for another shape or dtype.
    """
    if images.ndim != 4 or images.dtype != torch.uint8 or images.shape[1] != len(mean):
        raise ValueError(
            f"images must be uint8 (N, C, H, W) with C = {len(mean)}, a channel for each mean; "
            f"got {images.dtype} {tuple(images.shape)}"
        )
    mean, std = (torch.tensor(v, dtype=torch.float32, device=images.device).view(-1, 1, 1) for v in (mean, std))
    scaled = images.float().mul_(1 / (255 * std)).sub_(mean / std)  # (images / 255 − mean) / std, in two cheap steps
    return scaled.contiguous(memory_format=torch.channels_last)


def check_image_set(what, images):
    if not isinstance(images, data.ImageSet):
        raise ValueError(f"{what} must be an ImageSet, such as data.load returns; got {type(images).__name__}")
    shape, dtype = tuple(images.images.shape), images.images.dtype
    if len(shape) != 4 or dtype != torch.uint8 or len(images.labels) != shape[0]:
        raise ValueError(
            f"{what} must hold uint8 images (N, C, H, W) and N labels; got {dtype} {shape}, {len(images.labels)} labels"
        )
