"""Fashion-MNIST and CIFAR-10 as uint8 tensors: the full set where it is on disk, else the embedded sample."""

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from helpers.data.files import (
    CLASSES,
    FOLDERS,
    SHAPES,
    check_choice,
    data_dir,
    full_is_whole,
    read_cifar10,
    read_fashion,
)

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
SPLITS = ("train", "valid", "test")
SOURCES = ("full", "sample")

VALID_IMAGES = 5_000  # of a full training set; a tenth of a sample
VALID_SEED = 0


@dataclass(frozen=True)
class ImageSet:
    """One split of a data set, whole in memory.

    images: uint8 (N, C, H, W), values 0 to 255.  labels: int64 (N,).  classes: the class names,
    so that `classes[labels[i]]` names picture i.  mean, std: one number per channel, of the
    *training* split, on the scale where a pixel runs from 0 to 1; every split carries the same
    two, since a network must see all its pictures on one scale.  source: "full" or "sample".
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
    just that one.

    Raises ValueError for an unknown name, split or source, and FileNotFoundError where "full" is
    asked for and is not there whole.
    """
    check_choice("data set", name, CLASSES)
    check_choice("split", split, SPLITS)
    if source is not None:
        check_choice("source", source, SOURCES)

    if source is None:
        source = "full" if full_is_whole(name) else "sample"
    elif source == "full" and not full_is_whole(name):
        raise FileNotFoundError(
            f"the full {name} is not whole in {data_dir()}: run `python -m helpers.data download {name}`, "
            f"or point CNN_DATA_DIR at the folder that holds {FOLDERS[name]}"
        )
    images, labels = _read(name, "test" if split == "test" else "train", source)
    if split != "test":
        images, labels = _take_split(images, labels, split, source)
    mean, std = (
        _statistics(_channel_counts(images)) if split == "train" else _train_statistics(name, source, data_dir())
    )
    where = "the full set" if source == "full" else "the embedded sample"
    print(f"{name} {split}: {len(labels):,} images from {where} (source: {source})")
    return ImageSet(images, labels, CLASSES[name], name, split, source, mean, std)


def joined(one, other):
    """The pictures of two splits of a data set as one `ImageSet`, for a last run after all has been chosen."""
    return replace(
        one,
        images=torch.cat([one.images, other.images]),
        labels=torch.cat([one.labels, other.labels]),
        split=f"{one.split} and {other.split}",
    )


# ---- splits and statistics -----------------------------------------------------------------


def _take_split(images, labels, split, source):
    """Cut the "train" or "valid" part out of the official training images."""
    count = VALID_IMAGES if source == "full" else len(labels) // 10
    is_valid = np.zeros(len(labels), dtype=bool)
    is_valid[balanced_indices(labels.numpy(), count, VALID_SEED)] = True
    keep = torch.from_numpy(is_valid if split == "valid" else ~is_valid)
    return images[keep], labels[keep]


def balanced_indices(labels, count, seed):
    """Choose `count` indices into labels (N,), the same number of each class; sorted, the same for the same seed."""
    classes = np.unique(labels)
    random = np.random.RandomState(seed)  # the legacy generator: its stream is frozen across NumPy versions
    chosen = [random.permutation(np.flatnonzero(labels == c))[: count // len(classes)] for c in classes]
    return np.sort(np.concatenate(chosen))


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


@functools.lru_cache
def _train_statistics(name, source, folder):
    """Those of the training split: all training images less the validation ones, which saves a copy.

    `folder` is here for the cache: another folder may hold another set.
    """
    images, labels = _read(name, "train", source)
    valid_images, _ = _take_split(images, labels, "valid", source)
    return _statistics(_channel_counts(images) - _channel_counts(valid_images))


# ---- reading -------------------------------------------------------------------------------


def _read(name, part, source):
    """Images uint8 (N, C, H, W) and labels int64 (N,) of the official "train" or "test" part."""
    if source == "sample":
        return _read_sample(name, part)
    return read_fashion(part) if name == "fashion_mnist" else read_cifar10(part)


def _read_sample(name, part):
    sheet = np.asarray(Image.open(SAMPLES / f"{name}_{part}.png"))
    labels = torch.tensor(json.loads((SAMPLES / f"{name}_{part}.json").read_text())["labels"])
    return torch.from_numpy(cut_sheet(sheet, SHAPES[name])), labels


def cut_sheet(sheet, shape):
    """Cut a sheet of pictures (rows·H, columns·W[, C]) into images (N, C, H, W), row by row."""
    channels, height, width = shape
    rows, columns = sheet.shape[0] // height, sheet.shape[1] // width
    tiles = sheet.reshape(rows, height, columns, width, channels).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(tiles.reshape(rows * columns, channels, height, width))
