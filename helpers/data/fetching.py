"""Fetch a full set, once."""

import os
import shutil
import tarfile
import tempfile
from http.client import HTTPException
from pathlib import Path

from helpers.data.files import CLASSES, FOLDERS, DamagedFile, check_choice, check_files, data_dir, full_is_whole


def download(name):
    """Fetch a full set into `data_dir()` and return its folder; None, and a line on how to go on, where it fails.

    torchvision fetches it (addresses, md5 sums and progress bar are its own) into a temporary
    folder beside the final one, and the set is moved there only when it is whole. A set that is
    there and whole is left alone. Raises ValueError for an unknown name.
    """
    check_choice("data set", name, CLASSES)
    final = data_dir() / FOLDERS[name]
    if full_is_whole(name):
        print(f"{name} is already in {final}, whole")
        return final
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=data_dir()) as temporary:
            _fetch(name, temporary)
            fetched = Path(temporary) / FOLDERS[name]
            check_files(name, fetched)
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
