"""The files of the full sets: where they lie, whether they are whole, and what they hold."""

import gzip
import hashlib
import io
import os
import pickle
import tarfile
import zlib
from dataclasses import dataclass
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
CIFAR10_BATCH = 10_000  # images in each of its files
SHAPES = {"fashion_mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
FOLDERS = {"fashion_mnist": "FashionMNIST/raw", "cifar10": "cifar-10-batches-py"}  # torchvision's own layout


@dataclass(frozen=True)
class Archive:
    """An official archive: its file name, md5 sum and size in bytes, and the md5 sum of each file packed in it."""

    name: str
    md5: str
    size: int
    files: dict


# The official md5 sums, of the archives and of the files as they lie unpacked. torchvision has most of
# them, and a test keeps the two equal; they are here so that loading need not import torchvision (2 s).
ARCHIVES = {
    "fashion_mnist": (
        Archive("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880,
                {"train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a"}),
        Archive("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515,
                {"train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9"}),
        Archive("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102,
                {"t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a"}),
        Archive("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148,
                {"t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965"}),
    ),
    "cifar10": (
        Archive("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", 170_498_071, {
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
            "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
        }),
    ),
}  # fmt: skip


class NotWhole(Exception):
    """A full set cannot be used; the message says which file is missing or wrong, or where the set was looked for."""


class NotThere(NotWhole):
    """Nothing of a full set is on disk, and no setting says that it should be: nothing that one need be told."""


def check_choice(argument, value, choices):
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be one of {', '.join(map(repr, choices))}; got {value!r}")
    if value not in choices:
        raise ValueError(f"unknown {argument} {value!r}: choose one of {', '.join(map(repr, choices))}")


# ---- where the sets lie --------------------------------------------------------------------


def data_dir():
    """The folder of the full sets: CNN_DATA_DIR where it is set, else `data/` in the course's folder.

    `~` and `$NAME` in the setting are followed. A relative path starts in the course's folder,
    so that a notebook and a terminal, which run in different folders, mean the same place.
    """
    setting = os.environ.get("CNN_DATA_DIR") or "data"
    return ROOT / os.path.expanduser(os.path.expandvars(setting))


def folder_of(name):
    """The folder in which the unpacked files of a set lie."""
    return data_dir() / FOLDERS[name]


def archive_folders(name):
    """Where an archive that someone fetched by hand is looked for: there, or in a folder on the way down to the files."""
    return [data_dir(), *(data_dir() / part for part in reversed(Path(FOLDERS[name]).parents[:-1])), folder_of(name)]


def part_path(name, archive):
    """Where a download collects an archive. The md5 sum in its name says which bytes these are, whoever sent them."""
    return folder_of(name) / f"{archive.name}.{archive.md5}.part"


# ---- whether they are whole ----------------------------------------------------------------

_sums = {}  # the md5 sums of files that this process has read


def _key(path, about):
    """What tells a file from what lay, or will lie, at its path: another file there, or a change, is another key."""
    return str(path), about.st_ino, about.st_size, about.st_mtime_ns


def md5_of(path):
    """The md5 sum of a file, which is read only where it has changed since it was last read. Raises OSError."""
    key = _key(path, os.stat(path))
    if key not in _sums:
        total = hashlib.md5(usedforsecurity=False)  # also on machines that allow no md5 for security
        with open(path, "rb") as opened:
            while piece := opened.read(1 << 20):
                total.update(piece)
        _sums[key] = total.hexdigest()
    return _sums[key]


def read_checked(path, md5):
    """The bytes of a file, or None where `fault` says what is wrong with it: what is used is what was checked."""
    try:
        with open(path, "rb") as opened:
            key = _key(path, os.fstat(opened.fileno()))
            content = opened.read()
    except OSError:
        return None
    _sums[key] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return content if _sums[key] == md5 else None


def fault(path, md5):
    """What is wrong with a file, in words; None where it has this md5 sum."""
    try:
        found = md5_of(path)
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if found == md5 else f"is damaged (md5 {found}, should be {md5})"


def find_archive(name, archive):
    """The path of an official archive that lies whole in one of `archive_folders(name)`, or None."""
    for folder in archive_folders(name):
        path = folder / archive.name
        if os.path.isfile(path) and fault(path, archive.md5) is None:
            return path
    return None


def check_whole(name):
    """Raise NotWhole, which says why, where a file of the set is neither unpacked nor in an archive beside it."""
    for archive in ARCHIVES[name]:
        faults = [(folder_of(name) / file, fault(folder_of(name) / file, md5)) for file, md5 in archive.files.items()]
        faults = [(path, words) for path, words in faults if words]
        if faults and not find_archive(name, archive):
            raise _why(name, *faults[0])


def full_is_whole(name):
    """True where the whole set is under `data_dir()`, every file or its archive with the official md5 sum.

    Where it is not, prints why, in a line; nothing where no file of it is there and CNN_DATA_DIR is not set.
    Raises ValueError for an unknown name.
    """
    check_choice("name", name, CLASSES)
    try:
        check_whole(name)
    except NotWhole as reason:
        report(name, reason)
        return False
    return True


def report(name, reason):
    """Print why the embedded sample is used, where that is not what one expects."""
    if not isinstance(reason, NotThere):
        print(f"{reason}; not used. To mend it: `python -m helpers.data download {name}`")


def _why(name, path, words):
    """The exception that says why a set is not whole: `path` is its first file that is not, `words` its fault."""
    archives = _archives_there(name)
    damaged = [f"{archive} {problem}" for archive, problem in archives if problem]
    if damaged and words == "is missing":
        return NotWhole(damaged[0])
    if archives or words != "is missing" or _holds_files(folder_of(name), name):
        return NotWhole(f"{path} {words}")
    if any(os.path.isfile(part_path(name, archive)) for archive in ARCHIVES[name]):
        return NotWhole(f"only a part of {name} has been fetched into {folder_of(name)}")
    if os.environ.get("CNN_DATA_DIR"):
        return NotWhole(_setting_without_effect(name))
    return NotThere(f"there is no {name} in {data_dir()}")


def _archives_there(name):
    """(path, fault) of every official archive of a set that lies where archives are looked for."""
    paths = [(folder / archive.name, archive.md5) for archive in ARCHIVES[name] for folder in archive_folders(name)]
    return [(path, fault(path, md5)) for path, md5 in paths if os.path.lexists(path)]


def _setting_without_effect(name):
    """What CNN_DATA_DIR says, and what was found there in place of the set."""
    setting, folder, wanted = os.environ["CNN_DATA_DIR"], data_dir(), Path(FOLDERS[name])
    said = f"CNN_DATA_DIR is {setting!r}" + ("" if str(folder) == setting else f", that is {folder}")
    around = [*folder.parents[:2], *_folders_in(folder)]
    meant = [str(near) for near in around if _holds_files(near / wanted, name)]
    if meant:
        return f"{said}: {name} does not lie there, but in {meant[0]}: set CNN_DATA_DIR to that"
    if os.path.isfile(folder):
        return f"{said}: that is a file, not a folder"
    if not os.path.isdir(folder):
        return f"{said}: there is no such folder"
    if os.path.isdir(folder / wanted.parent / "processed"):
        return f"{said}: there is only {wanted.parent / 'processed'}, of an old torchvision, and no {wanted}"
    archives = [archive.name for archive in ARCHIVES[name]]
    return f"{said}: it holds no files of {name} in {wanted}, and no {' or '.join(archives)}"


def _folders_in(folder):
    try:
        return sorted(path for path in folder.iterdir() if os.path.isdir(path))
    except OSError:
        return []


def _holds_files(folder, name):
    return any(os.path.lexists(folder / file) for archive in ARCHIVES[name] for file in archive.files)


def status(name):
    """What is on disk of a set, in lines: whole, partial, wrong or not there; which files; what waits half fetched."""
    check_choice("name", name, CLASSES)
    md5 = {folder_of(name) / file: md5 for archive in ARCHIVES[name] for file, md5 in archive.files.items()}
    found = [(path, fault(path, md5[path])) for path in md5] + _archives_there(name)
    parts = [(part_path(name, archive), archive.size) for archive in ARCHIVES[name]]
    parts = [(path, size) for path, size in parts if os.path.isfile(path)]
    lines = [f"{path} {problem or 'is whole'}" for path, problem in found]
    for path, size in parts:
        waiting = f"{os.path.getsize(path) / 1e6:.1f} of {size / 1e6:.1f} MB"
        lines.append(f"{path}: {waiting} wait there; `python -m helpers.data download {name}` goes on from them")
    try:
        check_whole(name)
        state = "whole"
    except NotWhole as reason:
        if any(problem not in (None, "is missing") for _, problem in found):
            state = "wrong"
        elif parts or any(problem is None for _, problem in found):
            state = "partial"
        else:
            state, lines = "not there", [str(reason)]
    return "\n  ".join([f"{name}: {state}", *lines])


# ---- what they hold ------------------------------------------------------------------------


def read_full(name, part):
    """Images uint8 (N, C, H, W) and labels int64 (N,) of the "train" or "test" part; NotWhole where any file is not.

    Each file is read once, and what is used is the very bytes whose md5 sum was checked.
    """
    images, labels = (_read_fashion if name == "fashion_mnist" else _read_cifar10)(part)
    check_whole(name)  # the part's files are known by now: only the others are read
    return images, labels


def _read_fashion(part):
    prefix = "train" if part == "train" else "t10k"
    # an idx file is a short header (16 bytes before images, 8 before labels), then plain uint8 values
    headers = {f"{prefix}-images-idx3-ubyte": 16, f"{prefix}-labels-idx1-ubyte": 8}
    values = {}
    for file, content in _official_files("fashion_mnist", headers):
        values[file] = torch.from_numpy(np.frombuffer(content, dtype=np.uint8, offset=headers[file]).copy())
    images, labels = (values[file] for file in headers)
    return images.view(-1, *SHAPES["fashion_mnist"]), labels.long()


def _read_cifar10(part):
    files = [f"data_batch_{n}" for n in range(1, 6)] if part == "train" else ["test_batch"]
    images = torch.empty(len(files), CIFAR10_BATCH, *SHAPES["cifar10"], dtype=torch.uint8)
    labels = torch.empty(len(files), CIFAR10_BATCH, dtype=torch.int64)
    for file, content in _official_files("cifar10", files):
        batch = unpickle(content)
        images[files.index(file)] = torch.from_numpy(batch[b"data"]).view(-1, *SHAPES["cifar10"])
        labels[files.index(file)] = torch.tensor(batch[b"labels"])
        del batch, content  # 60 MB, before the next file is read
    return images.flatten(0, 1), labels.flatten()


def _official_files(name, wanted):
    """Yield (file, its bytes) for the wanted files of a set, each from the folder or else out of its archive."""
    for archive in ARCHIVES[name]:
        packed = []
        for file in (file for file in archive.files if file in wanted):
            content = read_checked(folder_of(name) / file, archive.files[file])
            if content is None:
                packed.append(file)
            else:
                yield file, content
            del content
        if packed:
            path = find_archive(name, archive)
            if path is None:
                check_whole(name)  # says why
                raise NotWhole(f"{folder_of(name) / packed[0]} is changing just now")
            yield from read_archive(path, archive, packed)


def read_archive(path, archive, wanted):
    """Yield (file, its bytes) for the wanted files in an archive. Raises NotWhole where one is missing or wrong.

    Only files of these names are looked at, and only their bytes: whatever else an archive holds, links
    and paths that lead elsewhere among it, is never unpacked.
    """
    missing = set(wanted)
    try:
        for file, content in _members(path, archive):
            if file in missing:
                found = hashlib.md5(content, usedforsecurity=False).hexdigest()
                if found != archive.files[file]:
                    raise NotWhole(f"{file} in {path} is damaged (md5 {found}, should be {archive.files[file]})")
                missing.remove(file)
                yield file, content
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise NotWhole(f"{path} cannot be unpacked ({error})") from None
    if missing:
        raise NotWhole(f"{path} holds no {', '.join(sorted(missing))}")


def _members(path, archive):
    """Yield (file name, bytes) of the official files in an archive: one that is packed alone, or several in a tar."""
    if not archive.name.endswith(".tar.gz"):
        with gzip.open(path) as opened:
            yield archive.name.removesuffix(".gz"), opened.read()
        return
    known = {f"{FOLDERS['cifar10']}/{file}": file for file in archive.files}
    with tarfile.open(path, "r:gz") as tar:
        for member in tar:
            if member.name in known and member.isfile():
                yield known[member.name], tar.extractfile(member).read()


_ARRAYS = {  # the names in a file of CIFAR-10: all that it takes to build a NumPy array
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],  # wherever this NumPy keeps it
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Unpickler(pickle.Unpickler):
    """Reads lists, dicts, strings, numbers and arrays. A pickle may name any function and have it called: not here."""

    def find_class(self, module, name):
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"{module}.{name} is refused: a file of CIFAR-10 holds lists and arrays")
        return _ARRAYS[module, name]


def unpickle(content):
    """What a pickled file of CIFAR-10 holds, its strings as bytes. Raises pickle.UnpicklingError: see `_Unpickler`."""
    return _Unpickler(io.BytesIO(content), encoding="bytes").load()
