"""The files of the full sets: where they lie, whether they are whole, and what they hold."""

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
CLASSES = {
    "fashion_mnist": ("T-shirt/top", "trouser", "pullover", "dress", "coat",
                      "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer",
                "dog", "frog", "horse", "ship", "truck"),
}  # fmt: skip
SHAPES = {"fashion_mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
FOLDERS = {"fashion_mnist": "FashionMNIST/raw", "cifar10": "cifar-10-batches-py"}  # torchvision's own layout

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


class DamagedFile(Exception):
    """A file of a full set that is missing from its folder, or whose md5 sum is not the official one."""


def data_dir():
    """The folder of the full sets: CNN_DATA_DIR where it is set, else `data/` in the course's folder."""
    return Path(os.environ.get("CNN_DATA_DIR") or ROOT / "data").expanduser()


def check_choice(what, value, choices):
    if value not in choices:
        raise ValueError(f"unknown {what} {value!r}: choose one of {', '.join(map(repr, choices))}")


def read_fashion(part):
    folder, prefix = data_dir() / FOLDERS["fashion_mnist"], "train" if part == "train" else "t10k"
    # an idx file is a short header (16 bytes before images, 8 before labels), then plain uint8 values
    images = np.fromfile(folder / f"{prefix}-images-idx3-ubyte", dtype=np.uint8, offset=16)
    labels = np.fromfile(folder / f"{prefix}-labels-idx1-ubyte", dtype=np.uint8, offset=8)
    return torch.from_numpy(images.reshape(-1, *SHAPES["fashion_mnist"])), torch.from_numpy(labels.astype(np.int64))


def read_cifar10(part):
    files = [f"data_batch_{n}" for n in range(1, 6)] if part == "train" else ["test_batch"]
    images = torch.empty(10_000 * len(files), *SHAPES["cifar10"], dtype=torch.uint8)
    labels = []
    for i, file in enumerate(files):
        with open(data_dir() / FOLDERS["cifar10"] / file, "rb") as opened:
            batch = pickle.load(opened, encoding="latin1")  # its md5 sum was checked: see full_is_whole
        images[10_000 * i : 10_000 * (i + 1)] = torch.from_numpy(batch["data"]).view(-1, *SHAPES["cifar10"])
        labels += batch["labels"]
    return images, torch.tensor(labels)


def full_is_whole(name):
    """True where every file of the full set is under `data_dir()` with its official md5 sum.

    Prints a line for the first file that is not, unless there is no trace of the set at all.
    """
    folder = data_dir() / FOLDERS[name]
    if not folder.is_dir():
        return False
    try:
        check_files(name, folder)
    except DamagedFile as error:
        print(f"{error}; not used. To mend it, delete {folder} and run `python -m helpers.data download {name}`")
        return False
    return True


def check_files(name, folder):
    for file, md5 in OFFICIAL_MD5[name].items():
        path = folder / file
        try:
            found = hashlib.md5(path.read_bytes()).hexdigest()
        except OSError as error:
            raise DamagedFile(f"cannot read {path} ({error.strerror})") from None
        if found != md5:
            raise DamagedFile(f"{path} is damaged (md5 {found}, should be {md5})")
