"""Fashion-MNIST and CIFAR-10 as uint8 tensors: the full set where it is on disk, else the embedded sample.

    from helpers import data
    train = data.load("fashion_mnist", "train")      # an ImageSet

    python -m helpers.data download cifar10          # fetch a full set, once

Nothing here waits for a network but `download`.
"""

import argparse
import functools
import hashlib
import json
import os
import pickle
import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = Path(__file__).resolve().parent / "samples"
SPLITS = ("train", "valid", "test")
SOURCES = ("full", "sample")
CLASSES = {
    "fashion_mnist": ("T-shirt/top", "trouser", "pullover", "dress", "coat",
                      "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer",
                "dog", "frog", "horse", "ship", "truck"),
}  # fmt: skip
SHAPES = {"fashion_mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
FOLDERS = {"fashion_mnist": "FashionMNIST/raw", "cifar10": "cifar-10-batches-py"}  # torchvision's own layout

VALID_IMAGES = 5_000  # of a full training set; a tenth of a sample
VALID_SEED = 0

# The official md5 sums of the files as they lie on disk. CIFAR-10's stand in torchvision too, and a
# test keeps the two equal; they are here so that loading need not import torchvision (2 s). For
# Fashion-MNIST torchvision has only the sums of the packed files: these are of the same files, unpacked.
OFFICIAL_MD5 = {
    "fashion_mnist": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    "cifar10": {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    },
}


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


class DamagedFile(Exception):
    """A file of a full set that is missing from its folder, or whose md5 sum is not the official one."""


def load(name, split="train", source=None):
    """Return one split of a data set as an `ImageSet`, and print one line that names its source.

    name: "fashion_mnist" or "cifar10".  split: "train", "valid" (split off the training images,
    the same number of each class, always the same ones) or "test".  source: None takes the full
    set where it lies whole under `data_dir()`, else the embedded sample; "full" or "sample" takes
    just that one.

    Raises ValueError for an unknown name, split or source, and FileNotFoundError where "full" is
    asked for and is not there whole.
    """
    _check_choice("data set", name, CLASSES)
    _check_choice("split", split, SPLITS)
    if source is not None:
        _check_choice("source", source, SOURCES)

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


def data_dir():
    """The folder of the full sets: CNN_DATA_DIR where it is set, else `data/` in the course's folder."""
    return Path(os.environ.get("CNN_DATA_DIR") or ROOT / "data").expanduser()


def _check_choice(what, value, choices):
    if value not in choices:
        raise ValueError(f"unknown {what} {value!r}: choose one of {', '.join(map(repr, choices))}")


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
    return _read_fashion(part) if name == "fashion_mnist" else _read_cifar10(part)


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


def _read_fashion(part):
    folder, prefix = data_dir() / FOLDERS["fashion_mnist"], "train" if part == "train" else "t10k"
    # an idx file is a short header (16 bytes before images, 8 before labels), then plain uint8 values
    images = np.fromfile(folder / f"{prefix}-images-idx3-ubyte", dtype=np.uint8, offset=16)
    labels = np.fromfile(folder / f"{prefix}-labels-idx1-ubyte", dtype=np.uint8, offset=8)
    return torch.from_numpy(images.reshape(-1, *SHAPES["fashion_mnist"])), torch.from_numpy(labels.astype(np.int64))


def _read_cifar10(part):
    files = [f"data_batch_{n}" for n in range(1, 6)] if part == "train" else ["test_batch"]
    images = torch.empty(10_000 * len(files), *SHAPES["cifar10"], dtype=torch.uint8)
    labels = []
    for i, file in enumerate(files):
        with open(data_dir() / FOLDERS["cifar10"] / file, "rb") as opened:
            batch = pickle.load(opened, encoding="latin1")  # its md5 sum was checked: see full_is_whole
        images[10_000 * i : 10_000 * (i + 1)] = torch.from_numpy(batch["data"]).view(-1, *SHAPES["cifar10"])
        labels += batch["labels"]
    return images, torch.tensor(labels)


# ---- is the full set there, and whole? -----------------------------------------------------


def full_is_whole(name):
    """True where every file of the full set is under `data_dir()` with its official md5 sum.

    Prints a line for the first file that is not, unless there is no trace of the set at all.
    """
    folder = data_dir() / FOLDERS[name]
    if not folder.is_dir():
        return False
    try:
        _check_files(name, folder)
    except DamagedFile as error:
        print(f"{error}; not used. To mend it, delete {folder} and run `python -m helpers.data download {name}`")
        return False
    return True


def _check_files(name, folder):
    for file, md5 in OFFICIAL_MD5[name].items():
        path = folder / file
        try:
            found = hashlib.md5(path.read_bytes()).hexdigest()
        except OSError as error:
            raise DamagedFile(f"cannot read {path} ({error.strerror})") from None
        if found != md5:
            raise DamagedFile(f"{path} is damaged (md5 {found}, should be {md5})")


# ---- download ------------------------------------------------------------------------------


def download(name):
    """Fetch a full set into `data_dir()` and return its folder; None, and a line on how to go on, where it fails.

    torchvision fetches it (addresses, md5 sums and progress bar are its own) into a temporary
    folder beside the final one, and the set is moved there only when it is whole. A set that is
    there and whole is left alone. Raises ValueError for an unknown name.
    """
    _check_choice("data set", name, CLASSES)
    final = data_dir() / FOLDERS[name]
    if full_is_whole(name):
        print(f"{name} is already in {final}, whole")
        return final
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=data_dir()) as temporary:
            _fetch(name, temporary)
            fetched = Path(temporary) / FOLDERS[name]
            _check_files(name, fetched)
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.exists():
                shutil.rmtree(final)  # found not whole above
            os.replace(fetched, final)
    except (OSError, RuntimeError, EOFError, HTTPException, tarfile.TarError, DamagedFile) as error:
        print(
            f"{name} was not fetched: {error}\n"
            f"The course goes on with the embedded sample. To try again: `python -m helpers.data download {name}`; "
            f"to keep it elsewhere, set CNN_DATA_DIR to a folder that you can write to (now: {data_dir()})."
        )
        return None
    print(f"{name} is in {final}, whole")
    return final


def _fetch(name, folder):
    from torchvision.datasets import CIFAR10, FashionMNIST  # here and not above: only a download needs this slow import

    dataset = FashionMNIST if name == "fashion_mnist" else CIFAR10
    dataset(folder, download=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m helpers.data", description="Fetch the full data sets.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("download", help=f"fetch a full set into {data_dir()} (set CNN_DATA_DIR to change it)")
    fetch.add_argument("name", choices=CLASSES)
    return 0 if download(parser.parse_args(arguments).name) else 1


if __name__ == "__main__":
    sys.exit(main())
