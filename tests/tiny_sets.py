"""Stand-ins for the full sets: the official layout and format with a few images, and sums to match."""

import functools
import gzip
import hashlib
import io
import struct
import tarfile
from dataclasses import dataclass

import numpy as np

from helpers.data import files, sets

BATCH = 20  # images in each file of the small CIFAR-10
VALID = 10  # images that its validation split takes from the training ones


@dataclass(frozen=True)
class TinySet:
    """archives: as in `files.ARCHIVES`.  packed: the bytes of each archive.  unpacked: the bytes of each file."""

    archives: tuple
    packed: dict
    unpacked: dict


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def install(set_item, set_attribute):
    """Put the stand-ins in the place of the real sets, with `monkeypatch`'s functions or with dict's and setattr."""
    for name in files.ARCHIVES:
        set_item(files.ARCHIVES, name, tiny(name).archives)
    set_attribute(files, "CIFAR10_BATCH", BATCH)
    set_attribute(sets, "VALID_IMAGES", VALID)


@functools.lru_cache
def tiny(name):
    unpacked = _fashion() if name == "fashion_mnist" else _cifar10()
    if name == "cifar10":
        groups = {"cifar-10-python.tar.gz": unpacked}
    else:
        groups = {f"{file}.gz": {file: content} for file, content in unpacked.items()}
    packed = {archive: pack(archive, held) for archive, held in groups.items()}
    archives = tuple(describe(archive, packed[archive], held) for archive, held in groups.items())
    return TinySet(archives, packed, unpacked)


def describe(archive, packed, unpacked):
    return files.Archive(archive, md5(packed), len(packed), {file: md5(held) for file, held in unpacked.items()})


def pack(archive, unpacked, *more):
    """The bytes of an archive; the same each time.  more: members beside the official ones, (TarInfo, bytes)."""
    if not archive.endswith(".tar.gz"):
        return gzip.compress(*unpacked.values(), mtime=0)
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        official = [member(f"cifar-10-batches-py/{file}", content) for file, content in unpacked.items()]
        for info, content in [*official, *more]:
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(tarred.getvalue(), mtime=0)


def member(path, content):
    info = tarfile.TarInfo(path)
    info.size = len(content)
    return info, content


def _fashion():
    random, held = np.random.RandomState(0), {}
    for prefix, count in (("train", 100), ("t10k", 20)):
        pixels = random.randint(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        held[f"{prefix}-images-idx3-ubyte"] = struct.pack(">4i", 2051, count, 28, 28) + pixels.tobytes()
        held[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">2i", 2049, count) + labels.tobytes()
    return held


def _cifar10():
    random, held = np.random.RandomState(1), {}
    for file in [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]:
        held[file] = batch(random.randint(0, 256, (BATCH, 3072), dtype=np.uint8), [n % 10 for n in range(BATCH)])
    held["batches.meta"] = b"\x80\x02}U\x0blabel_names](U\x08airplaneU\x0aautomobilees."
    return held


def batch(pixels, labels):
    """What a file of CIFAR-10 holds, pickled with the very opcodes and names of the official ones."""
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    shape = b"".join(b"M" + struct.pack("<H", n) for n in pixels.shape)
    built = b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85U\x01b\x87R"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = (
        built
        + b"(K\x01"
        + shape
        + b"\x86"
        + dtype
        + b"\x89T"
        + struct.pack("<i", pixels.size)
        + pixels.tobytes()
        + b"tb"
    )
    return b"\x80\x02}(U\x06labels](" + numbers + b"eU\x04data" + array + b"u."
