"""Fashion-MNIST and CIFAR-10 as uint8 tensors: the full set where it is on disk, else the embedded sample."""

import json
import math
import reprlib
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from helpers.data.files import CLASSES, FOLDERS, SHAPES, NotWhole, check_choice, data_dir, read_full, report

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
SPLITS = ("train", "valid", "test")
SOURCES = ("full", "sample")

VALID_IMAGES = 5_000  # of a full training set; a tenth of a sample
VALID_SEED = 0


@dataclass(frozen=True, eq=False)  # two sets are equal where they are the same object: tensors have no single answer
class ImageSet:
    """One split of a data set, whole in memory.

    images: uint8 (N, C, H, W), values 0 to 255.  labels: int64 (N,).  classes: the class names,
    so that `classes[labels[i]]` names image i.  mean, std: one number per channel, of the
    *training* split, on the scale where a pixel runs from 0 to 1; every split carries the same
    two, since a network must see all its images on one scale.  source: "full" or "sample"; or
    "folder", of your own images.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple
    name: str
    split: str
    source: str
    mean: tuple
    std: tuple

    def __len__(self):
        return len(self.labels)

    def __repr__(self):
        shape = "×".join(str(n) for n in self.images.shape)
        return f"ImageSet({self.name} {self.split}, {shape} {self.images.dtype}, source: {self.source})"


def load(name, split="train", source=None):
    """Return one split of a data set as an `ImageSet`, and print one line that names its source.

    name: "fashion_mnist" or "cifar10".  split: "train", "valid" (split off the training images,
    the same number of each class, always the same ones) or "test".  source: None takes the full
    set where it lies whole under `data_dir()`, else the embedded sample; "full" or "sample" takes
    just that one.  Nothing is fetched, and nothing is written.

    Raises ValueError for an unknown name, split or source, TypeError where one is no string, and
    FileNotFoundError where "full" is asked for and is not there whole.
    """
    check_choice("name", name, CLASSES)
    check_choice("split", split, SPLITS)
    if source is not None:
        check_choice("source", source, SOURCES)

    images, labels, source = _read(name, "test" if split == "test" else "train", source)
    mean, std = _train_statistics(name, source, None if split == "test" else (images, labels))
    if split != "test":
        images, labels = _take_split(images, labels, split, source)
    where = "the full set" if source == "full" else "the embedded sample"
    print(f"{name} {split}: {len(labels):,} images from {where} (source: {source})")
    return ImageSet(images, labels, CLASSES[name], name, split, source, mean, std)


def of_classes(images, names):
    """The images of an `ImageSet` that are of these classes, numbered anew in this order; mean and std stay those of the whole set.

    Raises ValueError where names is no list of different classes of the set.
    """
    if (
        not isinstance(names, (list, tuple))
        or not names
        or not set(names) <= set(images.classes)
        or len(set(names)) < len(names)
    ):
        raise ValueError(
            f"names must be a list of different ones of {', '.join(images.classes)}; got {reprlib.repr(names)}"
        )
    old = torch.tensor([images.classes.index(name) for name in names])
    chosen = torch.isin(images.labels, old)
    labels = (images.labels[chosen].unsqueeze(1) == old).long().argmax(dim=1)
    return replace(images, images=images.images[chosen], labels=labels, classes=tuple(names))


# ---- splits and statistics -----------------------------------------------------------------


def _take_split(images, labels, split, source):
    """Cut the "train" or "valid" part out of the official training images."""
    count = VALID_IMAGES if source == "full" else len(labels) // 10
    is_valid = np.zeros(len(labels), dtype=bool)
    is_valid[balanced_indices(labels.numpy(), count, VALID_SEED)] = True
    keep = torch.from_numpy(is_valid if split == "valid" else ~is_valid)
    return images[keep], labels[keep]


def balanced_indices(labels, count, seed):
    """Choose `count` indices into labels (N,), the same number of each class; sorted, the same for the same seed.

    labels: whole numbers, in an array, a tensor or a list.  Raises ValueError where `count` cannot be shared
    out evenly, or a class has too few labels.
    """
    labels = _whole_numbers("labels", labels)
    classes, sizes = np.unique(labels, return_counts=True)
    count, seed = _whole_number("count", count), _whole_number("seed", seed)
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be from 0 to 2**32 - 1; got {seed}")
    share, rest = divmod(count, len(classes))
    if count < 0 or rest:
        raise ValueError(f"count must be a multiple of the {len(classes)} classes in labels; got {count}")
    if share > sizes.min():
        raise ValueError(
            f"count is {count}, {share} of each class; of class {classes[sizes.argmin()]} labels has only {sizes.min()}"
        )
    random = np.random.RandomState(seed)  # the legacy generator: its stream is frozen across NumPy versions
    chosen = [random.permutation(np.flatnonzero(labels == c))[:share] for c in classes]
    return np.sort(np.concatenate(chosen))


def _whole_number(argument, value):
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{argument} must be a whole number; got {reprlib.repr(value)}")
    return int(value)


def _whole_numbers(argument, values):
    """An array (N,) of whole numbers, N ≥ 1."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):  # a ragged list, a tensor that is not on the CPU
        raise TypeError(f"{argument} must be whole numbers (N,); got {reprlib.repr(values)}") from None
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{argument} must be whole numbers (N,), at least one; got shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{argument} must be whole numbers (N,); got {array.dtype}")
    return array


def _channel_counts(images):
    """How often each of the 256 values occurs in each channel of uint8 images (N, C, H, W): float64 (C, 256)."""
    channels = range(images.shape[1])
    return torch.stack([torch.bincount(images[:, c].reshape(-1), minlength=256).double() for c in channels])


def _statistics(counts):
    """Mean and standard deviation a channel, on the 0-to-1 scale, from `_channel_counts`: exact, and no float copy."""
    values = torch.arange(256, dtype=torch.float64) / 255
    shares = counts / counts.sum(dim=1, keepdim=True)
    means = shares @ values
    variances = (shares * (values - means[:, None]) ** 2).sum(dim=1)
    return tuple(means.tolist()), tuple(variances.sqrt().tolist())


_known_statistics = {}  # of the training splits that this process has seen, by set, source and folder


def _train_statistics(name, source, official):
    """Mean and std of the training split: of the official training images less the validation ones, which saves a copy.

    official: those images and their labels where they are at hand, else None, and they are read where need be.
    """
    key = name, source, data_dir()
    if key not in _known_statistics:
        images, labels = official or _read(name, "train", source)[:2]
        valid_images, _ = _take_split(images, labels, "valid", source)
        _known_statistics[key] = _statistics(_channel_counts(images) - _channel_counts(valid_images))
    return _known_statistics[key]


# ---- reading -------------------------------------------------------------------------------


def _read(name, part, source):
    """Images uint8 (N, C, H, W), labels int64 (N,) of the official "train" or "test" part, and their source."""
    if source != "sample":
        try:
            return *read_full(name, part), "full"
        except NotWhole as reason:
            if source == "full":
                raise FileNotFoundError(
                    f"the full {name} is not whole in {data_dir()} ({reason}): run `python -m helpers.data download "
                    f"{name}`, or point CNN_DATA_DIR at the folder that holds {FOLDERS[name]}"
                ) from None
            report(name, reason)
    return *_read_sample(name, part), "sample"


def _read_sample(name, part):
    sheet = np.asarray(Image.open(SAMPLES / f"{name}_{part}.png"))
    labels = torch.tensor(json.loads((SAMPLES / f"{name}_{part}.json").read_text(encoding="utf-8"))["labels"])
    return torch.from_numpy(cut_sheet(sheet, SHAPES[name])), labels


def cut_sheet(sheet, shape):
    """Cut a sheet of images, an array (rows·H, columns·W[, C]), into images (N, C, H, W), row by row.

    shape: (C, H, W) of an image.  Raises ValueError where the sheet is not made of whole images of that shape.
    """
    if not isinstance(sheet, np.ndarray):
        raise TypeError(f"sheet must be an array (rows·H, columns·W[, C]); got {type(sheet).__name__}")
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"shape must be (C, H, W); got {reprlib.repr(shape)}")
    if len(shape) != 3:
        raise ValueError(f"shape must be (C, H, W); got {reprlib.repr(shape)}")
    channels, height, width = (_whole_number("shape", n) for n in shape)
    if min(channels, height, width) < 1:
        raise ValueError(f"shape must be three numbers (C, H, W) of at least 1; got {shape!r}")
    if sheet.ndim not in (2, 3) or math.prod(sheet.shape[2:]) != channels:
        raise ValueError(f"sheet must be (rows·H, columns·W[, C]) with C = {channels}; got shape {sheet.shape}")
    if sheet.shape[0] % height or sheet.shape[1] % width:
        raise ValueError(f"sheet of shape {sheet.shape} does not hold whole images of shape {tuple(shape)}")
    rows, columns = sheet.shape[0] // height, sheet.shape[1] // width
    tiles = sheet.reshape(rows, height, columns, width, channels).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(tiles.reshape(rows * columns, channels, height, width))
